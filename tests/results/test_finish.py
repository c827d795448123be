"""What a run's end leaves in its folder, and takes from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finished_runs import undeclared

from train import loop
from train.config import Config, Dense, Table, Train
from train.results import baselines, finish
from train.run.folder import OWN_FILES


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run without importance of columns, in a folder where an earlier end left other tables."""
    folder = tmp_path_factory.mktemp("run")
    for name in ("groups.csv", "importance.csv", "report.html"):
        (folder / name).write_text("of an earlier end")
    config = Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=Dense(hidden=(8,)),
        train=Train(epochs=2, batch_size=64, tree_seconds=None, importance_seconds=0, report=False),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "TREE_ROWS", 100)
        return folder, loop.fit(config, folder, verbose=False)


def test_what_an_earlier_end_left_and_this_one_does_not_have_is_gone(finished):
    folder, _ = finished
    names = {path.name for path in folder.iterdir()}
    assert {"result.json", "predictions.parquet", "calibration.parquet", "errors.parquet"} <= names
    assert not names & {"groups.csv", "importance.csv", "report.html"}


def test_the_type_of_a_result_declares_all_that_is_in_it(finished):
    assert undeclared(finished[1]) == set()


def test_intervals_are_scored_on_the_test_rows(finished):
    _, result = finished
    assert 0.5 < result["interval"]["coverage"] <= 1
    assert result["interval"]["width"] > 0


def test_a_baseline_that_is_left_out_is_a_warning(finished):
    _, result = finished
    assert "trees" not in result["baselines"]["test"]
    said = f"trees are left out: {result['rows']['train']} rows"
    assert any(said in line for line in result["warnings"])


def test_all_that_an_end_writes_is_refused_where_it_is_a_link():
    assert {*finish.WRITTEN} <= {*OWN_FILES}

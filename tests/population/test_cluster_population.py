"""Clusters as members of a population: seeds, and the elbow over the number of units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train import config, loop, predict
from train.errors import UserError

IRIS = {
    "data.path": "builtin:iris", "data.label": "species", "train.epochs": "10", "net.restarts": "1",
    "population.seeds": "2",
}  # fmt: skip
ELBOW = {"population.grid": '{"net.units": (2, 3, 5)}'}


def load(**more: str) -> config.Config:
    return config.load(
        "configs/clusters.py",
        IRIS | {name.replace("__", "."): value for name, value in more.items()},
    )


@pytest.mark.slow
def test_more_units_leave_less_error_and_each_member_is_its_own_run(tmp_path: Path) -> None:
    result = loop.fit(load(population__grid=ELBOW["population.grid"]), tmp_path / "all")
    assert [setting["values"]["net.units"] for setting in result["settings"]] == [5, 3, 2]
    errors = [setting["value"] for setting in result["settings"]]
    assert errors == sorted(errors) and errors[0] < errors[-1] / 1.5
    assert result["kept"] == [
        min(result["per_member"], key=lambda member: member["value"])["member"]
    ]
    for k in (1, 4):
        alone = loop.fit(
            load(population__grid=ELBOW["population.grid"], population__member=str(k)),
            tmp_path / f"member{k}",
        )
        member = result["per_member"][k]
        assert member["metrics"] == pytest.approx(alone["metrics"]["train"], rel=1e-4), k
    assert "quantisation_error by net.units" in (tmp_path / "all" / "report.html").read_text()


@pytest.mark.slow
def test_the_best_of_several_seeds_answers(tmp_path: Path) -> None:
    result = loop.fit(
        load(population__seeds="4", net__units="3", net__start="rows"), tmp_path / "run"
    )
    values = [member["value"] for member in result["per_member"]]
    assert result["kept"] == [int(np.argmin(values))] and len(set(values)) > 1
    found = predict.load(tmp_path / "run")
    columns = {name: [1.0, 5.0] for name in found.encoder.number_names}
    assert set(np.asarray(found(columns)["cluster"]).tolist()) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"population__folds": "3"}, "config.population.folds: is for nets with a target"),
        (
            {"population__keep": "all"},
            "config.population.keep: clusters of several nets have no mean",
        ),
    ],
)
def test_what_clusters_have_none_of(more: dict[str, str], words: str) -> None:
    with pytest.raises(UserError) as error:
        load(**more)
    assert str(error.value).startswith(words)


def test_a_grid_of_more_units_than_rows(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config.net.units: 500"):
        loop.fit(load(population__grid='{"net.units": (3, 500)}'), tmp_path / "run")

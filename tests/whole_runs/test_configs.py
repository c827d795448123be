"""Every config file loads, survives JSON, and trains; the ones with a stated score reach it."""

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from marks import slow

from train import config as configs
from train import loop

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "configs").glob("[!_]*.py"))
NEEDED = {
    "clusters": {"data.path": "builtin:iris", "data.label": "species"},
    "table": {"data.path": "builtin:wine", "data.target": "cultivar"},
    "table_best": {"data.path": "builtin:wine", "data.target": "cultivar"},
    "series": {"data.path": "builtin:mackey_glass", "data.target": "x"},
    "series_best": {"data.path": "builtin:mackey_glass", "data.target": "x"},
    "sequences": {"data.path": "builtin:digits_rows", "data.inputs": "x", "data.target": "digit"},
    "sequences_best": {
        "data.path": "builtin:digits_rows",
        "data.inputs": "x",
        "data.target": "digit",
    },
}
FEW = {"train.epochs": "2", "train.eval_every": "1"}


def load(path: Path, overrides: dict[str, str] | None = None) -> configs.Config:
    return configs.load(path, NEEDED.get(path.stem, {}) | (overrides or {}))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_survives_json(path):
    config = load(path)
    assert config.name == path.stem
    assert configs.from_json(configs.to_json(config)) == config


@pytest.mark.parametrize("name", ["series", "sequences"])
def test_a_preset_of_several_nets_has_the_options_of_the_one_net(name):
    one = load(ROOT / "configs" / f"{name}.py")
    several = load(ROOT / "configs" / f"{name}_best.py")
    seeds: Any = several.population.seeds
    assert seeds > 1
    assert replace(several, name=one.name, population=one.population) == one


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_states_its_command(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring is not None
    assert f"python -m train.main --config=configs/{path.stem}.py" in docstring


def assert_scored(result: Mapping[str, Any]) -> None:
    """All scores of the test rows are there, those of the linear model too."""
    scores = [*result["metrics"]["test"].values(), *result["baselines"]["test"]["linear"].values()]
    assert all(score is not None for score in scores)


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["breast_cancer", *slow("table_best")])
def test_a_config_trains(name, tmp_path):
    """Two classes, and several, by nets side by side with all that a default one has."""
    result = loop.fit(load(ROOT / "configs" / f"{name}.py", FEW), tmp_path / "run")
    assert result["epochs"] == 2
    assert_scored(result)


@pytest.mark.slow
def test_a_table_reaches_its_score(tmp_path):
    """Scores of built-in data that docstrings state are held in test_config_scores.py.

    By two folds, not five: whether nets of five do well test_noisy_tables.py holds.
    """
    config = load(ROOT / "configs" / "table.py", {"population.folds": "2"})
    result: Any = loop.fit(config, tmp_path / "run")
    assert_scored(result)
    accuracy = result["metrics"]["test"]["accuracy"]
    assert accuracy >= 0.9
    assert accuracy > result["baselines"]["test"]["majority"]["accuracy"] + 0.3


@pytest.mark.slow
def test_the_adding_problem_is_solved(tmp_path):
    loop.fit(load(ROOT / "configs" / "adding.py"), tmp_path / "run")
    answers = pq.read_table(tmp_path / "run" / "predictions.parquet")
    errors = np.abs(answers.column("prediction").to_numpy() - answers.column("target").to_numpy())
    assert len(errors) == 2560
    assert (errors >= 0.04).sum() <= 3

"""Runs whose groups have scales of their own: folds, stopping and resuming, new rows and groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from train import config as configs
from train import evaluate, loop, predict
from train.inference.load import read_start

CONFIGS = Path(__file__).parents[2] / "configs"
SIZES = {"small": 1e-2, "large": 1e5}
pytestmark = pytest.mark.slow


def series(sizes: dict[str, float], rows: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frames = []
    for name, size in sizes.items():
        step = np.arange(rows)
        y = size * (5 + np.sin(step * np.pi / 6) + 0.1 * random.normal(size=rows))
        frames.append(pd.DataFrame({"shop": name, "step": step, "y": y}))
    return pd.concat(frames, ignore_index=True)


def options(path: Path, **changes: str) -> configs.Config:
    fixed = {
        "data.path": str(path),
        "data.target": "y",
        "data.time": "step",
        "data.group": "shop",
        "data.season": "12",
        "data.lookback": "24",
        "data.horizon": "4",
        "net.hidden": "(8,)",
        "net.group_size": "2",
        "train.epochs": "4",
        "train.checkpoint_every": "1",
        "train.report": "false",
        "train.importance_seconds": "0",
    }
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return configs.load(CONFIGS / "series.py", fixed | named)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("groups")
    series(SIZES).to_csv(root / "series.csv", index=False)
    loop.fit(options(root / "series.csv"), root / "run", verbose=False)
    return root


def in_sizes(answers: pd.DataFrame, sizes: dict[str, float]) -> Any:
    return answers["y"] / answers["group"].map(sizes.__getitem__)


def test_each_fold_has_its_own_scales(run, tmp_path):
    config = options(run / "series.csv", population__folds="2")
    result: Any = loop.fit(config, tmp_path / "folds", verbose=False)
    answers = pd.DataFrame(predict.load(tmp_path / "folds").columns(series(SIZES), interval=0.8))
    assert in_sizes(answers, SIZES).between(3, 7).all()
    reach = (answers["upper"] - answers["lower"]) / answers["group"].map(SIZES.__getitem__)
    assert reach.between(0.05, 5).all()
    spread = result["groups"]["test"]["spread"]
    assert spread["mae_scaled"]["max"] < 3


def test_a_run_that_was_stopped_ends_in_the_same_answers(run, tmp_path):
    half = options(run / "series.csv", train__epochs="2")
    loop.fit(half, tmp_path / "half", verbose=False)
    loop.fit(options(run / "series.csv"), tmp_path / "half", verbose=False)
    again = predict.load(tmp_path / "half")(series(SIZES))
    assert isinstance(again, dict)
    whole = predict.load(run / "run")(series(SIZES))
    assert isinstance(whole, dict)
    np.testing.assert_array_equal(again["y"], whole["y"])


def test_new_groups_have_scales_of_their_own_or_of_their_windows(run, tmp_path):
    sizes = {**SIZES, "new": 1e9}
    model = predict.load(run / "run")
    told: list[str] = []
    model.tell = told.append
    answers = pd.DataFrame(model.columns(series(sizes)))
    assert in_sizes(answers, sizes).between(3, 7).all()
    assert any("at the scale of the 24 rows that the net looks back on" in line for line in told)
    series(sizes).to_csv(tmp_path / "more.csv", index=False)
    start = read_start(run / "run")
    loop.fit(options(tmp_path / "more.csv"), tmp_path / "on", start=start, verbose=False)
    onward = predict.load(tmp_path / "on")
    further = pd.DataFrame(onward.columns(series(sizes)))
    assert in_sizes(further, sizes).between(3, 7).all()
    scales = onward.variables["statistics"]["inputs"]["group_scale"]
    assert scales.shape[0] == 3 and (scales > 0).all()
    kept = model.variables["statistics"]["inputs"]["group_scale"]
    np.testing.assert_array_equal(scales[:2], kept)


def test_a_labelled_file_is_scored_in_its_units(run):
    table = pa.Table.from_pandas(series(SIZES), preserve_index=False)
    found: Any = evaluate.evaluate(predict.load(run / "run"), table, interval=0.9)
    assert found["r2"] > 0.9 and found["coverage"] > 0.6

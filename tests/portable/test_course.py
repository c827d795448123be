"""The graphs of the course's LSTMs answer as their folders, on rows that they were not shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported import assert_same, load_script

from train import config as configs
from train import export, loop, predict

CONFIGS = Path(__file__).parents[2] / "configs" / "course"
N = 1000
BARE = {"train.importance_seconds": "0", "train.linear_seconds": "0", "train.report": "false"}

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")]


def answers_of_both(
    name: str, options: dict[str, str], rows: dict[str, list[Any]], folder: Path
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What the graph of a trained course config, and its folder, answer to rows."""
    config = configs.load(CONFIGS / f"{name}.py", {**BARE, "train.epochs": "1", **options})
    loop.fit(config, folder / "run", verbose=False)
    longest = max(map(len, next(iter(rows.values()))))
    export.export(folder / "run", folder / "net.onnx", steps=longest)
    net = load_script(folder / "predict_onnx.py").Net(str(folder / "net.onnx"))
    return net(rows), predict.load(folder / "run").columns(rows)


def test_of_sums(tmp_path: Path) -> None:
    """Of more steps than the net was trained on."""
    n_steps = 80
    random = np.random.default_rng(0)
    values = random.normal(size=(N, n_steps, 2))
    values[random.random(values.shape) < 0.01] *= 1e6
    values[random.random(values.shape) < 0.05] = np.nan
    lengths = random.integers(0, n_steps + 1, N)
    rows = {"x": [row[:n].tolist() for row, n in zip(values, lengths, strict=True)]}
    found, expected = answers_of_both("memory", {"data.path": "builtin:adding_20"}, rows, tmp_path)
    assert np.ptp(np.asarray(expected["sum"] if "sum" in expected else expected["prediction"])) > 0
    assert_same(found, expected)


def test_of_brackets(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = np.array(["<", ">", "a", "b", "c", "§", "never seen"], object)
    rows: dict[str, list[Any]] = {"tokens": []}
    for length in random.integers(0, 90, N):
        tokens = random.choice(words, length).tolist()
        rows["tokens"].append([None if random.random() < 0.02 else token for token in tokens])
    options = {"net.bidirectional": "true", "train.epochs": "15"}
    found, expected = answers_of_both("directions", options, rows, tmp_path)
    tags = [list(row) for row in expected["prediction"]]
    assert {tag for row in tags for tag in row} == {"in", "out"}
    # Steps beyond an end are "".
    assert [[tag for tag in row if tag] for row in found["prediction"].tolist()] == tags

"""Whatever the noise, the default of tables does not lose to a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config as configs
from train import loop
from train.config.recipe import folds_of

ROOT = Path(__file__).parents[2]
N_TEST = 3000


def write_table(path: Path, n: int, noise: float, seed: int, *, classes: bool) -> None:
    """Ten numbers, and a target of which `noise` is the share of its variance that is chance."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 10))
    signal = x @ random.normal(size=10) + np.sin(2 * x[:, 0]) * x[:, 1] + np.abs(x[:, 2])
    signal = (signal - signal.mean()) / signal.std()
    y = np.sqrt(1 - noise) * signal + np.sqrt(noise) * random.normal(size=n)
    columns = {f"x{i}": x[:, i] for i in range(10)}
    columns["y"] = np.where(y > 0, "yes", "no") if classes else y
    pq.write_table(pa.table(columns), path)


@pytest.mark.slow
@pytest.mark.parametrize("place", range(10))
def test_no_net_loses_to_a_line_by_more_than_chance(tmp_path: Path, place: int) -> None:
    """Of ten levels of noise two at a time are of numbers, the next two of classes."""
    noise = np.linspace(0, 0.95, 10)[place]
    classes = place // 2 % 2 == 1
    # Folds are dear: every second table has rows for one net, of classes the others.
    n = (300, 600, 1200)[place % 3] if place % 2 != classes else 2600
    path = tmp_path / "rows.parquet"
    write_table(path, n + N_TEST, noise, place, classes=classes)
    given = {"data.path": str(path), "data.target": "y", "data.test": str(N_TEST)}
    given["data.valid"] = str(round(0.15 * n))  # a share would be one of the test rows too
    # "auto" leaves rows that validate by their number to validate one net.
    given["population.folds"] = str(folds_of(n, {"binary" if classes else "regression"}))
    given |= {"train.tree_seconds": "0", "train.importance_seconds": "0"}
    result: Any = loop.fit(configs.load(ROOT / "configs" / "table.py", given), tmp_path / "run")
    net = result["metrics"]["test"]
    line = result["baselines"]["test"]["linear"]
    answers = pq.read_table(tmp_path / "run" / "predictions.parquet")
    if classes:
        share = net["accuracy"]
        error = np.sqrt(share * (1 - share) / N_TEST)
        assert share > line["accuracy"] - error
    else:
        target = answers["target"].to_numpy().astype(np.float64)
        square = np.square(target - answers["prediction"].to_numpy())
        error = square.std() / np.sqrt(N_TEST) / (2 * net["rmse"])
        assert net["rmse"] < line["rmse"] + error

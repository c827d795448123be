"""Three hundred series over eight orders of magnitude: each tenth of them, by size, is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from train import config as configs
from train import loop, predict

CONFIGS = Path(__file__).parents[2] / "configs"
GROUPS = 300
ROWS = 160
SEASON = 12


def many_sizes() -> pd.DataFrame:
    """Series of sizes from 1e-3 to 1e5: a season of its own, a slow walk, and noise."""
    random = np.random.default_rng(0)
    size_g = 10 ** random.permutation(np.linspace(-3, 5, GROUPS))
    step_t = np.arange(ROWS)
    frames = []
    for g, size in enumerate(size_g):
        season = random.normal(size=SEASON)[step_t % SEASON]
        walk = 0.05 * random.normal(size=ROWS).cumsum()
        y = size * (5 + season + walk + random.uniform(0.2, 0.6) * random.normal(size=ROWS))
        frames.append(pd.DataFrame({"name": f"g{g}", "step": step_t, "y": y, "size": size}))
    return pd.concat(frames)


@pytest.fixture(scope="module")
def groups(tmp_path_factory) -> pd.DataFrame:
    """groups.csv with the size of each group, and how far its forecasts lie from it."""
    folder = tmp_path_factory.mktemp("sizes")
    table = many_sizes()
    table.drop(columns="size").to_csv(folder / "series.csv", index=False)
    options = {
        "data.path": str(folder / "series.csv"),
        "data.target": "y",
        "data.time": "step",
        "data.group": "name",
        "data.season": str(SEASON),
        "data.lookback": "36",
        "data.horizon": "6",
        "data.valid": "36",
        "data.test": "36",
        "train.epochs": "6",
        "train.report": "false",
    }
    config = configs.load(CONFIGS / "series.py", options)
    loop.fit(config, folder / "run", verbose=False)
    rows = table.drop(columns="size").reset_index(drop=True)
    answers = pd.DataFrame(predict.load(folder / "run").columns(rows))
    found = pd.read_csv(folder / "run" / "groups.csv").set_index("group")
    found["size"] = table.groupby("name")["size"].first()
    found["forecast"] = answers.groupby("group")["y"].mean()
    return found


@pytest.mark.slow
def test_intervals_hold_in_every_tenth_of_the_groups_by_size(groups):
    tenth = pd.qcut(groups["size"], 10, labels=False)
    coverage = groups["coverage"].groupby(tenth).mean()
    assert coverage.between(0.85, 0.95).all(), coverage


@pytest.mark.slow
def test_errors_are_no_larger_than_those_of_the_last_season_in_any(groups):
    tenth = pd.qcut(groups["size"], 10, labels=False)
    means = groups[["mae_scaled", "seasonal_mae_scaled"]].groupby(tenth).mean()
    assert (means["mae_scaled"] <= means["seasonal_mae_scaled"]).all(), means
    assert ((groups["forecast"] / groups["size"]).between(1, 10)).all()

"""What the linear map of few rows is held near, and how that and the strength are chosen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import nets
from nets.window import WindowScaling
from train.config import Series
from train.data.series.load import load_series
from train.run.shortcut import STRENGTHS, fit_shortcut
from train.run.shortcut_priors import common_season, few_rows, halves, prior_maps

LOOKBACK = 8
HORIZON = 4


def load(path, values, season: int | None = None):
    path.write_text("\n".join(["y", *(f"{y:.6f}" for y in values)]))
    options = Series(
        path=str(path),
        target="y",
        lookback=LOOKBACK,
        horizon=HORIZON,
        valid=16,
        test=16,
        season=season,
    )
    return load_series(options)


def fitted(dataset, window: WindowScaling = "last"):
    net = nets.Forecaster(
        nets.LSTM((2,)),
        horizon=HORIZON,
        n_targets=1,
        columns="independent",
        window=window,
        shortcut=True,
        marked=dataset.encoder.marks_targets,
        linear_fallback=True,
    )
    return fit_shortcut(net, dataset, dataset.arrays)


def test_each_map_forecasts_what_is_said_of_it():
    past = np.array([4.0, 9, 2, 6, 5, 10, 8])
    found = [past @ kernel for kernel in prior_maps((7, 5), season=3)]
    smoothed = []
    for share in (0.2, 0.5):
        weights = np.array([share * (1 - share) ** (6 - i) for i in range(7)])
        smoothed.append((weights * past).sum() / weights.sum())
    before = np.array([5.0, 10, 8, 5, 10])
    changes = np.array([2.0, -4, 8, 2])  # 6 - 4, 5 - 9, 10 - 2, 8 - 6
    wanted = [np.full(5, 8.0), *(np.full(5, level) for level in smoothed), before, before + 2]
    for share in (0.2, 0.5):
        weights = np.array([share * (1 - share) ** (3 - i) for i in range(4)])
        wanted.append(before + (weights * changes).sum() / weights.sum())
    np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize(
    ("n_read", "season", "n_maps"), [(7, None, 3), (7, 8, 3), (7, 7, 4), (8, 7, 7)]
)
def test_there_is_a_map_for_what_the_lookback_holds(n_read, season, n_maps):
    maps = prior_maps((n_read, 5), season)
    assert len(maps) == n_maps
    np.testing.assert_allclose(np.sum(maps, axis=1), 1)


@pytest.mark.parametrize("window", ["last", "mean_deviation"])
def test_prior_and_strength_have_the_least_errors_in_two_rounds(tmp_path, window):
    random = np.random.default_rng(3)
    season = np.tile([0.0, 2, 4, 1], 30)
    values = season + np.cumsum(random.normal(size=120)) + random.normal(size=120)
    values[44:88] *= 20  # errors of one round are not those of both
    dataset = load(tmp_path / "x.csv", values, season=4)
    encoded = dataset.values[:, 0].astype(np.float64)

    def windows(begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows whose targets lie in these rows."""
        now = range(max(begin, LOOKBACK), end - HORIZON + 1)
        past = np.stack([encoded[i - LOOKBACK : i] for i in now])
        ahead = np.stack([encoded[i : i + HORIZON] for i in now])
        level = past[:, -1:] if window == "last" else past.mean(1, keepdims=True)
        return past - level, ahead - level

    train = windows(0, 88)
    rounds = [(train, windows(88, 104)), (windows(0, 44), windows(44, 88))]

    def fit(x, y, prior, strength):
        if strength == np.inf:
            return prior
        ridge = Ridge(strength * np.square(x).sum() / LOOKBACK, fit_intercept=False)
        return ridge.fit(x, y - x @ prior).coef_.T + prior

    chosen = []
    for prior in prior_maps((LOOKBACK, HORIZON), 4):
        for strength in STRENGTHS:
            error = 0
            for fit_on, (x, y) in rounds:
                error += np.log(np.square(y - x @ fit(*fit_on, prior, strength)).sum())
            chosen.append((error, fit(*train, prior, strength)))
    wanted = min(chosen, key=lambda each: each[0])[1]
    np.testing.assert_allclose(fitted(dataset, window), wanted, rtol=1e-4, atol=1e-5)


def test_a_season_that_repeats_is_repeated(tmp_path):
    season = np.random.default_rng(0).normal(size=4)
    dataset = load(tmp_path / "x.csv", np.tile(season, 30), season=4)
    past = np.arange(LOOKBACK) - (LOOKBACK - 1.0)
    np.testing.assert_allclose(past @ fitted(dataset), past[-4:], atol=1e-4)


def test_few_rows_are_fewer_than_240_that_train(tmp_path):
    values = np.arange(272.0)
    assert not few_rows(load(tmp_path / "x.csv", values))  # 240 of them train
    assert few_rows(load(tmp_path / "x.csv", values[1:]))
    assert STRENGTHS[-1] == np.inf


def test_halves_are_of_the_rows_of_each_series(tmp_path):
    dataset = load(tmp_path / "x.csv", np.arange(72.0))  # 40 train
    older, newer = halves(dataset)
    assert (dataset.starts[older] + LOOKBACK + HORIZON).max() == 20
    assert (dataset.starts[newer] + LOOKBACK).min() == 20
    assert len(older) == 20 - LOOKBACK - HORIZON + 1 and len(newer) == 20 - HORIZON + 1


def test_series_that_repeat_differently_have_no_common_season(tmp_path):
    lines = ["id,t,y"]
    for i in range(60):
        lines.append(f"daily,2024-01-{1 + i % 31:02d},{i}" if i < 31 else "")
        lines.append(f"monthly,{2000 + i // 12}-{1 + i % 12:02d}-01,{i}")
    path = tmp_path / "x.csv"
    path.write_text("\n".join(line for line in lines if line))
    options = Series(
        path=str(path), target="y", group="id", time="t", lookback=4, horizon=2, valid=5, test=5
    )
    assert common_season(load_series(options)) is None
    monthly = path.read_text().splitlines()
    path.write_text("\n".join(line for line in monthly if not line.startswith("daily")))
    assert common_season(load_series(options)) == 12

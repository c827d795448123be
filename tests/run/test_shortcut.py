"""The linear map that a net of series falls back on: ridge regression of what is around a level."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from marks import slow
from sklearn.linear_model import Ridge

import nets
from train.config import Series
from train.data.series.load import load_series
from train.run import shortcut
from train.run.shortcut import RIDGES, fit_shortcut

LOOKBACK = 12
HORIZON = 6


def dataset_of(path, n):
    random = np.random.default_rng(0)
    x_to = np.cumsum(random.normal(size=(n, 2)), axis=0)
    lines = [f"{a:.6f},{b:.6f}" for a, b in x_to]
    lines[40] = f",{x_to[40, 1]:.6f}"  # the value before stands in for it
    path.write_text("\n".join(["a,b", *lines]))
    options = Series(
        path=str(path), target=("a", "b"), lookback=LOOKBACK, horizon=HORIZON, valid=40, test=40
    )
    return load_series(options)


def patched(x_nt: np.ndarray, period: int) -> np.ndarray:
    """[n, t] -> [n * period, t / period]: the values of each place of the period."""
    return x_nt.reshape(len(x_nt), -1, period).transpose(0, 2, 1).reshape(len(x_nt) * period, -1)


def windows_of(dataset, split: str, window: str, period: int, columns: str):
    """[what the map reads, what it is to answer] of each target, or of all."""
    values = dataset.values.astype(np.float64)
    rows = dataset.starts[dataset.splits[split]]
    past = np.stack([values[row : row + LOOKBACK] for row in rows])
    ahead = np.stack([values[row + LOOKBACK : row + LOOKBACK + HORIZON] for row in rows])[..., :2]
    past, missing = past[..., :2], past[..., 2:4] > 0
    assert missing.any() == (split == "train")
    known = np.where(missing, np.nan, past)
    level = {"none": 0 * past[:, :1], "mean_deviation": np.nanmean(known, 1, keepdims=True)}
    level = level.get(window, past[:, -1:])
    x_o = [patched((past - level)[..., i], period) for i in range(2)]
    y_o = [patched((ahead - level)[..., i], period) for i in range(2)]
    if columns == "independent":
        x_o, y_o = [np.concatenate(x_o)], [np.concatenate(y_o)]
    return list(zip(x_o, y_o, strict=True))


@pytest.mark.parametrize(
    ("columns", "window", "period", "n"),
    [
        ("independent", "mean_deviation", 3, 260),  # few rows, of which whole periods are read
        *slow(
            ("independent", "last", 1, 340),
            ("joint", "last_deviation", 1, 340),
            ("joint", "none", 2, 340),
        ),
    ],
)
def test_it_is_ridge_regression_of_windows_less_their_level(
    tmp_path, monkeypatch, columns, window, period, n
):
    monkeypatch.setattr(shortcut, "BLOCK", 50)
    dataset = dataset_of(tmp_path / "x.csv", n)
    net = nets.Forecaster(
        nets.LSTM((2,)),
        horizon=HORIZON,
        n_targets=2,
        columns=columns,
        window=window,
        shortcut=True,
        shortcut_period=period,
        marked=dataset.encoder.marks_targets,
        linear_fallback=True,
    )
    found = fit_shortcut(net, dataset, dataset.arrays)
    trained_o = windows_of(dataset, "train", window, period, columns)
    judging_o = windows_of(dataset, "valid", window, period, columns)
    strengths = set()
    for i, ((x, y), (x_judging, y_judging)) in enumerate(zip(trained_o, judging_o, strict=True)):
        mean_square = np.square(x).sum() / x.shape[1]
        errors = []
        for ridge in RIDGES:
            fitted = Ridge(ridge * mean_square, fit_intercept=False).fit(x, y)
            errors.append(np.square(fitted.predict(x_judging) - y_judging).sum())
        best = RIDGES[int(np.argmin(errors))]
        strengths.add(best)
        wanted = Ridge(best * mean_square, fit_intercept=False).fit(x, y).coef_.T
        own = found if columns == "independent" else found[i]
        np.testing.assert_allclose(own, wanted, rtol=2e-3, atol=2e-4)
    assert strengths != {RIDGES[0]}


def test_a_net_falls_back_on_the_map_alone():
    net = nets.Forecaster(
        nets.LSTM((3,)), horizon=4, n_targets=1, shortcut=True, window="last", linear_fallback=True
    )
    inputs = {"past": np.random.default_rng(1).normal(size=(5, 8, 1)).astype(np.float32)}
    fresh = jax.jit(lambda key: net.init(key, inputs, train=False))(jax.random.key(0))["params"]
    line = np.random.default_rng(2).normal(size=fresh["shortcut_kernel"].shape).astype(np.float32)
    params = net.fallback(fresh, {"inputs": {"line": line}})
    assert params is not None
    answers: Any = net.apply({"params": params}, inputs, train=False)
    answer = answers["value"]
    past = inputs["past"][:, :, 0]
    wanted = (past - past[:, -1:]) @ line.reshape(8, 4) + past[:, -1:]
    np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=1e-5)
    assert net.clone(linear_fallback=False).fallback(fresh, {"inputs": {}}) is None

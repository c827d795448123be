"""A linear map answers alone where training finds nothing that does better on validation rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from marks import slow

from train import config as configs
from train import loop, predict
from train.config import LSTM, Config, Optim, Population, Series, Train
from train.errors import UserError

N_ROWS = 500


def config_of(tmp_path, rate: float, **options) -> Config:
    """A net of a series that repeats itself after six rows, each time less so."""
    random = np.random.default_rng(0)
    y_t = random.normal(size=N_ROWS)
    for t in range(6, N_ROWS):
        y_t[t] = 0.9 * y_t[t - 6] + 0.3 * y_t[t]
    path = tmp_path / "y.csv"
    path.write_text("\n".join(["y,told", *(f"{y:.5f},{y:.5f}" for y in y_t)]))
    data = Series(path=str(path), target="y", lookback=12, horizon=3, valid=100, test=100)
    net = LSTM(hidden=(4,), patch=3, shortcut=True, linear_fallback=True)
    train = Train(epochs=3, batch_size=64, patience=2, report=False)
    config = Config(data=data, net=net, optim=Optim(name="adam", learning_rate=rate), train=train)
    return dataclasses.replace(config, **options)


@pytest.mark.parametrize("seeds", [1, *slow(2)])
def test_a_net_that_learns_nothing_answers_by_the_map_of_least_squares(tmp_path, seeds):
    config = config_of(tmp_path, 1e-6, population=Population(seeds=seeds))
    result = loop.fit(config, tmp_path / "run")
    assert result["weights_step"] == 0 and result["steps"] > 0
    y_t = np.loadtxt(tmp_path / "y.csv", skiprows=1, delimiter=",")[:, 0]
    train_t = y_t[: N_ROWS - 200]
    starts = np.arange(len(train_t) - 14)
    mean, deviation = train_t.mean(), train_t.std()
    scaled_t = (y_t - mean) / deviation
    past = np.stack([scaled_t[s : s + 12] for s in starts])
    ahead = np.stack([scaled_t[s + 12 : s + 15] for s in starts])
    kernel = np.linalg.lstsq(past, ahead, rcond=None)[0]
    wanted = scaled_t[-12:] @ kernel * deviation + mean
    found = predict.load(tmp_path / "run").columns({"y": y_t})
    np.testing.assert_allclose(np.asarray(found["y"]), wanted, atol=2e-3 * deviation)


def test_a_net_that_does_better_answers(tmp_path):
    config = config_of(tmp_path, 3e-2)
    config.data.known = ("told",)  # what it forecasts, and the map is not told
    config.train = dataclasses.replace(config.train, epochs=30, patience=None)
    result = loop.fit(config, tmp_path / "run")
    assert result["weights_step"] > 0


def test_it_is_refused_where_nothing_reads_it(tmp_path):
    for change in ({"loss": "quantile"}, {"loss": "gaussian"}, {"net": LSTM(linear_fallback=True)}):
        config = dataclasses.replace(config_of(tmp_path, 1e-3), **change)
        with pytest.raises(UserError, match=r"config.net.linear_fallback: not used by config\."):
            configs.validate(config)

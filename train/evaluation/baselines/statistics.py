"""ETS, Theta and ARIMA of statsforecast, each fitted to a series as it is before a forecast."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from train.data.columns import Notes
from train.data.dataset import HostArrays
from train.data.series.dataset import SeriesDataset
from train.errors import UserError

# What each of `config.plan.MODELS` is called there.
CLASSES = {"ets": "AutoETS", "theta": "AutoTheta", "arima": "AutoARIMA"}


class Model(Protocol):
    """A model of statsforecast."""

    def forecast(self, y: np.ndarray, h: int) -> Mapping[str, np.ndarray]:
        """{"mean": the `h` values after those of `y`}."""
        ...


class MakeModel(Protocol):
    """Gives a model of seasons of so many steps."""

    def __call__(self, *, season_length: int) -> Model: ...


def load_models(names: Sequence[str]) -> dict[str, MakeModel]:
    """{name: its class}. Raises UserError where statsforecast is not installed."""
    if not names:
        return {}
    try:
        module = importlib.import_module("statsforecast.models")
    except ImportError:
        raise UserError(
            f"--models: {','.join(names)} are statsforecast's, which is not installed: "
            "pip install statsforecast"
        ) from None
    return {name: getattr(module, CLASSES[name]) for name in names}


def model_predictions(
    dataset: SeriesDataset, windows: np.ndarray, names: Sequence[str], notes: Notes
) -> dict[str, HostArrays]:
    """{name: its forecasts {"value": [n, h * o]} of each window, in encoded units}.

    Each is fitted to the values of its series before the window, from the first that is known on,
    the last known one standing in for what is missing. Where it fails the last value is repeated,
    which is said.
    """
    encoder = dataset.encoder
    flat = dataset.flat
    now_n = dataset.starts[windows] + encoder.lookback
    group_n = flat.groups_of(now_n - 1)
    found: dict[str, HostArrays] = {}
    for name, make in load_models(names).items():
        answers_nho = np.empty((len(windows), encoder.horizon, encoder.n_targets))
        failed = []
        for i, (now, g) in enumerate(zip(now_n, group_n, strict=True)):
            season = 1 if dataset.seasons is None else max(int(dataset.seasons[g]), 1)
            for o, column in enumerate(encoder.targets):
                rows = slice(_first_known(dataset, int(flat.firsts[g]), o), now)
                values_t = dataset.values[rows, o].astype(np.float64)
                raw_t = values_t * column.unit + column.shift  # some take logarithms of it
                try:
                    raw_h = make(season_length=season).forecast(y=raw_t, h=encoder.horizon)["mean"]
                    answers_nho[i, :, o] = (np.asarray(raw_h) - column.shift) / column.unit
                except Exception as error:  # whatever a series makes of it
                    failed.append(f"{type(error).__name__}: {error}".splitlines()[0])
                    answers_nho[i, :, o] = dataset.values[now - 1, o]
        if failed:
            which = f"{len(failed)} of {len(windows) * encoder.n_targets} forecasts"
            notes.append(f"{name}: {which} failed ({failed[0]}); the last value stands for them")
        found[name] = {"value": answers_nho.reshape(len(windows), -1)}
    return found


def _first_known(dataset: SeriesDataset, first: int, o: int) -> int:
    """The first flat row from `first` on with a value of a target."""
    gaps = dataset.target_gaps
    return first if gaps is None else first + int(np.argmin(gaps[first:, o]))

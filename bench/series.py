"""Many series: `configs/series.py` against the LSTM and NHITS of neuralforecast, on M4's hourly.

    pip install -e ".[bench_series]"   # on a machine without a GPU, torch's CPU build before it
    python bench/series.py --data FOLDER [--stride 24] [--epochs 4] [--series 414]

FOLDER has train.csv (series, hour, y) and test.csv (the 48 hours after each): the M4 competition's
hourly series. Each side trains once on windows that begin every `--stride` hours of the same
series, as many of them as `--epochs` of ours go through, looks back as far, and forecasts the same
48 hours of each; sizes, batches and rates are each side's own defaults. A line for each: seconds to
train (ours with its compilation, the evaluations of validation rows and all files), seconds to
forecast all series once, microseconds of training a window, by the clock and of processor time
(which other programs on the machine lengthen less), mean and median MASE of season 24.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from train import config as configs
from train import loop, predict

HORIZON = 48
SEASON = 24


class Sets(NamedTuple):
    """Rows to train on, and values to come [series, 48] in the order of their `names`."""

    train: pd.DataFrame
    names: list[str]
    ahead: np.ndarray


class Cost(NamedTuple):
    """Seconds by the clock, and of all processors together."""

    clock: float
    processor: float


class Side(NamedTuple):
    """What a side needed for how many windows, and its forecasts [series, 48]."""

    training: Cost
    predicting: Cost
    windows: int
    forecasts: np.ndarray

    def a_window(self) -> Cost:
        """Microseconds of training for each window."""
        return Cost(*(1e6 * seconds / max(self.windows, 1) for seconds in self.training))


def load(folder: Path, n_series: int) -> Sets:
    """The first series of the set."""
    train = pd.read_csv(folder / "train.csv")
    names = list(dict.fromkeys(train["series"]))[:n_series]
    train = train.loc[train["series"].isin(names)].reset_index(drop=True)
    assert isinstance(train, pd.DataFrame)
    test = pd.read_csv(folder / "test.csv").groupby("series")["y"]
    ahead = np.stack([test.get_group(name).to_numpy(float) for name in names])
    if ahead.shape[1] != HORIZON:
        raise SystemExit(f"{folder}/test.csv: {ahead.shape[1]} hours a series, expected {HORIZON}")
    return Sets(train, names, ahead)


def scaled_errors(sets: Sets, forecasts: np.ndarray) -> np.ndarray:
    """MASE of each series: its mean absolute error over its mean change from day to day."""
    errors = []
    groups = sets.train.groupby("series")["y"]
    for name, ahead, forecast in zip(sets.names, sets.ahead, forecasts, strict=True):
        past = groups.get_group(name).to_numpy(float)
        change = np.abs(past[SEASON:] - past[:-SEASON]).mean()
        errors.append(np.abs(ahead - forecast).mean() / change)
    return np.array(errors)


def seasonal(sets: Sets) -> Side:
    """The last day, repeated."""
    groups = sets.train.groupby("series")["y"]
    days = [groups.get_group(name).to_numpy(float)[-SEASON:] for name in sets.names]
    nothing = Cost(0, 0)
    return Side(nothing, nothing, 0, np.tile(np.stack(days), HORIZON // SEASON))


def ours(sets: Sets, options: argparse.Namespace) -> Side:
    """The config with nothing set but columns, lookback, horizon, stride, epochs and patience."""
    fields = {"target": "y", "time": "hour", "group": "series", "season": SEASON}
    fields |= {"lookback": options.lookback, "horizon": HORIZON, "stride": options.stride}
    fields |= {"valid": HORIZON, "test": 0}
    overrides = {f"data.{name}": str(value) for name, value in fields.items()}
    overrides |= {"train.epochs": str(options.epochs), "train.patience": "None"}
    overrides |= {"seed": str(options.seed)}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/train.csv"
        sets.train.to_csv(path, index=False)
        config = configs.load("configs/series.py", overrides | {"data.path": path})
        result, training = timed(lambda: loop.fit(config, f"{folder}/run", verbose=False))
        model = predict.load(f"{folder}/run")
        model.columns(sets.train)  # compiles
        answers, predicting = timed(lambda: model.columns(sets.train))
    found = pd.DataFrame({name: np.asarray(answers[name]) for name in ("series", "y")})
    groups = found.groupby("series")["y"]
    forecasts = np.stack([groups.get_group(name).to_numpy(float) for name in sets.names])
    n_windows = result["rows"]["train"] * options.epochs
    return Side(training, predicting, n_windows, forecasts)


def theirs(sets: Sets, options: argparse.Namespace, name: str, n_windows: int) -> Side:
    """A model of neuralforecast with its defaults, for as many windows as it takes to see as many.

    The last ones of each series are among them: it is told of no validation rows.
    """
    from neuralforecast import NeuralForecast, models  # pyright: ignore[reportMissingImports]

    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.ERROR)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu"}
    make = getattr(models, name)
    asked = {"h": HORIZON, "input_size": options.lookback, "step_size": options.stride}
    batch = make(**asked, max_steps=1, **quiet).windows_batch_size
    steps = -(-n_windows // batch)
    model = make(**asked, max_steps=steps, random_seed=options.seed + 1, **quiet)
    frame = sets.train.rename(columns={"series": "unique_id", "hour": "ds"})
    forecaster = NeuralForecast([model], freq=1)
    _, training = timed(lambda: forecaster.fit(frame))
    forecaster.predict()
    answers, predicting = timed(forecaster.predict)
    groups = answers.groupby("unique_id")[name]
    forecasts = np.stack([groups.get_group(each).to_numpy(float) for each in sets.names])
    return Side(training, predicting, steps * batch, forecasts)


def timed(call: Callable[[], Any]) -> tuple[Any, Cost]:
    """What a call gives, and what it costs."""
    clock, processor = time.perf_counter(), time.process_time()
    answer = call()
    return answer, Cost(time.perf_counter() - clock, time.process_time() - processor)


def show(label: str, side: Side, sets: Sets) -> None:
    """Prints the line of a side."""
    mase = scaled_errors(sets, side.forecasts)
    costs = [f"{side.training.clock:9.1f}", *(f"{cost:9.1f}" for cost in side.a_window())]
    line = [f"{label:20}", f"{side.windows:9,}", *costs, f"{side.predicting.clock:9.3f}"]
    print(*line, f"{mase.mean():9.3f} {np.median(mase):9.3f}", flush=True)


def main() -> None:
    """Prints a line for each side, then how many times ours the others take a window."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--series", type=int, default=414, help="how many of them")
    parser.add_argument("--lookback", type=int, default=168)
    parser.add_argument("--stride", type=int, default=24, help="hours between windows")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=["LSTM", "NHITS"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # pandas' on what neuralforecast calls
    sets = load(options.data, options.series)
    names = ("windows", "train, s", "us/window", "of cores", "ahead, s", "MASE", "median")
    print(f"{'':20}", *(f"{name:>9}" for name in names))
    show("last day", seasonal(sets), sets)
    own = ours(sets, options)
    show("denseq", own, sets)
    for name in options.models:
        side = theirs(sets, options, name, own.windows)
        show(f"neuralforecast {name}", side, sets)
        pairs = zip(side.a_window(), own.a_window(), strict=True)
        clock, processor = (other / mine for other, mine in pairs)
        ahead = side.predicting.clock / own.predicting.clock
        times = f"{clock:.1f} times as long a window ({processor:.1f} of processor time)"
        print(f"{'':20} {times}, {ahead:.1f} times to forecast", flush=True)


if __name__ == "__main__":
    main()

"""What the commands are asked for, once their flags are read."""

from __future__ import annotations

from typing import NamedTuple

from train.config.options import Config, Processes
from train.config.plan import Plan


class TrainCommand(NamedTuple):
    """What `train.main` and `train.search` are asked for."""

    config: Config
    workdir: str | None
    processes: Processes | None
    restart: bool = False
    verbose: bool = True
    begins_from: str | None = None
    refits_statistics: bool = False
    storage: str | None = None


class PredictCommand(NamedTuple):
    """What `train.predict` is asked for."""

    workdir: str
    data: str
    out: str | None
    copy: tuple[str, ...]
    interval: float | None
    quantiles: tuple[float, ...]
    samples: int | None
    dropout_samples: int | None
    seed: int | None
    horizon: int | None
    trust: str


class EvaluateCommand(NamedTuple):
    """What `train.evaluate` is asked for."""

    workdir: str
    data: str
    interval: float | None
    out: str | None
    trust: str


class CompareCommand(NamedTuple):
    """What `train.compare` is asked for."""

    folders: tuple[str, ...]
    sort: str | None
    page: str


class ExportCommand(NamedTuple):
    """What `train.export` is asked for."""

    workdir: str
    out: str
    steps: int | None
    trust: str


class BacktestCommand(NamedTuple):
    """What `train.backtest` is asked for."""

    config: Config
    workdir: str | None
    plan: Plan
    verbose: bool

"""Judge a forecaster at rolling origins, beside naive, seasonal and linear forecasts.

python -m train.backtest --config=configs/NAME.py [--config.FIELD=VALUE ...] [--origins=20]
                         [--step=24] [--refit=never|warm|full] [--interval=0.9]
                         [--models=ets,theta,arima] [--check_leaks] [--workdir=DIR]

The last origin stands a horizon before the end of each series, the others --step steps apart before
it (a horizon apart by default). At each origin a net that has seen no later row forecasts every
series. With --refit=never one net is trained, on rows before the first origin; with warm it trains
on at each origin from the weights of the one before, with full it is trained anew there.
--check_leaks forecasts again with other values in all later rows, and says whether any bit changes
(exit code 2 if so). --models are statsforecast's, fitted to each series at each origin, if it is
installed. DIR gets forecasts.parquet, backtest.json, backtest.html, groups.csv of several series,
and the nets, in DIR/nets; the same command goes on where it was stopped.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from train import errors, flags, parallel
from train.config.bounded import resolved
from train.config.data_options import Series
from train.config.members import is_population
from train.config.options import Config
from train.config.own import named, paths_of
from train.config.plan import Plan
from train.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from train.data.series.origins import Origins
    from train.inference.predictor import Predictor
    from train.results.backtest.answers import Answered
    from train.results.backtest.leaks import Leaks
    from train.results.backtest.record import BacktestRecord
    from train.run.listener import Listener

NETS = "nets"  # the folder of the nets' own folders


@dataclass(frozen=True)
class _Task:
    """What is judged where: the config of its nets, all rows, and the origins in these."""

    config: Config
    table: pa.Table
    origins: Origins
    plan: Plan
    folder: Path


def backtest(
    config: Config,
    workdir: str | Path | None = None,
    plan: Plan | None = None,
    *,
    data: object = None,
    echo: Callable[[str], object] | None = None,
    verbose: bool = True,
) -> BacktestRecord:
    """Trains and judges nets at the origins of a plan; returns what backtest.json holds.

    `data`, `echo` and `verbose` are as `train.loop.fit` has them. Raises what that raises.
    """
    from train.results.backtest.answers import answer
    from train.results.backtest.finish import finish_backtest
    from train.results.backtest.leaks import find_leaks
    from train.run.listener import listener_of

    began = time.monotonic()
    listener = listener_of(echo, verbose=verbose)
    task = _prepare(config, workdir, plan or Plan(), data, listener)
    plan = task.plan
    rows = (task.table, task.config.data.path, task.origins)
    parts: list[Answered] = []
    leaks: list[Leaks] = []
    for first in range(plan.origins if plan.is_refitted else 1):
        model = _train(task, first, listener)
        chosen = range(first, first + 1) if plan.is_refitted else range(plan.origins)
        answered = answer(model, *rows, chosen, plan)
        parts.append(answered)
        if plan.check_leaks:
            leaks.append(find_leaks(model, *rows, answered, task.config.seed))
    content, lines = finish_backtest(task.config, task.folder, parts, plan, leaks, began)
    for line in lines:
        listener(line)
    return content


def _prepare(
    config: Config, workdir: str | Path | None, plan: Plan, data: object, listener: Listener
) -> _Task:
    """The rows and the origins in them; the listener is told of the window. Raises UserError."""
    from train.data.files.read import read_table
    from train.data.files.tables import Read, in_memory
    from train.data.series.origins import find_origins
    from train.evaluation.baselines.statistics import load_models
    from train.results.backtest.record import check_begun
    from train.run.folder import fresh_folder

    config = named(config)
    _check(config, plan)
    load_models(plan.models)
    read: Read = read_table
    if data is not None:
        config, read = in_memory(config, data)
    options = config.data
    assert isinstance(options, Series)
    table = read(options.path, options.missing)
    folder = fresh_folder(config.name) if workdir is None else Path(workdir)
    options, lines = _with_window(config, options, table, plan, folder)
    for line in lines:
        listener(line)
    step = plan.step or resolved(options.horizon)
    plan = dataclasses.replace(plan, step=step)
    origins = find_origins(table, options, plan.origins, step)
    check_begun(folder, plan)
    return _Task(dataclasses.replace(config, data=options), table, origins, plan, folder)


def _check(config: Config, plan: Plan) -> None:
    """Raises UserError unless it is a forecaster, in memory, that can be refitted as planned."""
    if not isinstance(config.data, Series):
        found = type(config.data).__name__
        raise UserError(f"config.data: a backtest is of forecasts, of Series(...), got {found}")
    if config.data.stream:
        raise UserError("config.data.stream: a backtest has all rows in memory; set it to false")
    if plan.refit == "warm" and is_population(config):
        raise UserError("--refit: warm goes on with one net, but config.population has several")


def _with_window(
    config: Config, options: Series, table: pa.Table, plan: Plan, folder: Path
) -> tuple[Series, list[str]]:
    """The options with a number for each "auto" of a window, and lines on them.

    Those of the first net, where the folder has one already.
    """
    from train.data.series.origins import window_for
    from train.run.metadata import as_begun

    begun = as_begun(config, folder / NETS / _net_name(0)).data
    assert isinstance(begun, Series)
    options = dataclasses.replace(options, lookback=begun.lookback, horizon=begun.horizon)
    if "auto" not in (options.lookback, options.horizon):
        return options, []
    return window_for(options, table, plan.origins, plan.step)


def _net_name(origin: int) -> str:
    """The folder, in that of all nets, of the net that is trained before an origin."""
    return f"{origin + 1:02d}"


def _train(task: _Task, first: int, listener: Listener) -> Predictor:
    """The net that may know the rows before an origin, trained or resumed on these alone."""
    from train import loop
    from train.inference.load import load, read_start
    from train.run.listener import nobody

    plan = task.plan
    nets = task.folder / NETS
    own = nets / _net_name(first)
    rows = task.table.filter(task.origins.before(first))
    trust = paths_of(task.config)
    start = None
    if plan.refit == "warm" and first:
        start = read_start(nets / _net_name(first - 1), trust=trust)
    if plan.is_refitted:
        listener(f"origin {first + 1} of {plan.origins}: {rows.num_rows:,} rows before it")
    else:
        found = f"{rows.num_rows:,} of {task.table.num_rows:,} rows are before the first origin"
        listener(f"{found} and train; config.data.test is not read")
    data = dataclasses.replace(task.config.data, test=0)
    untested = dataclasses.replace(task.config, data=data)
    echo = nobody if first else listener.say
    loop.fit(untested, own, data=rows, start=start, echo=echo, verbose=listener.verbose)
    return load(own, trust)


def main(argv: list[str]) -> int:
    """Trains, forecasts, judges, and says whether anything later was read."""
    command = flags.parse_backtest(argv, __doc__)
    with parallel.session(command.config, None):
        import jax

        from train.run.listener import print_now

        if jax.process_count() > 1:
            raise UserError("train.backtest: runs in one process; begin it without several")
        found = backtest(
            command.config, command.workdir, command.plan, echo=print_now, verbose=command.verbose
        )
    return 2 if "leaks" in found and found["leaks"]["origins"] else 0


if __name__ == "__main__":
    errors.run(main)

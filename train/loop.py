"""`fit`: from a config to a run's folder with a trained network in it; the only training loop."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from train.config.members import grid_in_words, is_population
from train.config.options import Config
from train.core.precision import in_single_precision
from train.core.state import State
from train.data.dataset import Dataset
from train.errors import DivergedError
from train.parallel.hosts import agree, all_or_none, is_first, on_process_zero
from train.parallel.layout import describe
from train.parallel.runtime import divide
from train.population.groups import prepare_population
from train.population.halving import Rung
from train.population.memory import split_into_chunks
from train.population.rungs import train_by_rungs
from train.population.vmapped import Vmapped
from train.report.result import Result
from train.results.finish import finish
from train.results.outcome import population_outcome, single_outcome
from train.results.refit import refit_run, refitted
from train.results.rounds import Pending, round_writer
from train.results.summary import summary
from train.run.checkpoint import Checkpoints
from train.run.diverged import diverged
from train.run.driver import Call, Driver, Trained, fetch_status
from train.run.embedding_bins import columns_without_bins
from train.run.folder import fresh_folder
from train.run.in_memory import InMemory
from train.run.layers import recorded_layers
from train.run.listener import SILENT, Listener, Watch, listener_of
from train.run.notes import tell_net, tell_notes
from train.run.prepare import place_run, prepare
from train.run.resume import fetch_answering, long_warmup, restore_or_init, save
from train.run.run import Run
from train.run.saved_steps import locked_run
from train.run.schedule import CALL_SECONDS, WHOLE_RUN, Leg, rounds_wanted, save_is_due
from train.run.signals import stopped, stopped_by_signals
from train.run.start import read_rows
from train.run.streaming import Streaming, is_stream
from train.run.warm_start import Start


@in_single_precision()
def fit(
    config: Config,
    workdir: str | Path | None = None,
    *,
    echo: Callable[[str], object] | None = None,
    started: float | None = None,
    restart: bool = False,
    verbose: bool = True,
    data: object = None,
    start: Start | None = None,
    watch: Watch | None = None,
) -> Result:
    """Trains, or resumes, the run in `workdir` and returns the content of its result.json.

    A resumed run continues from its newest whole checkpoint, and ends with the same bits as an
    uninterrupted one on the same libraries and number of cores; elsewhere a line says that its last
    bits may differ. Of several processes the first writes and returns; the others return {}.
    Raises UserError (config, data, folder), DivergedError, StorageError, StoppedError (saved after
    a signal).

    `echo` is called with each line for the user. Without it lines go to the logger "denseq" if its
        INFO level is enabled, else they are printed.
    `started` is the time.monotonic() from which the run's seconds count.
    `restart` begins anew where all checkpoints of the run are damaged or gone.
    `verbose` adds lines on the columns and layers, and on progress where no terminal shows it.
        verbose=False without `echo` is silent.
    `data`, a pandas, polars or pyarrow table or a dict of columns, replaces `config.data.path`.
    `start` is a net that training goes on with.
    `watch` is called with the epoch, loss and scores of each evaluation.
    """
    started = time.monotonic() if started is None else started
    begun = None if workdir is None else Path(workdir)
    config, dataset = all_or_none(lambda: read_rows(config, begun, data, start))
    divide(config)
    folder = begun or on_process_zero(lambda: fresh_folder(config.name)) or Path()
    listener = listener_of(echo, verbose=verbose, watch=watch) if is_first() else SILENT
    with contextlib.ExitStack() as stack:
        on_process_zero(lambda: stack.enter_context(locked_run(folder, restart)))
        tell_notes(listener, config, dataset, folder)
        if is_population(config):
            result = _fit_population(config, dataset, folder, listener, started)
        else:
            run = prepare(config, dataset, folder, start.variables if start else None)
            result = _fit_single(run, listener, started)
        if result is not None:
            listener(summary(result, folder))
    return cast(Result, {}) if result is None else result


def _fit_single(run: Run, listener: Listener, started: float) -> Result | None:
    """Trains one net and writes its results; None in all processes but the first."""
    run = _place(run, listener)
    seconds = {"start": time.monotonic() - started}
    trained = train(run, listener=listener)
    outcome = single_outcome(trained.run, trained.state)
    seconds |= trained.seconds
    return on_process_zero(lambda: finish(trained.run, outcome, seconds, started, trained.is_whole))


def _fit_population(
    config: Config, dataset: Dataset, folder: Path, listener: Listener, started: float
) -> Result | None:
    """Trains all members, group after group, and writes their results together."""
    runs: list[Run] = []
    for group in prepare_population(config, dataset, folder):
        runs += split_into_chunks(group, listener)
    if line := grid_in_words(config):
        listener(line)
    seconds = {"start": time.monotonic() - started}
    trained, rungs = _train_groups(config, runs, listener)
    runs = [each.run for each in trained]
    states = [each.state for each in trained]
    if all(state.diverged.all() for state in states):
        raise DivergedError.at(max(int(state.step.max()) for state in states))
    outcome = all_or_none(lambda: population_outcome(config, dataset, runs, states, rungs))
    if config.population.keep == "refit":
        again, setting = refit_run(config, dataset, runs, outcome)
        n_rows = len(again.data.train)
        listener(f"the best setting is trained again on all {n_rows} training and validation rows")
        trained.append(train(_place(again, SILENT)))
        outcome = refitted(trained[-1].run, trained[-1].state, outcome, setting)
    for part in ("compile", "train"):
        seconds[part] = sum(each.seconds[part] for each in trained)
    whole = dataclasses.replace(runs[0], dataset=dataset, config=config)
    is_whole = all(each.is_whole for each in trained)
    return on_process_zero(lambda: finish(whole, outcome, seconds, started, is_whole))


def _train_groups(
    config: Config, runs: Sequence[Run], listener: Listener
) -> tuple[list[Trained], list[Rung]]:
    """Trains every group; returns also the rungs at which halving stopped settings.

    Between two rungs a group's state is on disk only.
    """
    trained: dict[int, Trained] = {}
    seconds: dict[int, dict[str, float]] = {}

    def train_leg(i: int, leg: Leg) -> State:
        is_new = i not in trained
        if is_new and len(runs) > 1:
            listener(f"group {i + 1} of {len(runs)}: {len(runs[i].members)} members")
        run = _place(runs[i], listener if is_new else SILENT)
        before = trained.get(i)
        trained[i] = train(run, leg, before.call if before else None, listener)
        spent = trained[i].seconds
        seconds[i] = {part: spent[part] + seconds.get(i, {}).get(part, 0.0) for part in spent}
        return trained[i].state

    rungs = train_by_rungs(config, runs, train_leg, listener)
    return [trained[i]._replace(seconds=seconds[i]) for i in range(len(runs))], rungs


def choose_driver(run: Run) -> Driver:
    """How the updates of this run are called."""
    if run.members:
        return Vmapped()
    return Streaming() if is_stream(run) else InMemory()


def _place(run: Run, listener: Listener) -> Run:
    """The run over its devices; the listener is told of them."""
    driver = choose_driver(run)
    if line := columns_without_bins(run):
        listener(line)
    run = place_run(run, driver.specs.data)
    for line in filter(None, (describe(run.layout), long_warmup(run))):
        listener(line)
    return run


def train(
    run: Run, leg: Leg = WHOLE_RUN, call: Call | None = None, listener: Listener = SILENT
) -> Trained:
    """Calls the compiled rounds until the leg is done, patience ends or a signal comes.

    `call` is the compiled program of an earlier leg of this run, if there was one; the first leg
    tells the listener of the network's layers, every leg of progress.

    A round is `eval_every` epochs and an evaluation (`train.core.rounds`); a call of the compiled
    program does several rounds, or of a stream perhaps a part of one. The order within the loop
    matters: a state is saved before the next call takes its buffers, and the evaluations of a call
    are written while the next one runs, but before a checkpoint of their step.
    """
    driver = choose_driver(run)
    checkpoints = on_process_zero(
        lambda: Checkpoints(run.folder, run.config.train.keep, subfolder=run.subfolder)
    )
    state, resumed = _first_state(run, driver, checkpoints, leg, listener if call is None else None)
    began = time.monotonic()
    pending = None
    seconds_per_round = CALL_SECONDS  # not known yet: the first call is asked for one round
    with contextlib.ExitStack() as stack:
        if checkpoints is not None:
            stack.enter_context(contextlib.closing(checkpoints))
        signals = stack.enter_context(stopped_by_signals())
        writer = stack.enter_context(round_writer(run, driver.validation(run), resumed, listener))
        if call is None and not leg.is_done(fetch_status(run.program, state)):
            call = driver.compile(run, state)
        compiled = saved = time.monotonic()
        while True:
            status = fetch_status(run.program, state)  # waits for it alone
            if status.has_diverged and not run.members:
                writer.write(pending)
                raise diverged(run, state)
            is_done = leg.is_done(status)
            signal = signals[0] if signals else 0
            is_due = save_is_due(run, status.step, time.monotonic() - saved)
            n_rounds = rounds_wanted(run, status.step, seconds_per_round, leg)
            signal, is_due, n_rounds = agree(highest=signal, of_process_zero=(is_due, n_rounds))
            if (is_due or is_done or signal) and status.step != (resumed or 0):
                writer.write(pending)
                pending = None
                saved = time.monotonic()
                save(checkpoints, status.step, state, run.data, writer.log_failure)
            if is_done or signal or call is None:
                break
            dispatched = time.monotonic()
            state, logs, count = call(run.data, state, np.int32(n_rounds))
            # While the device works on this call, the evaluations of the call before are written,
            # and orbax is imported, which takes as long as a small round.
            writer.write(pending)
            if checkpoints is not None:
                checkpoints.get_ready()
            pending = Pending(logs, int(count))  # int() waits for the device to end the call
            seconds_per_round = (time.monotonic() - dispatched) / max(pending.n_rounds, 1)
    if signal:
        raise stopped(run.folder, status.step, signal)
    seconds = {"compile": compiled - began, "train": time.monotonic() - compiled}
    return Trained(*fetch_answering(run, state), seconds, resumed is None, call)


def _first_state(
    run: Run, driver: Driver, checkpoints: Checkpoints | None, leg: Leg, listener: Listener | None
) -> tuple[State, int | None]:
    """The state that a leg begins with, and its step if it was restored; tells of the net."""
    with recorded_layers() as layers:
        state, resumed = restore_or_init(run, driver, checkpoints)
    if listener is not None:
        tell_net(listener, run, state, layers)
    if any(leg.stopped):
        state = state.replace(stopped=state.stopped | np.array(leg.stopped))
    return state, resumed

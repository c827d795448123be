"""`fit`: from a config to a run's folder with a trained network in it. The only file with a
training loop.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nets.kernels import library
from train import config as configs
from train.config.members import is_population, pooled
from train.config.options import Config
from train.core.rounds import log_shapes, run_rounds
from train.core.state import State
from train.data.dataset import Dataset
from train.data.load import load_dataset
from train.errors import DivergedError, StoppedError
from train.parallel.devices import compiled, describe, fetch
from train.parallel.hosts import agree, all_or_none, is_first, on_process_zero
from train.population.groups import prepare_population
from train.population.halving import halve
from train.population.memory import in_parts
from train.population.vmapped import SPECS, member_logs, member_rounds, own_valid_rows, training
from train.results.finish import finish
from train.results.outcome import population_outcome, single_outcome
from train.results.refit import refit_run, refitted
from train.results.rounds import write_rounds
from train.results.summary import summary
from train.run.checkpoint import Checkpoints
from train.run.folder import fresh_folder, locked
from train.run.log import RunLog
from train.run.prepare import place_run, prepare
from train.run.progress import Progress
from train.run.run import Run
from train.run.signals import signals
from train.run.streaming import compile_chunks, is_stream
from train.start import start_state

# Of training in one call to the device: seldom enough to cost nothing, often enough to be stopped.
CALL_SECONDS = 0.25
CALL_ROUNDS = 64  # rounds at most in one call
CALL_BYTES = 1 << 26  # of answers kept on the device until a call ends
SAVE_SECONDS = 60.0  # between checkpoints where `checkpoint_every` does not say


def fit(
    config: Config,
    workdir: str | Path | None = None,
    *,
    echo: Callable[[str], None] = lambda line: None,
    started: float | None = None,
) -> dict[str, Any]:
    """Trains, or resumes, the run in `workdir` and returns what its result.json holds.

    Of several processes the first alone writes and returns it; the others return {}. A run that was
    stopped continues from its newest whole checkpoint and ends in the bits of one that was not.
    Raises UserError (config, data, folder), DivergedError, StorageError, StoppedError (saved after
    a signal). `echo` is given lines for the user; `started` is the time.time() that the run's
    seconds count from.
    """
    started = time.time() if started is None else started
    configs.validate(config)
    dataset = all_or_none(lambda: load_dataset(pooled(config)))
    folder = (
        Path(workdir)
        if workdir is not None
        else on_process_zero(lambda: fresh_folder(config.name)) or Path()
    )
    if not is_first():
        echo = lambda line: None
    with contextlib.ExitStack() as stack:
        on_process_zero(lambda: stack.enter_context(locked(folder)))
        for line in (f"run: {folder}", *dataset.notes):
            echo(line)
        if config.net.runs_lstm:
            echo(f"LSTM core: {library.core()}")
        if is_population(config):
            result = _fit_population(config, dataset, folder, echo, started)
        else:
            run = place_run(prepare(config, dataset, folder))
            echo_devices(run, echo)
            seconds = {"start": time.time() - started}
            run, state, timing = train(run)
            result = on_process_zero(
                lambda: finish(run, single_outcome(run, state), seconds | timing, started)
            )
        if result is not None:
            echo(summary(result, folder))
    return result or {}


def _fit_population(
    config: Config, dataset: Dataset, folder: Path, echo: Callable[[str], None], started: float
) -> dict[str, Any] | None:
    """All members, group after group, and what they come to together."""
    runs = [
        part for run in prepare_population(config, dataset, folder) for part in in_parts(run, echo)
    ]
    seconds = {"start": time.time() - started, "compile": 0.0, "train": 0.0}
    trained = []
    for i, run in enumerate(runs, 1):
        if len(runs) > 1:
            echo(f"group {i} of {len(runs)}: {len(run.members)} members")
        run = place_run(run, SPECS[0])
        echo_devices(run, echo)
        run, state, timing = train(run)
        trained.append((run, state))
        seconds |= {name: seconds[name] + spent for name, spent in timing.items()}
    runs, states = zip(*trained, strict=True)
    outcome = all_or_none(lambda: population_outcome(config, dataset, runs, states))
    if config.population.keep == "refit":
        again, setting = refit_run(config, dataset, runs, outcome)
        echo(
            f"the best setting is trained again on all {len(again.data.train)} training and validation rows"
        )
        again, state, timing = train(place_run(again))
        seconds |= {name: seconds[name] + spent for name, spent in timing.items()}
        outcome = refitted(again, state, outcome, setting)
    whole = dataclasses.replace(runs[0], dataset=dataset, config=config)
    return on_process_zero(lambda: finish(whole, outcome, seconds, started))


def echo_devices(run: Run, echo: Callable[[str], None]) -> None:
    """Where it trains, if there is a choice."""
    line = describe(run.layout)
    if line:
        echo(line)


def train(run: Run) -> tuple[Run, State, dict[str, float]]:
    """Calls the compiled rounds until the epochs are done, patience ends or a signal comes; logs
    all, saves some.

    The order within the loop is fixed: what is due to be saved is saved before the next call takes
    the state's buffers, and a call's evaluations are written while the next one runs, but before a
    checkpoint of their step. Returns the run and its state on the host, and the seconds it took.
    """
    options = run.config.train
    n_steps = run.program.steps_per_epoch
    folder = run.folder / run.part
    first = is_first()
    checkpoints = on_process_zero(lambda: Checkpoints(folder, options.keep))
    state, resumed = start_state(run, checkpoints)
    first_step = resumed or 0
    began = time.time()
    truths = own_valid_rows(run)
    log = on_process_zero(lambda: RunLog(folder, -1 if resumed is None else resumed))
    n_trained = run.dataset.n_train * max(len(run.members), 1)
    n_epochs = run.program.last_step // n_steps
    progress = Progress(n_epochs, n_trained, first_step // n_steps, silent=not first)
    pending = None
    seconds_per_round = CALL_SECONDS
    signal_number = 0
    with contextlib.ExitStack() as stack:
        if first:
            stack.enter_context(contextlib.closing(checkpoints))
            stack.enter_context(log)
        received = stack.enter_context(signals())
        stack.enter_context(progress)
        call = compile_rounds(run, state) if np.any(training(run, fetch_status(state))) else None
        compiled = saved = time.time()
        while True:
            if run.members:
                state = halve(run, state)
            now = fetch_status(state)
            step = int(np.max(now.step))  # members go in step: that of the ones that still train
            if np.all(now.diverged):
                write_rounds(run, log, progress, truths, pending)
                raise DivergedError(
                    f"the loss is not finite at step {step}; lower config.optim.learning_rate"
                )
            over = not np.any(training(run, now))
            stop = received[0] if received else 0
            due = save_is_due(options.checkpoint_every, step / n_steps, time.time() - saved)
            wanted = rounds_wanted(run, step, seconds_per_round)
            signal_number, due, wanted = agree(stop, due, wanted)
            if (due or over or signal_number) and step != first_step:
                write_rounds(run, log, progress, truths, pending)
                pending = None
                saved = time.time()
                save(checkpoints, step, state, run)
            if over or signal_number or call is None:
                break
            dispatched = time.time()
            state, logs, count = call(run.data, state, np.int32(wanted))
            write_rounds(run, log, progress, truths, pending)
            pending = logs, int(count)  # 0 within a long epoch of a stream
            seconds_per_round = (time.time() - dispatched) / max(pending[1], 1)
    if signal_number:
        resume = f"the same command with --workdir={run.folder} resumes it"
        raise StoppedError(f"stopped at step {step}, saved; {resume}", 128 + signal_number)
    timing = {"compile": compiled - began, "train": time.time() - compiled}
    data = run.data.replace(arrays=(), key=())  # the host has the rows already
    # What answers and what result.json says; training alone needs the rest, which is most of it.
    state = fetch(state.replace(weights=None, average=None, opt_state=None))
    return dataclasses.replace(run, data=fetch(data)), state, timing


class Status(NamedTuple):
    """Of a state, on the host, what decides how to go on."""

    step: Any
    stopped: Any
    diverged: Any


def fetch_status(state: State) -> Status:
    """Waits until the state is there."""
    return fetch(Status(state.step, state.stopped, state.diverged))


def save(checkpoints: Checkpoints | None, step: int, state: State, run: Run) -> None:
    """Begins to save a state; of several processes the first does, but all must call this."""
    arrays = state, model(state, run.data)
    if jax.process_count() > 1:
        arrays = fetch(arrays)
    if checkpoints is not None:
        checkpoints.save(step, *arrays)


def model(state: State, data: Any) -> dict[str, Any]:
    """What answers are given with: the best weights, and the statistics."""
    best = state.best.weights
    return {"params": best.params, "batch_stats": best.batch_stats, "statistics": data.statistics}


def compile_rounds(run: Run, state: State) -> Callable[..., tuple[State, Any, Any]]:
    """The training program, compiled for these shapes: (data, state, n_rounds) -> (state, logs,
    rounds done).
    """
    if is_stream(run):
        return compile_chunks(run, state)
    log = (
        member_logs(run, run.data, state)
        if run.members
        else log_shapes(run.program, run.data, state)
    )
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(log))
    capacity = int(np.clip(CALL_BYTES // max(size, 1), 1, CALL_ROUNDS))
    if run.members:
        return member_rounds(run, state, capacity)

    def call(data: Any, state: State, n_rounds: jax.Array) -> tuple[State, Any, jax.Array]:
        logs = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), log)
        return run_rounds(run.program, data, state, logs, jnp.minimum(n_rounds, capacity))

    return compiled(run.layout, call, (run.data, state, np.int32(1)))


def save_is_due(every: int | None, epoch: float, seconds: float) -> bool:
    """By epochs, whole ones, where the config says, else by the clock: how often a run is saved
    changes no result.
    """
    return seconds > SAVE_SECONDS if every is None else epoch % every == 0


def rounds_wanted(run: Run, step: int, seconds_per_round: float) -> int:
    """Rounds for the next call: about CALL_SECONDS, and not past the next epoch that must be
    saved.
    """
    options = run.config.train
    wanted = int(np.clip(CALL_SECONDS / max(seconds_per_round, 1e-9), 1, CALL_ROUNDS))
    if options.checkpoint_every is None:
        return wanted
    epoch = step // run.program.steps_per_epoch
    to_save = options.checkpoint_every - epoch % options.checkpoint_every
    return max(1, min(wanted, to_save // options.eval_every))

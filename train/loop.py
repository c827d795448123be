"""`fit`: from a config to a run's folder with a trained network in it. The only file with a training loop."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nets.kernels import library
from train import config as configs
from train.checkpoint import Checkpoints
from train.data.dataset import Batch
from train.data.load import load_dataset
from train.devices import EVERYWHERE, compiled, describe, place
from train.errors import DivergedError, StoppedError
from train.evaluate import score
from train.folder import fresh_folder, held
from train.log import RunLog
from train.members import is_population, pooled
from train.network import init_weights
from train.options import LSTM, Config, known
from train.outcome import several, single
from train.population import (
    SPECS,
    halve,
    init_members,
    member_logs,
    member_rounds,
    own_valid_rows,
    prepare_population,
    training,
)
from train.prepare import Run, prepare
from train.progress import Progress
from train.result import finish, summary
from train.rounds import log_shapes, run_rounds
from train.state import State, init_state

CALL_SECONDS = 0.25  # of training in one call to the device: seldom enough to cost nothing, often enough to be stopped
CALL_ROUNDS = 64  # rounds at most in one call
CALL_BYTES = 1 << 26  # of answers kept on the device until a call ends
START_ROWS = 20_000  # of which units are drawn at most
SAVE_SECONDS = 60.0  # between checkpoints where `checkpoint_every` does not say


def fit(
    config: Config,
    workdir: str | Path | None = None,
    *,
    say: Callable[[str], None] = lambda line: None,
    started: float | None = None,
) -> dict[str, Any]:
    """Trains, or resumes, the run in `workdir` and returns what its result.json holds.

    A run that was stopped continues from its newest whole checkpoint and ends in the bits of one that was not.
    Raises UserError (config, data, folder), DivergedError, StorageError, StoppedError (saved after a signal).
    `say` is given lines for the user; `started` is the time.time() that the run's seconds count from.
    """
    started = time.time() if started is None else started
    configs.validate(config)
    dataset = load_dataset(pooled(config))
    folder = Path(workdir) if workdir is not None else fresh_folder(config.name)
    with held(folder):
        for line in (f"run: {folder}", *dataset.notes):
            say(line)
        if isinstance(config.net, LSTM):
            say(f"LSTM core: {library.core()}")
        if is_population(config):
            result = _fit_population(config, dataset, folder, say, started)
        else:
            run = prepare(config, dataset, folder)
            say_devices(run, say)
            seconds = {"start": time.time() - started}
            state, timing = train(run)
            result = finish(run, single(run, state), seconds | timing, started)
        say(summary(result, folder))
    return result


def _fit_population(
    config: Config, dataset: Any, folder: Path, say: Callable[[str], None], started: float
) -> dict[str, Any]:
    """All members, group after group, and what they come to together."""
    runs = prepare_population(config, dataset, folder)
    seconds = {"start": time.time() - started, "compile": 0.0, "train": 0.0}
    states = []
    for i, run in enumerate(runs, 1):
        say_devices(run, say)
        if len(runs) > 1:
            say(f"group {i} of {len(runs)}: {len(run.members)} members")
        state, timing = train(run)
        states.append(jax.device_get(state))
        seconds |= {name: seconds[name] + spent for name, spent in timing.items()}
    whole = dataclasses.replace(runs[0], dataset=dataset, config=config)
    return finish(whole, several(config, dataset, runs, states), seconds, started)


def say_devices(run: Run, say: Callable[[str], None]) -> None:
    """Where it trains, if there is a choice."""
    line = describe(run.layout)
    if line:
        say(line)


def train(run: Run) -> tuple[State, dict[str, float]]:
    """Calls the compiled rounds until the epochs are done, patience ends or a signal comes; logs all, saves some.

    The order within the loop is fixed: what is due to be saved is saved before the next call takes the state's
    buffers, and a call's evaluations are written while the next one runs, but before a checkpoint of their step.
    """
    options, n_steps = run.config.train, run.program.steps_per_epoch
    folder = run.folder / run.part
    checkpoints = Checkpoints(folder, options.keep)
    state, resumed = start_state(run, checkpoints)
    first_step, began = resumed or 0, time.time()
    log = RunLog(folder, -1 if resumed is None else resumed)
    progress = Progress(known(options.epochs), run.data.train.size, first_step // n_steps)
    pending, seconds_per_round = None, CALL_SECONDS
    with contextlib.closing(checkpoints), log, signals() as received, progress:
        call = None if _is_over(run, state) else compile_rounds(run, state)
        compiled = saved = time.time()
        while True:
            if run.members:
                state = halve(run, state)
            step = _step(state)
            if np.all(state.diverged):
                write_logs(run, log, progress, pending)
                raise DivergedError(f"the loss is not finite at step {step}; lower config.optim.learning_rate")
            done = bool(received) or _is_over(run, state)
            due = done or save_is_due(options.checkpoint_every, step // n_steps, time.time() - saved)
            if due and step != first_step:
                write_logs(run, log, progress, pending)
                pending, saved = None, time.time()
                checkpoints.save(step, state, model(state, run.data))
            if done or call is None:
                break
            dispatched = time.time()
            state, logs, count = call(run.data, state, np.int32(rounds_wanted(run, step, seconds_per_round)))
            write_logs(run, log, progress, pending)
            pending = logs, max(int(count), 1)
            seconds_per_round = (time.time() - dispatched) / pending[1]
    if received:
        resume = f"the same command with --workdir={run.folder} resumes it"
        raise StoppedError(f"stopped at step {_step(state)}, saved; {resume}", 128 + received[0])
    return state, {"compile": compiled - began, "train": time.time() - compiled}


def _is_over(run: Run, state: State) -> bool:
    return not np.any(training(run, state))


def _step(state: State) -> int:
    """Completed updates; of members, who go in step, those of the ones that still train."""
    return int(np.max(state.step))


def model(state: State, data: Any) -> dict[str, Any]:
    """What answers are given with: the best weights, and the statistics."""
    best = state.best.weights
    return {"params": best.params, "batch_stats": best.batch_stats, "statistics": data.statistics}


def start_state(run: Run, checkpoints: Checkpoints) -> tuple[State, int | None]:
    """The newest checkpoint's state and its step, or a fresh state and None."""
    if run.members:
        state = init_members(run)
    else:
        first = run.program.take(run.data.arrays, starting_rows(run))
        weights = init_weights(run.program.network, run.data.statistics, first.inputs, run.data.key)
        state = init_state(weights, run.program.optimizer, average=run.config.optim.ema > 0)
    state = place(run.layout, state, SPECS[1] if run.members else EVERYWHERE)
    for step in checkpoints.steps():
        return checkpoints.restore_state(step, state), step
    return state, None


def starting_rows(run: Run) -> jax.Array:
    """What fresh weights are made with: any row, or training rows where the weights begin among them."""
    if not getattr(run.program.network, "starts_from_rows", False):
        return run.data.train[:1]
    rows = np.random.default_rng(run.config.seed).permutation(run.dataset.splits["train"])
    return jnp.asarray(rows[:START_ROWS])


def compile_rounds(run: Run, state: State) -> Callable[..., tuple[State, Any, jax.Array]]:
    """The training program, compiled for these shapes: (data, state, n_rounds) -> (state, logs, rounds done)."""
    log = member_logs(run, run.data, state) if run.members else log_shapes(run.program, run.data, state)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(log))
    capacity = int(np.clip(CALL_BYTES // max(size, 1), 1, CALL_ROUNDS))
    if run.members:
        return member_rounds(run, state, capacity)

    def call(data: Any, state: State, n_rounds: jax.Array) -> tuple[State, Any, jax.Array]:
        logs = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), log)
        return run_rounds(run.program, data, state, logs, jnp.minimum(n_rounds, capacity))

    return compiled(run.layout, call, (run.data, state, np.int32(1)))


def write_logs(run: Run, log: RunLog, progress: Progress, pending: tuple[Any, int] | None) -> None:
    """A line per split for every round, of every member, of a finished call."""
    if pending is None:
        return
    logs, count = jax.device_get(pending)
    chosen = logs.pop("member", None)
    truths = own_valid_rows(run)
    for i in range(int(count)):
        one_round = jax.tree.map(lambda leaf: leaf[i], logs)  # noqa: B023 - called at once
        if chosen is None:
            told = [_write_round(run, log, 0, one_round, truths[0])]
        else:
            told = [
                _write_round(run, log, k, jax.tree.map(lambda leaf: leaf[slot], one_round), truths[k])  # noqa: B023
                for slot, k in enumerate(chosen)
                if one_round["ran"][slot]
            ]
        losses, scores = zip(*told, strict=True)
        mean = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
        epoch = int(np.max(one_round["step"])) // run.program.steps_per_epoch
        progress.update(epoch, float(np.mean(losses)), mean)


def _write_round(run: Run, log: RunLog, member: int, logs: Any, truth: Batch) -> tuple[float, dict[str, float]]:
    """The lines of one round of one net. Returns its training loss, and its scores on the validation rows."""
    step, loss = int(logs["step"]), float(logs["train_loss"])
    scores, valid = {"train": {"loss": loss, "penalty": float(logs["penalty"])}}, {}
    for name, norm in logs.get("gradient_norms", {}).items():
        scores["train"][f"gradient_norm.{name}"] = float(norm)
    if len(truth.weight):
        answers = {name: values[: len(truth.weight)] for name, values in logs["answers"].items()}
        valid = score(run.dataset.encoder, answers, truth.target, truth.weight)
        scores["valid"] = {"loss": float(logs["valid_loss"]), **valid}
    number = run.members[member].number if run.members else 0
    log.write(step, step // run.program.steps_per_epoch, scores, number)
    return loss, valid


def save_is_due(every: int | None, epoch: int, seconds: float) -> bool:
    """By epochs where the config says, else by the clock: how often a run is saved changes no result."""
    return seconds > SAVE_SECONDS if every is None else epoch % every == 0


def rounds_wanted(run: Run, step: int, seconds_per_round: float) -> int:
    """Rounds for the next call: about CALL_SECONDS, and not past the next epoch that must be saved."""
    options = run.config.train
    wanted = int(np.clip(CALL_SECONDS / max(seconds_per_round, 1e-9), 1, CALL_ROUNDS))
    if options.checkpoint_every is None:
        return wanted
    epoch = step // run.program.steps_per_epoch
    to_save = options.checkpoint_every - epoch % options.checkpoint_every
    return max(1, min(wanted, to_save // options.eval_every))


@contextlib.contextmanager
def signals() -> Iterator[list[int]]:
    """Collects SIGTERM and SIGINT instead of dying of them; the second one of a kind has its usual effect."""
    received: list[int] = []
    previous: dict[int, Any] = {}

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            previous[number] = signal.signal(number, receive)
    except ValueError:  # not in the main thread: signals are somebody else's
        pass
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

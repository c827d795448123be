"""A run's state, restored from its folder or made anew, and saved there."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
from absl import logging

from train.config.net_options import Dense
from train.core.program import Data
from train.core.rates import unmatched_names
from train.core.state import State
from train.data.table.dataset import TableDataset
from train.parallel.devices import fetch, place
from train.parallel.hosts import broadcast, on_process_zero
from train.run.checkpoint import Checkpoints
from train.run.disk_space import check_room
from train.run.driver import Driver
from train.run.own_code import check_own
from train.run.run import Run
from train.run.signatures import n_bytes


def idle_rates(run: Run, state: State) -> str:
    """A line on names in `optim.rates` that no parameter of the net has; "" without any.

    "" too where other settings have other nets, whose parameters may have these names. Names of an
    embedding's parameters are let pass where a table has no numbers that it could embed.
    """
    if any(path.startswith("net.") for path in run.config.population.grid):
        return ""
    rates = run.config.optim.rates
    idle = unmatched_names(rates, state.weights.params) if rates else []
    if isinstance(run.dataset, TableDataset) and "numbers" not in run.dataset.inputs:
        idle = [name for name in idle if name not in Dense.embedding_parameters]
    names = ", ".join(idle)
    return f"config.optim.rates: this net has no {names}; these rates move nothing" if idle else ""


def long_warmup(run: Run) -> str:
    """A line for a warm-up that the run ends within; "" for any other."""
    warmup = run.config.optim.warmup
    last = run.program.last_step
    if warmup < last:
        return ""
    return (
        f"config.optim.warmup: the run ends after {last} updates, within the {warmup} of the "
        "warm-up: no update has config.optim.learning_rate"
    )


def restore_or_init(
    run: Run, driver: Driver, checkpoints: Checkpoints | None
) -> tuple[State, int | None]:
    """The newest checkpoint's state and its step, or a fresh state and None.

    Only process 0 has `checkpoints`; it sends the state to the others. Raises StorageError where
    the disk has no room for a checkpoint.
    """
    check_own(run, driver)
    spec = driver.specs.state

    def abstract_state() -> State:
        return jax.eval_shape(lambda: driver.init(run))

    def restore() -> tuple[int, State] | None:
        if checkpoints is None:
            return None
        restore_state = checkpoints.restore_state
        return checkpoints.restore_newest(lambda step: restore_state(step, abstract_state()))

    found = on_process_zero(restore)
    step = int(broadcast(np.int32(found[0] if found else -1)))
    if step < 0:
        state = place(run.layout, driver.init(run), spec)
        on_process_zero(lambda: _check_room(run, state, checkpoints))
        return state, None
    state = found[1] if found else None
    if jax.process_count() > 1:
        if state is None:
            state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), abstract_state())
        state = broadcast(fetch(state))
    assert state is not None
    return place(run.layout, state, spec), step


def fetch_answering(run: Run, state: State) -> tuple[Run, State]:
    """The run and its state on the host, without what only further updates would need.

    `state.best` has the weights that answer; the rows are in `run.dataset` already.
    """
    data = fetch(run.data.replace(arrays=(), key=()))
    state = fetch(state.replace(weights=None, average=None, opt_state=None))
    return dataclasses.replace(run, data=data), state


def save(
    checkpoints: Checkpoints | None,
    step: int,
    state: State,
    data: Data,
    log_failure: str | None = None,
) -> None:
    """Begins to save a state. Process 0 saves, but every process must call this."""
    model = state.best.weights.variables(data.statistics)
    if jax.process_count() > 1:
        state, model = fetch((state, model))
    if checkpoints is not None:
        checkpoints.save(step, state, model, log_failure)


def _check_room(run: Run, state: State, checkpoints: Checkpoints | None) -> None:
    """Says where the disk may be too full for checkpoints. Raises StorageError: see check_room."""
    if checkpoints is not None:
        model = state.best.weights.variables(run.data.statistics)
        n_steps = run.config.train.keep + 1
        line = check_room(checkpoints.folder, n_bytes((state, model)), n_steps)
        if line:
            logging.warning(line)

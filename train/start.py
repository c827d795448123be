"""The state that training begins with: fresh, or the newest that was saved."""

from __future__ import annotations

from typing import Any

import jax

from train.core.state import State, init_state
from train.core.weights import init_weights
from train.parallel.devices import EVERYWHERE, fetch, place
from train.parallel.hosts import agree, broadcast, on_process_zero
from train.population.vmapped import SPECS, init_members
from train.run.checkpoint import Checkpoints
from train.run.device_data import starting_rows
from train.run.run import Run
from train.run.streaming import is_stream, start_stream


def start_state(run: Run, checkpoints: Checkpoints | None) -> tuple[State, int | None]:
    """The newest checkpoint's state and its step, or a fresh state and None. Of several processes
    the first alone has `checkpoints`, and tells the others.
    """
    specs = SPECS[1] if run.members else EVERYWHERE
    state = _fresh_state(run)
    steps = on_process_zero(lambda: checkpoints.steps() if checkpoints else [])
    _, step = agree(0, steps[0] if steps else -1)
    if step < 0:
        return place(run.layout, state, specs), None
    restored = on_process_zero(
        lambda: checkpoints.restore_state(step, _here(state)) if checkpoints else None
    )
    if jax.process_count() > 1:
        restored = broadcast(fetch(state if restored is None else restored))
    return place(run.layout, restored, specs), step


def _fresh_state(run: Run) -> State:
    if run.members:
        return init_members(run)
    first = run.program.take(run.data.arrays, _starting_rows(run))
    weights = init_weights(run.program.network, run.data.statistics, first.inputs, run.data.key)
    state = init_state(weights, run.program.optimizer, average=run.config.optim.ema > 0)
    return start_stream(run, state) if is_stream(run) else state


def _starting_rows(run: Run) -> Any:
    """What fresh weights are made with: any row, or training rows where the weights begin among
    them.
    """
    if not run.program.network.starts_from_rows:
        return run.data.train[:1]
    return starting_rows(run.dataset.splits["train"], run.config.seed)


def _here(state: State) -> Any:
    """The state's shapes, to be restored on this process' first device."""
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), state
    )

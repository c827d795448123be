"""One net whose rows are all on the device: a call is some rounds of one compiled program."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array
from train.core.fallback import with_fallback
from train.core.forward import with_block_rows
from train.core.op_by_op import op_by_op
from train.core.program import Data
from train.core.rounds import log_shapes, run_rounds
from train.core.state import State, init_state
from train.core.weights import Weights, init_weights
from train.data.blocks import take_without_inputs
from train.parallel.devices import compiled
from train.run.careful import Careful
from train.run.device_data import starting_rows
from train.run.driver import Call, Logs, Specs, Validation
from train.run.run import Run
from train.run.signatures import n_bytes

Shapes = TypeVar("Shapes", bound=Logs)
CALL_ROUNDS = 64  # rounds at most in one call
CALL_BYTES = 1 << 26  # of answers kept on the device until a call ends


class InMemory:
    """The driver of one net."""

    specs = Specs()

    def init(self, run: Run) -> State:
        """Fresh weights, a function of the run's key, or those that the run begins with."""
        state_of = partial(
            init_state,
            optimizer=run.program.optimizer,
            average=run.config.optim.ema > 0,
            skip_spikes=run.config.train.skip_spikes,
        )
        if run.initial_variables is not None:
            before = run.initial_variables
            weights = Weights(before["params"], before.get("batch_stats") or {})
            return state_of(jax.tree.map(jnp.asarray, weights))

        def fresh(data: Data) -> State:
            rows = _starting_rows(run, data)
            first = run.program.batch(data, rows)
            weight = None if data.mean_weight is None else data.train_weight[rows]
            network = run.program.network
            return state_of(init_weights(network, data.statistics, first.inputs, data.key, weight))

        return with_fallback(run.program, run.data, op_by_op(fresh, run.data))

    def compile(self, run: Run, state: State) -> Call:
        """Rounds of `train.core.rounds`, as many as are asked for and as logs have room for."""
        return Careful(run, state, _compile_rounds)

    def validation(self, run: Run) -> list[Validation]:
        """The data set's validation rows."""
        return [Validation(0, take_without_inputs(run.dataset, run.dataset.splits["valid"]))]


def _compile_rounds(run: Run, data: Data, state: State) -> Call:
    run = replace(run, program=with_block_rows(run.program, data, state))
    shapes = log_shapes(run.program, data, state)
    capacity = log_capacity(shapes)

    def call(data: Data, state: State, n_rounds: Array) -> tuple[State, Logs, Array]:
        logs = empty_logs(shapes, capacity)
        return run_rounds(run.program, data, state, logs, jnp.minimum(n_rounds, capacity))

    return compiled(run.layout, call, (data, state, np.int32(1)))


def log_capacity(shapes: Logs) -> int:
    """How many rounds a call may keep the logs of, each round's being of these shapes."""
    return int(np.clip(CALL_BYTES // max(n_bytes(shapes), 1), 1, CALL_ROUNDS))


def empty_logs(shapes: Shapes, capacity: int) -> Shapes:
    """Room for the logs of `capacity` rounds."""
    return jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), shapes)


def _starting_rows(run: Run, data: Data) -> Array:
    """The rows that weights are initialised with: one for its shape, or those of initial units."""
    if not run.program.network.starts_from_rows:
        return data.train[:1]
    dataset = run.dataset
    return jnp.asarray(starting_rows(dataset.splits["train"], dataset.weight, run.config.seed))

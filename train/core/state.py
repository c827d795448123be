"""All that training changes, as arrays: what is checkpointed, and nothing else."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from train.core.early_stopping import Best, Plateau
from train.core.weights import Weights

Array = jax.Array


class State(struct.PyTreeNode):
    """`step` counts completed updates. `average` is the exponential moving average of params, {}
    when it is off.

    `stopped` is set by patience or by a loss that is not finite (`diverged`); a stopped state is
    not updated again. `sums` are those of an unfinished round, of a stream; of other data, whose
    rounds are done at once, {}.
    """

    step: Array
    weights: Weights
    average: Any
    opt_state: Any
    best: Best
    plateau: Plateau
    stopped: Array
    diverged: Array
    sums: Any = struct.field(default_factory=dict)


def init_state(
    weights: Weights, optimizer: optax.GradientTransformation, *, average: bool
) -> State:
    """The state before the first update. Leaves are distinct buffers: the training program is
    donated all of them.
    """

    def copy(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), tree)

    infinity = jnp.array(jnp.inf, jnp.float32)
    zero = jnp.zeros((), jnp.int32)
    return State(
        step=zero,
        weights=weights,
        average=copy(weights.params) if average else {},
        opt_state=optimizer.init(weights.params),
        best=Best(copy(weights), infinity, copy(infinity), copy(zero), copy(zero)),
        plateau=Plateau(jnp.ones(()), copy(infinity), copy(zero)),
        stopped=jnp.zeros((), bool),
        diverged=jnp.zeros((), bool),
    )

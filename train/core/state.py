"""All that training changes, as arrays: what a checkpoint holds, and nothing else."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import jax
import jax.numpy as jnp
import optax
from flax import struct

from nets.base import Array, Params, Tree
from train.core.early_stopping import Best, Plateau
from train.core.faults import Faults, no_faults
from train.core.penalties import layer_norms
from train.core.program import Program
from train.core.weights import Weights


class Sums(TypedDict):
    """What updates add up; dividing by `weight`, or by the number of updates, is left to the end.

    A dictionary, for a stream's state keeps it, under these names, in checkpoints.
    """

    loss: Array
    """Losses of the rows, each times its weight."""
    weight: Array
    """Weights of the rows."""
    penalty: Array
    """Penalties, one for each update."""
    gradient_norms: NotRequired[dict[str, Array]]
    """{layer: norm of its gradient}, one for each update, where the config asks for them."""


class State(struct.PyTreeNode):
    """What the next update depends on. Field names are the paths of arrays in checkpoints."""

    step: Array
    """Completed updates."""
    weights: Weights
    """As they are after the last update."""
    average: Params
    """The exponential moving average of `weights.params`; {} if it is off."""
    opt_state: optax.OptState
    """The optimizer's moments and counts."""
    best: Best
    """The weights of the best evaluation so far."""
    plateau: Plateau
    """The factor on the learning rate of the schedule "plateau"."""
    stopped: Array
    """Whether training has ended before its last step; a stopped state is not updated again."""
    diverged: Array
    """Whether it has because a loss or a weight is not finite."""
    faults: Faults
    """Updates that were left out. Version 0.1.0 saved none of it."""
    sums: Tree = struct.field(default_factory=dict)
    """`Sums` and "updates" of a stream's unfinished round; {} where rounds are done at once."""


def init_state(
    weights: Weights,
    optimizer: optax.GradientTransformation,
    *,
    average: bool,
    skip_spikes: bool = False,
) -> State:
    """The state before the first update.

    Leaves are distinct buffers: the training program is donated all of them.
    """

    def copy(tree: Tree) -> Tree:
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
        faults=no_faults(spikes=skip_spikes),
    )


def no_sums(program: Program, weights: Weights) -> Sums:
    """The sums before the first update."""
    sums = Sums(loss=jnp.zeros(()), weight=jnp.zeros(()), penalty=jnp.zeros(()))
    if program.config.train.gradient_norms:
        sums["gradient_norms"] = jax.tree.map(jnp.zeros_like, layer_norms(weights.params))
    return sums

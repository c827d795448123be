"""What is kept of a run, and when it stops: the best weights, patience, and the plateau of the
learning rate.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from train.config.options import Optim
from train.core.weights import Weights

Array = jax.Array


class Best(struct.PyTreeNode):
    """The best weights so far, and how long ago they became so.

    `kept` is their monitored value, `value` the lowest one of all evaluations, `step` the update
    that the weights are of, and `wait` the number of evaluations since the lowest value.
    """

    weights: Weights
    kept: Array
    value: Array
    step: Array
    wait: Array


class Plateau(struct.PyTreeNode):
    """The factor on the learning rate of the schedule "plateau", the lowest value, and the
    evaluations since.
    """

    factor: Array
    value: Array
    wait: Array


def update_best(best: Best, weights: Weights, value: Array, step: Array, restore: str) -> Best:
    """The best weights after an evaluation that gave these weights this monitored value.

    Of equal values, as counted errors often are, the later weights are kept: they were trained
    longer. With `restore` "last" the latest always are. The wait for a lower value ends with a
    strictly lower one only.
    """
    keep = (value <= best.value) | (restore == "last")

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(keep, new, old)

    return Best(
        weights=jax.tree.map(choose, weights, best.weights),
        kept=choose(value, best.kept),
        # Fmin passes over a nan, which nothing would ever be lower than.
        value=jnp.fmin(value, best.value),
        step=choose(step, best.step),
        wait=jnp.where(value < best.value, 0, best.wait + 1),
    )


def update_plateau(plateau: Plateau, value: Array, options: Optim) -> Plateau:
    """The factor on the learning rate after an evaluation: cut once `plateau_patience` of them gave
    no lower value.
    """
    improved = value < plateau.value
    wait = jnp.where(improved, 0, plateau.wait + 1)
    cut = ~improved & (wait >= options.plateau_patience)
    return Plateau(
        factor=jnp.where(cut, plateau.factor * options.plateau_factor, plateau.factor),
        value=jnp.fmin(value, plateau.value),
        wait=jnp.where(cut, 0, wait),
    )

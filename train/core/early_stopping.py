"""Early stopping: the best weights so far, patience, and the plateau of the learning rate."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from nets.base import Array
from train.config.options import Optim
from train.core.weights import Weights


class Best(struct.PyTreeNode):
    """The best weights so far. Field names are the paths of arrays in checkpoints."""

    weights: Weights
    """The weights of the best evaluation."""
    kept: Array
    """Their monitored value."""
    value: Array
    """The lowest monitored value of all evaluations.

    Below `kept` only if the last is restored, above it only while a fallback is the best.
    """
    step: Array
    """The update that the weights are of."""
    wait: Array
    """Evaluations since the lowest value."""


class Plateau(struct.PyTreeNode):
    """What the schedule "plateau" goes by. Field names are the paths of arrays in checkpoints."""

    factor: Array
    """What the learning rate is multiplied by."""
    value: Array
    """The lowest monitored value of all evaluations."""
    wait: Array
    """Evaluations since the lowest value, or since the last cut."""


def update_best(best: Best, weights: Weights, value: Array, step: Array, restore: str) -> Best:
    """The best weights after an evaluation that gave these weights this monitored value.

    Of equal values, as counted errors often are, the later weights are the best: they were trained
    longer. With `restore` "last" the latest always are. Only a strictly
    lower value ends the wait for one; that of a fallback, kept from the start, does not count.
    """
    is_best = ((value <= best.value) & (value <= best.kept)) | (restore == "last")

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(is_best, new, old)

    return Best(
        weights=jax.tree.map(choose, weights, best.weights),
        kept=choose(value, best.kept),
        # Fmin passes over a nan, which nothing would ever be lower than.
        value=jnp.fmin(value, best.value),
        step=choose(step, best.step),
        wait=jnp.where(value < best.value, 0, best.wait + 1),
    )


def update_plateau(plateau: Plateau, value: Array, options: Optim) -> Plateau:
    """The plateau after an evaluation that gave this monitored value.

    Its factor is cut once `plateau_patience` evaluations gave no lower value.
    """
    improved = value < plateau.value
    wait = jnp.where(improved, 0, plateau.wait + 1)
    cut = ~improved & (wait >= options.plateau_patience)
    return Plateau(
        factor=jnp.where(cut, plateau.factor * options.plateau_factor, plateau.factor),
        value=jnp.fmin(value, plateau.value),
        wait=jnp.where(cut, 0, wait),
    )

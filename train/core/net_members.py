"""Batches and losses of a net whose members share weights. Shapes: b rows, k members or orders."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp

from nets.base import Array, Arrays
from train.core.tasks import Outputs, Task, row_losses


def rows_of_members(inputs: Arrays, n_orders: int) -> Arrays:
    """Rows taken in several orders at once, [b * k, ...], as each member's own, [b, k, ...]."""
    if n_orders == 1:
        return inputs
    return {name: array.reshape(-1, n_orders, *array.shape[1:]) for name, array in inputs.items()}


def mean_losses(
    tasks: tuple[Task, ...],
    outputs: Outputs,
    target: Mapping[str, Array],
    smoothing: float | Array,
    members: int,
) -> Array:
    """The mean of the members' losses for each row [b], not the loss of their mean.

    `outputs` [b * k, ...] are those of so many members for each target [b, ...], one after the
    other.
    """
    if members == 1:
        return row_losses(tasks, outputs, target, smoothing)
    repeated = {name: jnp.repeat(array, members, axis=0) for name, array in target.items()}
    losses_r = row_losses(tasks, outputs, repeated, smoothing)
    return losses_r.reshape(-1, members).mean(1)

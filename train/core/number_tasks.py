"""What a row of numbers costs, and how wrong it is. Shapes: b rows, o outputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp

from nets.base import Array
from train.core.losses import NUMBER_LOSSES, Loss, mse, quantile
from train.core.own import find_loss
from train.core.task import Outputs, Task

# What losses of densities take between the mean and the target.
DENSITY_PARTS = {
    "gaussian": ("deviation",),
    "student_t": ("deviation", "freedom"),
    "negative_binomial": ("dispersion",),
    "zero_inflated": ("dispersion", "zeros"),
}


def number_loss(task: Task, outputs: Outputs, target_bo: Array, _: float | Array) -> Array:
    """What each row costs [b]: the mean over its outputs, or over those of a known target."""
    name = task.head.name
    if task.loss == "quantile":
        loss = partial(quantile, levels=task.head.quantiles)
        return _mean_over_known(task, loss, target_bo, outputs[f"{name}.quantiles"])
    parts = [outputs[f"{name}.{part}"] for part in DENSITY_PARTS.get(task.loss, ())]
    if parts:
        density = partial(_density_loss, NUMBER_LOSSES[task.loss])
        return _mean_over_known(task, density, target_bo, outputs[name], *parts)
    return _mean_over_known(task, find_loss(NUMBER_LOSSES, task.loss), target_bo, outputs[name])


def _density_loss(loss: Loss, mean_bo: Array, target_bo: Array, *parts: Array) -> Array:
    return loss(mean_bo, *parts, target_bo)


def _mean_over_known(
    task: Task, loss: Callable[..., Array], target_bo: Array, answer: Array, *more: Array
) -> Array:
    """`loss(answer, target, *more)` [b], a mean over outputs, or over those of a known target.

    Answers are [b, o, ...].
    """
    if not task.gaps:
        return loss(answer, target_bo, *more)
    known_bo = ~jnp.isnan(target_bo)

    def apart(array: Array) -> Array:
        """[b, o, ...] -> [b * o, 1, ...]: each output as a row of its own."""
        return array.reshape(-1, 1, *array.shape[2:])

    # A number in place of nan, which would come through the derivative of what is masked.
    target = apart(jnp.where(known_bo, target_bo, 0.0))
    loss_bo = loss(apart(answer), target, *map(apart, more)).reshape(target_bo.shape)
    return jnp.where(known_bo, loss_bo, 0.0).sum(-1) / jnp.maximum(known_bo.sum(-1), 1)


def number_error(task: Task, outputs: Outputs, target_bo: Array) -> Array:
    """The mean squared error of each row [b], over outputs of a known target."""
    predicted_bo = outputs[task.head.name]
    if task.loss == "poisson" or task.head.counts:
        predicted_bo = jnp.exp(predicted_bo)
    return _mean_over_known(task, mse, target_bo, predicted_bo)

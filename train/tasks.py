"""What the targets mean for training: which loss each head has, what a row costs, and when an answer is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nets.heads import HeadShape
from train.losses import LOSSES, binary_crossentropy, categorical_crossentropy

Array = jax.Array
BY_KIND = {"regression": "mse", "binary": "binary_crossentropy", "multiclass": "categorical_crossentropy"}


class Task(NamedTuple):
    """A head and the loss it is trained on."""

    head: HeadShape
    loss: str


def make_tasks(heads: tuple[HeadShape, ...], loss: str) -> tuple[Task, ...]:
    """One task per head. `loss` is for the heads it fits; the others take the one of their kind."""
    numeric = set(LOSSES) - {"binary_crossentropy", "categorical_crossentropy"}
    return tuple(Task(h, loss if h.kind == "regression" and loss in numeric else BY_KIND[h.kind]) for h in heads)


def row_losses(
    tasks: tuple[Task, ...], outputs: Mapping[str, Array], target: Mapping[str, Array], smoothing: float | Array = 0.0
) -> Array:
    """Loss of each row [b], summed over heads. `smoothing` is for training alone: evaluations leave it at 0."""
    total_b = jnp.zeros(())
    for head, loss in tasks:
        prediction, truth = outputs[head.name], target[head.name]
        if loss == "binary_crossentropy":
            total_b += binary_crossentropy(prediction, truth, smoothing)
        elif loss == "categorical_crossentropy":
            total_b += categorical_crossentropy(prediction, truth, smoothing)
        else:
            total_b += LOSSES[loss](prediction, truth)
    return total_b


def row_errors(tasks: tuple[Task, ...], outputs: Mapping[str, Array], target: Mapping[str, Array]) -> Array:
    """What a user counts as error [b], summed over heads: squared error of numbers, 0 or 1 for a class."""
    total_b = jnp.zeros(())
    for head, loss in tasks:
        prediction, truth = outputs[head.name], target[head.name]
        if head.kind == "binary":
            total_b += ((prediction[:, 0] > 0) != (truth == 1)).astype(jnp.float32)
        elif head.kind == "multiclass":
            total_b += (jnp.argmax(prediction, -1) != truth).astype(jnp.float32)
        else:
            total_b += jnp.square((jnp.exp(prediction) if loss == "poisson" else prediction) - truth).mean(-1)
    return total_b

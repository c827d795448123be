"""What the targets mean for training: which loss each head has, what a row costs, and when an
answer is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nets.activations import step
from nets.autoencoder import reconstruction_losses
from nets.crf import log_likelihood
from nets.heads import HeadShape
from nets.perceptron import surrogate_step
from train.core.losses import (
    LOSSES,
    binary_crossentropy,
    categorical_crossentropy,
    gaussian,
    next_binary_crossentropy,
    next_mse,
    quantile,
    tag_crossentropy,
    threshold_error,
)

Array = jax.Array
BY_KIND = {
    "regression": "mse",
    "binary": "binary_crossentropy",
    "multiclass": "categorical_crossentropy",
    "cluster": "squared_distance",
    "reconstruction": "reconstruction",
    "tags": "categorical_crossentropy",
    "next_numbers": "mse",
    "next_binary": "binary_crossentropy",
}
# By the rule of a perceptron; those that go row by row take no derivative.
THRESHOLDS = {
    "rosenblatt": step,
    "pocket": step,
    "averaged": step,
    "straight_through": step,
    "surrogate": surrogate_step,
}


class Task(NamedTuple):
    """A head and the loss it is trained on.

    `steps` is a row's usual number of steps, by which the losses of all its steps are divided: so a
    long row counts for more than a short one, and a head that answers at every step for as much as
    one that answers once.
    """

    head: HeadShape
    loss: str
    steps: float = 1.0


def make_tasks(
    heads: tuple[HeadShape, ...],
    loss: str,
    steps: float = 1.0,
    *,
    crf: bool = False,
    quantiles: tuple[float, ...] = (),
) -> tuple[Task, ...]:
    """One task per head. `loss` is for the heads it fits; the others take the one of their kind. A
    head whose loss is "quantile" answers at the levels `quantiles`, one whose loss is "gaussian"
    with a deviation.
    """
    numeric = set(LOSSES) - {"binary_crossentropy", "categorical_crossentropy"}
    tasks = []
    for head in heads:
        chosen = loss if head.kind == "regression" and loss in numeric else BY_KIND[head.kind]
        if chosen == "quantile":
            head = head._replace(quantiles=quantiles)
        elif chosen == "gaussian":
            head = head._replace(deviation=True)
        tasks.append(Task(head, "crf" if crf and head.kind == "tags" else chosen, steps))
    return tuple(tasks)


def row_losses(
    tasks: tuple[Task, ...],
    outputs: Mapping[str, Array],
    target: Mapping[str, Array],
    smoothing: float | Array = 0.0,
) -> Array:
    """Loss of each row [b], summed over heads. `smoothing` is for training alone: evaluations leave
    it at 0.
    """
    total_b = jnp.zeros(())
    for head, loss, steps in tasks:
        prediction = outputs[head.name]
        truth = target[head.name]
        if head.kind == "cluster":
            total_b += prediction
        elif head.kind == "reconstruction":
            total_b += reconstruction_losses(prediction, truth, head)
        elif head.kind == "tags" and loss == "crf":
            total_b += _crf_loss(outputs, head, truth) / steps
        elif head.kind == "tags":
            total_b += tag_crossentropy(prediction, truth, smoothing) / steps
        elif head.kind == "next_binary":
            total_b += next_binary_crossentropy(prediction, truth) / steps
        elif head.kind == "next_numbers":
            total_b += next_mse(prediction, truth) / steps
        elif loss in THRESHOLDS:
            total_b += threshold_error(prediction, truth, THRESHOLDS[loss])
        elif loss == "binary_crossentropy":
            total_b += binary_crossentropy(prediction, truth, smoothing)
        elif loss == "categorical_crossentropy":
            total_b += categorical_crossentropy(prediction, truth, smoothing)
        elif loss == "quantile":
            total_b += quantile(outputs[f"{head.name}.quantiles"], truth, head.quantiles)
        elif loss == "gaussian":
            total_b += gaussian(prediction, outputs[f"{head.name}.deviation"], truth)
        else:
            total_b += LOSSES[loss](prediction, truth)
    return total_b


def _crf_loss(outputs: Mapping[str, Array], head: HeadShape, tags_bt: Array) -> Array:
    """-log P of the tags of each row [b]; nothing for a row with a tag that no training row has."""
    start = outputs[f"{head.name}.start"]
    transition = outputs[f"{head.name}.transition"]
    known_b = (tags_bt < head.size).all(-1)
    tags_bt = jnp.where(known_b[:, None], tags_bt, jnp.minimum(tags_bt, 0))
    lengths_b = (tags_bt >= 0).sum(-1)
    return jnp.where(
        known_b, -log_likelihood(outputs[head.name], tags_bt, start, transition, lengths_b), 0.0
    )


def row_errors(
    tasks: tuple[Task, ...], outputs: Mapping[str, Array], target: Mapping[str, Array]
) -> Array:
    """What a user counts as error [b], summed over heads: squared error of numbers, 0 or 1 for a
    class or a tag, the loss of a row given back.
    """
    total_b = jnp.zeros(())
    for head, loss, steps in tasks:
        prediction = outputs[head.name]
        truth = target[head.name]
        if head.kind == "cluster":
            total_b += prediction
        elif head.kind == "reconstruction":
            total_b += reconstruction_losses(prediction, truth, head)
        elif head.kind == "tags":
            total_b += ((jnp.argmax(prediction, -1) != truth) & (truth >= 0)).sum(-1) / steps
        elif head.kind == "next_binary":
            total_b += next_binary_crossentropy(prediction, truth) / steps
        elif head.kind == "next_numbers":
            total_b += next_mse(prediction, truth) / steps
        elif head.kind == "binary":
            total_b += ((prediction[:, 0] > 0) != (truth == 1)).astype(jnp.float32)
        elif head.kind == "multiclass":
            total_b += (jnp.argmax(prediction, -1) != truth).astype(jnp.float32)
        else:
            total_b += jnp.square(
                (jnp.exp(prediction) if loss == "poisson" else prediction) - truth
            ).mean(-1)
    return total_b

"""What a head is trained on: its loss, what a row costs, and what of it counts as an error.

What training does with each kind of head is a row of HEAD_KINDS.
Shapes: b rows, t steps, o outputs, k classes or tags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, get_args

import jax.numpy as jnp

from nets.activations import step
from nets.autoencoder import reconstruction_losses
from nets.base import Array
from nets.densities import Density
from nets.heads import HeadShape
from nets.perceptron import surrogate_step
from train.core.losses import (
    CLASS_LOSSES,
    NUMBER_LOSSES,
    crf_loss,
    next_binary_crossentropy,
    next_mse,
    tag_crossentropy,
    threshold_error,
)
from train.core.number_tasks import number_error, number_loss
from train.core.own import find_loss, is_own_loss
from train.core.task import Outputs as Outputs
from train.core.task import Task as Task

# By the rule of a perceptron; those that go row by row take no derivative.
THRESHOLDS = {
    "rosenblatt": step,
    "pocket": step,
    "averaged": step,
    "straight_through": step,
    "surrogate": surrogate_step,
}


RowLoss = Callable[[Task, Outputs, Array, float | Array], Array]
RowError = Callable[[Task, Outputs, Array], Array]


class HeadKind(NamedTuple):
    """What training does with the heads of one kind."""

    loss: str
    """The default loss."""
    row_loss: RowLoss
    """(task, outputs, target, smoothing) -> the loss of each row [b], summed over its steps."""
    row_error: RowError
    """(task, outputs, target) -> the error of each row [b], summed over its steps."""
    every_step: bool = False
    """Whether the head answers at every step."""
    averages: bool = True
    """Whether the mean of several nets' predictions is a prediction."""
    together: bool = False
    """Whether several nets answer together by their outputs, where the mean is no prediction."""
    judges_answers: bool = False
    """Whether errors are counted on the postprocessed answers (a path of tags), not on outputs."""


def _class_loss(task: Task, outputs: Outputs, target_b: Array, smoothing: float | Array) -> Array:
    scores_bk = outputs[task.head.name]
    if task.gaps:
        known_b = target_b < max(scores_bk.shape[1], 2)
        target_b = jnp.where(known_b, target_b, 0)
        loss_b = _class_loss(task._replace(gaps=False), outputs, target_b, smoothing)
        return jnp.where(known_b, loss_b, 0.0)
    if task.loss in THRESHOLDS:
        return threshold_error(scores_bk, target_b, THRESHOLDS[task.loss])
    return find_loss(CLASS_LOSSES, task.loss)(scores_bk, target_b, smoothing)


def _binary_error(task: Task, outputs: Outputs, target_b: Array) -> Array:
    error_b = (outputs[task.head.name][:, 0] > 0) != (target_b == 1)
    if task.gaps:
        error_b |= target_b > 1
    return error_b.astype(jnp.float32)


def _multiclass_error(task: Task, outputs: Outputs, target_b: Array) -> Array:
    return (jnp.argmax(outputs[task.head.name], -1) != target_b).astype(jnp.float32)


def _tag_loss(task: Task, outputs: Outputs, target_bt: Array, smoothing: float | Array) -> Array:
    name = task.head.name
    if task.loss == "crf":
        start_k = outputs[f"{name}.start"]
        return crf_loss(outputs[name], target_bt, start_k, outputs[f"{name}.transition"])
    return tag_crossentropy(outputs[name], target_bt, smoothing)


def _tag_error(task: Task, answers: Outputs, target_bt: Array) -> Array:
    return ((answers[task.head.name] != target_bt) & (target_bt >= 0)).sum(-1)


# The error of these kinds is their loss; none of them is smoothed.
def _next_numbers(task: Task, outputs: Outputs, target_btf: Array, _: float | Array = 0.0) -> Array:
    return next_mse(outputs[task.head.name], target_btf)


def _next_binary(task: Task, outputs: Outputs, target_btf: Array, _: float | Array = 0.0) -> Array:
    return next_binary_crossentropy(outputs[task.head.name], target_btf)


def _reconstruction(
    task: Task, outputs: Outputs, target_bc: Array, _: float | Array = 0.0
) -> Array:
    return reconstruction_losses(outputs[task.head.name], target_bc, task.head)


def _distance(task: Task, outputs: Outputs, _target: Array, _: float | Array = 0.0) -> Array:
    return outputs[task.head.name]  # the network's own: there is no target


HEAD_KINDS = {
    "regression": HeadKind("mse", number_loss, number_error),
    "binary": HeadKind("binary_crossentropy", _class_loss, _binary_error),
    "multiclass": HeadKind("categorical_crossentropy", _class_loss, _multiclass_error),
    "cluster": HeadKind("squared_distance", _distance, _distance, averages=False),
    "reconstruction": HeadKind("reconstruction", _reconstruction, _reconstruction, averages=False),
    "tags": HeadKind(
        "categorical_crossentropy",
        _tag_loss,
        _tag_error,
        every_step=True,
        averages=False,
        together=True,
        judges_answers=True,
    ),
    "step_numbers": HeadKind("mse", _next_numbers, _next_numbers, every_step=True),
    "next_numbers": HeadKind("mse", _next_numbers, _next_numbers, every_step=True),
    "next_binary": HeadKind("binary_crossentropy", _next_binary, _next_binary, every_step=True),
}


def make_tasks(
    heads: tuple[HeadShape, ...],
    loss: str,
    steps: float = 1.0,
    *,
    crf: bool = False,
    quantiles: tuple[float, ...] = (),
) -> tuple[Task, ...]:
    """One task per head: `loss` where it fits the head, else the default loss of the head's kind.

    A head whose loss is "quantile" answers at the levels `quantiles`, one whose loss is a density
    with the parts of it; with `crf` tags are trained by a CRF.
    """
    tasks = []
    for head in heads:
        chosen = HEAD_KINDS[head.kind].loss
        is_own = is_own_loss(loss, head.kind)
        if is_own or (head.kind == "regression" and loss in NUMBER_LOSSES):
            chosen = loss
        if head.kind == "tags" and crf:
            chosen = "crf"
        if chosen == "quantile":
            head = head._replace(quantiles=quantiles)
        elif chosen in get_args(Density):
            head = head._replace(deviation=True, density=chosen)
        elif chosen == "gamma":
            head = head._replace(amounts=True)
        tasks.append(Task(head, chosen, steps))
    return tuple(tasks)


def row_losses(
    tasks: tuple[Task, ...],
    outputs: Outputs,
    target: Mapping[str, Array],
    smoothing: float | Array = 0.0,
) -> Array:
    """Loss of each row [b], summed over heads; evaluations leave `smoothing` at 0."""
    total_b = jnp.zeros(())
    for task in tasks:
        kind = HEAD_KINDS[task.head.kind]
        loss_b = kind.row_loss(task, outputs, target[task.head.name], smoothing)
        total_b += loss_b / task.steps if kind.every_step else loss_b
    return total_b


def known_rows(tasks: tuple[Task, ...], target: Mapping[str, Array]) -> Array:
    """1 for a row that a mean loss is over [b], 0 for one of a class that no training row has."""
    known_b = jnp.ones(())
    for task in tasks:
        if task.gaps and task.head.kind in ("binary", "multiclass"):
            known_b *= target[task.head.name] < max(task.head.size, 2)
    return known_b


def row_errors(
    tasks: tuple[Task, ...], outputs: Outputs, target: Mapping[str, Array], answers: Outputs
) -> Array:
    """Error of each row [b] as a user counts it, over heads; `answers` are postprocessed.

    Squared errors, 0 or 1 for a class or a tag, the loss of a row given back.
    """
    total_b = jnp.zeros(())
    for task in tasks:
        kind = HEAD_KINDS[task.head.kind]
        of_row = answers if kind.judges_answers else outputs
        error_b = kind.row_error(task, of_row, target[task.head.name])
        total_b += error_b / task.steps if kind.every_step else error_b
    return total_b

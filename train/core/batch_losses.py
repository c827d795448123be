"""The loss of a batch, or of a window of its steps. Shapes: b rows."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from jax import numpy as jnp

from nets.base import Array, Arrays, Tree
from train.config.bounded import resolved
from train.core.net_members import mean_losses
from train.core.program import Program
from train.core.tasks import HEAD_KINDS
from train.data.dataset import Batch

Batches = tuple[Batch[Array], ...]


class Window(NamedTuple):
    """What a stretch of a batch's steps has of each row, beside the steps themselves."""

    carry: Tree
    """The state that the row begins it with, an axis of rows in front."""
    ends_b: Array
    """1 for a row whose last step is in it."""


def weighted_loss(program: Program, outputs: Arrays, batches: Batches) -> Array:
    """The sum over rows of loss times weight, of all `batches`: targets of the same outputs.

    Members with rows of their own have a target each; of those that share them it is the mean loss.
    """
    smoothing = resolved(program.config.label_smoothing)
    members = program.network.n_members // program.config.net.n_orders
    total = jnp.zeros(())
    for batch in batches:
        losses_b = mean_losses(program.tasks, outputs, batch.target, smoothing, members)
        total += (losses_b * batch.weight).sum()
    return total


def window_loss(program: Program, outputs: Arrays, batches: Batches, window: Window) -> Array:
    """The weighted loss of a window: of its steps, and of the rows that end in it."""
    of_steps = tuple(task for task in program.tasks if HEAD_KINDS[task.head.kind].every_step)
    of_rows = tuple(task for task in program.tasks if task not in of_steps)
    ending = tuple(batch._replace(weight=batch.weight * window.ends_b) for batch in batches)
    loss = weighted_loss(replace(program, tasks=of_steps), outputs, batches)
    return loss + weighted_loss(replace(program, tasks=of_rows), outputs, ending)


def share_of_steps(program: Program) -> float:
    """The share of a usual row's steps that a window has: its loss is of so much of the row's.

    So an update weighs a step for what a batch of rows as long as the window would; 1 where no
    head answers at every step.
    """
    steps = [task.steps for task in program.tasks if HEAD_KINDS[task.head.kind].every_step]
    assert program.window is not None
    return min(1.0, program.window / max(steps)) if steps else 1.0

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
    """The sum of loss times weight over the rows of all batches, which are targets of one output.

    Where members of a net share rows, a row's loss is the mean of theirs; members with an order of
    rows of their own have a target each.
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
    """A window's steps over those of a usual row; 1 where no head answers at every step.

    The loss of a row is divided by the steps of a usual row. That of a window is divided by this
    share besides, so that its steps count as if rows were as long as the window.
    """
    steps = [task.steps for task in program.tasks if HEAD_KINDS[task.head.kind].every_step]
    assert program.window is not None
    return min(1.0, program.window / max(steps)) if steps else 1.0

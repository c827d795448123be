"""A head of a network and the loss that it is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nets.base import Array
from nets.heads import HeadShape

Outputs = Mapping[str, Array]


class Task(NamedTuple):
    """A head and the loss it is trained on.

    `steps` is a row's usual number of steps, by which the losses of all its steps are divided: so a
    long row counts for more than a short one, and a head that answers at every step for as much as
    one that answers once. With `gaps` targets may be nan, or of a class beyond those of the head,
    which no training row has: they cost nothing, and a row's loss is the mean over its known
    numbers. A row of such a class is an error.
    """

    head: HeadShape
    loss: str
    steps: float = 1.0
    gaps: bool = False

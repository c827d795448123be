"""A batch divided over devices: which part of its rows a computation holds.

A layer treats rows alike, but for two things that depend on the rest of the batch: what dropout
draws for a row goes by the row's place, and batch normalisation takes its mean over all rows. They
ask here. Outside of `part_of_batch` the arrays are the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from jax import lax

from nets.base import Array


class Part(NamedTuple):
    """The one at `position`, from 0, of equal parts of a batch.

    `axis` is the mapped axis over which the others are.
    """

    position: int | Array
    axis: str | None


WHOLE = Part(0, None)
_part: ContextVar[Part] = ContextVar("part", default=WHOLE)


@contextmanager
def part_of_batch(index: int | Array, axis: str | None) -> Iterator[None]:
    """Says, while a network is traced, that its rows are one part of a batch.

    `index` may be traced.
    """
    token = _part.set(Part(index, axis))
    try:
        yield
    finally:
        _part.reset(token)


def part_index() -> int | Array:
    """Which part of the batch this is."""
    return _part.get().position


def sum_over_parts(x: Array) -> Array:
    """The sum of the parts' x."""
    axis = _part.get().axis
    return x if axis is None else lax.psum(x, axis)

"""Sums over a batch that is divided into parts, over several devices or on one.

A part gives sums, never means: its weights may differ from those of other parts, so the division
comes after the sum over all parts. Shapes: b rows of a batch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array
from nets.batch_axis import part_of_batch

Rows = TypeVar("Rows")  # a pytree of arrays with an axis of rows in front
Summed = TypeVar("Summed")
Common = TypeVar("Common")
PerRow = TypeVar("PerRow")

BATCH = "batch"  # the mapped axis of the devices that share a batch


@dataclass(frozen=True)
class Parts:
    """A batch in `count` equal parts, shared by `devices` along the axis BATCH.

    With `exact` a device computes several parts one after the other, and all parts are added in one
    order, so that the bits do not depend on the number of devices; without it each device has one
    part. A device needs two parts at least for this: XLA unrolls a loop of one turn and fuses its
    body with the code around it, which gives other bits.
    """

    count: int = 1
    devices: int = 1
    exact: bool = False


WHOLE = Parts()


class PartResult(NamedTuple, Generic[Summed, Common, PerRow]):
    """What is computed of one part of a batch, or of all parts together. Each is a pytree."""

    summed: Summed
    """Sums over the rows, which are added up over the parts."""
    common: Common
    """What is the same for every part."""
    per_row: PerRow
    """Arrays with an axis of rows in front, which are joined in the order of the parts."""


def padded_size(parts: Parts, n_rows: int) -> int:
    """`n_rows`, rounded up to what the parts divide evenly."""
    return -(-n_rows // parts.count) * parts.count


def sum_over_parts(
    parts: Parts, tree_b: Rows, compute: Callable[[Rows], PartResult[Summed, Common, PerRow]]
) -> PartResult[Summed, Common, PerRow]:
    """The result for all rows, from `compute(rows)` for the rows of each part."""
    if parts.count == 1:
        return compute(tree_b)
    place = lax.axis_index(BATCH) if parts.devices > 1 else jnp.zeros((), jnp.int32)
    axis = None if parts.exact else BATCH

    def compute_part(index: Array) -> PartResult[Summed, Common, PerRow]:
        with part_of_batch(index, axis):
            return compute(jax.tree.map(lambda leaf: _slice(leaf, index, parts.count), tree_b))

    if not parts.exact:
        part = compute_part(place)
        summed = lax.psum(part.summed, BATCH)
        return PartResult(summed, part.common, all_gathered(parts, part.per_row))
    n_own = parts.count // parts.devices
    own = lax.map(compute_part, place * n_own + jnp.arange(n_own))
    summed = jax.tree.map(
        lambda leaf: functools.reduce(operator.add, leaf), all_gathered(parts, own.summed)
    )
    common = jax.tree.map(lambda leaf: leaf[0], own.common)
    per_row = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), own.per_row)
    return PartResult(summed, common, all_gathered(parts, per_row))


def own_slice(parts: Parts, array: Array) -> Array:
    """This device's share of an array's rows, which the devices divide evenly."""
    return array if parts.devices == 1 else _slice(array, lax.axis_index(BATCH), parts.devices)


def all_gathered(parts: Parts, tree: Rows) -> Rows:
    """The rows of all devices, in the order of the devices."""
    return tree if parts.devices == 1 else lax.all_gather(tree, BATCH, tiled=True)


def _slice(array: Array, index: Array, count: int) -> Array:
    size = array.shape[0] // count
    return lax.dynamic_slice_in_dim(array, index * size, size)

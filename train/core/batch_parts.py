"""Sums over a batch that is divided, over devices or on one: what each part gives, added up.

A part gives sums, never means: parts may hold different weights, and what divides comes after.
Shapes: b rows of a batch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array
from nets.batch_axis import part_of_batch

Rows = TypeVar("Rows")  # a pytree of arrays with an axis of rows in front
Sums = TypeVar("Sums")
Whole = TypeVar("Whole")
Given = TypeVar("Given")  # a pytree of arrays with an axis of rows in front

BATCH = "batch"  # the mapped axis of the devices that share a batch


@dataclass(frozen=True)
class Parts:
    """A batch in `count` equal parts, shared by `devices` along the axis BATCH.

    `exact`: a device computes its parts one after the other and all are added in one order, so that
    the bits do not depend on how many devices there are; a device has two of them at least, for XLA
    unrolls a loop of one, and fuses what was its body with what stands around, to other bits. Else
    each device has one part.
    """

    count: int = 1
    devices: int = 1
    exact: bool = False


WHOLE = Parts()


def padded_size(parts: Parts, n_rows: int) -> int:
    """`n_rows`, rounded up to what the parts divide evenly."""
    return -(-n_rows // parts.count) * parts.count


def sum_over_parts(
    parts: Parts, tree_b: Rows, sums_of_part: Callable[[Rows], tuple[Sums, Whole, Given]]
) -> tuple[Sums, Whole, Given]:
    """Sums over all parts, what is the same for every part, and what there is of each row.

    `sums_of_part(rows)` returns these three for the rows of a part. Its sums are added up over the
    parts; its third result, whose first axis is rows, is joined in the order of the parts.
    """
    if parts.count == 1:
        return sums_of_part(tree_b)
    place = lax.axis_index(BATCH) if parts.devices > 1 else jnp.zeros((), jnp.int32)
    axis = None if parts.exact else BATCH

    def sums_at(index: Array) -> tuple[Sums, Whole, Given]:
        with part_of_batch(index, axis):
            part = jax.tree.map(lambda leaf: _slice(leaf, index, parts.count), tree_b)
            return sums_of_part(part)

    if not parts.exact:
        sums, whole, given = sums_at(place)
        return lax.psum(sums, BATCH), whole, all_gathered(parts, given)
    n_own = parts.count // parts.devices
    sums, whole, given = lax.map(sums_at, place * n_own + jnp.arange(n_own))
    added = jax.tree.map(
        lambda leaf: functools.reduce(operator.add, leaf), all_gathered(parts, sums)
    )
    given = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), given)
    return added, jax.tree.map(lambda leaf: leaf[0], whole), all_gathered(parts, given)


def own_slice(parts: Parts, array: Array) -> Array:
    """This device's share of an array's rows, which the devices divide evenly."""
    return array if parts.devices == 1 else _slice(array, lax.axis_index(BATCH), parts.devices)


def all_gathered(parts: Parts, tree: Rows) -> Rows:
    """The rows of all devices, in the order of the devices."""
    return tree if parts.devices == 1 else lax.all_gather(tree, BATCH, tiled=True)


def _slice(array: Array, index: Array, count: int) -> Array:
    size = array.shape[0] // count
    return lax.dynamic_slice_in_dim(array, index * size, size)

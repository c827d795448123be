"""Sums over a batch that is divided, over devices or on one: what each part gives, added up.

A part gives sums, never means: parts may hold different weights, and what divides comes after. b
rows of a batch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from nets.batch_axis import part_of_batch

Array = jax.Array
BATCH = "batch"  # the mapped axis of the devices that share a batch


class Parts(NamedTuple):
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
    """Rows of a batch of `n_rows` that `parts` divides evenly."""
    return -(-n_rows // parts.count) * parts.count


def summed(
    parts: Parts, tree_b: Any, gradients_of_part: Callable[[Any], tuple[Any, Any]]
) -> tuple[Any, Any]:
    """`of_part(rows)` gives (sums, whole) of some rows of `tree_b`, arrays of b rows: the sums of
    all parts added up.

    `whole`, which a part must know of the whole batch already, comes back as it is.
    """
    if parts.count == 1:
        return gradients_of_part(tree_b)
    place = lax.axis_index(BATCH) if parts.devices > 1 else jnp.zeros((), jnp.int32)
    axis = None if parts.exact else BATCH

    def of_index(index: Array) -> tuple[Any, Any]:
        with part_of_batch(index, axis):
            return gradients_of_part(
                jax.tree.map(lambda leaf: _slice(leaf, index, parts.count), tree_b)
            )

    if not parts.exact:
        sums, whole = of_index(place)
        return lax.psum(sums, BATCH), whole
    n_own = parts.count // parts.devices
    sums, whole = lax.map(of_index, place * n_own + jnp.arange(n_own))
    added = jax.tree.map(lambda leaf: functools.reduce(operator.add, leaf), gathered(parts, sums))
    return added, jax.tree.map(lambda leaf: leaf[0], whole)


def own_slice(parts: Parts, array: Array) -> Array:
    """What this device has to do of an array whose rows all devices share: they divide it
    evenly.
    """
    return array if parts.devices == 1 else _slice(array, lax.axis_index(BATCH), parts.devices)


def gathered(parts: Parts, tree: Any) -> Any:
    """The rows of all devices, one device's after the other's."""
    return tree if parts.devices == 1 else lax.all_gather(tree, BATCH, tiled=True)


def _slice(array: Array, index: Array, count: int) -> Array:
    size = array.shape[0] // count
    return lax.dynamic_slice_in_dim(array, index * size, size)

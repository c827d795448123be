"""The rows of a batch by the compiled kernel (rows.cc), where there is one.

XLA divides the gather of a few kilobytes among its threads, which costs a training step more than
it saves: it waits for one that is to be woken, and goes on by another core's cache.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nets.base import Array, Tree
from nets.kernels import library


def take_rows(arrays: Tree, rows_b: Array) -> Tree:
    """The rows [b] of all arrays, as `array[rows_b]` gives them.

    It is not to be differentiated.
    """
    leaves, form = jax.tree.flatten(arrays)
    suits = rows_b.dtype == jnp.int32 and all(map(_suits, leaves))
    if not suits or not library.is_at_hand():
        return jax.tree.unflatten(form, [array[rows_b] for array in leaves])
    asked = [jax.ShapeDtypeStruct(rows_b.shape + leaf.shape[1:], leaf.dtype) for leaf in leaves]
    taken = jax.ffi.ffi_call("denseq_take", asked, vmap_method="expand_dims")(rows_b, *leaves)
    return jax.tree.unflatten(form, taken)


def _suits(array: Array) -> bool:
    """Whether it has rows, and numbers of whole bytes each: of int4 XLA stores two in one."""
    return array.shape[0] > 0 and array.dtype.kind in "biufc"

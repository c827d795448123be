"""Rows in the order of random keys, by the compiled kernel (sort.cc) where there is one.

Shapes: n rows.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array
from nets.kernels import library

MIN_ROWS = 4096  # rows from which on the kernel is worth being compiled


def sorted_rows(keys_n: Array, rows_n: Array) -> Array:
    """The rows in the order of their keys; those of equal keys as they stand.

    Keys are uint32, or float32 from 0 on; rows int32. Bits are those of `lax.sort_key_val`, which
    takes ten times as long.
    """
    has_kernel = library.is_native if rows_n.shape[0] >= MIN_ROWS else library.is_at_hand
    if rows_n.dtype != jnp.int32 or not has_kernel():
        return lax.sort_key_val(keys_n, rows_n)[1]
    # As whole numbers the bits of floats that are not negative have the order of the floats.
    bits_n = lax.bitcast_convert_type(keys_n, jnp.uint32)
    asked = jax.ShapeDtypeStruct(rows_n.shape, jnp.int32)
    return jax.ffi.ffi_call("denseq_sort", asked, vmap_method="expand_dims")(bits_n, rows_n)

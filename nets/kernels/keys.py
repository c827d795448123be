"""Keys of random numbers that are folded by the compiled kernel (rows.cc), where there is one.

Of each `fold_in` XLA makes a loop and ten copies of single numbers, work for several threads, which
wake each other in every training step.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache

import jax
import jax.numpy as jnp
from jax.extend import random as implementations

from nets.base import Array
from nets.kernels import library


def quick_key(key: Array) -> Array:
    """The same key, of which `fold_in` and all else make the same bits."""
    if str(jax.random.key_impl(key)) != "threefry2x32" or not library.is_at_hand():
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=_implementation())


@cache
def _implementation() -> Hashable:
    usual = implementations.threefry_prng_impl
    return implementations.define_prng_impl(
        key_shape=usual.key_shape,
        seed=usual.seed,
        split=usual.split,
        random_bits=usual.random_bits,
        fold_in=_fold_in,
        name="denseq",
        tag="denseq",
    )


def _fold_in(key_2: Array, word: int) -> Array:
    asked = jax.ShapeDtypeStruct((2,), jnp.uint32)
    call = jax.ffi.ffi_call("denseq_fold_in", asked, vmap_method="expand_dims")
    return call(key_2, jnp.asarray(word, jnp.uint32))

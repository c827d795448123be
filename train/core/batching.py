"""The order of an epoch: a pure function of the seed and the epoch. n rows, s steps of an epoch, b
batch rows.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from nets.dropout import random_bits
from train.config.bounded import resolved
from train.core.batch_parts import padded_size
from train.core.program import Data, Program

Array = jax.Array

LENGTH_FACTOR = 2.0


def epoch_rows(program: Program, data: Data, epoch: Array) -> tuple[Array, Array]:
    """The order of an epoch, a pure function of (seed, epoch): row numbers and 0/1 for real ones,
    both [s, b], with b rounded up to what devices share evenly.

    The last batch is filled up with its own last row at weight 0, so that every batch has one
    shape. Any other row could carry an infinite loss into the sum, where 0 * inf is no zero.
    """
    n = data.train.shape[0]
    batch_size = resolved(program.config.train.batch_size)
    key = jax.random.fold_in(jax.random.fold_in(data.key, 1), epoch)
    bits_n = random_bits(key, (n,))
    lengths_n = getattr(data.arrays, "length", None)
    keys_n = bits_n if lengths_n is None else _varied_lengths(lengths_n[data.train], bits_n)
    # The sort is stable, so rows that are not the member's own come last.
    if data.n_train is not None:
        last = jnp.array(jnp.iinfo(jnp.uint32).max if lengths_n is None else jnp.inf, keys_n.dtype)
        keys_n = jnp.where(jnp.arange(n) < data.n_train, keys_n, last)
    _, rows_n = lax.sort_key_val(keys_n, data.train)
    shape = (program.steps_per_epoch, batch_size)
    n_padded = math.prod(shape)
    rows_n = jnp.pad(rows_n, (0, n_padded - n), mode="edge")
    if data.n_train is not None:
        n = data.n_train
        rows_n = jnp.where(jnp.arange(n_padded) < n, rows_n, rows_n[n - 1])
    rows_sb = rows_n.reshape(shape)
    mask_sb = (jnp.arange(n_padded) < n).astype(jnp.float32).reshape(shape)
    to_add = padded_size(program.parts, batch_size) - batch_size
    rows_sb = jnp.pad(rows_sb, ((0, 0), (0, to_add)), mode="edge")
    mask_sb = jnp.pad(mask_sb, ((0, 0), (0, to_add)))
    if lengths_n is None:
        return rows_sb, mask_sb
    _, order_s = lax.sort_key_val(
        random_bits(jax.random.fold_in(key, 0), shape[:1]), jnp.arange(shape[0])
    )
    return rows_sb[order_s], mask_sb[order_s]


def _varied_lengths(lengths_n: Array, bits_n: Array) -> Array:
    """What sequences are sorted by, so that those of a batch are nearly of one length and little
    time goes to padding: the length times a random factor between 1 and LENGTH_FACTOR, by which no
    two epochs have the same batches.
    """
    uniform_n = (bits_n >> 8).astype(jnp.float32) / (1 << 24)
    return jnp.maximum(lengths_n, 1).astype(jnp.float32) * jnp.exp(
        uniform_n * math.log(LENGTH_FACTOR)
    )

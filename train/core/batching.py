"""The order of an epoch: a pure function of the seed and the epoch.

Shapes: n rows that train, s steps of an epoch, b rows of a batch, k orders that members take the
rows in.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from nets.base import Array
from nets.dropout import random_bits
from nets.kernels.sort import sorted_rows
from train.config.bounded import resolved
from train.core.batch_parts import padded_size
from train.core.program import ORDER_KEY, Data, Program

LENGTH_FACTOR = 2.0


def epoch_rows(program: Program, data: Data, epoch: Array) -> tuple[Array, Array]:
    """The rows of every batch of an epoch, and a mask of 1 for rows that count: both [s, b].

    b is the batch size, rounded up to what devices share evenly; every row counts once in an epoch.
    Sequences of nearly one length share a batch, so that little time goes to padding, and the
    batches then come in random order.
    """
    key = jax.random.fold_in(jax.random.fold_in(data.key, ORDER_KEY), epoch)
    lengths_n = getattr(data.arrays, "length", None)
    if lengths_n is not None:
        lengths_n = lengths_n[program.places(data.train)]
    rows_n = sorted_rows(_sort_keys(data, key, lengths_n), data.train)
    rows_sb, mask_sb = _to_batches(program, data, rows_n)
    if lengths_n is None:
        return rows_sb, mask_sb
    n_steps = rows_sb.shape[0]
    bits_s = random_bits(jax.random.fold_in(key, 0), (n_steps,))
    order_s = sorted_rows(bits_s, jnp.arange(n_steps))
    return rows_sb[order_s], mask_sb[order_s]


def batch_rows(
    program: Program, data: Data, batches: tuple[Array, Array], step: Array
) -> tuple[Array, Array]:
    """The rows of a batch of `epoch_rows`, and their mask: both [b], of k orders [b * k].

    Each order of an epoch is the same round of all rows, begun at another place: so a row counts
    once in each, and a batch holds no row twice unless it holds nearly all of them.
    """
    rows_sb, mask_sb = batches
    n_orders = program.config.net.n_orders
    if n_orders == 1:
        return rows_sb[step], mask_sb[step]
    batch_size = resolved(program.config.train.batch_size)
    n = jnp.asarray(data.train.shape[0] if data.n_train is None else data.n_train, jnp.uint32)
    # Beyond the batch size stands what devices need to share evenly, and counts for nothing.
    round_n = rows_sb[:, :batch_size].reshape(-1)
    place_b = (step * batch_size + jnp.arange(mask_sb.shape[1])).astype(jnp.uint32)
    begin_k = jnp.arange(n_orders, dtype=jnp.uint32) * (n // n_orders)
    place_bk = (place_b[:, None] + begin_k[None]) % n
    return round_n[place_bk].reshape(-1), jnp.repeat(mask_sb[step], n_orders)


def _sort_keys(data: Data, key: Array, lengths_n: Array | None) -> Array:
    """What the rows are sorted by [n]: random bits, or lengths times random factors."""
    n = data.train.shape[0]
    bits_n = random_bits(key, (n,))
    keys_n = bits_n if lengths_n is None else _vary_lengths(lengths_n, bits_n)
    if data.n_train is None:
        return keys_n
    # The sort is stable, so rows that are not the member's own come last.
    last = jnp.array(jnp.iinfo(jnp.uint32).max if lengths_n is None else jnp.inf, keys_n.dtype)
    return jnp.where(jnp.arange(n) < data.n_train, keys_n, last)


def _vary_lengths(lengths_n: Array, bits_n: Array) -> Array:
    """Lengths times random factors from 1 to LENGTH_FACTOR: no two epochs have the same batches."""
    uniform_n = (bits_n >> 8).astype(jnp.float32) / (1 << 24)
    factor_n = jnp.exp(uniform_n * math.log(LENGTH_FACTOR))
    return jnp.maximum(lengths_n, 1).astype(jnp.float32) * factor_n


def _to_batches(program: Program, data: Data, rows_n: Array) -> tuple[Array, Array]:
    """Rows in batches of one shape, and a mask of 1 for those that count: both [s, b].

    A batch is filled up with its own last row: any other could carry an infinite loss into the sum,
    where 0 * inf is no zero.
    """
    n = rows_n.shape[0]
    batch_size = resolved(program.config.train.batch_size)
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
    return rows_sb, mask_sb

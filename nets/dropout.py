"""Dropout from a counter-based hash: one fused pass, the same bits on every platform.

However many devices share a batch, too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nets.base import Array
from nets.batch_axis import part_index

ODD = 0x9E3779B9


def random_bits(key: Array, shape: tuple[int, ...], batch_axis: int = 0) -> Array:
    """32 random bits per element, a pure function of (key, position).

    Positions are counted row by row along `batch_axis`, from the first row of the whole batch on
    where it is divided (`nets/batch_axis.py`): a row draws the same whether others stand after it,
    or before it on another device.

    A two-round multiply-xorshift hash (Wellons' lowbias32, keyed at both rounds) of the element's
    number. jax's own Threefry costs half of a small net's training step on a CPU; a mask asks for
    far less than Threefry guarantees, and this hash fuses with the multiplication it feeds.
    `tests/nets/test_dropout.py` checks rate and independence.
    """
    return _bits(words_of(key, math.prod(shape)), shape, batch_axis)


class Words(NamedTuple):
    """What a mask is drawn by: two keys, and the number of its first element. Each uint32."""

    first: Array
    second: Array
    offset: Array


def words_of(key: Array, size: int) -> Words:
    """What `size` elements draw by, at the rows' place in the whole batch."""
    words = jnp.ravel(jax.random.key_data(key)).astype(jnp.uint32)
    # Two rounds forgive no kinship of keys, and key(0) and key(1) are one bit apart: their words
    # are hashed first.
    first = _hash(words[0] ^ _hash(words[1] ^ jnp.uint32(ODD)))
    second = _hash(words[1] ^ first)
    return Words(first, second, jnp.uint32(part_index() * size))


def _bits(words: Words, shape: tuple[int, ...], batch_axis: int = 0) -> Array:
    by_row = (shape[batch_axis], *shape[:batch_axis], *shape[batch_axis + 1 :]) if shape else shape
    number = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(by_row) + words.offset
    number = jnp.moveaxis(number, 0, batch_axis) if batch_axis else number
    return _hash(number * jnp.uint32(ODD) ^ words.first, words.second)


def _hash(bits: Array, key: Array | int = 0) -> Array:
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15) ^ key) * jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def dropout(
    key: Array,
    x: Array,
    rate: float | Array,
    shape: tuple[int, ...] | None = None,
    batch_axis: int = 0,
) -> Array:
    """Inverted dropout (Srivastava et al. 2014): zero with probability `rate`, else x / (1 - rate).

    `shape` (broadcastable to x) shares one decision along its axes of size 1.
    """
    shape = x.shape if shape is None else shape
    return dropout_by(words_of(key, math.prod(shape)), x, rate, shape, batch_axis)


def dropout_by(
    words: Words,
    x: Array,
    rate: float | Array,
    shape: tuple[int, ...] | None = None,
    batch_axis: int = 0,
) -> Array:
    """`dropout` by the words of its key; `rate` may be traced."""
    bits = _bits(words, x.shape if shape is None else shape, batch_axis)
    # 24 bits are what float32 holds exactly, so the comparison has no rounding of its own.
    mask = (bits >> 8).astype(jnp.float32) >= jnp.asarray(rate, jnp.float32) * (1 << 24)
    scale = 1 / (1 - jnp.asarray(rate, x.dtype))
    return jnp.where(mask, x * scale, jnp.zeros((), x.dtype))


def is_off(strength: float | Array) -> bool:
    """Whether a strength (a rate, a decay, a penalty) is known, before tracing, to be 0."""
    return isinstance(strength, (int, float)) and strength == 0

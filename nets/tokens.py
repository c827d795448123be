"""Tokens as vectors: one for each known word, and features of its characters.

Shapes: b batch, t time, c characters. Code 0 is padding and 1 is unknown, of words as of
characters.
"""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array
from nets.dropout import random_bits

UNKNOWN = 1
RESERVED = 2
CHARACTER_SIZE = 32  # numbers that stand for a character
# Beyond so many characters their vectors are looked up: a product with ones and zeros, whose
# gradient is no scatter, is faster only where there are few.
MAX_ONE_HOT = 256
PIECE_BYTES = 1 << 27  # of what is computed at once, unless a step weighs more
# Standard deviation of new vectors: as large as what dropout leaves of them is to be told apart.
SPREAD = 0.3


class Characters(nn.Module):
    """Features of a word's characters [b, t, size] (Chiu & Nichols 2016).

    A convolution over three characters at a time, and the maximum over a word. Words of any
    spelling have features, so that a tagger can tell something of a word it has never seen.
    """

    n_characters: int
    size: int

    @nn.compact
    def __call__(self, codes_btc: Array) -> Array:
        table = self.param("embedding", _vectors, (self.n_characters, CHARACTER_SIZE))
        kernel = self.param(
            "kernel", nn.initializers.glorot_uniform(), (3 * CHARACTER_SIZE, self.size)
        )
        bias = self.param("bias", nn.initializers.zeros_init(), (self.size,))
        # Most steps of most batches are padding: only the first quarter or half is computed where
        # that holds all words.
        n_steps = codes_btc.shape[1]
        longest = jnp.where(codes_btc[:, :, 0] > 0, jnp.arange(1, n_steps + 1)[None], 0).max()
        at_once = steps_at_once(codes_btc.shape, self.n_characters, self.size)
        if at_once < n_steps:
            return _in_pieces(codes_btc, at_once, longest, table, kernel, bias)
        widths = sorted({-(-n_steps // parts) for parts in (4, 2, 1)})

        def first_steps(width: int, codes_btc: Array, *params: Array) -> Array:
            features = _character_features(codes_btc[:, :width], *params)
            return jnp.pad(features, ((0, 0), (0, n_steps - width), (0, 0)))

        branches = [functools.partial(first_steps, width) for width in widths]
        return jax.lax.switch(
            jnp.searchsorted(jnp.array(widths), longest), branches, codes_btc, table, kernel, bias
        )


def steps_at_once(shape_btc: tuple[int, ...], n_characters: int, size: int) -> int:
    """How many steps of characters are computed at once, by their memory; at least 1."""
    n_rows, n_steps, n_places = shape_btc
    if not isinstance(n_rows, int):  # of a program for any number of rows
        return n_steps
    hot = n_characters if n_characters <= MAX_ONE_HOT else 0
    numbers = hot + 5 * CHARACTER_SIZE + 2 * size
    return max(PIECE_BYTES // (4 * numbers * n_places * max(n_rows, 1)), 1)


def _in_pieces(codes_btc: Array, at_once: int, longest: Array, *params: Array) -> Array:
    """`_character_features`, some steps at a time, and those alone that some row has.

    What is between is computed again for a gradient, so that no more is kept than the features.
    """
    b, t, c = codes_btc.shape
    padded = jnp.pad(codes_btc, ((0, 0), (0, -t % at_once), (0, 0)))
    pieces = jnp.moveaxis(padded.reshape(b, -1, at_once, c), 1, 0)
    size = params[1].shape[1]

    @jax.checkpoint
    def piece_features(piece: tuple[Array, Array]) -> Array:
        first, codes = piece
        nothing = jnp.zeros((b, at_once, size), params[0].dtype)
        return jax.lax.cond(
            first < longest, lambda: _character_features(codes, *params), lambda: nothing
        )

    firsts = jnp.arange(len(pieces)) * at_once
    features = jax.lax.map(piece_features, (firsts, pieces))
    return jnp.moveaxis(features, 0, 1).reshape(b, -1, size)[:, :t]


def _character_features(codes_btc: Array, table: Array, kernel: Array, bias: Array) -> Array:
    mask_btc1 = (codes_btc > 0)[..., None]
    if len(table) > MAX_ONE_HOT:
        vectors = table[codes_btc]
    else:
        # One product for the table's gradient: a scatter would take longer than all the rest.
        vectors = jax.nn.one_hot(codes_btc, len(table), dtype=table.dtype) @ table
    x_btce = jnp.where(mask_btc1, vectors, jnp.zeros((), table.dtype))
    sides = jnp.pad(x_btce, ((0, 0), (0, 0), (1, 1), (0, 0)))
    windows = jnp.concatenate([sides[:, :, :-2], x_btce, sides[:, :, 2:]], -1)
    features = windows @ kernel + jnp.expand_dims(bias, range(windows.ndim - 1))
    highest = jnp.where(mask_btc1, features, jnp.array(-jnp.inf, features.dtype)).max(2)
    return jnp.where(mask_btc1[:, :, 0], jnp.tanh(highest), jnp.zeros((), features.dtype))


class Tokens(nn.Module):
    """Word vectors, and character features beside them where `n_characters` is above 0.

    In training a word that occurs `count` times in the training rows is taken for unknown with
    probability rare / (rare + count), so that the unknown word learns to stand for rare ones.
    """

    n_words: int
    size: int
    n_characters: int = 0
    character_size: int = 64
    rare: float = 0.0

    @nn.compact
    def __call__(
        self, codes_bt: Array, characters_btc: Array | None, count_v: Array, *, train: bool
    ) -> Array:
        table = self.param("embedding", _vectors, (self.n_words, self.size))
        if train and self.rare:
            rate_bt = self.rare / (self.rare + count_v[codes_bt])
            uniform_bt = (random_bits(self.make_rng("dropout"), codes_bt.shape) >> 8).astype(
                jnp.float32
            ) / (1 << 24)
            codes_bt = jnp.where((codes_bt > 0) & (uniform_bt < rate_bt), UNKNOWN, codes_bt)
        words = table[codes_bt]
        if characters_btc is None or not self.n_characters:
            return words
        spelled = Characters(self.n_characters, self.character_size, name="characters")(
            characters_btc
        )
        return jnp.concatenate([words, spelled], -1)


def _vectors(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Normal; zero for padding and for unknown, of which nothing is known."""
    return jax.random.normal(key, shape, dtype).at[:RESERVED].set(0) * SPREAD

"""Tokens as vectors: one for each known word, and features of its characters.

Shapes: b batch, t time, c characters of a word, w words of a batch, n characters of a batch,
k features. Code 0 is padding and 1 is unknown, of words as of characters.
"""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array
from nets.dropout import random_bits
from nets.maximum import maximum_of_words, maximum_over

UNKNOWN = 1
RESERVED = 2
CHARACTER_SIZE = 32  # numbers that stand for a character
# Beyond so many characters their vectors are looked up: a product with ones and zeros, whose
# gradient is no scatter, is faster only where there are few.
MAX_ONE_HOT = 256
# Into so many parts all places of characters are cut: of a batch the first one alone is computed
# that holds its characters.
PACKED_PARTS = (16, 8, 4)
PIECE_BYTES = 1 << 27  # of what is computed at once, unless a step weighs more
# Standard deviation of new vectors: as large as what dropout leaves of them is to be told apart.
SPREAD = 0.3


class Characters(nn.Module):
    """Features of a word's characters [b, t, size] (Chiu & Nichols 2016).

    A convolution over three characters at a time, and the maximum over a word. Words of any
    spelling have features, so that a tagger can tell something of a word it has never seen. In
    training padding is left out, which is nearly all there is; the features are the same.
    """

    n_characters: int
    size: int

    @nn.compact
    def __call__(self, codes_btc: Array, *, train: bool = False) -> Array:
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
        if train:
            return _features_of_few(codes_btc, table, kernel, bias)
        widths = sorted({-(-n_steps // parts) for parts in (4, 2, 1)})

        def first_steps(width: int, codes_btc: Array, *params: Array) -> Array:
            features = _character_features(codes_btc[:, :width], *params)
            return jnp.pad(features, ((0, 0), (0, n_steps - width), (0, 0)))

        branches = [functools.partial(first_steps, width) for width in widths]
        place = jnp.searchsorted(jnp.array(widths), highest_of_all(longest))
        return jax.lax.switch(place, branches, codes_btc, table, kernel, bias)


@jax.custom_batching.custom_vmap
def highest_of_all(n: Array) -> Array:
    """A count as it is; under vmap the highest of all, in the place of each.

    A branch chosen by it is then the same for all. Chosen by counts that differ, vmap would compute
    every branch.
    """
    return n


@highest_of_all.def_vmap
def _highest_under_vmap(_: int, __: list[bool], n_m: Array) -> tuple[Array, bool]:
    return highest_of_all(n_m.max()), False  # of nets and rows side by side too


def steps_at_once(shape_btc: tuple[int, ...], n_characters: int, size: int) -> int:
    """How many steps of characters are computed at once, by their memory; at least 1."""
    n_rows, n_steps, n_places = shape_btc
    if not isinstance(n_rows, int):  # of a program for any number of rows
        return n_steps
    hot = n_characters if n_characters <= MAX_ONE_HOT else 0
    numbers = hot + 5 * CHARACTER_SIZE + 2 * size
    return max(PIECE_BYTES // (4 * numbers * n_places * max(n_rows, 1)), 1)


def _in_pieces(codes_btc: Array, at_once: int, longest: Array, *params: Array) -> Array:
    """`_character_features`, some steps at a time, without steps that no row has.

    Its intermediate arrays are computed again for a gradient, so that features alone are kept.
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
    x_btce = jnp.where(mask_btc1, _vectors_of(codes_btc, table), jnp.zeros((), table.dtype))
    sides = jnp.pad(x_btce, ((0, 0), (0, 0), (1, 1), (0, 0)))
    windows = jnp.concatenate([sides[:, :, :-2], x_btce, sides[:, :, 2:]], -1)
    features = windows @ kernel + jnp.expand_dims(bias, range(windows.ndim - 1))
    lowest = jnp.array(-jnp.inf, features.dtype)
    highest = maximum_over(jnp.where(mask_btc1, features, lowest), 2)
    return jnp.where(mask_btc1[:, :, 0], jnp.tanh(highest), jnp.zeros((), features.dtype))


def _vectors_of(codes: Array, table: Array) -> Array:
    if len(table) > MAX_ONE_HOT:
        return table[codes]
    # One product for the table's gradient: a scatter would take longer than all the rest.
    return jax.nn.one_hot(codes, len(table), dtype=table.dtype) @ table


def _features_of_few(codes_btc: Array, *params: Array) -> Array:
    """`_character_features`, in a time that grows with the characters that are no padding."""
    n_places = codes_btc.size
    sizes = sorted({-(-n_places // parts) for parts in PACKED_PARTS})
    branches = [functools.partial(_packed_features, size) for size in sizes]
    # What a gradient needs is computed again: each branch would else write the others' as zeros.
    branches = [jax.checkpoint(branch) for branch in (*branches, _character_features)]
    place = jnp.searchsorted(jnp.array(sizes), highest_of_all((codes_btc > 0).sum()))
    return jax.lax.switch(place, branches, codes_btc, *params)


def _packed_features(
    n_places: int, codes_btc: Array, table: Array, kernel: Array, bias: Array
) -> Array:
    """`_character_features` of a batch of at most so many characters, all of them in one row."""
    codes_wc = codes_btc.reshape(-1, codes_btc.shape[2])
    size_w = (codes_wc > 0).sum(1)
    end_w = jnp.cumsum(size_w)
    place_n = jnp.arange(n_places)
    word_n = jnp.minimum(jnp.searchsorted(end_w, place_n, side="right"), len(end_w) - 1)
    start_w = end_w - size_w
    at_n = place_n - start_w[word_n]
    left_n = size_w[word_n] - 1 - at_n  # characters that follow; beyond the last word below 0
    code_n = jnp.where(left_n >= 0, codes_wc[word_n, at_n], 0)
    x_ne = jnp.where((left_n >= 0)[:, None], _vectors_of(code_n, table), 0)
    before_ne = jnp.where((at_n > 0)[:, None], jnp.pad(x_ne[:-1], ((1, 0), (0, 0))), 0)
    after_ne = jnp.where((left_n > 0)[:, None], _ahead(x_ne, 1), 0)
    features_nk = jnp.concatenate([before_ne, x_ne, after_ne], -1) @ kernel + bias[None]
    longest = codes_btc.shape[2]
    highest_wk = maximum_of_words(
        longest, features_nk, left_n, word_n, jnp.minimum(start_w, n_places - 1)
    )
    features_wk = jnp.where((size_w > 0)[:, None], jnp.tanh(highest_wk), 0)
    return features_wk.reshape(*codes_btc.shape[:2], -1)


def _ahead(x_nk: Array, n: int) -> Array:
    """What stands n places further on, 0 beyond the end."""
    return jnp.pad(x_nk[n:], ((0, n), (0, 0)))


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
            characters_btc, train=train
        )
        return jnp.concatenate([words, spelled], -1)


def _vectors(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Normal; zero for padding and for unknown, of which nothing is known."""
    return jax.random.normal(key, shape, dtype).at[:RESERVED].set(0) * SPREAD

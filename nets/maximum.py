"""The maximum along an axis or of each word, with a gradient that no rounding can spoil.

The gradient of `jnp.max` looks for the numbers that equal the maximum, and divides by how many
there are. XLA may compute the numbers anew for that, within another loop, where a product and a sum
are rounded once and not twice (or the other way round): then none equals the maximum, and the
gradient is divided by 0.

Shapes: n characters of a batch, w words of it, k features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array

T = TypeVar("T", Array, tuple[Array, Array])


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def maximum_over(x: Array, axis: int) -> Array:
    """The maximum along an axis, which goes; its gradient is that of the first that attains it."""
    return x.max(axis)


@maximum_over.defjvp
def _of_the_first(axis: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    place = lax.broadcasted_iota(jnp.int32, x.shape, axis)
    is_first = place == jnp.expand_dims(_first_place(x, axis), axis)
    return x.max(axis), jnp.where(is_first, tangent, 0).sum(axis)


def _first_place(x: Array, axis: int) -> Array:
    """Where along the axis the maximum stands first.

    A third of the time of `argmax` on a CPU, where XLA goes through the axis number by number.
    """

    def take(place: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        highest, highest_place = best
        here = lax.dynamic_index_in_dim(x, place, axis, keepdims=False)
        is_higher = here > highest
        return jnp.where(is_higher, here, highest), jnp.where(is_higher, place, highest_place)

    first = lax.index_in_dim(x, 0, axis, keepdims=False)
    return lax.fori_loop(1, x.shape[axis], take, (first, jnp.zeros(first.shape, jnp.int32)))[1]


def _maximum_of_words(
    longest: int, x_nk: Array, left_n: Array, word_n: Array, start_w: Array
) -> Array:
    """The maximum over each word [w, k] of what its characters have, which stand in one row.

    A word has 1 to `longest` characters; what stands for a word of none is not to be read.
    `left_n` follow within the word (below 0: no character), `word_n` is its number, and `start_w`
    where it begins.
    """
    del word_n  # for the gradient
    return _to_ends(longest, _higher, x_nk, left_n)[start_w]


def _higher(x_nk: Array, ahead_nk: Array) -> Array:
    return jnp.maximum(x_nk, ahead_nk)


def _to_ends(longest: int, combine: Callable[[T, T], T], of_n: T, left_n: Array) -> T:
    """From each place on to the end of its word all that stands there combined: arrays [n, k]."""

    def reach_twice_as_far(i: Array, of_n: T) -> T:
        reach = 1 << i
        is_within = (left_n >= reach)[:, None]
        further = combine(of_n, jax.tree.map(lambda x_nk: _roll(x_nk, reach), of_n))
        return jax.tree.map(lambda far, near: jnp.where(is_within, far, near), further, of_n)

    # A loop, for one program of all its rounds would compute each number anew for each round.
    return lax.fori_loop(0, (longest - 1).bit_length(), reach_twice_as_far, of_n)


def _roll(x_nk: Array, n: Array) -> Array:
    """What stands n places further on; beyond the end what stands at the start."""
    return lax.dynamic_slice(jnp.concatenate([x_nk, x_nk]), (n, 0), x_nk.shape)


def _keep_places(
    longest: int, x_nk: Array, left_n: Array, word_n: Array, start_w: Array
) -> tuple[Array, tuple[Array, ...]]:
    """The maxima, and where each stands first, for a gradient as that of `maximum_over`."""

    def combine(at: tuple[Array, Array], ahead: tuple[Array, Array]) -> tuple[Array, Array]:
        is_higher = ahead[0] > at[0]
        return jnp.where(is_higher, ahead[0], at[0]), jnp.where(is_higher, ahead[1], at[1])

    place_nk = jnp.broadcast_to(jnp.arange(len(x_nk))[:, None], x_nk.shape)
    highest_nk, place_nk = _to_ends(longest, combine, (x_nk, place_nk), left_n)
    return highest_nk[start_w], (place_nk[start_w], word_n)


def _back_to_places(
    longest: int, kept: tuple[Array, ...], gradient_wk: Array
) -> tuple[Array, None, None, None]:
    """Each maximum's gradient to where it stands first; looked up, never scattered."""
    place_wk, word_n = kept
    stands_nk = place_wk[word_n] == jnp.arange(len(word_n))[:, None]
    return jnp.where(stands_nk, gradient_wk[word_n], 0), None, None, None


maximum_of_words = jax.custom_vjp(_maximum_of_words, nondiff_argnums=(0,))
maximum_of_words.defvjp(_keep_places, _back_to_places)

"""Features of numbers by plain operations: the truth that the compiled kernel is held against.

Shapes: b batch, f number columns, e edges or waves, k features of a number.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from nets.base import Array

# Features of a number that `Waves` give beside the number itself.
DENSE_FEATURES = 3


class Bins(NamedTuple):
    """x w + b, and a map of how far x has passed through each bin between the edges."""

    x_bf: Array
    edges_fe: Array
    kernel_fk: Array
    bias_fk: Array
    bins_fek: Array
    """Of one bin less than there are edges."""


class Waves(NamedTuple):
    """A linear map, to DENSE_FEATURES, of cos(2 pi w x + b), and x itself behind it."""

    x_bf: Array
    frequency_fe: Array
    phase_fe: Array
    kernel_fek: Array
    bias_fk: Array


def embed_numbers(given: Bins | Waves) -> Array:
    """The features of every number [b, f, k]."""
    return _of_bins(given) if isinstance(given, Bins) else _of_waves(given)


def _of_bins(given: Bins) -> Array:
    """Of a bin without width, as fill up the edges, nothing; of a column of one edge, zeros."""
    edges_fe = given.edges_fe
    parts_bfe = bin_shares(given.x_bf, edges_fe)
    parts_bfe = jnp.where(jnp.diff(edges_fe)[None] > 0, parts_bfe, 0.0)
    known_f = edges_fe[:, -1] > edges_fe[:, 0]
    linear_bfk = given.x_bf[:, :, None] * given.kernel_fk[None] + given.bias_fk[None]
    e_bfk = linear_bfk + jnp.einsum("bfe,fek->bfk", parts_bfe, given.bins_fek)
    return jnp.where(known_f[None, :, None], e_bfk, 0.0)


def _of_waves(given: Waves) -> Array:
    angle_bfe = angles(given.x_bf, given.frequency_fe) + given.phase_fe[None]
    mapped_bfk = map_parts(jnp.cos(angle_bfe), given.kernel_fek, given.bias_fk)
    return jnp.concatenate([mapped_bfk, given.x_bf[:, :, None]], -1)


def angles(x_bf: Array, frequency_fe: Array) -> Array:
    """Each number times each of its column's frequencies, as an angle."""
    return 2 * jnp.pi * x_bf[:, :, None] * frequency_fe[None]


def bin_shares(x_bf: Array, edges_fe: Array) -> Array:
    """How far x has passed through each bin between the edges [b, f, bins], 0 to 1."""
    low_fe = edges_fe[:, :-1]
    width_fe = jnp.maximum(edges_fe[:, 1:] - low_fe, 1e-6)
    return jnp.clip((x_bf[:, :, None] - low_fe[None]) / width_fe[None], 0, 1)


def map_parts(parts_bfe: Array, kernel_fek: Array, bias_fk: Array) -> Array:
    """A linear map of each column's own."""
    return jnp.einsum("bfe,fek->bfk", parts_bfe, kernel_fek) + bias_fk[None]

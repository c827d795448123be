"""Padded sequences: which steps a row has, and zeros beyond them.

Shapes: b batch, t time, f features.
"""

from __future__ import annotations

import jax.numpy as jnp

from nets.base import Array


def step_mask(n_steps: int, lengths_b: Array) -> Array:
    """Booleans [b, t]: True for the steps that a row has."""
    return jnp.arange(n_steps)[None] < lengths_b[:, None]


def masked(x_btf: Array, lengths_b: Array) -> Array:
    """x with zeros beyond the rows' ends, whatever stands there, NaN too."""
    mask_bt = step_mask(x_btf.shape[1], lengths_b)
    return jnp.where(mask_bt[:, :, None], x_btf, jnp.zeros((), x_btf.dtype))

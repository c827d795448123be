"""A linear map from the lookback of each target of a series to its horizon.

Shapes: b windows, l lookback, h horizon, o targets, s values read, j steps answered, p places of a
period.
"""

from __future__ import annotations

import jax.numpy as jnp

from nets.base import Array
from nets.segments import to_patches


def map_shape(lookback: int, horizon: int, period: int) -> tuple[int, int]:
    """The shape [s, j] of a map that reads what lies whole periods before each step."""
    return -(-lookback // period), -(-horizon // period)


def map_lookback(kernel: Array, targets_blo: Array, horizon: int, period: int) -> Array:
    """Forecasts [b, h, o] by a kernel [s, j] for all targets, or one for each [o, s, j].

    Its weights are the same at all places of a `period` (SparseTSF, Lin et al. 2024).
    """
    n_targets = targets_blo.shape[2]
    read_bspo = to_patches(targets_blo, period)
    read_bspo = read_bspo.reshape(-1, read_bspo.shape[1], period, n_targets)
    each = "sj" if kernel.ndim == 2 else "osj"
    answer_bjpo = jnp.einsum(f"bspo,{each}->bjpo", read_bspo, kernel)
    return answer_bjpo.reshape(-1, kernel.shape[-1] * period, n_targets)[:, :horizon]

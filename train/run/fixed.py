"""What fixed filters of sequences are fitted with, on training rows. n rows, e features."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nets.convolution import own_scaled
from nets.fixed import FixedFilters
from train.data.blocks import sample_rows
from train.data.dataset import Arrays, HostArrays

MAX_ROWS = 2048  # that are looked at
BLOCK_ROWS = 64  # of which features are computed at once
MIN_SCALE = 0.01  # of a share, below which it says nothing


def fit_fixed(fixed: FixedFilters, inputs: Arrays, rows: np.ndarray) -> HostArrays:
    """{"threshold", "share_mean", "share_scale"} [e], of scaled inputs."""
    rows = sample_rows(rows, MAX_ROWS)  # of all of the file: its first rows may be of one class
    numbers = np.asarray(inputs["numbers"])[rows]
    length = np.asarray(inputs["length"])[rows]
    scaled = np.asarray(own_scaled(jnp.asarray(numbers), jnp.asarray(length)))
    threshold_e = fixed.fit(scaled, length)
    shares_of = jax.jit(fixed.shares)
    shares = []
    for start in range(0, len(rows), BLOCK_ROWS):
        end = start + BLOCK_ROWS
        shares.append(np.asarray(shares_of(scaled[start:end], length[start:end], threshold_e)))
    shares_ne = np.concatenate(shares).astype(np.float64)
    scale = np.maximum(shares_ne.std(0), MIN_SCALE)
    fitted = {"share_mean": shares_ne.mean(0), "share_scale": scale}
    return {
        "threshold": threshold_e,
        **{name: array.astype(np.float32) for name, array in fitted.items()},
    }

"""What fixed filters of sequences are fitted with, on training rows. n rows, e features."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nets.convolution import own_scaled
from nets.fixed import FixedFilters
from train.core.augment import is_on
from train.core.program import Program
from train.data.blocks import sample_rows
from train.data.dataset import Arrays, Batch, HostArrays

MAX_ROWS = 2048  # that are looked at
BLOCK_ROWS = 64  # of which features are computed at once
MIN_SCALE = 0.01  # of a share, below which it says nothing
KEPT_BYTES = 1 << 28  # of features of all rows at most; of more rows they are computed anew


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


def with_fixed(program: Program, batch: Batch, fitted: Arrays) -> Batch:
    """The scaled rows with what fixed filters give for each, where training does not vary them.

    These features depend on no weight, and would take two fifths of every update. Rows are returned
    as they are where the net has no such filters, or where the features would fill the memory.
    """
    fixed = getattr(program.network, "fixed", None)
    config = program.config
    if not isinstance(fixed, FixedFilters) or is_on(config.augment, config.net):
        return batch
    numbers = batch.inputs.get("numbers")
    if numbers is None or len(numbers) * fixed.size * numbers.dtype.itemsize > KEPT_BYTES:
        return batch
    features_of = jax.jit(fixed.features)
    length = batch.inputs["length"]
    features = []
    for start in range(0, len(length), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        features.append(np.asarray(features_of(numbers[rows], length[rows], fitted)))
    return batch._replace(inputs={**batch.inputs, "fixed": np.concatenate(features)})

"""The linear map that a net of series falls back on (`nets/shortcut.py`), by least squares.

Shapes: n windows and places of a period, s values read, j steps answered, o targets.
"""

from __future__ import annotations

import jax
import numpy as np

from nets.base import Array
from nets.forecast import Forecaster
from nets.segments import to_patches, to_patches_ahead
from nets.window import window_level
from train.data.blocks import sample_rows
from train.data.dataset import Batch, Dataset, Pool
from train.data.series.dataset import SeriesArrays

MAX_WINDOWS = 20_000  # that a map is fitted on at most
BLOCK = 256  # windows that are taken at once
RIDGE = 1e-4  # of the mean square of what is read: windows that are nearly level tell nothing


def fit_shortcut(network: Forecaster, dataset: Dataset, arrays: Pool) -> np.ndarray:
    """The kernel of the shortcut with the least squares of scaled errors of training windows.

    It is [s, j] of all targets, or [o, s, j] where columns are joint. What stands in for missing
    values counts as they would; windows whose targets are all missing do not.
    """
    assert isinstance(arrays, SeriesArrays)
    filled = arrays._replace(targets=None)
    windows = dataset.splits["train"]
    windows = sample_rows(windows[dataset.weight[windows] > 0], MAX_WINDOWS)
    both_of = jax.jit(lambda batch: _read_and_answered(network, batch))
    products = np.zeros(())
    n_read = 1
    for first in range(0, len(windows), BLOCK):
        batch = dataset.take(filled, windows[first : first + BLOCK])
        read_ons, answered_onj = (np.asarray(x, np.float64) for x in both_of(batch))
        n_read = read_ons.shape[2]
        both = np.concatenate([read_ons, answered_onj], axis=2)
        products = products + np.swapaxes(read_ons, 1, 2) @ both
    if network.columns == "independent":
        products = products.sum(0, keepdims=True)
    square_oss, product_osj = np.split(products, [n_read], axis=2)
    mean_square_o11 = np.trace(square_oss, axis1=1, axis2=2)[:, None, None] / n_read
    # Where all windows are level the map is 0.
    ridge_oss = np.maximum(RIDGE * mean_square_o11, np.finfo(np.float32).tiny) * np.eye(n_read)
    kernel_osj = np.linalg.solve(square_oss + ridge_oss, product_osj).astype(np.float32)
    return kernel_osj[0] if network.columns == "independent" else kernel_osj


def _read_and_answered(network: Forecaster, batch: Batch) -> tuple[Array, Array]:
    """What the map reads [o, n, s] and is to answer [o, n, j], in deviations of the targets.

    A window's level is taken out, but errors are not divided by its scale: so they count in the
    loss.
    """
    n_targets = network.n_targets
    period = network.shortcut_period
    past_blc = batch.inputs["past"]
    targets_blo = past_blc[:, :, :n_targets]
    missing_blo = past_blc[:, :, n_targets : 2 * n_targets] if network.marked else None
    center_b1o = window_level(targets_blo, network.window, missing_blo).center
    ahead_bho = batch.target["value"].reshape(len(targets_blo), network.horizon, n_targets)
    read = to_patches(targets_blo - center_b1o, period)
    answered = to_patches_ahead(ahead_bho - center_b1o, period)
    return _by_place(read, n_targets), _by_place(answered, n_targets)


def _by_place(patches: Array, n_targets: int) -> Array:
    """Patches [b, s, places * o] -> [o, b * places, s]."""
    n_windows, n_patches, size = patches.shape
    apart = patches.reshape(n_windows, n_patches, size // n_targets, n_targets)
    return apart.transpose(3, 0, 2, 1).reshape(n_targets, -1, n_patches)

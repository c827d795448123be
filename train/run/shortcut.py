"""The linear map that a net of series falls back on (`nets/shortcut.py`), by ridge regression.

Shapes: n windows and places of a period, s values read, j steps answered, o targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import jax
import numpy as np

from nets.base import Array
from nets.forecast import Forecaster
from nets.segments import to_patches, to_patches_ahead
from nets.window import window_level
from train.data.blocks import sample_rows
from train.data.dataset import Batch, Dataset, Pool
from train.data.series.dataset import SeriesArrays, SeriesDataset
from train.run.shortcut_priors import common_season, few_rows, halves, prior_maps

MAX_WINDOWS = 20_000  # of a split that are used at most
BLOCK = 256  # windows that are taken at once
# Of the mean square of what is read: windows that are nearly level tell nothing. The validation
# windows choose; without them the first.
RIDGES = (1e-4, 0.01, 0.1, 0.3, 1.0, 3.0)
# The same of few rows: up to what the prior says alone.
STRENGTHS = (*RIDGES, 10.0, 30.0, np.inf)
EXACT = 1e-12  # of the squares of what is answered


class _Products(NamedTuple):
    """Sums of products over windows, in float64."""

    read: np.ndarray
    """Of what is read with itself [o, s, s]."""
    both: np.ndarray
    """Of what is read with what is answered [o, s, j]."""
    answered: np.ndarray
    """Of what is answered, squared [o]."""


def fit_shortcut(network: Forecaster, dataset: Dataset, arrays: Pool) -> np.ndarray:
    """The kernel of the shortcut by ridge regression of training windows, on scaled errors.

    It is [s, j] of all targets, or [o, s, j] where columns are joint. Each kernel has that of the
    strengths RIDGES by which the squared errors of validation windows are smallest. What stands in
    for missing values counts as they would; windows whose targets are all missing do not.

    Where few rows train (`few_rows`) a kernel is held near what a few numbers say (`prior_maps`),
    not near 0, by one of STRENGTHS; both are those by which errors are smallest on validation
    windows and, by a fit of their older half, on the newer half of the training rows.
    """
    assert isinstance(arrays, SeriesArrays)

    def products(windows: np.ndarray) -> _Products | None:
        return _products(network, dataset, arrays, windows)

    trained = products(dataset.splits["train"])
    assert trained is not None
    judging = products(dataset.splits["valid"])
    rounds = [] if judging is None else [(trained, judging)]
    priors: Sequence[np.ndarray | float] = (0.0,)
    strengths = RIDGES if rounds else RIDGES[:1]
    if network.shortcut_period == 1 and isinstance(dataset, SeriesDataset) and few_rows(dataset):
        older, newer = map(products, halves(dataset))
        if older is not None and newer is not None:
            rounds.append((older, newer))
        if rounds:
            priors = prior_maps(trained.both.shape[1:], common_season(dataset))
            strengths = STRENGTHS
    kernels = []
    errors = []
    for prior, strength in product(priors, strengths):
        kernels.append(_kernel(trained, prior, strength))
        errors.append(sum(_log_errors(_kernel(a, prior, strength), b) for a, b in rounds))
    kernel_rosj = np.stack(kernels)
    best_o = np.argmin(np.reshape(errors, (len(kernels), -1)), axis=0)
    kernel_osj = kernel_rosj[best_o, np.arange(kernel_rosj.shape[1])].astype(np.float32)
    return kernel_osj[0] if network.columns == "independent" else kernel_osj


def _kernel(products: _Products, prior: np.ndarray | float, strength: float) -> np.ndarray:
    """The kernel [o, s, j] of least squared errors, held near a prior; inf: the prior."""
    if np.isinf(strength):
        return np.broadcast_to(prior, products.both.shape)
    n_read = products.read.shape[1]
    mean_square_o11 = np.trace(products.read, axis1=1, axis2=2)[:, None, None] / n_read
    # Where all windows are level the map is the prior.
    penalty_o11 = np.maximum(strength * mean_square_o11, np.finfo(np.float32).tiny)
    held_osj = products.both + penalty_o11 * prior
    return np.linalg.solve(products.read + penalty_o11 * np.eye(n_read), held_osj)


def _products(
    network: Forecaster, dataset: Dataset, arrays: SeriesArrays, windows: np.ndarray
) -> _Products | None:
    """The products of these windows, or of MAX_WINDOWS of them; None of none."""
    filled = arrays._replace(targets=None)
    windows = sample_rows(windows[dataset.weight[windows] > 0], MAX_WINDOWS)
    both_of = jax.jit(lambda batch: _read_and_answered(network, batch))
    found: _Products | None = None
    for first in range(0, len(windows), BLOCK):
        batch = dataset.take(filled, windows[first : first + BLOCK])
        read_ons, answered_onj = (np.asarray(x, np.float64) for x in both_of(batch))
        read_osn = np.swapaxes(read_ons, 1, 2)
        own = _Products(
            read_osn @ read_ons, read_osn @ answered_onj, np.square(answered_onj).sum((1, 2))
        )
        found = own if found is None else _Products(*map(np.add, found, own))
    if found is not None and network.columns == "independent":
        found = _Products(*(sums.sum(0, keepdims=True) for sums in found))
    return found


def _log_errors(kernel_osj: np.ndarray, judging: _Products) -> np.ndarray:
    """The logarithm of a kernel's squared errors over the windows of these products [o]."""
    by_both_o = (kernel_osj * judging.both).sum((1, 2))
    by_read_o = (kernel_osj * (judging.read @ kernel_osj)).sum((1, 2))
    errors_o = judging.answered - 2 * by_both_o + by_read_o
    # Below that errors are those of rounding.
    return np.log(np.maximum(errors_o, EXACT * judging.answered) + np.finfo(np.float64).tiny)


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

"""Bins of histograms, of whatever numbers."""

from __future__ import annotations

import numpy as np

# Of the largest number: what lies closer together has no bins between in float64.
NARROW = 1e-9


def bin_edges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Ends of equal bins [n_bins + 1] over finite numbers, float64, increasing.

    Numbers that are all alike, or nearly, stand in the middle.
    """
    values = np.asarray(values, np.float64)
    low = float(values.min())
    high = float(values.max())
    largest = max(abs(low), abs(high))
    if high - low <= NARROW * largest or high == low:
        around = NARROW * largest or 0.5
        low -= around
        high += around
    # Halves first: the distance between the largest floats is not one.
    share = np.linspace(0, 1, n_bins + 1)
    return low * (1 - share) + high * share

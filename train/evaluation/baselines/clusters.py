"""What any clusters should beat: one unit for all rows. n rows, d features."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def one_unit(
    train_row_nd: Array, train_weight_n: Array, row_nd: Array, weight_n: Array
) -> dict[str, float]:
    """What a single unit at the training rows' mean leaves: {"quantisation_error", "inertia"}.

    Rows count for their weights.
    """
    mean_d = np.average(train_row_nd.astype(np.float64), axis=0, weights=train_weight_n)
    distance_n = np.sqrt(((row_nd.astype(np.float64) - mean_d) ** 2).sum(1))
    return {
        "quantisation_error": float(np.average(distance_n, weights=weight_n)),
        "inertia": float((weight_n * distance_n**2).sum()),
    }

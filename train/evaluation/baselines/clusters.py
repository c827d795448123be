"""What any clusters should beat: one unit for all rows. n rows, d features."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def one_unit(train_row_nd: Array, row_nd: Array) -> dict[str, float]:
    """What a single unit at the training rows' mean leaves: {"quantisation_error", "inertia"}."""
    mean_d = train_row_nd.mean(0, dtype=np.float64)
    distance_n = np.sqrt(((row_nd.astype(np.float64) - mean_d) ** 2).sum(1))
    return {"quantisation_error": float(distance_n.mean()), "inertia": float((distance_n**2).sum())}

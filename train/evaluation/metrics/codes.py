"""Metrics of rows given back from their codes, in float64.

Rows are packed as in `nets.autoencoder`: f scaled numbers, then the place of each of c categories.
n rows, f number columns, c category columns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
NAN = float("nan")


def reconstruction_metrics(
    predictions: Mapping[str, ArrayLike],
    head: str,
    n_numbers: int,
    target: ArrayLike,
    weight: ArrayLike | None = None,
) -> dict[str, float]:
    """rmse and r2 of numbers as they are scaled, and the accuracy of categories.

    Of the cells that `target` [n, f + c] knows, those not nan; what the rows have none of is left
    out. r2 is the share of the numbers' variance that is given back, over all columns
    (scikit-learn's `variance_weighted`). `predictions`: {head: rows given back, "row": what they
    were} [n, f + c].
    """
    known = ~np.isnan(np.asarray(target))
    weight_n = np.ones(len(known)) if weight is None else np.asarray(weight, np.float64)
    share = np.where(known, weight_n[:, None], 0)
    predicted = np.asarray(predictions[head], np.float64)
    row = np.asarray(predictions["row"], np.float64)
    scores = {}
    if n_numbers:
        numbers = slice(n_numbers)
        scores |= _of_numbers(predicted[:, numbers], row[:, numbers], share[:, numbers])
    if known.shape[1] > n_numbers:
        share_nc = share[:, n_numbers:]
        right = float((share_nc * (predicted[:, n_numbers:] == row[:, n_numbers:])).sum())
        scores["accuracy"] = right / float(share_nc.sum()) if share_nc.any() else NAN
    return scores


def _of_numbers(predicted_nf: Array, row_nf: Array, share_nf: Array) -> dict[str, float]:
    total_f = share_nf.sum(0)
    square = float((share_nf * (predicted_nf - row_nf) ** 2).sum())
    mean_f = (share_nf * row_nf).sum(0) / np.where(total_f > 0, total_f, 1)
    spread = float((share_nf * (row_nf - mean_f) ** 2).sum())
    total = float(total_f.sum())
    return {
        "rmse": (square / total) ** 0.5 if total else NAN,
        "r2": 1 - square / spread if spread else NAN,
    }


def r2_by_column(
    predictions: Mapping[str, Array],
    head: str,
    n_numbers: int,
    target: Array,
    weight: Array | None = None,
) -> Array:
    """The share of each number column's variance that is given back [f]; nan where it has none."""
    weight_n = np.ones(len(target)) if weight is None else np.asarray(weight, np.float64)
    r2_f = np.full(n_numbers, np.nan)
    for i in range(n_numbers):
        known_n = ~np.isnan(np.asarray(target)[:, i]) & (weight_n > 0)
        weight_m = weight_n[known_n]
        predicted_m = predictions[head][known_n, i].astype(np.float64)
        row_m = predictions["row"][known_n, i].astype(np.float64)
        mean = np.average(row_m, weights=weight_m) if len(row_m) else 0.0
        spread = weight_m @ (row_m - mean) ** 2
        if spread:
            r2_f[i] = 1 - weight_m @ (predicted_m - row_m) ** 2 / spread
    return r2_f

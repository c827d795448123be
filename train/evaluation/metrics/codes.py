"""Metrics of rows given back from their codes, and what principal components make of the same rows,
in float64.

Rows are packed as in `nets.autoencoder`: f scaled numbers, then the place of each of c categories.
n rows, f number columns, c category columns, k components, d features: numbers and one-hot
categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
Answers = Mapping[str, Any]


def reconstruction_metrics(
    answers: Answers, head: str, n_numbers: int, target: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, float]:
    """Of the cells that `target` [n, f + c] knows, those not nan: rmse of numbers as they are
    scaled, r2 (the share of their variance that is given back, over all columns; scikit-learn's
    `variance_weighted`) and the accuracy of categories; what the rows have none of is left out.

    `answers`: {head: rows given back, "row": what they were} [n, f + c].
    """
    known = ~np.isnan(np.asarray(target))
    weight_n1 = (
        np.ones((len(known), 1)) if weight is None else np.asarray(weight, np.float64)[:, None]
    )
    share = np.where(known, weight_n1, 0)
    said, truth = (np.asarray(answers[name], np.float64) for name in (head, "row"))
    scores = {}
    if n_numbers:
        share_nf = share[:, :n_numbers]
        truth_nf = truth[:, :n_numbers]
        total_f = share_nf.sum(0)
        square = float((share_nf * (said[:, :n_numbers] - truth_nf) ** 2).sum())
        mean_f = (share_nf * truth_nf).sum(0) / np.where(total_f > 0, total_f, 1)
        spread = float((share_nf * (truth_nf - mean_f) ** 2).sum())
        total = float(total_f.sum())
        scores["rmse"] = (square / total) ** 0.5 if total else float("nan")
        scores["r2"] = 1 - square / spread if spread else float("nan")
    if known.shape[1] > n_numbers:
        share_nc = share[:, n_numbers:]
        right = float((share_nc * (said[:, n_numbers:] == truth[:, n_numbers:])).sum())
        scores["accuracy"] = right / float(share_nc.sum()) if share_nc.any() else float("nan")
    return scores


def r2_by_column(answers: Answers, head: str, n_numbers: int, target: ArrayLike) -> Array:
    """The share of each number column's variance that is given back [f]; nan of a column without
    any.
    """
    columns = [answers[name][:, :n_numbers].T for name in (head, "row")] + [
        np.asarray(target)[:, :n_numbers].T
    ]
    found = []
    for said_n, truth_n, target_n in zip(*columns, strict=True):
        known_n = ~np.isnan(target_n)
        said_m = said_n[known_n].astype(np.float64)
        truth_m = truth_n[known_n].astype(np.float64)
        spread = ((truth_m - truth_m.mean()) ** 2).sum() if len(truth_m) else 0.0
        found.append(1 - ((said_m - truth_m) ** 2).sum() / spread if spread else np.nan)
    return np.array(found)

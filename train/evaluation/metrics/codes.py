"""Metrics of rows given back from their codes, and what principal components make of the same rows, in float64.

Rows are packed as in `nets.autoencoder`: f scaled numbers, then the place of each of c categories.
n rows, f number columns, c category columns, k components, d features: numbers and one-hot categories.
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
    """Of the cells that `target` [n, f + c] knows, those not nan: rmse of numbers as they are scaled, r2 (the share of
    their variance that is given back, over all columns; scikit-learn's `variance_weighted`) and the accuracy of
    categories; what the rows have none of is left out.

    `answers`: {head: rows given back, "row": what they were} [n, f + c].
    """
    known = ~np.isnan(np.asarray(target))
    weight_n1 = np.ones((len(known), 1)) if weight is None else np.asarray(weight, np.float64)[:, None]
    share = np.where(known, weight_n1, 0)
    said, truth = (np.asarray(answers[name], np.float64) for name in (head, "row"))
    scores = {}
    if n_numbers:
        share_nf, truth_nf = share[:, :n_numbers], truth[:, :n_numbers]
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
    """The share of each number column's variance that is given back [f]; nan of a column without any."""
    columns = [answers[name][:, :n_numbers].T for name in (head, "row")] + [np.asarray(target)[:, :n_numbers].T]
    found = []
    for said_n, truth_n, target_n in zip(*columns, strict=True):
        known_n = ~np.isnan(target_n)
        said_m, truth_m = said_n[known_n].astype(np.float64), truth_n[known_n].astype(np.float64)
        spread = ((truth_m - truth_m.mean()) ** 2).sum() if len(truth_m) else 0.0
        found.append(1 - ((said_m - truth_m) ** 2).sum() / spread if spread else np.nan)
    return np.array(found)


def component_answers(
    train_row: Array, weight: Array, row: Array, head: str, sizes: tuple[int, ...], n_components: int
) -> dict[str, dict[str, Array]]:
    """Answers for `row` [n, f + c] of what knows the training rows: {"mean": their mean and commonest categories,
    "pca": from `n_components` of their principal components, one-hot categories among the features}."""
    features_nd, judged_nd = (_features(rows, sizes) for rows in (train_row, row))
    share_n = weight / weight.sum()
    mean_d = share_n @ features_nd
    centred_nd = features_nd - mean_d
    _, axis_dd = np.linalg.eigh((centred_nd * share_n[:, None]).T @ centred_nd)
    axes_dk = axis_dd[:, ::-1][:, :n_components]
    given_back_nd = mean_d + (judged_nd - mean_d) @ axes_dk @ axes_dk.T
    found = {"mean": np.broadcast_to(mean_d, judged_nd.shape), "pca": given_back_nd}
    return {name: {head: _packed(rows_nd, sizes), "row": row} for name, rows_nd in found.items()}


def _features(row: Array, sizes: tuple[int, ...]) -> Array:
    n_numbers = row.shape[1] - len(sizes)
    parts = [row[:, :n_numbers].astype(np.float64)]
    parts += [(row[:, n_numbers + i, None] == np.arange(size)).astype(np.float64) for i, size in enumerate(sizes)]
    return np.concatenate(parts, 1)


def _packed(rows_nd: Array, sizes: tuple[int, ...]) -> Array:
    start = rows_nd.shape[1] - sum(sizes)
    parts = [rows_nd[:, :start]]
    for size in sizes:
        parts.append(rows_nd[:, start : start + size].argmax(1)[:, None].astype(np.float64))
        start += size
    return np.concatenate(parts, 1)

"""What stands beside an autoencoder: the mean, and as many principal components as its code has
numbers.

n rows, f numbers, d features.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def component_answers(
    train_row: Array,
    weight: Array,
    row: Array,
    head: str,
    sizes: tuple[int, ...],
    n_components: int,
) -> dict[str, dict[str, Array]]:
    """Answers for `row` [n, f + c] of what knows the training rows: {"mean": their mean and
    commonest categories, "pca": from `n_components` of their principal components, one-hot
    categories among the features}.
    """
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
    parts += [
        (row[:, n_numbers + i, None] == np.arange(size)).astype(np.float64)
        for i, size in enumerate(sizes)
    ]
    return np.concatenate(parts, 1)


def _packed(rows_nd: Array, sizes: tuple[int, ...]) -> Array:
    start = rows_nd.shape[1] - sum(sizes)
    parts = [rows_nd[:, :start]]
    for size in sizes:
        parts.append(rows_nd[:, start : start + size].argmax(1)[:, None].astype(np.float64))
        start += size
    return np.concatenate(parts, 1)

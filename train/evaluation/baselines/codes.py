"""What any autoencoder should beat: the mean, and principal components, of the same rows.

n rows, f numbers, c categories, d features: numbers and one-hot categories.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


def component_predictions(
    train_row: Array,
    weight: Array,
    row: Array,
    head: str,
    sizes: tuple[int, ...],
    n_components: int,
) -> dict[str, dict[str, Array]]:
    """{"mean", "pca": what they give back of `row` [n, f + c]}, fitted on the training rows.

    "mean" is their mean and their commonest categories, "pca" what `n_components` of their
    principal components keep, one-hot categories among the features. `sizes` are those of the
    categories. Each as an autoencoder predicts: {head: rows given back, "row": what they were}.
    """
    features_nd = _features(train_row, sizes)
    judged_nd = _features(row, sizes)
    share_n = weight / weight.sum()
    mean_d = share_n @ features_nd
    centred_nd = features_nd - mean_d
    _, axis_dd = np.linalg.eigh((centred_nd * share_n[:, None]).T @ centred_nd)
    axes_dk = axis_dd[:, ::-1][:, :n_components]
    given_back_nd = mean_d + (judged_nd - mean_d) @ axes_dk @ axes_dk.T
    mean_nd = np.broadcast_to(mean_d, judged_nd.shape)
    return {
        "mean": {head: _packed(mean_nd, sizes), "row": row},
        "pca": {head: _packed(given_back_nd, sizes), "row": row},
    }


def _features(row: Array, sizes: Sequence[int]) -> Array:
    """Packed rows [n, f + c] as features [n, d]."""
    n_numbers = row.shape[1] - len(sizes)
    parts = [row[:, :n_numbers].astype(np.float64)]
    for place, size in enumerate(sizes, n_numbers):
        parts.append((row[:, place, None] == np.arange(size)).astype(np.float64))
    return np.concatenate(parts, 1)


def _packed(features_nd: Array, sizes: Sequence[int]) -> Array:
    """Features as packed rows: of each category the place with the largest feature."""
    start = features_nd.shape[1] - sum(sizes)
    parts = [features_nd[:, :start]]
    for size in sizes:
        parts.append(features_nd[:, start : start + size].argmax(1)[:, None].astype(np.float64))
        start += size
    return np.concatenate(parts, 1)

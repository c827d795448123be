"""Metrics of clusters, in float64, over a whole split. They agree with scikit-learn's.

n rows, d features, k clusters, c classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
SAMPLE = 2_000  # rows of which the silhouette is taken: it needs every distance between two of them


def cluster_metrics(
    predictions: Mapping[str, ArrayLike], label_n: ArrayLike, weight_n: ArrayLike | None = None
) -> dict[str, float]:
    """How near rows lie to their units, how far clusters lie apart, and how labels agree with them.

    quantisation_error: the mean distance of a row to its unit; inertia: the sum of their squares;
    topographic_error: the share of rows whose two nearest units are no neighbours on the map, 0
    without one; silhouette, of SAMPLE rows; clusters: how many have rows. Of rows that bear a label
    also adjusted_rand_index, and purity: the share of rows whose cluster has most rows of their
    class.

    `predictions`: {"cluster", "distance", "adjacent" [n], "row" [n, d]}; `label_n` is -1 where
    there is none.
    """
    cluster_n = np.asarray(predictions["cluster"])
    label_n = np.asarray(label_n)
    distance_n = np.asarray(predictions["distance"], np.float64)
    adjacent_n = np.asarray(predictions["adjacent"], np.float64)
    row_nd = np.asarray(predictions["row"], np.float64)
    weight_n = np.ones(len(cluster_n)) if weight_n is None else np.asarray(weight_n, np.float64)
    total = weight_n.sum()
    scores = {
        "quantisation_error": float(weight_n @ distance_n / total),
        "inertia": float(weight_n @ distance_n**2),
        "topographic_error": float(weight_n @ (1 - adjacent_n) / total),
        "silhouette": silhouette(row_nd, cluster_n),
        "clusters": float(len(np.unique(cluster_n))),
    }
    known_n = label_n >= 0
    if known_n.any():
        counts_ck = contingency(label_n[known_n], cluster_n[known_n])
        scores["adjusted_rand_index"] = adjusted_rand_index(counts_ck)
        scores["purity"] = float(counts_ck.max(0).sum() / counts_ck.sum())
    return scores


def contingency(label_n: Array, cluster_n: Array) -> Array:
    """How many rows of each class are in each cluster [c, k]; empty ones are left out."""
    classes, label_n = np.unique(label_n, return_inverse=True)
    clusters, cluster_n = np.unique(cluster_n, return_inverse=True)
    counts = np.bincount(
        label_n * len(clusters) + cluster_n, minlength=len(classes) * len(clusters)
    )
    return counts.reshape(len(classes), len(clusters))


def adjusted_rand_index(counts_ck: Array) -> float:
    """The share of pairs that classes and clusters agree on, less what chance would give.

    1 where the two are the same partition (Hubert & Arabie 1985).
    """

    def pairs(counts: Array) -> float:
        counts = counts.astype(np.float64)
        return float((counts * (counts - 1) / 2).sum())

    both = pairs(counts_ck)
    by_class = pairs(counts_ck.sum(1))
    by_cluster = pairs(counts_ck.sum(0))
    expected = by_class * by_cluster / max(pairs(counts_ck.sum()), 1)
    most = (by_class + by_cluster) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def silhouette(row_nd: Array, cluster_n: Array) -> float:
    """How much nearer rows lie to their own cluster than to the nearest other one, -1 to 1.

    The mean of (b - a) / max(a, b): a is a row's mean distance to its own cluster, b to the nearest
    other one (Rousseeuw 1987); 0 for a row alone. nan where there are not two clusters.
    """
    if len(row_nd) > SAMPLE:
        chosen = np.sort(np.random.default_rng(0).choice(len(row_nd), SAMPLE, replace=False))
        row_nd = row_nd[chosen]
        cluster_n = cluster_n[chosen]
    clusters, cluster_n = np.unique(cluster_n, return_inverse=True)
    if len(clusters) < 2:
        return float("nan")
    square_n = (row_nd**2).sum(1)
    distance_nn = np.sqrt(np.maximum(square_n[:, None] + square_n[None] - 2 * row_nd @ row_nd.T, 0))
    np.fill_diagonal(distance_nn, 0)
    member_nk = np.eye(len(clusters))[cluster_n]
    sums_nk = distance_nn @ member_nk
    count_k = member_nk.sum(0)
    own_n = np.arange(len(row_nd)), cluster_n
    within_n = sums_nk[own_n] / np.maximum(count_k[cluster_n] - 1, 1)
    between_nk = sums_nk / count_k[None]
    between_nk[own_n] = np.inf
    between_n = between_nk.min(1)
    score_n = (between_n - within_n) / np.maximum(np.maximum(within_n, between_n), 1e-300)
    return float(np.where(count_k[cluster_n] > 1, score_n, 0).mean())

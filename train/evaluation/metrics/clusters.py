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
    topographic_error, of a map: the share of rows whose two nearest units are no neighbours on it;
    silhouette, of SAMPLE rows; clusters: how many have rows. Of rows that bear a label also
    adjusted_rand_index, and purity: the share of rows whose cluster has most rows of their class.
    Rows count for their weight, pairs for the product of theirs; those of weight 0 for nothing.

    `predictions`: {"cluster", "distance" and of a map "adjacent" [n], "row" [n, d]}; `label_n` is
    -1 where there is none.
    """
    weight_n = np.ones(np.shape(label_n)) if weight_n is None else np.asarray(weight_n, np.float64)
    counted = weight_n > 0
    weight_n = weight_n[counted]
    cluster_n = np.asarray(predictions["cluster"])[counted]
    label_n = np.asarray(label_n)[counted]
    distance_n = np.asarray(predictions["distance"], np.float64)[counted]
    row_nd = np.asarray(predictions["row"], np.float64)[counted]
    total = weight_n.sum()
    scores = {
        "quantisation_error": float(weight_n @ distance_n / total),
        "inertia": float(weight_n @ distance_n**2),
        **_of_map(predictions, counted, weight_n),
        "silhouette": silhouette(row_nd, cluster_n, weight_n),
        "clusters": float(len(np.unique(cluster_n))),
    }
    known_n = label_n >= 0
    if known_n.any():
        known = label_n[known_n], cluster_n[known_n]
        counts_ck = contingency(*known, weight_n[known_n])
        squares_ck = contingency(*known, weight_n[known_n] ** 2)
        scores["adjusted_rand_index"] = adjusted_rand_index(counts_ck, squares_ck)
        scores["purity"] = float(counts_ck.max(0).sum() / counts_ck.sum())
    return scores


def _of_map(
    predictions: Mapping[str, ArrayLike], counted: Array, weight_n: Array
) -> dict[str, float]:
    if "adjacent" not in predictions:
        return {}
    adjacent_n = np.asarray(predictions["adjacent"], np.float64)[counted]
    return {"topographic_error": float(weight_n @ (1 - adjacent_n) / weight_n.sum())}


def contingency(label_n: Array, cluster_n: Array, weight_n: Array | None = None) -> Array:
    """How many rows of each class are in each cluster [c, k], or their weight.

    Empty classes and clusters are left out.
    """
    classes, label_n = np.unique(label_n, return_inverse=True)
    clusters, cluster_n = np.unique(cluster_n, return_inverse=True)
    counts = np.bincount(
        label_n * len(clusters) + cluster_n, weight_n, minlength=len(classes) * len(clusters)
    )
    return counts.reshape(len(classes), len(clusters))


def adjusted_rand_index(counts_ck: Array, squares_ck: Array | None = None) -> float:
    """The share of pairs that classes and clusters agree on, less what chance would give.

    1 where the two are the same partition (Hubert & Arabie 1985). Where rows have weights, counts
    are sums of them, `squares_ck` those of their squares, and a pair counts for their product.
    """

    def pairs(counts: Array, squares: Array) -> float:
        counts = counts.astype(np.float64)
        return float(((counts * counts - squares) / 2).sum())

    squares_ck = counts_ck if squares_ck is None else squares_ck
    both = pairs(counts_ck, squares_ck)
    by_class = pairs(counts_ck.sum(1), squares_ck.sum(1))
    by_cluster = pairs(counts_ck.sum(0), squares_ck.sum(0))
    all_pairs = pairs(counts_ck.sum(), squares_ck.sum())
    expected = by_class * by_cluster / (all_pairs if all_pairs > 0 else 1)
    most = (by_class + by_cluster) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def silhouette(row_nd: Array, cluster_n: Array, weight_n: Array | None = None) -> float:
    """How much nearer rows lie to their own cluster than to the nearest other one, -1 to 1.

    The mean of (b - a) / max(a, b): a is a row's mean distance to its own cluster, b to the nearest
    other one (Rousseeuw 1987); 0 for a row alone. nan where there are not two clusters. With
    weights all means are weighted.
    """
    weight_n = np.ones(len(row_nd)) if weight_n is None else weight_n
    if len(row_nd) > SAMPLE:
        chosen = np.sort(np.random.default_rng(0).choice(len(row_nd), SAMPLE, replace=False))
        row_nd = row_nd[chosen]
        cluster_n = cluster_n[chosen]
        weight_n = weight_n[chosen]
    clusters, cluster_n = np.unique(cluster_n, return_inverse=True)
    if len(clusters) < 2:
        return float("nan")
    square_n = (row_nd**2).sum(1)
    distance_nn = np.sqrt(np.maximum(square_n[:, None] + square_n[None] - 2 * row_nd @ row_nd.T, 0))
    np.fill_diagonal(distance_nn, 0)
    member_nk = np.eye(len(clusters))[cluster_n]
    weight_nk = member_nk * weight_n[:, None]
    sums_nk = distance_nn @ weight_nk
    mass_k = weight_nk.sum(0)
    is_alone_n = member_nk.sum(0)[cluster_n] == 1
    own_n = np.arange(len(row_nd)), cluster_n
    within_n = sums_nk[own_n] / np.where(is_alone_n, 1, mass_k[cluster_n] - weight_n)
    between_nk = sums_nk / mass_k[None]
    between_nk[own_n] = np.inf
    between_n = between_nk.min(1)
    score_n = (between_n - within_n) / np.maximum(np.maximum(within_n, between_n), 1e-300)
    return float(np.average(np.where(is_alone_n, 0, score_n), weights=weight_n))

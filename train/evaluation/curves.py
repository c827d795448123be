"""The curves that judge classes: ROC, precision by recall and threshold, calibration, confusion.

n rows, k classes, m thresholds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray
BINS = 10  # of probability, in a calibration
MAX_CLASSES = 30  # rows and columns of a matrix that is drawn


def roc_curve(
    positive_n: Array, score_n: Array, weight_n: Array | None = None
) -> tuple[Array, Array, float]:
    """False and true positive rates from (0, 0) to (1, 1), and the area below.

    One point per distinct score: equal ones make one slanted segment, so that ties count as half
    (Fawcett 2006). Both outcomes must occur. Rows count for their weight.
    """
    weight_n = _weights(weight_n, len(score_n))
    order = np.argsort(-score_n, kind="stable")
    last = np.append(np.nonzero(np.diff(score_n[order]))[0], len(order) - 1)
    hits = np.cumsum((weight_n * positive_n)[order])[last]
    passed = np.cumsum(weight_n[order])[last]
    true_rate = np.append(0.0, hits / hits[-1])
    false_rate = np.append(0.0, (passed - hits) / (passed[-1] - hits[-1]))
    return false_rate, true_rate, float(np.trapezoid(true_rate, false_rate))


class AtThresholds(NamedTuple):
    """What calling every row positive whose score is at least a threshold comes to [m]."""

    threshold: Array
    precision: Array
    recall: Array
    share: Array
    """Of the rows that are called positive."""

    @property
    def f1(self) -> Array:
        """The harmonic mean of precision and recall at each threshold [m]."""
        return f1_of(self.precision, self.recall)


def f1_of(precision: Array, recall: Array) -> Array:
    """The harmonic mean of precision and recall; 0 where both are."""
    total = precision + recall
    return 2 * precision * recall / np.where(total > 0, total, 1)


def thresholds(positive_n: Array, score_n: Array, weight_n: Array | None = None) -> AtThresholds:
    """Precision and recall at every distinct score, the highest first.

    Some row must be positive. Rows count for their weight.
    """
    weight_n = _weights(weight_n, len(score_n))
    order = np.argsort(-score_n, kind="stable")
    last = np.append(np.nonzero(np.diff(score_n[order]))[0], len(order) - 1)
    hits = np.cumsum((weight_n * positive_n)[order])[last]
    called = np.cumsum(weight_n[order])[last]
    precision = hits / np.where(called > 0, called, 1)
    return AtThresholds(score_n[order][last], precision, hits / hits[-1], called / called[-1])


def average_precision(at: AtThresholds) -> float:
    """The area below precision by recall, in steps, as scikit-learn has it."""
    return float(np.sum(np.diff(at.recall, prepend=0.0) * at.precision))


def calibration(
    happened_n: Array, probability_n: Array, weight_n: Array | None = None
) -> tuple[Array, Array, Array]:
    """Mean probability, share that happened and number of rows of each tenth that has some.

    Tenths are those of probability. With weights means and shares are weighted, and the number is
    that of as many rows of equal weight (Kish 1965).
    """
    weight_n = _weights(weight_n, len(probability_n))
    index_n = np.minimum((probability_n * BINS).astype(int), BINS - 1)
    mass = np.bincount(index_n, weight_n, BINS)
    used = mass > 0
    mass = mass[used]
    mean = np.bincount(index_n, weight_n * probability_n, BINS)[used] / mass
    share = np.bincount(index_n, weight_n * happened_n, BINS)[used] / mass
    return mean, share, mass**2 / np.bincount(index_n, weight_n**2, BINS)[used]


def _weights(weight_n: Array | None, n: int) -> Array:
    return np.ones(n) if weight_n is None else np.asarray(weight_n, np.float64)


def wilson_interval(share: Array, count: Array) -> tuple[Array, Array]:
    """95 % interval of a share of `count` rows (Wilson 1927)."""
    z = 1.96  # the normal quantile of 97.5 %
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    variance = share * (1 - share) / count + z * z / (4 * count**2)
    half = z * np.sqrt(variance) / (1 + z * z / count)
    return np.minimum(center - half, share), np.maximum(center + half, share)


def confusion(target_n: Array, answer_n: Array, k: int, weight_n: Array | None = None) -> Array:
    """Number of rows, or their weight, [true class, predicted class]."""
    return np.bincount(target_n * k + answer_n, weight_n, k * k).reshape(k, k)


def gather_rare(counts_kk: Array, classes: list[str]) -> tuple[Array, list[str]]:
    """At most `MAX_CLASSES` rows and columns: the classes with fewest rows become one."""
    k = len(classes)
    if k <= MAX_CLASSES:
        return counts_kk, classes
    kept = np.sort(np.argsort(-counts_kk.sum(1), kind="stable")[: MAX_CLASSES - 1])
    group_k = np.full(k, MAX_CLASSES - 1)
    group_k[kept] = np.arange(MAX_CLASSES - 1)
    member = np.eye(MAX_CLASSES, dtype=counts_kk.dtype)[group_k]
    names = [classes[i] for i in kept]
    names.append(f"{k - MAX_CLASSES + 1} others")
    return member.T @ counts_kk @ member, names

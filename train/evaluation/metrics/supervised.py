"""Metrics of a whole split in float64: never a mean over batches. They agree with scikit-learn's.

Every function takes optional row weights, of which only the ratios matter. Rows of weight 0
(padding), or whose target is nan (missing), do not exist: they count neither as rows nor as
classes. With no rows left every metric is nan. n rows, o numeric targets, k classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.evaluation.metrics.numbers import NAN, counted

BINARY_METRICS = ("accuracy", "auc", "f1", "log_loss", "calibration_error")
MULTICLASS_METRICS = ("accuracy", "macro_f1", "log_loss", "calibration_error")
BINS = 15  # of probabilities that are compared with what happened


def binary_metrics(
    probability: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, float]:
    """accuracy, auc, f1 and log_loss of the `probability` [n] that `target` [n] is 1 rather than 0.

    Class 1 is answered above 0.5, class 0 at 0.5 and below (the first largest, as argmax has it).
    auc counts a tie as half and is nan where only one class occurs; f1 is 0 where class 1 neither
    occurs nor is answered. log_loss clips as scikit-learn does, at the machine epsilon of the
    probabilities' own type. One nan among them makes all nan. A target above 1, a class that no
    training row has, is answered wrong by either; auc, log_loss and calibration_error leave it out.
    calibration_error compares the probability of class 1 with its share.
    """
    weight_n, probability_n, target_n = counted(weight, probability, target)
    if not len(target_n) or np.isnan(probability_n).any():
        return dict.fromkeys(BINARY_METRICS, NAN)
    answer_n = probability_n > 0.5
    positive_n = target_n == 1
    hits = weight_n[answer_n & positive_n].sum()
    claims = weight_n[answer_n].sum() + weight_n[positive_n].sum()
    clipped_n = _clipped(probability_n)
    likelihood_n = np.where(positive_n, clipped_n, 1 - clipped_n)
    known_n = target_n <= 1
    right_n = (answer_n == positive_n) & known_n
    known = probability_n[known_n], positive_n[known_n], weight_n[known_n]
    return {
        "accuracy": float(np.average(right_n, weights=weight_n)),
        "auc": _auc(*known),
        "f1": float(2 * hits / claims) if claims else 0.0,
        "log_loss": _log_loss(likelihood_n[known_n], weight_n[known_n]),
        "calibration_error": _calibration_error(*known),
    }


def multiclass_metrics(
    probability: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, float]:
    """accuracy, macro_f1 and log_loss of `probability` [n, k] and the class indices `target` [n].

    macro_f1 is the plain mean over the classes that occur or are answered. log_loss as in
    `binary_metrics`; rows are taken as they are, not divided by their sum. One nan among the
    probabilities makes all nan. An index of k or above is a class that no training row has, as in
    `binary_metrics`. calibration_error compares the probability of the answer with the share of
    right ones.
    """
    weight_n, probability_nk, target_n = counted(weight, probability, target)
    if not len(target_n) or np.isnan(probability_nk).any():
        return dict.fromkeys(MULTICLASS_METRICS, NAN)
    k = probability_nk.shape[1]
    classes = max(k, int(target_n.max()) + 1)
    answer_n = probability_nk.argmax(axis=1)
    right_n = answer_n == target_n
    hits_k = np.bincount(target_n, weight_n * right_n, classes)
    claims_k = np.bincount(target_n, weight_n, classes) + np.bincount(answer_n, weight_n, classes)
    present_k = claims_k > 0
    known_n = target_n < k
    place_m1 = target_n[known_n][:, None]
    of_target_m = np.take_along_axis(probability_nk[known_n], place_m1, axis=1)[:, 0]
    return {
        "accuracy": float(np.average(right_n, weights=weight_n)),
        "macro_f1": float(np.mean(2 * hits_k[present_k] / claims_k[present_k])),
        "log_loss": _log_loss(_clipped(of_target_m), weight_n[known_n]),
        "calibration_error": _calibration_error(
            probability_nk.max(1)[known_n], right_n[known_n], weight_n[known_n]
        ),
    }


def _log_loss(likelihood_n: NDArray[np.float64], weight_n: NDArray[np.float64]) -> float:
    """The mean of -log likelihood; nan of no row."""
    if not len(likelihood_n):
        return NAN
    return float(-np.average(np.log(likelihood_n), weights=weight_n))


def _auc(score_n: NDArray, positive_n: NDArray[np.bool_], weight_n: NDArray[np.float64]) -> float:
    """P(score of a positive > score of a negative) + P(equal)/2.

    Mann and Whitney's U with midranks for ties.
    """
    _, rank_n = np.unique(score_n, return_inverse=True)
    positive = np.bincount(rank_n, weight_n * positive_n)
    negative = np.bincount(rank_n, weight_n * ~positive_n)
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    return float(positive @ (below + negative / 2) / pairs) if pairs else NAN


def _calibration_error(
    probability_n: NDArray, happened_n: NDArray[np.bool_], weight_n: NDArray[np.float64]
) -> float:
    """The expected calibration error over BINS equal ranges of probability (Guo et al. 2017).

    The mean distance between the mean probability in a range and the share of what happened there,
    each range counting for the weight of its rows.
    """
    if not len(probability_n):
        return NAN
    bin_n = np.minimum((probability_n * BINS).astype(int), BINS - 1)
    gap_n = weight_n * (happened_n - probability_n.astype(np.float64))
    return float(np.abs(np.bincount(bin_n, gap_n, BINS)).sum() / weight_n.sum())


def _clipped(probability: NDArray) -> NDArray[np.float64]:
    epsilon = float(
        np.finfo(probability.dtype if probability.dtype.kind == "f" else np.float64).eps
    )
    return np.clip(probability.astype(np.float64), epsilon, 1 - epsilon)

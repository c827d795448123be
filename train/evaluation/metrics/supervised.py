"""Metrics of a whole split in float64: never a mean over batches. They agree with scikit-learn's.

Every function takes optional row weights, of which only the ratios matter. Rows of weight 0
(padding), or whose target is nan (missing), do not exist: they count neither as rows nor as
classes. With no rows left every metric is nan. n rows, o numeric targets, k classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

NAN = float("nan")
BINARY_METRICS = ("accuracy", "auc", "f1", "log_loss", "calibration_error")
MULTICLASS_METRICS = ("accuracy", "macro_f1", "log_loss", "calibration_error")
BINS = 15  # of probabilities that are compared with what happened
BLOCK = 1 << 20  # rows whose errors are in memory at a time
# Ends of the interval that a normal distribution fills to 90 %, in deviations.
HALF_WIDTH = NormalDist().inv_cdf(0.95)


def regression_metrics(
    prediction: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, unit: float = 1.0
) -> dict[str, float]:
    """rmse, mse, mae and r2 in raw units, of `prediction` [n] and `target` [n] in encoded ones.

    Both are (raw - shift)/unit. A shift cancels in all four, so a target at 1e6 +- 1 loses nothing.
    r2 as in scikit-learn: for a constant target 1 if every prediction is exact, otherwise 0; nan
    for a single row.
    """
    weight_n, prediction_n, target_n = _counted(weight, prediction, target)
    if not len(target_n):
        return dict.fromkeys(("rmse", "mse", "mae", "r2"), NAN)
    # From the first row on, not from 0: a constant target then has a variance of exactly 0.
    first = np.float64(target_n[0])
    mean = _mean(lambda y, _: y - first, weight_n, target_n, prediction_n)
    variance = _mean(lambda y, _: (y - first - mean) ** 2, weight_n, target_n, prediction_n)
    mse = _mean(lambda y, p: (p - y) ** 2, weight_n, target_n, prediction_n)
    if len(target_n) < 2:
        r2 = NAN
    elif variance == 0:
        r2 = NAN if np.isnan(mse) else float(mse == 0)
    else:
        r2 = 1 - mse / variance
    return {
        "rmse": mse**0.5 * unit,
        "mse": mse * unit * unit,
        "mae": _mean(lambda y, p: np.abs(p - y), weight_n, target_n, prediction_n) * unit,
        "r2": r2,
    }


def own_interval(predictions: Mapping[str, ArrayLike], name: str) -> tuple[NDArray, NDArray] | None:
    """The ends [n, o] of the interval that a net predicts by itself, None where it predicts none.

    From its lowest quantile to its highest, or the central 90 % of its normal distribution.
    """
    if f"{name}.quantiles" in predictions:
        quantiles_noq = np.asarray(predictions[f"{name}.quantiles"])
        return quantiles_noq[..., 0], quantiles_noq[..., -1]
    is_normal = f"{name}.deviation" in predictions
    if not is_normal or any(f"{name}.{part}" in predictions for part in ("freedom", "dispersion")):
        return None  # what is not normal is judged by `metrics.probabilistic`
    mean_no = np.asarray(predictions[name])
    reach_no = HALF_WIDTH * np.asarray(predictions[f"{name}.deviation"])
    return mean_no - reach_no, mean_no + reach_no


def interval_metrics(
    lower: ArrayLike,
    upper: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    unit: float = 1.0,
    level: float | None = None,
) -> dict[str, float]:
    """coverage, the share of `target` [n] within the ends, and width, their mean raw distance.

    With the `level` that the ends are of also interval_score: the width, and what targets beyond
    the ends are off, times 2 / (1 - level).
    """
    weight_n, lower_n, target_n = _counted(weight, lower, target)
    _, upper_n, _ = _counted(weight, upper, target)
    if not len(target_n):
        names = ("coverage", "width") if level is None else ("coverage", "width", "interval_score")
        return dict.fromkeys(names, NAN)
    within_n = (lower_n <= target_n) & (target_n <= upper_n)
    found = {
        "coverage": _mean(lambda within, _: within, weight_n, within_n, within_n),
        "width": _mean(lambda lower, upper: upper - lower, weight_n, lower_n, upper_n) * unit,
    }
    if level is not None:
        off_n = np.maximum(lower_n - target_n, target_n - upper_n).clip(0)
        off = _mean(lambda off, _: off, weight_n, off_n, off_n) * unit
        found["interval_score"] = found["width"] + 2 / (1 - level) * off
    return found


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
    weight_n, probability_n, target_n = _counted(weight, probability, target)
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
    weight_n, probability_nk, target_n = _counted(weight, probability, target)
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


def _counted(
    weight: ArrayLike | None, prediction: ArrayLike, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray, NDArray]:
    """The weights, predictions and targets of the rows that count.

    They are those of positive weight whose target is known: not nan.
    """
    prediction_n = np.asarray(prediction)
    target_n = np.asarray(target)
    is_missing_n = np.isnan(target_n)
    if weight is None and not is_missing_n.any():
        return np.ones(len(target_n)), prediction_n, target_n
    weight_n = np.ones(len(target_n)) if weight is None else np.asarray(weight, np.float64)
    rows = (weight_n > 0) & ~is_missing_n
    if rows.all():
        return weight_n, prediction_n, target_n
    return weight_n[rows], prediction_n[rows], target_n[rows]


def _mean(
    values_of: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    weight_n: NDArray[np.float64],
    one_n: NDArray,
    other_n: NDArray,
) -> float:
    """The weighted mean of a function of two arrays [n], a block of BLOCK rows in memory at a time.

    Exact to float64 rounding: sums over blocks, divided once.
    """
    total = 0.0
    weight = 0.0
    for start in range(0, len(weight_n), BLOCK):
        block = slice(start, start + BLOCK)
        values = values_of(one_n[block].astype(np.float64), other_n[block].astype(np.float64))
        total += np.multiply(values, weight_n[block]).sum()
        weight += weight_n[block].sum()
    return float(total / weight)

"""Split-conformal intervals of the numbers that a network predicts.

An interval reaches from `low - score * unit` to `high + score * unit`. Low and high are the
prediction itself and the unit 1 (absolute residuals; Lei et al. 2018), the net's outermost
quantiles (conformalized quantile regression; Romano et al. 2019), or the prediction and the net's
deviation (scaled residuals). The score is the one that the wanted share of validation rows stays
within, counted so that a row to come does too, where it is one of their kind. n rows, o outputs of
the regression head: its targets, of a series each at every step of the horizon; q quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from train.data.dataset import Batch, Encoder, Head, HostArrays
from train.errors import UserError
from train.evaluation.metrics.supervised import interval_metrics
from train.evaluation.spread import by_target, has_several_targets, named_columns

Arrays = Mapping[str, np.ndarray]
LEVEL = 0.9  # of the intervals that a finished run judges on its test rows


class Base(NamedTuple):
    """What intervals are built on, float64 [n, o] each, in raw units.

    `unit` is what the scores are multiples of: a deviation, or one.
    """

    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray


def numbers_head(encoder: Encoder) -> Head | None:
    """The head that answers one number or more for each row, if there is one."""
    return next((head for head in encoder.heads if head.kind == "regression"), None)


def check_numbers(encoder: Encoder) -> Head:
    """The regression head; raises UserError if there is none."""
    head = numbers_head(encoder)
    if head is None:
        names = ", ".join(repr(column) for head in encoder.heads for column in head.columns)
        raise UserError(
            f"--interval: intervals are for numbers, one or more a row; this net answers {names}"
        )
    return head


def base_of(encoder: Encoder, head: Head, predictions: Arrays) -> Base:
    """The base of a regression head's predictions, which are in encoded units."""

    def raw(numbers_no: np.ndarray) -> np.ndarray:
        return encoder.to_units({**predictions, head.name: numbers_no})[head.name]

    prediction = raw(predictions[head.name])
    unit = np.ones_like(prediction)
    quantiles_noq = predictions.get(f"{head.name}.quantiles")
    if quantiles_noq is not None:
        return Base(prediction, raw(quantiles_noq[..., 0]), raw(quantiles_noq[..., -1]), unit)
    deviation_no = predictions.get(f"{head.name}.deviation")
    if deviation_no is not None:
        unit = deviation_no * encoder.units[head.name]
    return Base(prediction, prediction, prediction, unit)


def conformal_scores(
    encoder: Encoder, head: Head, predictions: Arrays, targets: Arrays, weight: np.ndarray
) -> np.ndarray:
    """The score [n, o] that each row needs for its interval to hold its target, sorted by output.

    Of rows of positive weight; nan, and so last, where the target is missing.
    """
    base = base_of(encoder, head, predictions)
    target = encoder.to_units(targets)[head.name]
    scores = np.maximum(base.low - target, target - base.high) / base.unit
    return np.sort(scores[np.asarray(weight) > 0], axis=0)


def needed_score(scores_no: np.ndarray, level: float) -> np.ndarray:
    """The score [o] of intervals that hold a row to come with probability `level` at least.

    It is the ceil((n + 1) level)-th smallest of n, which are those of known targets. Raises
    UserError where there are too few for it, or if `level` is no share.
    """
    if not 0 < level < 1:
        raise UserError(f"--interval: expected a number, above 0 and below 1, got {level}")
    n_o = known_rows(scores_no)
    # .7 of 10 is 7, not the 8 that .7 * 10 = 7.000000000000001 makes of it.
    rank_o = np.ceil((n_o + 1) * level - 1e-9).astype(int)
    if (rank_o > n_o).any():
        n = n_o.min()
        advice = f"ask for less, or train with {least_rows(level)} (config.data.valid)"
        raise UserError(f"--interval: {n} validation rows are too few for {level:g}; {advice}")
    return np.take_along_axis(scores_no, np.maximum(rank_o, 1)[None] - 1, axis=0)[0]


def known_rows(scores_no: np.ndarray) -> np.ndarray:
    """How many rows have a known target, and so a score, for each output [o]."""
    return (~np.isnan(scores_no)).sum(axis=0)


def least_rows(level: float) -> int:
    """How many validation rows there must be for intervals of this level."""
    return math.ceil(level / (1 - level) - 1e-9)


def bounds(base: Base, score_o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends [n, o] of the intervals.

    A score below 0 draws quantiles together, but no further than to the prediction.
    """
    reach = score_o * base.unit
    lower = np.minimum(base.low - reach, base.prediction)
    upper = np.maximum(base.high + reach, base.prediction)
    return lower, upper


def conformal_metrics(
    encoder: Encoder,
    head: Head,
    score_o: np.ndarray,
    predictions: Arrays,
    targets: Arrays,
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """coverage and mean raw width of these intervals over all rows, of a series all steps too.

    Named as `score_heads` does.
    """
    lower, upper = bounds(base_of(encoder, head, predictions), score_o)
    n_steps = lower.shape[1] // len(head.columns)
    weight_n = np.ones(len(lower)) if weight is None else np.asarray(weight)
    weight_m = weight_n.repeat(n_steps)
    low = by_target(head, lower)
    high = by_target(head, upper)
    several = has_several_targets(encoder)
    found = {}
    for column, target in by_target(head, encoder.to_units(targets)[head.name]).items():
        metrics = interval_metrics(low[column], high[column], target, weight_m)
        for name, value in metrics.items():
            found[f"{column}.{name}" if several else name] = value
    return found


def judge_intervals(
    encoder: Encoder, scores_no: np.ndarray | None, predictions: Arrays, batch: Batch[np.ndarray]
) -> dict[str, float]:
    """What a run's intervals are worth on rows that it has not seen.

    {"level", "rows" that the scores are of, and `conformal_metrics`}; {} without scores, or with
    too few.
    """
    head = numbers_head(encoder)
    if head is None or scores_no is None or known_rows(scores_no).min() < least_rows(LEVEL):
        return {}
    score_o = needed_score(scores_no, LEVEL)
    metrics = conformal_metrics(encoder, head, score_o, predictions, batch.target, batch.weight)
    return {"level": LEVEL, "rows": len(scores_no), **metrics}


def interval_columns(
    encoder: Encoder, head: Head, score_o: np.ndarray, predictions: Arrays
) -> HostArrays:
    """The ends of the intervals: "lower" and "upper", of several targets "TARGET_lower", ..."""
    lower, upper = bounds(base_of(encoder, head, predictions), score_o)
    lower_columns = named_columns(encoder, head, lower, "lower")
    return lower_columns | named_columns(encoder, head, upper, "upper")

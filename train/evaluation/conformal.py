"""Split-conformal intervals of the numbers that a network predicts.

An interval reaches from `low - score * unit` to `high + score * unit`. Low and high are the
prediction itself and the unit 1 (absolute residuals; Lei et al. 2018), the net's outermost
quantiles (conformalized quantile regression; Romano et al. 2019), or the prediction and the net's
deviation (scaled residuals), of counts the middle 90 % of them and their deviation. Where groups of
series have scales of their own, the unit of the first two is that of the row's group. The score is
the one that the wanted share of validation rows stays within, counted so that a row to come does
too, where it is one of their kind. Where rows have weights it is a weighted quantile (Tibshirani,
Barber, Candes & Ramdas 2019, "Conformal prediction under covariate shift", lemma 3): the share is
one of weight, the row to come has one too. n rows, o outputs of the regression head: its targets,
of a series each at every step of the horizon; q quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from train.data.dataset import Encoder, Head, HostArrays
from train.data.floors import floors
from train.errors import UserError
from train.evaluation.counts import Counts
from train.evaluation.densities import raw_numbers, spread_of
from train.evaluation.spread import is_share, named_columns

Arrays = Mapping[str, np.ndarray]
LEVEL = 0.9  # of the intervals that a finished run judges on its test rows


class Base(NamedTuple):
    """What intervals are built on, float64 [n, o] each, in raw units; `floor` [o].

    `unit` is what the scores are multiples of: a deviation, or one.
    """

    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray
    floor: np.ndarray  # what neither end falls below


class Scores(NamedTuple):
    """What each row needs for its interval to hold its target, and its weight.

    Both are [n, o], of rows of positive weight, each output sorted by its scores. A score is nan,
    and so last, where the target is missing.
    """

    score: np.ndarray
    weight: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """The weights [n, o] in units of an output's largest; 0 where the target is missing."""
        weight_no = np.where(np.isnan(self.score), 0.0, self.weight)
        largest_o = weight_no.max(axis=0, initial=0)
        return weight_no / np.where(largest_o > 0, largest_o, 1)

    @property
    def effective_rows(self) -> np.ndarray:
        """How many rows of equal weight would tell as much of each output [o] (Kish 1965)."""
        share_no = self.shares
        total_o = share_no.sum(axis=0)
        return total_o**2 / np.maximum(np.square(share_no).sum(axis=0), 1)


def numbers_head(encoder: Encoder) -> Head | None:
    """The head that answers one number or more for each row, if there is one."""
    return next((head for head in encoder.heads if head.kind == "regression"), None)


def check_numbers(encoder: Encoder, flag: str = "--interval") -> Head:
    """The regression head; raises UserError, naming the flag that asks for it, if there is none."""
    head = numbers_head(encoder)
    if head is None:
        names = ", ".join(repr(column) for head in encoder.heads for column in head.columns)
        raise UserError(
            f"{flag}: {flag.strip('-').rstrip('s')}s are for numbers, one or more a row; "
            f"this net answers {names}"
        )
    return head


def base_of(encoder: Encoder, head: Head, predictions: Arrays) -> Base:
    """The base of a regression head's predictions, which are in encoded units."""
    raw = partial(raw_numbers, encoder, head, predictions)
    prediction = raw(predictions[head.name])
    unit = np.ones_like(prediction)
    scale_no = predictions.get(f"{head.name}.scale")
    if scale_no is not None:
        unit = scale_no * encoder.units[head.name]
    floor_o = floors(encoder).get(head.name, np.full(prediction.shape[1], -np.inf))
    quantiles_noq = predictions.get(f"{head.name}.quantiles")
    if quantiles_noq is not None:
        low = raw(quantiles_noq[..., 0])
        return Base(prediction, low, raw(quantiles_noq[..., -1]), unit, floor_o)
    deviation_no = predictions.get(f"{head.name}.deviation")
    if deviation_no is not None:
        unit = deviation_no * encoder.units[head.name]
    spread = spread_of(encoder, head, predictions, ())
    if isinstance(spread, Counts):  # which are skew
        ends = [spread.quantile(np.full(prediction.shape, share)) for share in (0.05, 0.95)]
        low = np.minimum(ends[0], prediction)
        return Base(prediction, low, np.maximum(ends[1], prediction), unit, floor_o)
    return Base(prediction, prediction, prediction, unit, floor_o)


def conformal_scores(
    encoder: Encoder, head: Head, predictions: Arrays, targets: Arrays, weight: np.ndarray
) -> Scores:
    """The scores of these rows, those of weight 0 left out; nan where the target is missing."""
    base = base_of(encoder, head, predictions)
    target = encoder.to_units(targets)[head.name]
    scores = np.maximum(base.low - target, target - base.high) / base.unit
    weight_n = np.asarray(weight, np.float64)
    return sorted_scores(scores[weight_n > 0], weight_n[weight_n > 0])


def sorted_scores(score_no: np.ndarray, weight_n: np.ndarray) -> Scores:
    """The scores of rows of these weights, in order."""
    if (weight_n == weight_n[:1]).all():
        return Scores(np.sort(score_no, axis=0), np.broadcast_to(weight_n[:, None], score_no.shape))
    order_no = np.argsort(score_no, axis=0, kind="stable")
    return Scores(np.take_along_axis(score_no, order_no, axis=0), weight_n[order_no])


def needed_score(scores: Scores, level: float) -> np.ndarray:
    """The score [o] of intervals that hold a row to come with probability `level` at least.

    It is the smallest that rows of `level` of all weight stay within, the row to come included: it
    weighs sum(w^2) / sum(w), which is what a row drawn by weight does on average. Where all weigh
    the same it is the ceil((n + 1) level)-th smallest of n. Raises UserError where there are too
    few for it, or if `level` is no share.
    """
    if not is_share(level):
        raise UserError(f"--interval: expected a number, above 0 and below 1, got {level}")
    if not has_enough_rows(scores, level):
        raise _too_few(scores, level)
    share_no = scores.shares
    total_o = share_no.sum(axis=0)
    of_one_more_o = np.square(share_no).sum(axis=0) / total_o
    # .7 of 10 is 7, not the 8 that .7 * 10 = 7.000000000000001 makes of it.
    needed_o = level * (total_o + of_one_more_o) - 1e-9
    place_o = (np.cumsum(share_no, axis=0) < needed_o).sum(axis=0)
    last_o = (share_no > 0).sum(axis=0) - 1
    return np.take_along_axis(scores.score, np.minimum(place_o, last_o)[None], axis=0)[0]


def has_enough_rows(scores: Scores, level: float) -> bool:
    """Whether every output has enough rows of a known target for intervals of this level."""
    return bool((scores.effective_rows >= level / (1 - level) - 1e-9).all())


def _too_few(scores: Scores, level: float) -> UserError:
    """That there are too few rows, by the output that has fewest, and how many would do."""
    effective_o = scores.effective_rows
    output = effective_o.argmin()
    effective = effective_o[output]
    n = int((scores.shares[:, output] > 0).sum())
    wanted = min_rows(level)
    rows = f"{n} validation rows"
    if effective < n:
        rows += f" (by their weights, as good as {effective:.3g} of equal ones)"
        wanted = math.ceil(wanted * n / effective)
    advice = f"ask for less, or train with {wanted} (config.data.valid)"
    return UserError(f"--interval: {rows} are too few for {level:g}; {advice}")


def min_rows(level: float) -> int:
    """How many validation rows there must be for intervals of this level."""
    return math.ceil(level / (1 - level) - 1e-9)


def bounds(base: Base, score_o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends [n, o] of the intervals.

    A score below 0 draws quantiles together, but no further than to the prediction.
    """
    reach = score_o * base.unit
    lower = np.minimum(base.low - reach, base.prediction)
    upper = np.maximum(base.high + reach, base.prediction)
    return np.maximum(lower, base.floor), np.maximum(upper, base.floor)


def ends_of(
    encoder: Encoder, scores: Scores | None, predictions: Arrays, level: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Lower and upper ends [n, o] of intervals of this level; None without scores for them."""
    head = numbers_head(encoder)
    if head is None or scores is None or not has_enough_rows(scores, level):
        return None
    return bounds(base_of(encoder, head, predictions), needed_score(scores, level))


def interval_columns(
    encoder: Encoder, head: Head, score_o: np.ndarray, predictions: Arrays
) -> HostArrays:
    """The ends of the intervals: "lower" and "upper", of several targets "TARGET_lower", ..."""
    lower, upper = bounds(base_of(encoder, head, predictions), score_o)
    lower_columns = named_columns(encoder, head, lower, "lower")
    return lower_columns | named_columns(encoder, head, upper, "upper")

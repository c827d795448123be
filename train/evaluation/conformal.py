"""How sure a net is of its numbers: split-conformal intervals, and the columns of what a net says
of it by itself.

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

from train.data.dataset import Batch, Encoder, Head
from train.errors import UserError
from train.evaluation.metrics.supervised import interval_metrics

Arrays = Mapping[str, np.ndarray]
LEVEL = 0.9  # of the intervals that a finished run judges on its test rows


class Base(NamedTuple):
    """What intervals are built on, float64 [n, o] each, in raw units; `unit` is one where it is a
    deviation.
    """

    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray


def numbers_head(encoder: Encoder) -> Head | None:
    """The head that answers one number or more for each row, if there is one."""
    return next((head for head in encoder.heads if head.kind == "regression"), None)


def base_of(encoder: Encoder, head: Head, answers: Arrays) -> Base:
    """The base of a regression head's answers, which are in encoded units."""

    def raw(numbers_no: np.ndarray) -> np.ndarray:
        return encoder.to_units({**answers, head.name: numbers_no})[head.name]

    prediction = raw(answers[head.name])
    if (quantiles_noq := answers.get(f"{head.name}.quantiles")) is not None:
        return Base(
            prediction,
            raw(quantiles_noq[..., 0]),
            raw(quantiles_noq[..., -1]),
            np.ones_like(prediction),
        )
    deviation_no = answers.get(f"{head.name}.deviation")
    unit = (
        np.ones_like(prediction)
        if deviation_no is None
        else deviation_no * encoder.units[head.name]
    )
    return Base(prediction, prediction, prediction, unit)


def conformal_scores(
    encoder: Encoder, head: Head, answers: Arrays, targets: Arrays, weight: np.ndarray
) -> np.ndarray:
    """The score that each row of positive weight needs for its interval to hold its target [n, o],
    sorted by output.
    """
    base = base_of(encoder, head, answers)
    target = encoder.to_units(targets)[head.name]
    scores = np.maximum(base.low - target, target - base.high) / base.unit
    return np.sort(scores[np.asarray(weight) > 0], axis=0)


def needed_score(scores_no: np.ndarray, level: float) -> np.ndarray:
    """The score [o] of an interval that holds a row to come with probability `level` at least: the
    ceil((n + 1) level)-th smallest of n. Raises UserError where there are too few for it, or for no
    share.
    """
    if not 0 < level < 1:
        raise UserError(f"--interval: expected a number, above 0 and below 1, got {level}")
    n = len(scores_no)
    # .7 of 10 is 7, not the 8 that .7 * 10 = 7.000000000000001 makes of it.
    rank = math.ceil((n + 1) * level - 1e-9)
    if rank > n:
        advice = f"ask for less, or train with {least_rows(level)} (config.data.valid)"
        raise UserError(f"--interval: {n} validation rows are too few for {level:g}; {advice}")
    return scores_no[max(rank, 1) - 1]


def least_rows(level: float) -> int:
    """How many validation rows there must be for intervals of this level."""
    return math.ceil(level / (1 - level) - 1e-9)


def bounds(base: Base, score_o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends [n, o]. A score below 0 draws quantiles together, but no further than to
    the prediction.
    """
    reach = score_o * base.unit
    return np.minimum(base.low - reach, base.prediction), np.maximum(
        base.high + reach, base.prediction
    )


def conformal_metrics(
    encoder: Encoder,
    head: Head,
    score_o: np.ndarray,
    answers: Arrays,
    targets: Arrays,
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """coverage and mean width, raw, of these intervals over all rows (of a series: and steps), as
    `metrics.evaluate` names them.
    """
    lower, upper = bounds(base_of(encoder, head, answers), score_o)
    weight = np.ones(len(lower)) if weight is None else np.asarray(weight)
    steps = lower.shape[1] // len(head.columns)
    target = _by_column(head, encoder.to_units(targets)[head.name])
    low = _by_column(head, lower)
    high = _by_column(head, upper)
    weight = weight.repeat(steps)
    metrics = {
        name: interval_metrics(low[name], high[name], target[name], weight) for name in target
    }
    if not _several(encoder):
        return next(iter(metrics.values()))
    return {
        f"{column}.{name}": value
        for column, values in metrics.items()
        for name, value in values.items()
    }


def judge_intervals(
    encoder: Encoder, scores_no: np.ndarray | None, answers: Arrays, batch: Batch
) -> dict[str, float]:
    """What a run's intervals are worth on rows that it has not seen: {"level", "rows" that the
    scores are of, and `conformal_metrics`}; {} without scores, or with too few.
    """
    head = numbers_head(encoder)
    if head is None or scores_no is None or len(scores_no) < least_rows(LEVEL):
        return {}
    metrics = conformal_metrics(
        encoder, head, needed_score(scores_no, LEVEL), answers, batch.target, batch.weight
    )
    return {"level": LEVEL, "rows": len(scores_no), **metrics}


def interval_columns(
    encoder: Encoder, head: Head, score_o: np.ndarray, answers: Arrays
) -> dict[str, np.ndarray]:
    """ "lower" and "upper" (several targets: "TARGET_lower", ...) beside the answers."""
    lower, upper = bounds(base_of(encoder, head, answers), score_o)
    return _named(encoder, head, lower, "lower") | _named(encoder, head, upper, "upper")


def spread_columns(
    encoder: Encoder, answers: Arrays, levels: tuple[float, ...]
) -> dict[str, np.ndarray]:
    """What the answers themselves say of how sure they are: "quantile_LEVEL", the median left out,
    which is the prediction, and "deviation", of a class "deviation_CLASS"; several targets:
    "TARGET_quantile_LEVEL" and so on.
    """
    columns: dict[str, np.ndarray] = {}
    for head in encoder.heads:
        if (quantiles := answers.get(f"{head.name}.quantiles")) is not None:
            for i, level in enumerate(levels):
                raw = encoder.to_units({**answers, head.name: quantiles[..., i]})[head.name]
                columns |= _named(encoder, head, raw, f"quantile_{level:g}") if level != 0.5 else {}
        if (deviation := answers.get(f"{head.name}.deviation")) is None:
            continue
        if head.kind == "regression":
            columns |= _named(encoder, head, deviation * encoder.units[head.name], "deviation")
        else:
            of_class = np.stack([deviation] * 2, axis=1) if head.kind == "binary" else deviation
            prefix = f"{head.name}_deviation" if _several(encoder) else "deviation"
            columns |= {f"{prefix}_{name}": of_class[:, i] for i, name in enumerate(head.classes)}
    return columns


def _several(encoder: Encoder) -> bool:
    return sum(len(head.columns) for head in encoder.heads) > 1


def _by_column(head: Head, numbers_no: np.ndarray) -> dict[str, np.ndarray]:
    """{target: its numbers [n], of a series [n * h]}."""
    by_step = numbers_no.reshape(len(numbers_no), -1, len(head.columns))
    return {name: by_step[:, :, i].ravel() for i, name in enumerate(head.columns)}


def _named(
    encoder: Encoder, head: Head, numbers_no: np.ndarray, what: str
) -> dict[str, np.ndarray]:
    several = _several(encoder)
    return {
        f"{name}_{what}" if several else what: array
        for name, array in _by_column(head, numbers_no).items()
    }


def check_numbers(encoder: Encoder) -> Head:
    """The regression head. Raises UserError if there is none."""
    head = numbers_head(encoder)
    if head is None:
        names = ", ".join(repr(column) for head in encoder.heads for column in head.columns)
        raise UserError(
            f"--interval: intervals are for numbers, one or more a row; this net answers {names}"
        )
    return head

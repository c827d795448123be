"""What conformal intervals are worth on rows with a target: how many hold it, how wide they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Batch, Encoder, Head
from train.evaluation.conformal import (
    LEVEL,
    Scores,
    base_of,
    bounds,
    has_enough_rows,
    needed_score,
    numbers_head,
)
from train.evaluation.metrics.means import AllMeans, Means
from train.evaluation.metrics.numbers import interval_means, interval_of
from train.evaluation.spread import by_target, has_several_targets

Arrays = Mapping[str, np.ndarray]
HELD = "conformal interval"  # the means of what it holds


def conformal_metrics(
    encoder: Encoder,
    head: Head,
    score_o: np.ndarray,
    predictions: Arrays,
    targets: Arrays,
    weight: np.ndarray | None = None,
    level: float | None = None,
) -> dict[str, float]:
    """coverage and mean raw width of these intervals over all rows, of a series all steps too.

    With the `level` asked for also their interval_score. Named as `score_heads` does.
    """
    means = conformal_means(encoder, head, score_o, predictions, targets, weight)
    return conformal_metrics_of(encoder, means, level)


def conformal_means(
    encoder: Encoder,
    head: Head,
    score_o: np.ndarray,
    predictions: Arrays,
    targets: Arrays,
    weight: np.ndarray | None = None,
) -> AllMeans:
    """What `conformal_metrics_of` tells the metrics by, of each target."""
    lower, upper = bounds(base_of(encoder, head, predictions), score_o)
    n_steps = lower.shape[1] // len(head.columns)
    weight_n = np.ones(len(lower)) if weight is None else np.asarray(weight)
    weight_m = weight_n.repeat(n_steps)
    low = by_target(head, lower)
    high = by_target(head, upper)
    found: dict[tuple[str, str], Means] = {}
    for column, target in by_target(head, encoder.to_units(targets)[head.name]).items():
        found[HELD, column] = interval_means(low[column], high[column], target, weight_m)
    return found


def conformal_metrics_of(
    encoder: Encoder, means: AllMeans, level: float | None = None
) -> dict[str, float]:
    """The metrics of `conformal_metrics`."""
    several = has_several_targets(encoder)
    found = {}
    for (kind, column), held in means.items():
        if kind == HELD:
            for name, value in interval_of(held, level=level).items():
                found[f"{column}.{name}" if several else name] = value
    return found


def score_intervals(
    encoder: Encoder, scores: Scores | None, predictions: Arrays, batch: Batch[np.ndarray]
) -> dict[str, float]:
    """What a run's intervals are worth on rows that it has not seen.

    {"level", "rows" that the scores are of, and `conformal_metrics`}; {} without scores, or with
    too few.
    """
    head = numbers_head(encoder)
    if head is None or scores is None or not has_enough_rows(scores, LEVEL):
        return {}
    score_o = needed_score(scores, LEVEL)
    metrics = conformal_metrics(
        encoder, head, score_o, predictions, batch.target, batch.weight, LEVEL
    )
    return {"level": LEVEL, "rows": len(scores.score), **metrics}

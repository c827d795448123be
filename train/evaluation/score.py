"""Metrics of every head of a network, in original units, by the kind of the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from train.data.dataset import Head
from train.evaluation.metrics.clusters import cluster_metrics
from train.evaluation.metrics.codes import reconstruction_metrics
from train.evaluation.metrics.numbers import interval_metrics, own_interval, regression_metrics
from train.evaluation.metrics.sequences import next_binary_metrics, next_number_metrics, tag_metrics
from train.evaluation.metrics.supervised import binary_metrics, multiclass_metrics


def score_heads(
    heads: Sequence[Head],
    predictions: Mapping[str, ArrayLike],
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None = None,
    units: Mapping[str, ArrayLike] | None = None,
) -> dict[str, float]:
    """Metrics of every target column: "rmse" of one column, "COLUMN.rmse" of several.

    `predictions` and `targets` are keyed by head name. Regression: both [n, o] in encoded units,
    `units[head]` [o] turns them into raw ones (1 where not given); predictions with quantiles or a
    deviation beside them also have the "coverage" and "width" of `own_interval`. Binary:
    probability of the second class [n] and 0 or 1 [n]. Multiclass: probabilities [n, k] and class
    indices [n]. What is predicted at every step: see `train.evaluation.metrics.sequences`.
    """
    by_column: dict[str, dict[str, float]] = {}
    for head in heads:
        target = np.asarray(targets[head.name])
        unit = (units or {}).get(head.name, 1.0)
        if head.kind == "regression":
            by_column |= _metrics_of_numbers(head, predictions, target, weight, unit)
        else:
            metrics = _metrics_of_head(head, predictions, target, weight, unit)
            by_column[head.columns[0]] = metrics
    if len(by_column) == 1:
        return next(iter(by_column.values()))
    scores = {}
    for column, metrics in by_column.items():
        for name, value in metrics.items():
            scores[f"{column}.{name}"] = value
    return scores


def _metrics_of_numbers(
    head: Head,
    predictions: Mapping[str, ArrayLike],
    target_no: np.ndarray,
    weight: ArrayLike | None,
    units: ArrayLike,
) -> dict[str, dict[str, float]]:
    """The metrics of each column of a regression head."""
    prediction_no = np.asarray(predictions[head.name])
    unit_o = np.broadcast_to(units, len(head.columns))
    own = own_interval(predictions, head.name)
    by_column = {}
    for i, name in enumerate(head.columns):
        target_n = target_no[:, i]
        unit = float(unit_o[i])
        by_column[name] = regression_metrics(prediction_no[:, i], target_n, weight, unit)
        if own is not None:
            lower_no, upper_no = own
            interval = interval_metrics(lower_no[:, i], upper_no[:, i], target_n, weight, unit)
            by_column[name] |= interval
    return by_column


def _metrics_of_head(
    head: Head,
    predictions: Mapping[str, ArrayLike],
    target: np.ndarray,
    weight: ArrayLike | None,
    units: ArrayLike,
) -> dict[str, float]:
    """The metrics of a head with one column."""
    prediction = np.asarray(predictions[head.name])
    match head.kind:
        case "binary":
            return binary_metrics(prediction, target, weight)
        case "multiclass":
            return multiclass_metrics(prediction, target, weight)
        case "cluster":
            return cluster_metrics(predictions, target, weight)
        case "reconstruction":
            return reconstruction_metrics(predictions, head.name, head.size, target, weight)
        case "tags":
            return tag_metrics(prediction, target, head.classes, weight)
        case "next_binary":
            return next_binary_metrics(prediction, target, weight)
        case "step_numbers" | "next_numbers":
            return next_number_metrics(prediction, target, units, weight)
    raise ValueError(f"no metrics for the kind of head {head.kind!r}")

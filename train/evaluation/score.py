"""Metrics of every head of a network, in original units, by the kind of the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from train.data.dataset import Encoder, Head
from train.data.series.encoder import SeriesEncoder
from train.evaluation.metrics.clusters import cluster_metrics
from train.evaluation.metrics.codes import reconstruction_metrics
from train.evaluation.metrics.forecasts import forecast_metrics
from train.evaluation.metrics.sequences import next_binary_metrics, next_number_metrics, tag_metrics
from train.evaluation.metrics.supervised import (
    binary_metrics,
    interval_metrics,
    multiclass_metrics,
    own_interval,
    regression_metrics,
)


def score_heads(
    heads: Sequence[Head],
    answers: Mapping[str, ArrayLike],
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None = None,
    units: Mapping[str, ArrayLike] | None = None,
) -> dict[str, float]:
    """Metrics of every target column: "rmse" where there is one column in all, otherwise
    "COLUMN.rmse".

    `answers` and `targets` are keyed by head name. Regression: both [n, o] in encoded units,
    `units[head]` [o] turns them into raw ones (1 where not given); answers with quantiles or a
    deviation beside them also have the "coverage" and "width" of `own_interval`. Binary:
    probability of the second class [n] and 0 or 1 [n]. Multiclass: probabilities [n, k] and class
    indices [n]. What is answered at every step: see `train.evaluation.metrics.sequences`.
    """
    units = units or {}
    metrics: dict[str, dict[str, float]] = {}
    for head in heads:
        answer = np.asarray(answers[head.name])
        target = np.asarray(targets[head.name])
        if head.kind == "regression":
            unit_o = np.broadcast_to(units.get(head.name, 1.0), len(head.columns))
            own = own_interval(answers, head.name)
            for i, name in enumerate(head.columns):
                truth_n = target[:, i]
                unit = float(unit_o[i])
                metrics[name] = regression_metrics(answer[:, i], truth_n, weight, unit)
                if own is not None:
                    metrics[name] |= interval_metrics(
                        own[0][:, i], own[1][:, i], truth_n, weight, unit
                    )
        elif head.kind == "cluster":
            metrics[head.name] = cluster_metrics(answers, target, weight)
        elif head.kind == "reconstruction":
            metrics[head.name] = reconstruction_metrics(
                answers, head.name, head.size, target, weight
            )
        elif head.kind == "binary":
            metrics[head.columns[0]] = binary_metrics(answer, target, weight)
        elif head.kind == "tags":
            metrics[head.columns[0]] = tag_metrics(answer, target, head.classes, weight)
        elif head.kind == "next_binary":
            metrics[head.columns[0]] = next_binary_metrics(answer, target, weight)
        elif head.kind == "next_numbers":
            metrics[head.columns[0]] = next_number_metrics(answer, target, units[head.name], weight)
        else:
            metrics[head.columns[0]] = multiclass_metrics(answer, target, weight)
    if len(metrics) == 1:
        return next(iter(metrics.values()))
    return {
        f"{column}.{name}": value
        for column, values in metrics.items()
        for name, value in values.items()
    }


def score(
    encoder: Encoder,
    answers: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """Metrics of answers to encoded rows, in original units."""
    if isinstance(encoder, SeriesEncoder):
        return forecast_metrics(encoder, answers, targets, weight)
    return score_heads(encoder.heads, answers, targets, weight, encoder.units)

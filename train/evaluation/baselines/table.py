"""What any model of a table should beat: a constant and a linear model.

The constant predicts the training mean ("mean"), or for classes their training frequencies
("majority": its accuracy is that of the commonest class, its log loss the entropy). "linear" is
ridge regression, or logistic regression. n rows, f features, o outputs of a head, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.data.dataset import Batch, Head
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines.features import linear_features
from train.evaluation.baselines.linear import Floats, Linear, predict_linear
from train.evaluation.baselines.logistic import fit_logistic
from train.evaluation.baselines.ridge import fit_ridge
from train.evaluation.score import score_heads


@dataclass(frozen=True)
class Baselines:
    """By head name: the constant (mean [o], or class frequencies [k]) and the linear model."""

    constant: dict[str, Floats]
    linear: dict[str, Linear]


def table_baselines(
    encoder: TableEncoder, train: Batch, judged: Batch, *, in_sample: bool
) -> dict[str, dict[str, float]]:
    """{"mean" or "majority", "linear": metrics on the judged rows}, fitted on the training rows.

    `in_sample`: whether the judged rows are the training rows.
    """
    fitted_on, judged_by = linear_features(train.inputs, judged.inputs, encoder.category_sizes)
    baselines = fit_baselines(
        fitted_on, train.target, train.weight, encoder.heads, in_sample=in_sample
    )
    return baseline_metrics(
        baselines, judged_by, judged.target, judged.weight, encoder.heads, encoder.units
    )


def fit_baselines(
    features: NDArray,
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None,
    heads: Sequence[Head],
    seed: int = 0,
    *,
    in_sample: bool = False,
) -> Baselines:
    """Fits both on the training rows: `features` [n, f], standardised and one-hot, without nan.

    `targets` by head name: [n, o] numbers, or class indices [n]. Only the ratios of `weight` [n]
    matter. Logistic regression sees at most LOGISTIC_ROWS rows, drawn by `seed`, which also draws
    the folds that penalties are chosen by. `in_sample`: the fit is judged on these very rows.
    """
    weight_n = np.ones(len(features)) if weight is None else np.asarray(weight, np.float64)
    counted_n = weight_n > 0
    if not counted_n.all():
        features = features[counted_n]
        weight_n = weight_n[counted_n]
    constant = {}
    linear = {}
    for head in heads:
        target = np.asarray(targets[head.name])[counted_n]
        if head.kind == "regression":
            constant[head.name] = np.average(target.astype(np.float64), axis=0, weights=weight_n)
            linear[head.name] = fit_ridge(features, target, weight_n, seed, in_sample=in_sample)
        else:
            mass_k = np.bincount(target, weight_n, 2 if head.kind == "binary" else head.size)
            constant[head.name] = mass_k / mass_k.sum()
            linear[head.name] = fit_logistic(
                features, target, weight_n, head, seed, in_sample=in_sample
            )
    return Baselines(constant, linear)


def baseline_metrics(
    baselines: Baselines,
    features: NDArray,
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None,
    heads: Sequence[Head],
    units: Mapping[str, ArrayLike] | None = None,
) -> dict[str, dict[str, float]]:
    """{"mean" and, or, "majority", "linear": metrics} on these rows, named as `score_heads` does.

    The constant is "mean" for numbers and "majority" for classes.
    """
    constant = {}
    linear = {}
    for head in heads:
        constant[head.name] = _predict_constant(baselines.constant[head.name], head, len(features))
        linear[head.name] = predict_linear(baselines.linear[head.name], features, head)
    scores = score_heads(heads, constant, targets, weight, units)
    numbers = [head for head in heads if head.kind == "regression"]
    classes = [head for head in heads if head.kind != "regression"]
    result: dict[str, dict[str, float]] = {}
    if numbers:
        result["mean"] = _metrics_of(numbers, scores)
    if classes:
        result["majority"] = _metrics_of(classes, scores)
    result["linear"] = score_heads(heads, linear, targets, weight, units)
    return result


def _predict_constant(constant: Floats, head: Head, n_rows: int) -> Floats:
    prediction = constant[1] if head.kind == "binary" else constant
    return np.broadcast_to(prediction, (n_rows, *prediction.shape))


def _metrics_of(heads: Sequence[Head], scores: Mapping[str, float]) -> dict[str, float]:
    """The metrics of these heads' columns among all.

    A metric's name is "METRIC" or "COLUMN.METRIC", the first only where there is a single column.
    """
    columns = {""}
    for head in heads:
        columns |= set(head.columns)
    return {name: value for name, value in scores.items() if name.rpartition(".")[0] in columns}

"""What any model of a table should beat: a constant and a linear model.

The constant predicts the training mean ("mean"), or for classes their training frequencies
("majority": its accuracy is that of the commonest class, its log loss the entropy). "linear" is
ridge regression, or logistic regression. n rows, f features, o outputs of a head, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from train.data.dataset import Batch, Head
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines.features import LinearFeatures
from train.evaluation.baselines.linear import (
    NO_DEADLINE,
    Deadline,
    Features,
    Fitting,
    Floats,
    LeftOutError,
    Linear,
    predict_linear,
)
from train.evaluation.baselines.logistic import fit_logistic, n_rows_fitted
from train.evaluation.baselines.ridge import fit_ridge
from train.evaluation.score import score_heads


class Seconds(NamedTuple):
    """How many seconds the linear model of a table and its trees may take; 0 leaves them out.

    `left_out` says why there are no trees where that is not what was asked for.
    """

    linear: float
    trees: float = 0.0
    left_out: str = ""


@dataclass(frozen=True)
class Baselines:
    """By head name: the constant (mean [o], or class frequencies [k]) and the linear model.

    A `note` says why there are no linear models, or what was not tried. `n_rows` were fitted on, by
    logistic regression `logistic_rows` of them.
    """

    constant: dict[str, Floats]
    linear: dict[str, Linear]
    note: str = ""
    n_rows: int = 0
    logistic_rows: int | None = None

    @property
    def fitted_on(self) -> dict[str, int]:
        """{"mean" or "majority", "linear": the rows that it was fitted on}."""
        linear = self.n_rows if self.logistic_rows is None else self.logistic_rows
        return {"mean": self.n_rows, "majority": self.n_rows, "linear": linear}


@dataclass(frozen=True)
class FittedTable:
    """The baselines of a table, fitted on its training rows, and what makes rows features."""

    encoder: TableEncoder
    features: LinearFeatures
    baselines: Baselines

    def linear_predictions(self, inputs: Mapping[str, np.ndarray]) -> dict[str, Floats]:
        """{head: what the linear model predicts of encoded rows}; {} where there is none."""
        features = self.features.of(inputs)
        predictions = {}
        for head in self.encoder.heads:
            if head.name in self.baselines.linear:
                linear = self.baselines.linear[head.name]
                predictions[head.name] = predict_linear(linear, features, head)
        return predictions

    def metrics(self, judged: Batch[np.ndarray]) -> dict[str, dict[str, float]]:
        """{"mean" or "majority", "linear": metrics on the judged rows}."""
        features = self.features.of(judged.inputs)
        encoder = self.encoder
        return baseline_metrics(
            self.baselines, features, judged.target, judged.weight, encoder.heads, encoder.units
        )


def fit_table(
    encoder: TableEncoder, train: Batch[np.ndarray], seconds: float, *, in_sample: bool
) -> FittedTable:
    """The baselines, fitted on the training rows; the linear model in so many seconds, or left out.

    `in_sample`: whether the training rows are judged too. 0 seconds leave it out without a note.
    """
    deadline = Deadline.after(seconds)
    features = LinearFeatures(train.inputs, encoder.category_sizes)
    fitted_on = features.of(train.inputs) if seconds else np.zeros((len(train.weight), 0))
    baselines = fit_baselines(
        fitted_on,
        train.target,
        train.weight,
        encoder.heads,
        in_sample=in_sample,
        deadline=deadline,
    )
    if not seconds:
        baselines = replace(baselines, linear={}, note="")
    return FittedTable(encoder, features, baselines)


def fit_baselines(
    features: Features,
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None,
    heads: Sequence[Head],
    seed: int = 0,
    *,
    in_sample: bool = False,
    deadline: Deadline = NO_DEADLINE,
) -> Baselines:
    """Fits both on the training rows: `features` [n, f], standardised and one-hot, without nan.

    `targets` by head name: [n, o] numbers, or class indices [n]. Only the ratios of `weight` [n]
    matter. Logistic regression sees at most LOGISTIC_ROWS rows, drawn by `seed`, which also draws
    the folds that penalties are chosen by. `in_sample`: the fit is judged on these very rows. When
    the deadline is over, there is no linear model.
    """
    n_rows = features.shape[0]
    weight_n = np.ones(n_rows) if weight is None else np.asarray(weight, np.float64)
    counted_n = weight_n > 0
    if not counted_n.all():
        features = features[counted_n]
        weight_n = weight_n[counted_n]
    constant = {}
    known = {}
    for head in heads:
        known[head.name] = np.asarray(targets[head.name])[counted_n]
        target = known[head.name]
        if head.kind == "regression":
            constant[head.name] = np.average(target.astype(np.float64), axis=0, weights=weight_n)
        else:
            mass_k = np.bincount(target, weight_n, 2 if head.kind == "binary" else head.size)
            constant[head.name] = mass_k / mass_k.sum()
    try:
        fitting = Fitting(seed, in_sample, deadline)
        linear = _fit_linear(features, known, weight_n, heads, fitting)
    except LeftOutError as error:
        return Baselines(constant, {}, f"the linear model is left out: {error}", n_rows)
    seen = None
    if any(head.kind != "regression" for head in heads) and n_rows_fitted(features) < len(weight_n):
        seen = n_rows_fitted(features)
    notes = "; ".join(filter(None, (model.note for model in linear.values())))
    return Baselines(constant, linear, notes, n_rows, seen)


def _fit_linear(
    features: Features,
    targets: Mapping[str, np.ndarray],
    weight_n: Floats,
    heads: Sequence[Head],
    fitting: Fitting,
) -> dict[str, Linear]:
    """The linear model of each head. Raises LeftOutError."""
    linear = {}
    for head in heads:
        target = targets[head.name]
        if head.kind == "regression":
            linear[head.name] = fit_ridge(features, target, weight_n, fitting)
        else:
            linear[head.name] = fit_logistic(features, target, weight_n, head, fitting)
    return linear


def baseline_metrics(
    baselines: Baselines,
    features: Features,
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None,
    heads: Sequence[Head],
    units: Mapping[str, ArrayLike] | None = None,
) -> dict[str, dict[str, float]]:
    """{"mean" and, or, "majority", "linear": metrics} on these rows, named as `score_heads` does.

    The constant is "mean" for numbers and "majority" for classes. Without linear models it stands
    alone.
    """
    constant = {}
    linear = {}
    n_rows = features.shape[0]
    for head in heads:
        constant[head.name] = _predict_constant(baselines.constant[head.name], head, n_rows)
        if baselines.linear:
            linear[head.name] = predict_linear(baselines.linear[head.name], features, head)
    scores = score_heads(heads, constant, targets, weight, units)
    numbers = [head for head in heads if head.kind == "regression"]
    classes = [head for head in heads if head.kind != "regression"]
    result: dict[str, dict[str, float]] = {}
    if numbers:
        result["mean"] = _metrics_of(numbers, scores)
    if classes:
        result["majority"] = _metrics_of(classes, scores)
    if linear:
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

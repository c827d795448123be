"""Linear models of sequences.

Ridge or logistic regression: on a summary of the sequence, for what is asked of whole ones; on the
numbers of the step for tags, numbers and next numbers of steps, where there are no words. n rows, t
steps, s steps of all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from train.data.dataset import Batch, Head
from train.evaluation.baselines.linear import (
    Deadline,
    Features,
    Fitting,
    LeftOutError,
    Linear,
    predict_linear,
)
from train.evaluation.baselines.logistic import fit_logistic
from train.evaluation.baselines.ridge import fit_ridge
from train.evaluation.baselines.sequence_summary import (
    StepFeatures,
    SummaryFeatures,
    spread_steps,
    steps_of,
)

Arrays = Mapping[str, np.ndarray]
OF_ROWS = ("regression", "binary", "multiclass")  # answers that a sequence has once
OF_STEPS = ("tags", "step_numbers", "next_numbers")  # answers that a linear model has at each step


@dataclass(frozen=True)
class SequenceLinear:
    """Linear models by the name of a head, of the heads that have one.

    A `note` says why there are none, or what was not tried.
    """

    heads: Sequence[Head]
    fitted: Mapping[str, Linear]
    summary: SummaryFeatures | None = None
    steps: StepFeatures | None = None
    note: str = ""

    def predictions(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """{head: what its model answers of these rows}."""
        answers: dict[str, np.ndarray] = {}
        of_rows_nf = None
        for head in self.heads:
            if head.name not in self.fitted:
                continue
            linear = self.fitted[head.name]
            if head.kind in OF_ROWS:
                if of_rows_nf is None:
                    assert self.summary is not None
                    of_rows_nf = self.summary.of(inputs)
                answers[head.name] = predict_linear(linear, of_rows_nf, head)
            else:
                assert self.steps is not None
                answers[head.name] = _of_steps(head, linear, self.steps, inputs)
        return answers


def fit_linear(
    heads: Sequence[Head], train: Batch, seconds: float, *, in_sample: bool = False
) -> SequenceLinear:
    """The models, fitted on the training rows in so many seconds, or left out with a note.

    `in_sample`: whether the training rows are judged too. 0 seconds leave them out without a note.
    """
    if not seconds:
        return SequenceLinear(heads, {})
    fitting = Fitting(in_sample=in_sample, deadline=Deadline.after(seconds))
    fitted: dict[str, Linear] = {}
    summary = None
    steps = None
    try:
        for head in heads:
            if head.kind in OF_ROWS:
                summary = SummaryFeatures(train.inputs) if summary is None else summary
                target = np.asarray(train.target[head.name])
                weight_n = np.asarray(train.weight, np.float64)
                features_nf = summary.of(train.inputs)
                fitted[head.name] = _fit(head, features_nf, target, weight_n, fitting)
            elif head.kind in OF_STEPS and "tokens" not in train.inputs:
                steps = StepFeatures(train.inputs)
                fitted[head.name] = _fit_steps(head, steps, train, fitting)
    except LeftOutError as error:
        return SequenceLinear(heads, {}, note=f"the linear model is left out: {error}")
    notes = "; ".join(filter(None, (model.note for model in fitted.values())))
    return SequenceLinear(heads, fitted, summary, steps, notes)


def _fit_steps(head: Head, features: StepFeatures, train: Batch, fitting: Fitting) -> Linear:
    """A model of the numbers of a step, whatever its neighbours are."""
    mask_nt = steps_of(train.inputs)
    target_s = np.asarray(train.target[head.name])[mask_nt]
    weight_s = np.repeat(np.asarray(train.weight, np.float64), mask_nt.sum(1))
    if head.kind == "tags":
        known_s = (target_s >= 0) & (target_s < head.size)
    else:
        known_s = ~np.isnan(target_s).any(-1)
    own = features.of(train.inputs)[known_s]
    return _fit(_as_rows(head), own, target_s[known_s], weight_s[known_s], fitting)


def _of_steps(head: Head, linear: Linear, features: StepFeatures, inputs: Arrays) -> np.ndarray:
    """What a model of steps answers: tags [n, t], or numbers [n, t, f]."""
    answer_s = predict_linear(linear, features.of(inputs), _as_rows(head))
    if head.kind == "tags":
        return spread_steps(answer_s.argmax(1).astype(np.int32), inputs, -1)
    return spread_steps(answer_s, inputs, np.nan)


def _as_rows(head: Head) -> Head:
    """The head of a table whose rows are the steps."""
    return replace(head, kind="multiclass" if head.kind == "tags" else "regression")


def _fit(
    head: Head, features: Features, target: np.ndarray, weight_n: np.ndarray, fitting: Fitting
) -> Linear:
    """Ridge regression of numbers, logistic regression of classes. Raises LeftOutError."""
    counted_n = weight_n > 0
    rows = features[counted_n], target[counted_n], weight_n[counted_n]
    if head.kind == "regression":
        return fit_ridge(*rows, fitting)
    return fit_logistic(*rows, head, fitting)

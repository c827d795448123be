"""What any model of sequences should beat, counted on training rows.

"majority": the frequencies of labels; for tags the one most frequent for each word, or at all where
there are no words or the word is new. "mean": of numeric targets, and of next steps (for zeros and
ones their rates). "last": the next step equals this one. "linear": ridge or logistic regression on
a summary of the sequence, for what is asked of whole ones; on the numbers of the step for tags,
numbers and next numbers of steps, where there are no words. n rows, t steps, s steps of all rows, f
numbers of a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from train.data.dataset import Batch, Head
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.schema import NEXT
from train.data.sequences.text import UNKNOWN
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
from train.evaluation.score import score_heads

Arrays = Mapping[str, np.ndarray]
Predictions = dict[str, np.ndarray]
UNFITTED = {"last"}  # baselines that no training row decides
CLASSES = ("binary", "multiclass", "tags")
OF_ROWS = ("regression", "binary", "multiclass")  # answers that a sequence has once
OF_STEPS = ("tags", "step_numbers", "next_numbers")  # answers that a linear model has at each step


class SequenceBaselines(NamedTuple):
    """{baseline: metrics, named as `score_heads` does}, and why there is no linear model."""

    metrics: dict[str, dict[str, float]]
    note: str = ""


def sequence_baselines(
    encoder: SequenceEncoder,
    train: Batch,
    judged: Batch,
    seconds: float = 0.0,
    *,
    in_sample: bool = False,
) -> SequenceBaselines:
    """The metrics on the judged rows; linear models in so many seconds, or left out.

    `in_sample`: whether the training rows are judged. 0 seconds leave them out without a note.
    """
    heads = encoder.heads
    constant = {head.name: _predict_constant(head, train, judged) for head in heads}
    scores = score_heads(heads, constant, judged.target, judged.weight, encoder.units)
    baselines: dict[str, dict[str, float]] = {}
    for head in heads:
        baseline = "majority" if head.kind in CLASSES else "mean"
        baselines[baseline] = baselines.get(baseline, {}) | _metrics_of(head, heads, scores)
    if encoder.next_kind == "numbers":
        last = {NEXT: judged.inputs["numbers"]}
        baselines["last"] = score_heads(heads, last, judged.target, judged.weight, encoder.units)
    try:
        linear = linear_predictions(encoder, train, judged, seconds, in_sample=in_sample)
    except LeftOutError as error:
        return SequenceBaselines(baselines, f"the linear model is left out: {error}")
    if linear:
        answers = {**constant, **linear}
        scores = score_heads(heads, answers, judged.target, judged.weight, encoder.units)
        baselines["linear"] = {}
        for head in heads:
            if head.name in linear:
                baselines["linear"] |= _metrics_of(head, heads, scores)
    return SequenceBaselines(baselines)


def mean_predictions(encoder: SequenceEncoder, train: Batch, judged: Batch) -> Predictions:
    """{head of numbers of whole sequences: their mean in training, for each judged row}."""
    heads = [head for head in encoder.heads if head.kind == "regression"]
    return {head.name: _predict_constant(head, train, judged) for head in heads}


def linear_predictions(
    encoder: SequenceEncoder,
    train: Batch,
    judged: Batch,
    seconds: float,
    *,
    in_sample: bool = False,
) -> Predictions:
    """{head: what a linear model answers of the judged rows}, of the heads that have one.

    Raises LeftOutError where the seconds are not enough; 0 ask for none.
    """
    predictions: Predictions = {}
    if not seconds:
        return predictions
    fitting = Fitting(in_sample=in_sample, deadline=Deadline.after(seconds))
    summaries: tuple[Features, Features] | None = None
    for head in encoder.heads:
        if head.kind in OF_ROWS:
            if summaries is None:
                summary = SummaryFeatures(train.inputs)
                summaries = summary.of(train.inputs), summary.of(judged.inputs)
            predictions[head.name] = _predict_rows(head, train, *summaries, fitting)
        elif head.kind in OF_STEPS and "tokens" not in train.inputs:
            predictions[head.name] = _predict_steps(head, train, judged, fitting)
    return predictions


def _predict_rows(
    head: Head, train: Batch, features: Features, judged: Features, fitting: Fitting
) -> np.ndarray:
    """What a linear model of the sequences' summaries answers."""
    target = np.asarray(train.target[head.name])
    linear = _fit(head, features, target, np.asarray(train.weight, np.float64), fitting)
    return predict_linear(linear, judged, head)


def _predict_steps(head: Head, train: Batch, judged: Batch, fitting: Fitting) -> np.ndarray:
    """What a linear model of the numbers of a step answers there, whatever its neighbours are."""
    features = StepFeatures(train.inputs)
    mask_nt = steps_of(train.inputs)
    target_s = np.asarray(train.target[head.name])[mask_nt]
    weight_s = np.repeat(np.asarray(train.weight, np.float64), mask_nt.sum(1))
    is_tag = head.kind == "tags"
    if is_tag:
        known_s = (target_s >= 0) & (target_s < head.size)
    else:
        known_s = ~np.isnan(target_s).any(-1)
    own = features.of(train.inputs)[known_s]
    as_rows = replace(head, kind="multiclass" if is_tag else "regression")
    linear = _fit(as_rows, own, target_s[known_s], weight_s[known_s], fitting)
    answer_s = predict_linear(linear, features.of(judged.inputs), as_rows)
    if is_tag:
        return spread_steps(answer_s.argmax(1).astype(np.int32), judged.inputs, -1)
    return spread_steps(answer_s, judged.inputs, np.nan)


def _fit(
    head: Head, features: Features, target: np.ndarray, weight_n: np.ndarray, fitting: Fitting
) -> Linear:
    """Ridge regression of numbers, logistic regression of classes. Raises LeftOutError."""
    counted_n = weight_n > 0
    rows = features[counted_n], target[counted_n], weight_n[counted_n]
    if head.kind == "regression":
        return fit_ridge(*rows, fitting)
    return fit_logistic(*rows, head, fitting)


def _metrics_of(head: Head, heads: Sequence[Head], scores: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a head's columns among those of all heads."""
    if len(heads) == 1:
        return dict(scores)
    return {name: scores[name] for name in scores if name.rpartition(".")[0] in head.columns}


def _predict_constant(head: Head, train: Batch, judged: Batch) -> np.ndarray:
    """Predictions for the judged rows that read nothing but, for tags, the word at the step."""
    n = len(judged.weight)
    target = train.target[head.name]
    weight_n = np.asarray(train.weight, np.float64)
    match head.kind:
        case "regression":
            return np.tile(np.average(target.astype(np.float64), axis=0, weights=weight_n), (n, 1))
        case "binary":
            return np.full(n, np.average(target, weights=weight_n))
        case "multiclass":
            mass_k = np.bincount(target, weight_n, minlength=head.size)
            return np.tile(mass_k / weight_n.sum(), (n, 1))
        case "tags":
            return tag_by_word(train.inputs, target, judged.inputs, head.size, weight_n)
        case _:
            flat_sf = target.reshape(-1, target.shape[-1]).astype(np.float64)
            weight_s = np.repeat(weight_n, target.shape[1])
            weight_sf = np.where(np.isnan(flat_sf), 0.0, weight_s[:, None])
            mean_f = np.average(np.nan_to_num(flat_sf), axis=0, weights=weight_sf)
            return np.broadcast_to(mean_f, judged.target[head.name].shape)


def tag_by_word(
    train: Arrays, tags_nt: np.ndarray, judged: Arrays, n_tags: int, weight_n: np.ndarray
) -> np.ndarray:
    """The tag [n, t] that the weightiest training rows give to the word at a step."""
    mask_nt = (tags_nt >= 0) & (tags_nt < n_tags)
    weight_s = np.repeat(weight_n, mask_nt.sum(1))
    overall = np.bincount(tags_nt[mask_nt], weight_s, minlength=n_tags).argmax()
    if "tokens" not in train:
        return np.full(judged["numbers"].shape[:2], overall, np.int32)
    words = train["tokens"][mask_nt].astype(np.int64)
    n_words = int(max(train["tokens"].max(), judged["tokens"].max(), UNKNOWN)) + 1
    pairs, pair_s = np.unique(words * n_tags + tags_nt[mask_nt], return_inverse=True)
    tag_v = np.full(n_words, overall, np.int32)
    most_v = np.zeros(n_words)
    for pair, count in zip(pairs, np.bincount(pair_s, weight_s), strict=True):
        word, tag = divmod(pair, n_tags)
        if count > most_v[word]:
            most_v[word] = count
            tag_v[word] = tag
    return tag_v[judged["tokens"]]

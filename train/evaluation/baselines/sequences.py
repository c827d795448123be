"""What any model of sequences should beat, counted on training rows.

"majority": the frequencies of labels; for tags the one most frequent for each word, or at all where
there are no words or the word is new. "mean": of numeric targets, and of next steps (for zeros and
ones their rates). "last": the next step equals this one. "linear": `sequence_linear.py`.

n rows, t steps, s steps of all rows, f numbers of a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from train.data.dataset import Batch, Head
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.schema import NEXT
from train.data.sequences.text import UNKNOWN
from train.evaluation.baselines.sequence_linear import SequenceLinear, fit_linear
from train.evaluation.score import score_heads

Arrays = Mapping[str, np.ndarray]
Predictions = dict[str, np.ndarray]
UNFITTED = {"last"}  # baselines that no training row decides
CLASSES = ("binary", "multiclass", "tags")


class SequenceScores(NamedTuple):
    """{baseline: metrics, named as `score_heads` does}, and why there is no linear model."""

    metrics: dict[str, dict[str, float]]
    note: str = ""


class SequenceBaselines:
    """The baselines of sequences: linear models are fitted once, whatever they are judged on."""

    def __init__(self, encoder: SequenceEncoder):
        self._encoder = encoder
        self._linear: dict[bool, SequenceLinear] = {}

    def scores(
        self, train: Batch, judged: Batch, seconds: float = 0.0, *, in_sample: bool = False
    ) -> SequenceScores:
        """The metrics on the judged rows; linear models in so many seconds, or left out.

        `in_sample`: whether the training rows are judged. 0 seconds leave them out without a note.
        """
        encoder = self._encoder
        heads = encoder.heads
        constant = {head.name: _predict_constant(head, train, judged) for head in heads}
        scores = score_heads(heads, constant, judged.target, judged.weight, encoder.units)
        baselines: dict[str, dict[str, float]] = {}
        for head in heads:
            baseline = "majority" if head.kind in CLASSES else "mean"
            baselines[baseline] = baselines.get(baseline, {}) | _metrics_of(head, heads, scores)
        if encoder.next_kind == "numbers":
            last = {NEXT: judged.inputs["numbers"]}
            baselines["last"] = score_heads(
                heads, last, judged.target, judged.weight, encoder.units
            )
        if in_sample not in self._linear:
            self._linear[in_sample] = fit_linear(heads, train, seconds, in_sample=in_sample)
        fitted = self._linear[in_sample]
        linear = fitted.predictions(judged.inputs)
        if linear:
            answers = {**constant, **linear}
            scores = score_heads(heads, answers, judged.target, judged.weight, encoder.units)
            baselines["linear"] = {}
            for head in heads:
                if head.name in linear:
                    baselines["linear"] |= _metrics_of(head, heads, scores)
        return SequenceScores(baselines, fitted.note)


def mean_predictions(encoder: SequenceEncoder, train: Batch, judged: Batch) -> Predictions:
    """{head of numbers of whole sequences: their mean in training, for each judged row}."""
    heads = [head for head in encoder.heads if head.kind == "regression"]
    return {head.name: _predict_constant(head, train, judged) for head in heads}


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

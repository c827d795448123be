"""How well each class is told: confusion, precision, recall and f1 by class, and calibration.

n rows, t steps, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from train.data.dataset import Head
from train.data.sequences.tags import UNSEEN
from train.evaluation import curves
from train.evaluation.metrics.sequences import Entity, are_entities, find_entities

Array = np.ndarray
Json: TypeAlias = dict[str, object]

MAX_CLASSES = 100  # of which result.json holds the confusion
DECIMALS = 6


class ClassScores(NamedTuple):
    """Scores of each class [k]; those that nothing tells are 0, `support` are its rows."""

    names: Sequence[str]
    precision: Array
    recall: Array
    support: Array
    found: Array

    @property
    def f1(self) -> Array:
        """The harmonic mean of precision and recall of each class [k]."""
        return curves.f1_of(self.precision, self.recall)

    def to_json(self) -> Json:
        """A list for each score."""
        return {
            "precision": _rounded(self.precision),
            "recall": _rounded(self.recall),
            "f1": _rounded(self.f1),
            "support": _rounded(self.support),
        }


def class_scores(confusion_kk: Array, names: Sequence[str]) -> ClassScores:
    """The scores of each class, of a confusion [true class, predicted class]."""
    hit_k = confusion_kk.diagonal()
    found_k = confusion_kk.sum(0)
    true_k = confusion_kk.sum(1)
    return _scores(names, hit_k, true_k, found_k)


def entity_scores(
    target_nt: Array, answer_nt: Array, tags: Sequence[str], weight_n: Array | None = None
) -> ClassScores:
    """The scores of each kind of entity, an entity being found if all of it is.

    -1 in `target_nt` is no step. With weights an entity counts for that of its row.
    """
    names = np.array([*tags, *UNSEEN])
    hits: dict[str, float] = {}
    true: dict[str, float] = {}
    found: dict[str, float] = {}
    weights = [1] * len(target_nt) if weight_n is None else weight_n.tolist()
    for target_t, answer_t, weight in zip(target_nt, answer_nt, weights, strict=True):
        known_t = target_t >= 0
        wanted = set(find_entities(names[target_t[known_t]].tolist()))
        answered = set(find_entities(names[answer_t[known_t]].tolist()))
        for counts, entities in ((true, wanted), (found, answered), (hits, wanted & answered)):
            _count(counts, entities, weight)
    kinds = sorted({*true, *found})
    columns = []
    for counts in (hits, true, found):
        columns.append(np.array([counts.get(kind, 0) for kind in kinds]))
    return _scores(kinds, *columns)


def score_classes(
    heads: Sequence[Head],
    targets: Mapping[str, Array],
    answers: Mapping[str, Array],
    weight_n: Array,
) -> dict[str, Json]:
    """{target: its record} for each head of classes or tags, as result.json holds it.

    Rows of a class that no training row has, which nothing can answer, are left out and counted.
    """
    found: dict[str, Json] = {}
    for head in heads:
        if head.kind in ("binary", "multiclass"):
            found[head.name] = _classes(head, targets[head.name], answers[head.name], weight_n)
        elif head.kind == "tags":
            counted = np.asarray(weight_n) > 0
            target_nt = np.asarray(targets[head.name])[counted]
            answer_nt = np.asarray(answers[head.name])[counted]
            own = unless_equal(np.asarray(weight_n)[counted])
            found[head.name] = _tags(head.classes, target_nt, answer_nt, own)
    return found


def _classes(head: Head, target_n: Array, probability: Array, weight_n: Array) -> Json:
    k = len(head.classes)
    target_n = np.asarray(target_n)
    counted = (target_n >= 0) & (target_n < k) & (np.asarray(weight_n) > 0)
    n_unseen = int((target_n >= k).sum())
    target_n = target_n[counted].astype(int)
    probability = np.asarray(probability, np.float64)[counted]
    weights = unless_equal(np.asarray(weight_n)[counted])
    if head.kind == "binary":
        answer_n = (probability > 0.5).astype(int)
        happened = target_n == 1
    else:
        answer_n = probability.argmax(-1)
        happened = np.eye(k, dtype=bool)[target_n]
    confusion_kk = curves.confusion(target_n, answer_n, k, weights)
    each = None if weights is None else weights.repeat(happened.size // max(len(happened), 1))
    record: Json = {"labels": list(head.classes)}
    if k <= MAX_CLASSES:
        record["confusion"] = confusion_kk.tolist()
    record |= class_scores(confusion_kk, head.classes).to_json()
    if len(target_n) and np.isfinite(probability).all():
        record["calibration"] = _calibration(happened.ravel(), probability.ravel(), each)
    if n_unseen:
        record["of_unseen_classes"] = n_unseen
    return record


def _calibration(happened: Array, probability: Array, weights: Array | None) -> Json:
    """For each tenth of probability its mean, how often it happened, and how many answers."""
    mean, share, count = curves.calibration(happened, probability, weights)
    gap = np.average(np.abs(mean - share), weights=count)
    return {
        "probability": _rounded(mean),
        "happened": _rounded(share),
        "answers": _rounded(count),
        "mean_gap": round(float(gap), DECIMALS),
    }


def unless_equal(weight_n: Array) -> Array | None:
    """Weights, or None where all are 1, so that what is counted stays whole."""
    return None if (weight_n == 1).all() else weight_n


def _tags(tags: Sequence[str], target_nt: Array, answer_nt: Array, weight_n: Array | None) -> Json:
    if are_entities(tags):
        scores = entity_scores(target_nt, answer_nt, tags, weight_n)
        return {"entities": list(scores.names), **scores.to_json()}
    scores = step_scores(target_nt, answer_nt, tags, weight_n)
    return {"labels": list(scores.names), **scores.to_json()}


def step_scores(
    target_nt: Array, answer_nt: Array, tags: Sequence[str], weight_n: Array | None = None
) -> ClassScores:
    """The scores of each tag over all steps; -1 in `target_nt` is none.

    With weights a step counts for that of its row.
    """
    k = len(tags)
    known_nt = (target_nt >= 0) & (target_nt < k)
    weight_s = None if weight_n is None else weight_n.repeat(known_nt.sum(1))
    confusion_kk = curves.confusion(target_nt[known_nt], answer_nt[known_nt], k, weight_s)
    return class_scores(confusion_kk, tags)


def _scores(names: Sequence[str], hit_k: Array, true_k: Array, found_k: Array) -> ClassScores:
    precision = hit_k / np.where(found_k > 0, found_k, 1)
    recall = hit_k / np.where(true_k > 0, true_k, 1)
    return ClassScores(names, precision, recall, true_k, found_k)


def _count(counts: dict[str, float], entities: set[Entity], weight: float) -> None:
    for _, _, kind in entities:
        counts[kind] = counts.get(kind, 0) + weight


def _rounded(values: Array) -> list[float]:
    return np.round(np.asarray(values), DECIMALS).tolist()

"""Scores of rows that two runs answered: their value, and how far each row moves it.

To the first order (the delta method) a score is its value and the mean of what its rows move it by,
so that the difference of two scores has the deviation of the mean of differences. n rows, k
classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from train.data.sequences.schemes import as_iobes
from train.data.sequences.tags import UNSEEN
from train.evaluation.metrics.sequences import entity_counts, find_entities, find_strictly


class Rows(NamedTuple):
    """The rows that two runs share, in one order, as one of them answered."""

    target: np.ndarray
    """Numbers, labels, or the lists of tags of sequences [n]."""
    answer: np.ndarray
    classes: tuple[str, ...] = ()
    code: np.ndarray | None = None
    """The class of a target [n]; k where no training row has it."""
    probability: np.ndarray | None = None
    """Of each class [n, k]."""


class RowScore(NamedTuple):
    """A score, and the influence of each row on it [n], whose mean is 0 (the delta method)."""

    value: float
    influence: np.ndarray


Scorer = Callable[[Rows], RowScore]


def mean_score(cost_n: np.ndarray) -> RowScore:
    """The mean of what rows cost."""
    mean = float(cost_n.mean())
    return RowScore(mean, cost_n - mean)


def ratio_score(part_n: np.ndarray, whole_n: np.ndarray) -> RowScore:
    """The sum of parts by that of wholes; 0 where there is none."""
    whole = float(whole_n.mean())
    if not whole:
        return RowScore(0.0, np.zeros(len(part_n)))
    value = float(part_n.mean()) / whole
    return RowScore(value, (part_n - value * whole_n) / whole)


def rmse(rows: Rows) -> RowScore:
    """rmse."""
    square_n = (rows.target - rows.answer) ** 2
    value = float(square_n.mean()) ** 0.5
    slope = 0.5 / value if value else 0.0
    return RowScore(value, slope * (square_n - square_n.mean()))


def mse(rows: Rows) -> RowScore:
    """mse."""
    return mean_score((rows.target - rows.answer) ** 2)


def mae(rows: Rows) -> RowScore:
    """mae."""
    return mean_score(np.abs(rows.target - rows.answer))


def r2(rows: Rows) -> RowScore:
    """r2; nan where all targets are one number."""
    if rows.target.min() == rows.target.max():
        return RowScore(np.nan, np.zeros(len(rows.target)))
    spread_n = (rows.target - rows.target.mean()) ** 2
    left = ratio_score((rows.target - rows.answer) ** 2, spread_n)
    return RowScore(1 - left.value, -left.influence)


def accuracy(rows: Rows) -> RowScore:
    """The share of right answers."""
    return mean_score((rows.target == rows.answer).astype(np.float64))


def log_loss(rows: Rows) -> RowScore:
    """The mean of -log P(target); a class that no training row has is left out."""
    code_n, probability_nk = _codes_and_probabilities(rows)
    known_n = code_n < len(rows.classes)
    epsilon = float(np.finfo(np.float32).eps)
    place_n = np.minimum(code_n, len(rows.classes) - 1)[:, None]
    chosen_n = np.take_along_axis(probability_nk, place_n, axis=1)[:, 0]
    cost_n = -np.log(np.clip(chosen_n, epsilon, 1 - epsilon))
    return ratio_score(np.where(known_n, cost_n, 0), known_n.astype(np.float64))


def auc(rows: Rows) -> RowScore:
    """The area under the curve of two classes (DeLong, DeLong & Clarke-Pearson 1988).

    A row moves it by its share of pairs in the right order; nan where a class has no row.
    """
    code_n, probability_nk = _codes_and_probabilities(rows)
    yes_n = code_n == 1
    no_n = code_n == 0
    n_yes = int(yes_n.sum())
    n_no = int(no_n.sum())
    if not n_yes or not n_no:
        return RowScore(np.nan, np.zeros(len(code_n)))
    _, rank_n = np.unique(probability_nk[:, 1], return_inverse=True)
    yes_k = np.bincount(rank_n, yes_n)
    no_k = np.bincount(rank_n, no_n)
    no_below_k = np.cumsum(no_k) - no_k / 2
    yes_above_k = n_yes - np.cumsum(yes_k) + yes_k / 2
    value = float(yes_k @ no_below_k) / (n_yes * n_no)
    n = len(code_n)
    of_yes_n = (no_below_k[rank_n] / n_no - value) * n / n_yes
    of_no_n = (yes_above_k[rank_n] / n_yes - value) * n / n_no
    return RowScore(value, np.where(yes_n, of_yes_n, np.where(no_n, of_no_n, 0.0)))


def f1(rows: Rows) -> RowScore:
    """The f1 of the second of two classes."""
    return _f1_of_class(rows, 1)


def macro_f1(rows: Rows) -> RowScore:
    """macro_f1: the mean over the classes that occur or are answered."""
    code_n, probability_nk = _codes_and_probabilities(rows)
    present = np.union1d(code_n, probability_nk.argmax(1))
    found = [_f1_of_class(rows, int(code)) for code in present]
    influence_cn = np.stack([score.influence for score in found])
    return RowScore(float(np.mean([score.value for score in found])), influence_cn.mean(0))


def _f1_of_class(rows: Rows, code: int) -> RowScore:
    code_n, probability_nk = _codes_and_probabilities(rows)
    is_n = (code_n == code).astype(np.float64)
    # Of two classes the first answers at .5, as argmax has it.
    said_n = (probability_nk.argmax(1) == code).astype(np.float64)
    return ratio_score(2 * is_n * said_n, is_n + said_n)


def _codes_and_probabilities(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    assert rows.code is not None and rows.probability is not None
    return rows.code, rows.probability


def token_accuracy(rows: Rows) -> RowScore:
    """The share of steps whose tag is right, a row being a sequence."""
    hits = []
    steps = []
    for target, answer in zip(rows.target, rows.answer, strict=True):
        hits.append(sum(a == b for a, b in zip(target, answer, strict=True)))
        steps.append(len(target))
    return ratio_score(np.array(hits, np.float64), np.array(steps, np.float64))


def entity_f1(rows: Rows) -> RowScore:
    """The f1 of entities, by conlleval's rules."""
    return _entity_score(rows, find_entities)


def strict_entity_f1(rows: Rows) -> RowScore:
    """The f1 of entities that are whole."""
    return _entity_score(rows, find_strictly)


def _entity_score(rows: Rows, find: Callable) -> RowScore:
    names = as_iobes(rows.classes) or rows.classes
    meant = dict(zip((*rows.classes, *UNSEEN), (*names, *UNSEEN), strict=True))

    def named(lists_n: np.ndarray) -> list[list[str]]:
        return [[meant[tag] for tag in tags] for tags in lists_n.tolist()]

    correct_n, claims_n = entity_counts(named(rows.answer), named(rows.target), find)
    return ratio_score(2.0 * correct_n, claims_n.astype(np.float64))


OF_NUMBERS: Mapping[str, Scorer] = {
    "rmse": rmse,
    "mse": mse,
    "mae": mae,
    "r2": r2,
}
OF_CLASSES: Mapping[str, Scorer] = {
    "accuracy": accuracy,
    "auc": auc,
    "f1": f1,
    "macro_f1": macro_f1,
    "log_loss": log_loss,
}
OF_TAGS: Mapping[str, Scorer] = {
    "token_accuracy": token_accuracy,
    "f1": entity_f1,
    "strict_f1": strict_entity_f1,
}
PAIRED = tuple(dict.fromkeys((*OF_NUMBERS, *OF_CLASSES, *OF_TAGS)))

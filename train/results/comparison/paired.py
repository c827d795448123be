"""The difference between two runs on the rows that both answered, and how sure it is.

n rows, m blocks of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.data.series.encoder import SeriesEncoder
from train.results.comparison.finished import Finished
from train.results.comparison.row_scores import (
    OF_CLASSES,
    OF_NUMBERS,
    OF_TAGS,
    PAIRED,
    Rows,
    RowScore,
    accuracy,
)

LEVEL = 0.95
MIN_BLOCKS = 5


class Difference(NamedTuple):
    """A score less that of another run on the same rows, and the ends of its interval."""

    value: float
    low: float
    high: float
    n_rows: int
    n_apart: int = 0
    """Rows that one of the two runs alone was tested on."""

    @property
    def is_one(self) -> bool:
        """Whether chance alone would seldom make it: 0 is not within the interval."""
        return not self.low <= 0 <= self.high


def difference(run: Finished, other: Finished, metric: str) -> Difference | str:
    """The metric of a run less that of another, or in words why they are not paired."""
    target, _, name = metric.rpartition(".")
    if name not in PAIRED:
        return f"only {', '.join(PAIRED)} are paired"
    if getattr(run.config.data, "weight", None) or getattr(other.config.data, "weight", None):
        return "its rows have weights"
    if run.answers is None or other.answers is None:
        return "without test rows"
    for own in (run, other):
        truth, answer = _columns(own, target)
        assert own.answers is not None
        if not {truth, answer} <= set(own.answers.column_names):
            return f"without columns {truth!r} and {answer!r} of targets and answers"
    truth = _columns(run, target)[0]
    places, other_places = _shared(run.answers, other.answers)
    truth_n = _values(run.answers, truth)[places]
    if not _are_equal(truth_n, _values(other.answers, truth)[other_places]):
        return "its rows have other targets"
    scores = []
    for own, own_places in ((run, places), (other, other_places)):
        found = _score(own, name, target, own_places)
        if isinstance(found, str):
            return found
        scores.append(found)
    found = interval(scores[0], scores[1], _block_size(run, other))
    if isinstance(found, str):
        return found
    n_apart = run.answers.num_rows + other.answers.num_rows - 2 * len(places)
    return found._replace(n_apart=n_apart)


def _columns(run: Finished, target: str) -> tuple[str, str]:
    """The columns of a run's answers that hold a target, "" for the only one, and the answers."""
    if target:
        return f"target_{target}", target
    data = run.config.data
    if not isinstance(data, Series):
        return "target", "prediction"
    return "target", data.target if isinstance(data.target, str) else data.target[0]


def _score(run: Finished, name: str, target: str, places: np.ndarray) -> RowScore | str:
    """A score of these rows of a run's answers, or in words why there is none."""
    assert run.answers is not None
    truth, answer = _columns(run, target)
    truth_n = _values(run.answers, truth)[places]
    answer_n = _values(run.answers, answer)[places]
    if not len(places):
        return "no shared rows"
    if name in OF_NUMBERS:
        if truth_n.dtype == object:
            return f"{name} is of numbers"
        known_n = ~np.isnan(truth_n)
        return OF_NUMBERS[name](Rows(truth_n[known_n], answer_n[known_n]))
    if name == "accuracy":
        return accuracy(Rows(truth_n, answer_n))
    head = run.head_of(target)
    if head.kind == "tags":
        return OF_TAGS[name](Rows(truth_n, answer_n, head.classes))
    names = run.probabilities_of(head)
    if not names or name not in OF_CLASSES:
        return f"{name} is not of {head.name!r}"
    code = {label: place for place, label in enumerate(head.classes)}
    labels = run.answers[truth].to_pylist()
    code_n = np.array([code.get(_as_name(label), len(code)) for label in labels], np.int64)
    probability_nk = np.stack([run.answers[name].to_numpy() for name in names], axis=1)
    rows = Rows(truth_n, answer_n, head.classes, code_n[places], probability_nk[places])
    return OF_CLASSES[name](rows)


def _as_name(label: object) -> str:
    """What a class is called in a schema."""
    return str(label).lower() if isinstance(label, bool) else str(label)


def interval(score: RowScore, other: RowScore, block: int = 1) -> Difference | str:
    """The difference of two scores of the same rows, with its interval.

    Its deviation is that of the mean of what the rows move it by, by Student's t: of means it is
    the paired t-test's. `block` rows in a row are taken as one, for they are not independent.
    """
    moved_n = score.influence - other.influence
    n_blocks = len(moved_n) // block
    if n_blocks < MIN_BLOCKS:
        return f"{len(moved_n)} shared rows are too few"
    value = score.value - other.value
    if math.isnan(value):
        return "the shared rows do not tell it"
    moved_m = moved_n[: n_blocks * block].reshape(n_blocks, block).mean(1)
    from scipy.special import stdtrit

    width = stdtrit(n_blocks - 1, (1 + LEVEL) / 2) * moved_m.std(ddof=1) / math.sqrt(n_blocks)
    return Difference(value, value - width, value + width, len(moved_n))


def _block_size(run: Finished, other: Finished) -> int:
    """How many lines of the answers are taken as one.

    Windows of a series share steps with those that begin within their horizon.
    """
    sizes = [1]
    for each in (run, other):
        data = each.config.data
        if isinstance(data, Series):
            horizon = data.horizon
            if horizon == "auto":  # as a population's config says
                assert isinstance(each.encoder, SeriesEncoder)
                horizon = each.encoder.horizon
            sizes.append(horizon * max(horizon // data.stride, 1))
    return max(sizes)


def _shared(table: pa.Table, other: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows that both tables have stand in each of them, in one order."""
    keys = _keys(table)
    other_keys = _keys(other)
    place_of = {key: place for place, key in enumerate(other_keys)}
    places = []
    other_places = []
    for place, key in enumerate(keys):
        if key in place_of:
            places.append(place)
            other_places.append(place_of[key])
    return np.array(places, np.int64), np.array(other_places, np.int64)


def _keys(table: pa.Table) -> list[tuple[object, ...]]:
    """What tells the lines of a table of answers apart: the row, of forecasts the step too."""
    names = ("row", "step") if "step" in table.column_names else ("row",)
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _values(table: pa.Table, name: str) -> np.ndarray:
    """A column as numbers, nan where one is missing, or as labels."""
    column = table[name]
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.array(column.to_pylist(), object)


def _are_equal(a_n: np.ndarray, b_n: np.ndarray) -> bool:
    if a_n.dtype == object or b_n.dtype == object:
        return a_n.tolist() == b_n.tolist()
    return bool(np.array_equal(a_n, b_n, equal_nan=True))

"""The difference between two runs on the rows that both answered, and how sure it is.

n rows, m blocks of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.results.comparison.finished import Finished

LEVEL = 0.95
LEAST_BLOCKS = 5


class Difference(NamedTuple):
    """A score less that of another run on the same rows, and the ends of its interval."""

    value: float
    low: float
    high: float
    n_rows: int

    @property
    def is_one(self) -> bool:
        """Whether chance alone would seldom make it: 0 is not within the interval."""
        return not self.low <= 0 <= self.high


class Losses(NamedTuple):
    """What each row costs [n], and what makes the score of their mean."""

    loss: Callable[[np.ndarray, np.ndarray], np.ndarray]
    score: Callable[[float], float]
    slope: Callable[[float], float]  # of `score`, by the mean


def _squared(target_n: np.ndarray, answer_n: np.ndarray) -> np.ndarray:
    return (target_n - answer_n) ** 2


def _absolute(target_n: np.ndarray, answer_n: np.ndarray) -> np.ndarray:
    return np.abs(target_n - answer_n)


def _right(target_n: np.ndarray, answer_n: np.ndarray) -> np.ndarray:
    return (target_n == answer_n).astype(np.float64)


def _same(mean: float) -> float:
    return mean


def _one(mean: float) -> float:
    return 1.0


def _half_over_root(mean: float) -> float:
    return 0.5 / math.sqrt(mean) if mean > 0 else 0.0


BY_METRIC: Mapping[str, Losses] = {
    "rmse": Losses(_squared, math.sqrt, _half_over_root),
    "mse": Losses(_squared, _same, _one),
    "mae": Losses(_absolute, _same, _one),
    "accuracy": Losses(_right, _same, _one),
}


def difference(run: Finished, other: Finished, metric: str) -> Difference | str:
    """The metric of a run less that of another, or in words why they are not paired."""
    target, _, name = metric.rpartition(".")
    losses = BY_METRIC.get(name)
    if losses is None:
        return f"only {', '.join(BY_METRIC)} are paired"
    if getattr(run.config.data, "weight", None) or getattr(other.config.data, "weight", None):
        return "its rows have weights"
    if run.answers is None or other.answers is None:
        return "without test rows"
    truth = f"target_{target}" if target else "target"
    answer = target or "prediction"
    for table in (run.answers, other.answers):
        if not {truth, answer} <= set(table.column_names):
            return f"without a column {truth!r} and answers to it"
    places, other_places = _shared(run.answers, other.answers)
    truth_n = _values(run.answers, truth)[places]
    if not _are_equal(truth_n, _values(other.answers, truth)[other_places]):
        return "its rows have other targets"
    if truth_n.dtype == object and name != "accuracy":
        return f"{name} is of numbers"
    known_n = np.array([value == value and value is not None for value in truth_n])
    costs = []
    for table, own in ((run.answers, places), (other.answers, other_places)):
        costs.append(losses.loss(truth_n[known_n], _values(table, answer)[own][known_n]))
    return interval(costs[0], costs[1], losses, _block_size(run, other))


def interval(
    cost_n: np.ndarray, other_n: np.ndarray, losses: Losses, block: int = 1
) -> Difference | str:
    """The difference of two scores, from what the same rows cost in both [n], with its interval.

    The score's deviation is that of its first order (the delta method), by Student's t: of means it
    is the paired t-test's. `block` rows in a row are taken as one, for they are not independent.
    """
    n_blocks = len(cost_n) // block
    if n_blocks < LEAST_BLOCKS:
        return f"{len(cost_n)} shared rows are too few"
    mean = float(cost_n.mean())
    other_mean = float(other_n.mean())
    own_n = losses.slope(mean) * (cost_n - mean)
    moved_n = own_n - losses.slope(other_mean) * (other_n - other_mean)
    moved_m = moved_n[: n_blocks * block].reshape(n_blocks, block).mean(1)
    from scipy.special import stdtrit

    width = stdtrit(n_blocks - 1, (1 + LEVEL) / 2) * moved_m.std(ddof=1) / math.sqrt(n_blocks)
    value = losses.score(mean) - losses.score(other_mean)
    return Difference(value, value - width, value + width, len(cost_n))


def _block_size(run: Finished, other: Finished) -> int:
    """How many lines of the answers are taken as one.

    Windows of a series share steps with those that begin within their horizon.
    """
    sizes = [1]
    for data in (run.config.data, other.config.data):
        if isinstance(data, Series):
            sizes.append(data.horizon * max(data.horizon // data.stride, 1))
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

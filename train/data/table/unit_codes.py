"""Whole numbers that name units, such as firms or patients, rather than count anything.

Told by the target: of a name each value says much, and the values beside it say nothing. n training
rows, o columns of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from train.data.columns import RawColumn

MIN_UNITS = 20
MIN_ROWS_PER_UNIT = 2  # on average, below which a unit's other rows say little
# Of the whole numbers from the least to the largest: few units are numbered through, where amounts
# of few values such as 100, 200 and 500 tell something each as well.
MIN_DENSITY = 0.4
MANY_UNITS = 100
MIN_TOLD = 0.25  # of the targets' variance, by the other rows of a unit
MAX_TOLD_BESIDE = 0.25  # of that, by the rows of the units beside it
MAX_ROWS = 1 << 18
SCREENED = 256  # rows by which most columns are seen to be no whole numbers
MAX_OUTPUTS = 32  # columns of targets that are looked at


@dataclass(frozen=True)
class TrainingTargets:
    """The targets of training rows [n, o], and all columns of these rows."""

    value_no: np.ndarray
    columns: Callable[[], Iterable[RawColumn]]

    @cached_property
    def is_first_n(self) -> np.ndarray:
        """Whether a row is the first of those that are alike in all columns."""
        return first_rows(self.columns())

    def units_of(self, value_n: np.ndarray, is_known_n: np.ndarray) -> int:
        """How many units a column names; `value_n` has what is known of it.

        A copy of a row tells its target whatever the column is, so copies do not count.
        """
        n_units = find_units(value_n, self.value_no[is_known_n])
        if not n_units or self.is_first_n.all():
            return n_units
        is_counted_n = is_known_n & self.is_first_n
        return find_units(value_n[self.is_first_n[is_known_n]], self.value_no[is_counted_n])


def first_rows(columns: Iterable[RawColumn]) -> np.ndarray:
    """Whether each row is the first of those that are alike in all of these columns [n]."""
    row_n = np.zeros(1, np.int64)
    for raw in columns:
        cells = raw.data.combine_chunks().dictionary_encode(null_encoding="encode")
        code_n = cells.indices.to_numpy().astype(np.int64)
        _, row_n = np.unique(row_n * len(cells.dictionary) + code_n, return_inverse=True)
        if len(row_n) == row_n.max(initial=-1) + 1:
            break  # all differ
    _, first = np.unique(row_n, return_index=True)
    is_first_n = np.zeros(len(row_n), bool)
    is_first_n[first] = True
    return is_first_n


def find_units(value_n: np.ndarray, target_no: np.ndarray) -> int:
    """How many units a column of numbers names; 0 where it names none. No value is missing."""
    value_n = value_n[:MAX_ROWS]
    target_no = target_no[:MAX_ROWS]
    if np.any(value_n[:SCREENED] % 1) or np.any(value_n % 1):
        return 0
    units, unit_n = np.unique(value_n, return_inverse=True)
    if not MIN_UNITS <= len(units) <= len(value_n) / MIN_ROWS_PER_UNIT:
        return 0
    if len(units) < min(MANY_UNITS, MIN_DENSITY * (units[-1] - units[0] + 1)):
        return 0
    sums_o3u = [unit_sums(unit_n, target_n) for target_n in target_no.T]
    if not _are_names(sums_o3u):
        return 0
    # One value of many rows, such as 0, may differ from all others, which are amounts.
    largest = int(sums_o3u[0][0].argmax())
    rest_o3u = [np.delete(sums_3u, largest, axis=1) for sums_3u in sums_o3u]
    return len(units) if _are_names(rest_o3u) else 0


def units_note(name: str, n_units: int) -> str:
    """The line on a column that names units."""
    found = f"{n_units:,} whole numbers tell the target each by itself, not by their order"
    others = f"config.data.group={name} with config.data.split=group is for rows of new ones"
    return f"{found}: categories; config.data.numeric={name} keeps them amounts, {others}"


def unit_sums(unit_n: np.ndarray, target_n: np.ndarray) -> np.ndarray:
    """How many rows units have, and the sums of their targets and of the squares [3, u].

    Units are numbered from 0; of targets the mean is taken off.
    """
    target_n = target_n.astype(np.float64) - target_n.mean(dtype=np.float64)
    weights = (None, target_n, target_n**2)
    return np.stack([np.bincount(unit_n, weight_n).astype(np.float64) for weight_n in weights])


def _are_names(sums_o3u: list[np.ndarray]) -> bool:
    """Whether units tell the outputs, of which each counts by its variance, each by itself."""
    variance = own = beside = 0.0
    for sums_3u in sums_o3u:
        count, total, squares = sums_3u.sum(1)
        variance_of_one = squares / count - (total / count) ** 2
        own_of_one, beside_of_one = explained_by_units(sums_3u)
        variance += variance_of_one
        own += variance_of_one * own_of_one
        beside += variance_of_one * beside_of_one
    return variance > 0 and own >= MIN_TOLD * variance and beside <= MAX_TOLD_BESIDE * own


def explained_by_units(sums_3u: np.ndarray) -> tuple[float, float]:
    """The shares of a target's variance that a unit's other rows tell, and the units beside it.

    Of each row the mean of the others of its unit is taken, and that of both units beside it, each
    with one more row of the mean of all; a share is the square of its correlation with the target,
    0 where that is negative. All that is computed from the `unit_sums`.
    """
    count_u, sum_u, squares_u = sums_3u
    n = count_u.sum()
    mean = sum_u.sum() / n
    squares_u = squares_u - 2 * mean * sum_u + mean**2 * count_u
    sum_u = sum_u - mean * count_u
    variation = squares_u.sum()
    # The sum over a unit's rows of (sum - target) / count, of its square, and with the target.
    own = (count_u - 1) * sum_u / count_u
    own_squares = ((count_u - 2) * sum_u**2 + squares_u) / count_u**2
    own_products = (sum_u**2 - squares_u) / count_u
    beside_u = _beside(sum_u) / (_beside(count_u) + 1)
    return (
        _told(own_products.sum(), own_squares.sum() - own.sum() ** 2 / n, variation),
        _told(
            beside_u @ sum_u,
            count_u @ beside_u**2 - (count_u @ beside_u) ** 2 / n,
            variation,
        ),
    )


def _beside(value_u: np.ndarray) -> np.ndarray:
    """The sum of the values before and behind each."""
    padded = np.pad(value_u, 1)
    return padded[:-2] + padded[2:]


def _told(product: float, guesses: float, targets: float) -> float:
    """The square of a correlation, by a sum of products and two of squares; 0 if negative."""
    return max(product, 0.0) ** 2 / (guesses * targets) if guesses > 0 and targets > 0 else 0.0

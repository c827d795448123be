"""Whole numbers that name units, such as firms or patients, rather than count anything.

Told by the target: of a name each value says much, and the values beside it say nothing. n training
rows, o columns of the target.
"""

from __future__ import annotations

import numpy as np

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
    shares_o2 = np.array([explained_by_units(unit_n, target_n) for target_n in target_no.T])
    variance_o = target_no.var(0, dtype=np.float64)
    if not variance_o.sum():
        return 0
    own, beside = variance_o @ shares_o2 / variance_o.sum()
    return len(units) if own >= MIN_TOLD and beside <= MAX_TOLD_BESIDE * own else 0


def units_note(name: str, n_units: int) -> str:
    """The line on a column that names units."""
    found = f"{n_units:,} whole numbers tell the target each by itself, not by their order"
    others = f"config.data.group={name} with config.data.split=group is for rows of new ones"
    return f"{found}: categories; config.data.numeric={name} keeps them amounts, {others}"


def explained_by_units(unit_n: np.ndarray, target_n: np.ndarray) -> tuple[float, float]:
    """The shares of a target's variance that a unit's other rows tell, and the units beside it.

    Units are numbered from 0. Of each row the mean of the others of its unit is taken, and that of
    both units beside it, each with one more row of the mean of all; a share is the square of its
    correlation with the target, 0 where that is negative.
    """
    target_n = target_n.astype(np.float64) - target_n.mean(dtype=np.float64)
    count_u = np.bincount(unit_n).astype(np.float64)
    sum_u = np.bincount(unit_n, target_n)
    beside_u = _beside(sum_u) / (_beside(count_u) + 1)
    own_n = (sum_u[unit_n] - target_n) / count_u[unit_n]
    return _told(own_n, target_n), _told(beside_u[unit_n], target_n)


def _beside(value_u: np.ndarray) -> np.ndarray:
    """The sum of the values before and behind each."""
    padded = np.pad(value_u, 1)
    return padded[:-2] + padded[2:]


def _told(guess_n: np.ndarray, target_n: np.ndarray) -> float:
    """The square of a correlation, 0 where it is negative; targets have the mean 0."""
    guess_n = guess_n - guess_n.mean()
    scale = float(guess_n @ guess_n) * float(target_n @ target_n)
    return max(float(guess_n @ target_n), 0.0) ** 2 / scale if scale else 0.0

"""Rows of series on the steps of time: what is missing between them stands as a row of its own.

t flat rows, g groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from train.data.series.flat import Flat
from train.data.series.grid import NEAR, move, place
from train.data.series.step import TimeStep

MAX_INSERTED_RATIO = 4  # rows that may be inserted, in terms of those that are there
ALWAYS = 1_000  # rows that may be inserted in any case
ODD_SHARE = 0.05  # of neighbours that may be off a step that is said to be regular


class Layout(NamedTuple):
    """Rows on their steps, and what was done to get them there.

    `inserted_g` rows stand for missing steps [g]; `off` rows of the table stood on no step and are
    left out; `shortened` gaps were longer than any window; `counted_g` groups keep to no step, and
    each of their rows counts for one [g].
    """

    flat: Flat
    inserted_g: np.ndarray
    off: np.ndarray
    shortened: int
    counted_g: np.ndarray


class _Distances(NamedTuple):
    """Steps from each row to the next of its group [t]: 1 behind the last of each.

    `is_off_t`: they are no whole number.
    """

    steps_t: np.ndarray
    is_off_t: np.ndarray


def keeping(flat: Flat, step: TimeStep, zone: str | None) -> np.ndarray:
    """Which groups' stamps are nearly all whole steps apart, and most of them one [g]."""
    return _keeping(flat, _distances(flat, [step] * len(flat.sizes), zone))


def missing_shares(flat: Flat, step: TimeStep, zone: str | None) -> np.ndarray:
    """The share of each group's steps that has no row [g]."""
    found = _distances(flat, [step] * len(flat.sizes), zone)
    missing_g = np.add.reduceat(np.where(found.is_off_t, 0, found.steps_t - 1), flat.firsts)
    return missing_g / (missing_g + flat.sizes)


def lay_out(
    flat: Flat, steps_g: Sequence[TimeStep | None], zone: str | None, longest: int
) -> Layout:
    """Rows of groups on their steps; as they are where the step is None, or they do not keep to it.

    A gap of more than `longest` steps is shortened to as many.
    """
    assert flat.stamps is not None
    found = _distances(flat, steps_g, zone)
    is_laid_g = _keeping(flat, found) & np.array([step is not None for step in steps_g])
    off_g = np.add.reduceat(found.is_off_t, flat.firsts)
    stays_t = np.ones(len(flat.rows), bool)
    steps_t = found.steps_t.copy()
    for g in np.flatnonzero(is_laid_g & (off_g > 0)).tolist():
        step = steps_g[g]
        assert step is not None
        first = flat.firsts[g]
        rows = slice(first, first + flat.sizes[g])
        stays, numbers = _stand(place(flat.stamps[rows], step, zone))
        if np.mean(~stays) > ODD_SHARE:
            is_laid_g[g] = False
            continue
        stays_t[rows] = stays
        steps_t[first + np.flatnonzero(stays)] = np.append(np.diff(numbers[stays]), 1)
    steps_t = np.where(flat.per_row(is_laid_g), steps_t, 1)
    shortened_t = np.minimum(steps_t - 1, longest)
    inserted_g = np.add.reduceat(np.where(stays_t, shortened_t, 0), flat.firsts)
    is_laid_g &= inserted_g <= np.maximum(MAX_INSERTED_RATIO * flat.sizes, ALWAYS)
    laid_t = flat.per_row(is_laid_g)
    stays_t |= ~laid_t
    missing_t = np.where(laid_t & stays_t, shortened_t, 0)
    left_out = flat.rows[~stays_t]
    n_shortened = int((laid_t & stays_t & (steps_t - 1 > longest)).sum())
    inserted_g = np.where(is_laid_g, inserted_g, 0)
    laid = flat if stays_t.all() else flat.select(stays_t)
    if inserted_g.any():
        laid = _insert(laid, missing_t[stays_t], steps_t[stays_t], steps_g, zone)
    return Layout(laid, inserted_g, left_out, n_shortened, ~is_laid_g)


def _distances(flat: Flat, steps_g: Sequence[TimeStep | None], zone: str | None) -> _Distances:
    """How far the next row of its group is from each; where a step is None each row is one."""
    assert flat.stamps is not None
    places_t = np.arange(len(flat.rows), dtype=np.float64)
    numbers = {step: number for number, step in enumerate(dict.fromkeys(steps_g))}
    number_t = flat.per_row(np.array([numbers[step] for step in steps_g]))
    for step, number in numbers.items():
        if step is not None:
            is_of_t = number_t == number
            places_t[is_of_t] = place(flat.stamps[is_of_t], step, zone)
    distance_t = np.append(np.diff(places_t), 1)
    distance_t[flat.firsts + flat.sizes - 1] = 1
    whole_t = np.round(distance_t)
    is_off_t = ~((whole_t > 0) & (np.abs(distance_t - whole_t) < NEAR))
    return _Distances(np.where(is_off_t, 1, whole_t).astype(np.int64), is_off_t)


def _keeping(flat: Flat, found: _Distances) -> np.ndarray:
    """Which groups have few distances that are off, and mostly those of one step [g]."""
    pairs_g = flat.sizes - 1
    off_g = np.add.reduceat(found.is_off_t.astype(np.int64), flat.firsts)
    one_t = (found.steps_t == 1) & ~found.is_off_t
    one_g = np.add.reduceat(one_t.astype(np.int64), flat.firsts) - 1  # behind the last row
    return (off_g <= ODD_SHARE * pairs_g) & (2 * one_g >= pairs_g - off_g)


def _stand(places_t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(which rows stand on a step, alone or nearest to it, the numbers of their steps)."""
    known_t = np.flatnonzero(~np.isnan(places_t))
    angle = 2 * np.pi * places_t[known_t]
    phase = np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()) / (2 * np.pi)
    numbers_t = np.zeros(len(places_t), np.int64)
    numbers_t[known_t] = np.round(places_t[known_t] - phase)
    beside = np.abs(places_t[known_t] - phase - numbers_t[known_t])
    order = np.lexsort((beside, numbers_t[known_t]))
    order = order[beside[order] < NEAR]
    first = np.unique(numbers_t[known_t][order], return_index=True)[1]
    stays_t = np.zeros(len(places_t), bool)
    stays_t[known_t[order[first]]] = True
    return stays_t, numbers_t


def _insert(
    flat: Flat,
    missing_t: np.ndarray,
    steps_t: np.ndarray,
    steps_g: Sequence[TimeStep | None],
    zone: str | None,
) -> Flat:
    """The rows with `missing_t` steps behind each, which are -1 of the table."""
    assert flat.stamps is not None
    ends_t = np.cumsum(missing_t + 1)
    places_t = ends_t - missing_t - 1
    n = int(ends_t[-1])
    rows = np.full(n, -1, np.int64)
    rows[places_t] = flat.rows
    stamps = np.empty(n)
    stamps[places_t] = flat.stamps
    before_n = np.repeat(np.arange(len(missing_t)), missing_t + 1)
    ahead_n = np.arange(n) - places_t[before_n]
    # The second half of a gap that was shortened is counted back from its end.
    is_behind_n = (missing_t < steps_t - 1)[before_n] & (2 * ahead_n > missing_t[before_n])
    base_n = before_n + is_behind_n
    ahead_n = ahead_n - is_behind_n * (missing_t[before_n] + 1)
    group_n = np.repeat(np.arange(len(flat.sizes)), flat.sizes)[before_n]
    for step in dict.fromkeys(steps_g):
        of_step_g = np.array([other == step for other in steps_g])
        inserted = np.flatnonzero((rows < 0) & of_step_g[group_n])
        if step is not None:
            moved = move(flat.stamps[base_n[inserted]], step, ahead_n[inserted], zone)
            stamps[inserted] = moved
    sizes = np.add.reduceat(missing_t + 1, flat.firsts)
    return Flat(rows, sizes, flat.names, stamps, flat.steps)

"""Numbers that float32 holds: a shift and a unit for each raw column, in float64. n rows."""

from __future__ import annotations

import math

import numpy as np

QUANTILE_ROWS = 100_000  # more would move no quantile that matters


def shift_and_unit(known: np.ndarray) -> tuple[float, float]:
    """(shift, unit) so that (raw - shift)/unit is of the order of one, and float32 holds it.

    They are the median, rounded to units, and the power of two nearest the interquartile range
    (standard deviation, where that is 0). `known` [n] are raw numbers, without nan. A power of two
    divides without rounding.
    """
    sample = known[:: -(-len(known) // QUANTILE_ROWS)]
    low, median, high = quartiles(sample)
    spread = high - low or float(np.std(known, dtype=np.float64))
    if not 0 < spread < math.inf:
        spread = 1.0
    unit = math.ldexp(1.0, min(max(round(math.log2(spread)), -900), 900))
    return float(round(median / unit) * unit), unit


def quartiles(sample: np.ndarray) -> tuple[float, float, float]:
    """np.percentile(sample, (25, 50, 75)), of a few thousand numbers in a tenth of the time."""
    if sample.dtype != np.float64:  # of integers numpy's differences are exact
        low, median, high = np.percentile(sample, (25, 50, 75)).tolist()
        return low, median, high
    last = len(sample) - 1
    places = [share * last for share in (0.25, 0.5, 0.75)]
    around = sorted({end for place in places for end in (int(place), min(int(place) + 1, last))})
    ordered = np.partition(sample, around)
    low, median, high = (_between(ordered, place) for place in places)
    return low, median, high


def _between(ordered: np.ndarray, place: float) -> float:
    """The number at a place between two, as numpy interpolates it to the last bit."""
    first = int(place)
    share = place - first
    before = float(ordered[first])
    after = float(ordered[min(first + 1, len(ordered) - 1)])
    step = after - before
    return before + step * share if share < 0.5 else after - step * (1 - share)


def rounded_together(integers: np.ndarray, shift: float, unit: float) -> np.ndarray:
    """Places [pairs, 2] of neighbours in size that (raw - shift)/unit makes the same float32."""
    distinct, first = np.unique(integers, return_index=True)
    encoded = (less_shift(distinct, shift) / unit).astype(np.float32)
    same = np.flatnonzero(encoded[1:] == encoded[:-1])
    return np.stack([first[same], first[same + 1]], axis=1)


def less_shift(values: np.ndarray, shift: float) -> np.ndarray:
    """The values less a shift: of integers exact, also beyond 2**53, unless int64 ends there."""
    if values.dtype.kind != "i" or not float(shift).is_integer() or not len(values):
        return values - shift
    limits = np.iinfo(np.int64)
    whole = int(shift)
    ends = (whole, int(values.min()) - whole, int(values.max()) - whole)
    if min(ends) < limits.min or max(ends) > limits.max:  # as of hashes of 64 bits
        return values.astype(np.float64) - shift
    return values - whole

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
    low, median, high = (float(q) for q in np.percentile(sample, (25, 50, 75)))
    spread = high - low or float(np.std(known, dtype=np.float64))
    if not 0 < spread < math.inf:
        spread = 1.0
    unit = math.ldexp(1.0, min(max(round(math.log2(spread)), -900), 900))
    return float(round(median / unit) * unit), unit


def rounded_together(integers: np.ndarray, shift: float, unit: float) -> tuple[int, int] | None:
    """Places of two different integers that (raw - shift)/unit makes the same float32, if any."""
    distinct, first = np.unique(integers, return_index=True)
    encoded = (less_shift(distinct, shift) / unit).astype(np.float32)
    same = np.flatnonzero(encoded[1:] == encoded[:-1])
    return (int(first[same[0]]), int(first[same[0] + 1])) if len(same) else None


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

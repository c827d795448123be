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
    encoded = ((distinct - exact_like(shift, distinct)) / unit).astype(np.float32)
    same = np.flatnonzero(encoded[1:] == encoded[:-1])
    return (int(first[same[0]]), int(first[same[0] + 1])) if len(same) else None


def exact_like(shift: float, values: np.ndarray) -> int | float:
    """The shift, an integer if `values` are: those beyond 2**53 are then subtracted exactly."""
    return int(shift) if values.dtype.kind == "i" and shift.is_integer() else shift

"""The place of times in the year, the week and the day, of tables and series alike.

Times are microseconds since 1970, float64 [t]. In a graph `train/portable/columns.py` computes the
same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DAY = 86_400_000_000  # microseconds


def calendar(local: np.ndarray, cycles: Sequence[str]) -> np.ndarray:
    """Sine and cosine of the place in its cycles of what a clock shows, float32 [t, 2 cycles]."""
    days = np.floor_divide(local, DAY)
    # 1970-01-01 was a Thursday; Monday is 0.
    share = {
        "hour": local % DAY / DAY,
        "weekday": (days + 3) % 7 / 7,
        "month": months_of(local) % 12 / 12,
    }
    waves = []
    for cycle in cycles:
        angle = 2 * np.pi * share[cycle]
        waves += [np.sin(angle), np.cos(angle)]
    return np.stack(waves, axis=1).astype(np.float32)


def months_of(stamps: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    return stamps.astype("int64").astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)

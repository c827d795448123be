"""Stamps of a series: their place in the calendar, and how messages show them.

Stamps are float64: microseconds since 1970 (UTC where they have no zone), or plain numbers. t
steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.data.series.grid import months_of
from train.data.series.step import DAY, StampKind


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


def show_stamp(stamp: float, kind: StampKind) -> str:
    """A stamp for a message."""
    if kind == "number":
        return f"{stamp:.12g}"
    return str(np.datetime64(int(stamp), "us").astype("datetime64[s]")).replace("T", " ")

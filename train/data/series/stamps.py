"""How messages show the stamps of a series.

Stamps are float64: microseconds since 1970 (UTC where they have no zone), or plain numbers.
"""

from __future__ import annotations

import numpy as np

from train.data.series.step import StampKind


def show_stamp(stamp: float, kind: StampKind) -> str:
    """A stamp for a message."""
    if kind == "number":
        return f"{stamp:.12g}"
    return str(np.datetime64(int(stamp), "us").astype("datetime64[s]")).replace("T", " ")

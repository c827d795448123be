"""Stamps by the clock of a time zone, and back.

Stamps are float64: microseconds since 1970. t steps.

A zone of None, or UTC, has no clock of its own: stamps stand as they are.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PLAIN = (None, "UTC", "Etc/UTC", "GMT", "+00:00")


def has_clock(zone: str | None) -> bool:
    """Whether a zone's clock may differ from UTC."""
    return zone not in PLAIN


def to_local(stamps: np.ndarray, zone: str | None) -> np.ndarray:
    """What the clocks of a zone show [t], as microseconds since they showed 1970."""
    if not has_clock(zone) or not len(stamps):
        return stamps
    moments = pa.array(stamps.astype(np.int64)).cast(pa.timestamp("us", zone))
    shown = pc.local_timestamp(moments).cast(pa.int64())
    return shown.to_numpy(zero_copy_only=False).astype(np.float64)


def to_utc(
    local: np.ndarray, zone: str | None, twice: Literal["earliest", "latest"] = "earliest"
) -> np.ndarray:
    """When the clocks of a zone show this [t]: of an hour that comes `twice` one of them.

    What is skipped is read by the clock before.
    """
    if not has_clock(zone) or not len(local):
        return local
    shown = pa.array(local.astype(np.int64)).cast(pa.timestamp("us"))
    moments = pc.assume_timezone(shown, zone, ambiguous=twice, nonexistent="latest")
    return moments.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)

"""Numbers and times that lie far beyond those of training rows, which is said. n rows."""

from __future__ import annotations

import numpy as np

from train.data.columns import RawColumn

TIMES = 10  # as far from the middle of the training rows as any of them
MAX_REACH = 1e30
FAR_SHARE = 0.05  # of the cells, from which on it is said


def are_far(encoded: np.ndarray, reach: float | np.ndarray) -> np.ndarray:
    """Whether more than a few of the encoded cells [..., n] lie far out, by the last axis.

    `reach` is how far training rows lie from 0, at least 1; 0 where that is not known.
    """
    reach = np.asarray(reach)[..., None]
    n_far = np.count_nonzero(np.abs(encoded) > TIMES * reach, axis=-1)
    return (n_far > FAR_SHARE * encoded.shape[-1]) & (reach[..., 0] > 0)


def are_near(encoded: np.ndarray, reach: float | np.ndarray) -> np.ndarray:
    """Whether encoded cells [..., n] are all finite and none lies far out, by the last axis.

    False where there are no cells, or where `reach` is not known.
    """
    reach = np.asarray(reach)
    if not encoded.shape[-1]:
        return np.zeros(reach.shape, bool)
    least = encoded.min(-1)  # nan among them is the least
    furthest = np.maximum(-least, encoded.max(-1))
    return np.isfinite(least) & (furthest <= TIMES * reach) & (reach > 0)


def reach_of(values: np.ndarray, shift: float, unit: float) -> float:
    """How far the numbers of training rows lie from their middle, in units, and at least 1."""
    ends = (float(values.max()) - shift, float(values.min()) - shift)
    return min(max(1.0, *(abs(end) / unit for end in ends)), MAX_REACH)


def say_far(raw: RawColumn, values: np.ndarray, encoded: np.ndarray, reach: float) -> None:
    """Says how many cells lie far from those of training rows; times are microseconds."""
    if raw.notes is None or not are_far(encoded, reach):
        return
    rows = np.flatnonzero(np.abs(encoded) > TIMES * reach)
    cells = f"{len(rows):,} of {len(encoded):,} cells, such as {values[rows[0]]} in "
    raw.say(
        f"{cells}{raw.row(rows[0])}, lie more than {TIMES} times as far out as any of training; "
        "see whether they are in another unit"
    )

"""Sequences made, not read: the adding problem, and pictures row by row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

N_TRAIN, N_HELD = 50_000, 2_560  # sequences to learn from; to validate on, and as many again to test on
STEPS = 100


def adding(steps: int = STEPS, seed: int = 0) -> pa.Table:
    """The adding problem (Hochreiter & Schmidhuber 1997, section 5.4): columns "x", a list of pairs, and "sum".

    `steps` to `steps` + `steps`/10 pairs: a number from -1..1 and a marker, 1 at two places, one among the first ten
    and one among the first half, -1 at both ends, otherwise 0. "sum" is 0.5 + (the two marked numbers)/4; a sequence
    counts as solved if the answer is nearer to it than 0.04.
    """
    random = np.random.default_rng(seed)
    n = N_TRAIN + 2 * N_HELD
    lengths = random.integers(steps, steps + steps // 10, n, endpoint=True)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    pairs = np.stack([random.uniform(-1, 1, starts[-1]), np.zeros(starts[-1])], 1).astype(np.float32)
    first = random.integers(0, 10, n)
    second = random.integers(0, steps // 2 - 2, n)
    second += second >= first  # one that is not marked yet
    pairs[starts[:-1], 1] = pairs[starts[1:] - 1, 1] = -1
    pairs[starts[:-1][(first == 0) | (second == 0)], 0] = 0  # a marked first number is set to zero, as in the paper
    places = starts[:-1, None] + np.stack([first, second], 1)
    pairs[places, 1] = 1
    sums = 0.5 + pairs[places, 0].sum(1, dtype=np.float64) / 4
    return pa.table({"x": _lists(pa.array(pairs.ravel()), 2, starts), "sum": sums})


def digits_rows(digits: pa.Table) -> pa.Table:
    """The table `builtin:digits` with each picture's eight rows of eight pixels in one column of lists, "x"."""
    pixels = np.stack([digits.column(i).to_numpy() for i in range(64)], 1).astype(np.float32)
    starts = np.arange(0, 8 * len(pixels) + 1, 8)
    return pa.table({"x": _lists(pa.array(pixels.ravel()), 8, starts), "digit": digits.column("digit")})


def _lists(numbers: pa.Array, width: int, starts: np.ndarray) -> pa.Array:
    """Lists of steps, row i from step starts[i] on, of lists of `width` numbers."""
    steps = pa.ListArray.from_arrays(pa.array(np.arange(0, len(numbers) + 1, width), pa.int32()), numbers)
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), steps)

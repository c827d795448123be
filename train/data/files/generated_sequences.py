"""Sequences made, not read: the adding problem, brackets, and pictures row by row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

N_TRAIN = 50_000  # sequences to learn from
N_HELD = 2_560  # to validate on, and as many again to test on
STEPS = 100


def adding(steps: int = STEPS, seed: int = 0) -> pa.Table:
    """The adding problem: "x", lists of pairs, and "sum".

    It is that of Hochreiter & Schmidhuber (1997) as Le et al. (2015) have it. A pair is a number
    from 0..1 and a marker, 1 at one place in either half of the sequence and 0 elsewhere; "sum" is
    that of the two marked numbers. A sequence counts as solved if the answer is nearer to it than
    0.04.
    """
    random = np.random.default_rng(seed)
    n = N_TRAIN + 2 * N_HELD
    pairs = np.zeros((n, steps, 2), np.float32)
    pairs[:, :, 0] = random.random((n, steps), np.float32)
    rows = np.arange(n)
    half = steps // 2
    first = random.integers(0, half, n)
    second = random.integers(half, steps, n)
    pairs[rows, first, 1] = pairs[rows, second, 1] = 1
    sums = pairs[rows, first, 0].astype(np.float64) + pairs[rows, second, 0]
    starts = np.arange(0, n * steps + 1, steps)
    return pa.table({"x": _lists(pa.array(pairs.ravel()), 2, starts), "sum": sums})


def brackets(seed: int = 0) -> pa.Table:
    """2,000 sequences "tokens" of 20 words, and "tags": what stands within a pair of brackets.

    One "<" opens, and in every other sequence a ">" closes it further on. What is behind "<" is
    "in" up to a ">", and "out" where none comes: whoever has read the beginning alone cannot know.
    """
    random = np.random.default_rng(seed)
    n = 2_000
    steps = 20
    words = np.array(["a", "b", "c", "d"])[random.integers(0, 4, (n, steps))]
    tags = np.full((n, steps), "out")
    first = random.integers(0, steps // 2, n)
    last = random.integers(steps // 2, steps, n)
    closes = random.random(n) < 0.5
    rows = np.arange(n)
    words[rows, first] = "<"
    words[rows[closes], last[closes]] = ">"
    place = np.arange(steps)[None]
    within = (place > first[:, None]) & (place < last[:, None]) & closes[:, None]
    tags[within] = "in"
    return pa.table({"tokens": words.tolist(), "tags": tags.tolist()})


def digits_rows(digits: pa.Table) -> pa.Table:
    """The table `builtin:digits` with each picture's eight rows of eight pixels as a list, "x"."""
    pixels = np.stack([digits.column(i).to_numpy() for i in range(64)], 1).astype(np.float32)
    starts = np.arange(0, 8 * len(pixels) + 1, 8)
    rows = _lists(pa.array(pixels.ravel()), 8, starts)
    return pa.table({"x": rows, "digit": digits.column("digit")})


def _lists(numbers: pa.Array, width: int, starts: np.ndarray) -> pa.Array:
    """Lists of steps, row i from step starts[i] on, of lists of `width` numbers."""
    first_numbers = pa.array(np.arange(0, len(numbers) + 1, width), pa.int32())
    steps = pa.ListArray.from_arrays(first_numbers, numbers)
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), steps)

"""Rows of a data set, taken some at a time: all windows of a series weigh many times its size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from train.data.dataset import Batch, Dataset, HostArrays

MAX_ROWS = 65_536  # taken at a time,
MIN_ROWS = 1_024
BLOCK_BYTES = 1 << 28  # and of what they weigh, unless these are the fewest,
MAX_BYTES = 1 << 29  # which may weigh this much at the most


def take_in_blocks(dataset: Dataset, rows: np.ndarray) -> Iterator[Batch[np.ndarray]]:
    """These rows on the host, in blocks of as many as do not weigh too much; one of no rows."""
    one = dataset.take(dataset.arrays, rows[:1])
    n_bytes = sum(array.nbytes for array in one.inputs.values())
    n_rows = MAX_ROWS
    while n_rows > MIN_ROWS and n_rows * n_bytes > BLOCK_BYTES:
        n_rows //= 2
    while n_rows > 1 and n_rows * n_bytes > MAX_BYTES:
        n_rows //= 2
    for start in range(0, max(len(rows), 1), n_rows):
        yield dataset.take(dataset.arrays, rows[start : start + n_rows])


def take_without_inputs(dataset: Dataset, rows: np.ndarray) -> Batch[np.ndarray]:
    """The targets and weights of these rows, for what predictions of them are compared with."""
    targets = []
    weights = []
    for batch in take_in_blocks(dataset, rows):
        targets.append(batch.target)
        weights.append(batch.weight)
    return Batch({}, join_arrays(targets), np.concatenate(weights))


def sample_rows(rows: np.ndarray, n_most: int) -> np.ndarray:
    """These rows, or `n_most` of them in order, drawn by a fixed seed."""
    if len(rows) <= n_most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, n_most, replace=False))


def join_arrays(pieces: Sequence[HostArrays]) -> HostArrays:
    """The arrays of all pieces one after the other."""
    joined = {}
    for name in pieces[0]:
        joined[name] = np.concatenate([piece[name] for piece in pieces])
    return joined

"""Steps of rows without what would pad them: one long row does not make all others as heavy.

n rows, s steps of all of them, t steps of the longest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

BLOCK = 256  # rows that are padded at once


class Ragged:
    """Stands for an array [n, t, ...] that is zero beyond each row's end, in the size of its steps.

    `flat` [s, ...] are the steps of all rows, `lengths` [n] those of each. Rows that are taken come
    as an array as wide as the longest of them.
    """

    def __init__(self, flat: np.ndarray, lengths: np.ndarray, width: int):
        self.flat = flat
        self.lengths = lengths
        self.first = np.cumsum(lengths) - lengths
        self.dtype = flat.dtype
        self.shape = (len(lengths), width, *flat.shape[1:])
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """The rows [b, longest of them, ...]."""
        return self.dense(rows, int(self.lengths[rows].max(initial=1)))

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """All of it."""
        del copy
        return self.dense(slice(None), self.shape[1]).astype(dtype or self.dtype, copy=False)

    def dense(self, rows: np.ndarray | slice, width: int) -> np.ndarray:
        """The first `width` steps of these rows [b, width, ...]."""
        length = np.minimum(self.lengths[rows], width)
        padded = np.zeros((len(length), width, *self.flat.shape[1:]), self.dtype)
        mask = np.arange(width)[None] < length[:, None]
        padded[mask] = self.flat[(self.first[rows][:, None] + np.arange(width)[None])[mask]]
        return padded


def ragged(flat: np.ndarray, lengths: np.ndarray, width: int) -> np.ndarray:
    """A `Ragged`, typed as the array that it stands for."""
    return cast(np.ndarray, Ragged(flat, lengths, width))


def select(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """These rows, ragged if all are."""
    if not isinstance(array, Ragged):
        return array[rows]
    steps = np.repeat(array.first[rows], array.lengths[rows])
    lengths = array.lengths[rows]
    within = np.arange(len(steps)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return ragged(array.flat[steps + within], lengths, array.shape[1])


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """Ragged arrays one after the other; None of others."""
    parts = [array for array in arrays if isinstance(array, Ragged)]
    if len(parts) < len(arrays):
        return None
    flat = np.concatenate([part.flat for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    return ragged(flat, lengths, max(part.shape[1] for part in parts))


def first_steps(array: np.ndarray, width: int) -> np.ndarray:
    """The first `width` steps of all rows, zeros where there are none: [n, width, ...]."""
    if isinstance(array, Ragged):
        return array.dense(slice(None), width)
    return array[:, :width]


def row_blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """The rows in the order of memory, ragged ones padded some at a time."""
    if not isinstance(array, Ragged):
        yield np.ascontiguousarray(array)
        return
    for start in range(0, len(array), BLOCK):
        yield array.dense(slice(start, start + BLOCK), array.shape[1])

"""Rows predicted in blocks of one fixed size, so that one program serves any number of them.

Sequences of like length stand together: how wide a row's block is, and how many rows it has,
follows from the row's own length, so that no answer depends on the rows beside it. n rows, t steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from train.data.dataset import Arrays, HostArrays
from train.data.sequences.ragged import Ragged

S = TypeVar("S")  # what stands for answers that are still computed
# Blocks that are computed at once: enough for all cores, and few enough for their memory.
AHEAD = 8
# Steps of a block of sequences at most, whatever their length.
BLOCK_STEPS = 1 << 16


class AnswerBlocks(NamedTuple, Generic[S]):
    """How a block is answered: it is begun with, and what comes of it is waited for later."""

    send: Callable[[HostArrays], S]
    fetch: Callable[[S], HostArrays]


class Predicted(NamedTuple):
    """Rows of a data set, encoded: their targets, what each counts for, and the predictions."""

    target: HostArrays
    weight: np.ndarray
    predictions: HostArrays


def in_blocks(
    answer: AnswerBlocks[S], inputs: Mapping[str, np.ndarray], size: int, axis: int = 0
) -> HostArrays:
    """The predictions for all rows of `inputs` [n, ...], which stand along `axis`.

    Blocks of `size` rows, the last of them padded with zeros, are sent before the first is fetched.
    """
    n = len(next(iter(inputs.values())))
    blocks: list[HostArrays] = []
    sent: deque[S] = deque()
    for start in range(0, max(n, 1), size):
        block = {}
        for name, array in inputs.items():
            block[name] = pad_rows(array[start : start + size], size)
        sent.append(answer.send(block))
        if len(sent) == AHEAD:
            blocks.append(answer.fetch(sent.popleft()))
    blocks += map(answer.fetch, sent)
    return join_blocks(blocks, n, axis)


@dataclass(frozen=True)
class SequenceBlocks:
    """Sequences of any length, predicted in blocks of some widths.

    `width` is that of all rows that are no longer; of longer ones it is doubled until it holds
    them. `of_steps` are the heads that answer at every step. Each of `n_devices` takes a block.
    """

    width: int
    of_steps: tuple[str, ...]
    n_devices: int = 1

    def predict(
        self,
        answer: AnswerBlocks[S],
        inputs: Mapping[str, np.ndarray],
        most: int,
        axis: int = 0,
    ) -> HostArrays:
        """Predictions for sequences, at most `most` rows a device at a time, fewer of long ones."""
        widths = self.widths(inputs["length"])
        answers: HostArrays = {}
        for width in np.unique(widths):
            rows = np.flatnonzero(widths == width)
            own = {name: _as_wide(array, rows, int(width)) for name, array in inputs.items()}
            size = self.n_devices * min(
                most, 1 << max(BLOCK_STEPS // int(width), 1).bit_length() - 1
            )
            for name, array in in_blocks(answer, own, size, axis).items():
                if len(rows) == len(widths):
                    answers[name] = array
                else:
                    self._put(answers, name, array, rows, (len(widths), int(widths.max())), axis)
        return {name: self._trimmed(name, array, inputs, axis) for name, array in answers.items()}

    def widths(self, lengths: np.ndarray) -> np.ndarray:
        """How wide the block of each of these rows is [n]."""
        doublings = np.ceil(np.log2(np.maximum(lengths, 1) / self.width)).astype(int)
        return self.width << np.maximum(doublings, 0)

    def _put(
        self,
        answers: HostArrays,
        name: str,
        array: np.ndarray,
        rows: np.ndarray,
        shape: tuple[int, int],
        axis: int,
    ) -> None:
        """Writes the answers of some rows to their places; steps beyond a row's block are none."""
        n, width = shape
        if name not in answers:
            wanted = list(array.shape)
            wanted[axis] = n
            if name in self.of_steps:
                wanted[axis + 1] = width
            none = np.nan if np.issubdtype(array.dtype, np.floating) else -1
            answers[name] = np.full(wanted, none, array.dtype)
        place = (*(slice(None),) * axis, rows)
        if name in self.of_steps:
            place = (*place, slice(array.shape[axis + 1]))
        answers[name][place] = array

    def _trimmed(
        self, name: str, array: np.ndarray, inputs: Mapping[str, np.ndarray], axis: int
    ) -> np.ndarray:
        """The answers at every step, as wide as the inputs are."""
        if name not in self.of_steps:
            return array
        steps = max(values.shape[1] for values in inputs.values() if values.ndim > 1)
        place = (*(slice(None),) * (axis + 1), slice(steps))
        array = array[place]
        missing = steps - array.shape[axis + 1]
        if not missing:
            return array
        pads = [(0, 0)] * array.ndim
        pads[axis + 1] = (0, missing)
        none = np.nan if np.issubdtype(array.dtype, np.floating) else -1
        return np.pad(array, pads, constant_values=none)


def _as_wide(array: np.ndarray, rows: np.ndarray, width: int) -> np.ndarray:
    """These rows of an input [n, t, ...] with so many steps; of lengths [n] as they are."""
    if array.ndim == 1:
        return array[rows]
    own = array[rows][:, :width] if isinstance(array, Ragged) else array[:, :width][rows]
    if own.shape[1] == width:
        return own
    pads = [(0, 0)] * own.ndim
    pads[1] = (0, width - own.shape[1])
    return np.pad(own, pads)


def join_blocks(blocks: Sequence[Arrays], n: int, axis: int = 0) -> HostArrays:
    """Blocks of rows one after the other, `n` rows in all: without what fills up the last."""
    joined = {}
    for name in blocks[0]:
        array = np.concatenate([block[name] for block in blocks], axis)
        joined[name] = array.take(range(n), axis) if array.shape[axis] > n else array
    return joined


def pad_rows(array: np.ndarray, n: int) -> np.ndarray:
    """The array with rows of zeros added up to `n`."""
    if len(array) == n:
        return array
    return np.concatenate([array, np.zeros((n - len(array), *array.shape[1:]), array.dtype)])

"""Rows predicted in blocks of one fixed size, so that one program serves any number of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from train.data.dataset import Arrays, HostArrays


def in_blocks(
    predict_block: Callable[[HostArrays], Arrays],
    inputs: Mapping[str, np.ndarray],
    size: int,
    axis: int = 0,
) -> HostArrays:
    """The predictions for all rows of `inputs` [n, ...], which stand along `axis`.

    `predict_block` is called with `size` rows at a time, the last of them padded with zeros.
    """
    n = len(next(iter(inputs.values())))
    blocks = []
    for start in range(0, max(n, 1), size):
        block = {}
        for name, array in inputs.items():
            block[name] = pad_rows(array[start : start + size], size)
        blocks.append(predict_block(block))
    return join_blocks(blocks, n, axis)


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

"""Arrays of sequences of several files as one, or with more or fewer steps. n rows, t steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.ragged import first_steps, select
from train.data.sequences.ragged import joined as join_ragged
from train.data.sequences.schema import NEXT
from train.data.sequences.tags import NONE


def take_rows(arrays: HostArrays, rows: np.ndarray) -> HostArrays:
    """These rows of each array."""
    n_rows = len(next(iter(arrays.values())))
    return arrays if len(rows) == n_rows else {name: select(a, rows) for name, a in arrays.items()}


def fills_of(encoder: SequenceEncoder) -> dict[str, float]:
    """{head with a value per step: what stands beyond a row's end}."""
    fills: dict[str, float] = {tag.name: NONE for tag in encoder.tags}
    fills |= dict.fromkeys((column.name for column in encoder.step_numbers), np.nan)
    return fills | {NEXT: np.nan} if encoder.next_kind else fills


def at_width(arrays: HostArrays, width: int, fills: Mapping[str, float]) -> HostArrays:
    """The arrays, of those named in `fills` that have steps [n, t, ...] the first `width` steps.

    Where there are fewer, these are filled.
    """
    wide = dict(arrays)
    for name, fill in fills.items():
        array = arrays[name]
        if array.ndim > 1:
            own = first_steps(array, width)
            pads = [(0, 0)] * own.ndim
            pads[1] = (0, width - own.shape[1])
            wide[name] = np.pad(own, pads, constant_values=fill)
    return wide


def join(files: list[HostArrays], fills: Mapping[str, float]) -> HostArrays:
    """The arrays of all files one after the other, those named in `fills` padded to the widest."""
    if len(files) == 1:
        return files[0]
    joined = {}
    for name in files[0]:
        arrays = [file[name] for file in files]
        if (together := join_ragged(arrays)) is not None:
            joined[name] = together
        elif name in fills and arrays[0].ndim > 1:
            joined[name] = _padded_together(arrays, fills[name])
        else:
            joined[name] = np.concatenate(arrays)
    return joined


def _padded_together(arrays: list[np.ndarray], fill: float) -> np.ndarray:
    """Arrays [n, t, ...] one after the other, steps of `fill` up to the widest."""
    n_rows = sum(len(array) for array in arrays)
    shape = (n_rows, max(array.shape[1] for array in arrays), *arrays[0].shape[2:])
    joined = np.full(shape, fill, arrays[0].dtype)
    start = 0
    for array in arrays:
        joined[start : start + len(array), : array.shape[1]] = array
        start += len(array)
    return joined

"""What the kernel for rows of a table is given: the structures of tables.h and columns.h."""

# pyright: reportUninitializedInstanceVariable=false
# ctypes makes the fields.

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

INTEGER = ctypes.c_int64
POINTER = ctypes.c_void_p
FLOATS = np.dtype(np.float32)
LINE = 64  # bytes of a line of the cache


def _fields(integers: str, pointers: str) -> list[tuple[str, type]]:
    named: list[tuple[str, type]] = [(name, INTEGER) for name in integers.split()]
    return named + [(name, POINTER) for name in pointers.split()]


class Part(ctypes.Structure):
    """Rows of a table that are added up."""

    _fields_ = _fields("kind column n", "table edges")


class Sum(ctypes.Structure):
    """What is added up at a place of a row."""

    _fields_ = _fields("offset width n_parts", "start parts")


class Feature(ctypes.Structure):
    """A number at a place of a row, or cosines of it."""

    _fields_ = _fields("column offset n", "frequency phase")


class Layer(ctypes.Structure):
    """A dense layer."""

    _fields_ = _fields("inputs outputs offset activation", "panels bias slope")


class Head(ctypes.Structure):
    """Outputs that are one answer."""

    _fields_ = _fields("kind first n", "scale center low high")


class Scales(ctypes.Structure):
    """How numbers are scaled."""

    _fields_ = _fields("scaling n_knots n_blocks", "fill center scale knots ends shares")


class Net(ctypes.Structure):
    """A whole network."""

    _fields_ = [
        *_fields("n_numbers n_codes n_features n_sums n_layers n_heads row_width n_answers", ""),
        ("scales", Scales),
        *_fields("", "features sums layers heads"),
    ]


class Memory:
    """Where the arrays stand that structures point to, for as long as this lives."""

    def __init__(self) -> None:
        self._kept: list[object] = []

    def floats(self, array: np.ndarray | None) -> int | None:
        """The address of a float32 copy of an array; None of none.

        It begins a line of the cache, so that no vector lies in two.
        """
        if array is None:
            return None
        room = np.empty(array.size + LINE // FLOATS.itemsize, FLOATS)
        first = -room.ctypes.data % LINE // FLOATS.itemsize
        room[first : first + array.size] = np.ravel(array)
        self._kept.append(room)
        return room.ctypes.data + first * FLOATS.itemsize

    def rows(self, array: np.ndarray) -> range:
        """The address of each row of a float32 copy of an array [n, m]."""
        first = self.floats(array)
        assert first is not None
        n_bytes = array.shape[1] * FLOATS.itemsize
        return range(first, first + len(array) * n_bytes, n_bytes)

    def structures(self, kind: type[ctypes.Structure], given: Sequence[ctypes.Structure]) -> int:
        """The address of structures side by side."""
        together = (kind * len(given))(*given)
        self._kept.append(together)
        return ctypes.addressof(together)


def whole_vectors(array: np.ndarray, lanes: int, filling: float = 0.0) -> np.ndarray:
    """The array with a number behind, so that its last axis is whole vectors."""
    size = array.shape[-1]
    if size % lanes == 0:
        return array
    whole = np.full((*array.shape[:-1], size + -size % lanes), filling, array.dtype)
    whole[..., :size] = array
    return whole

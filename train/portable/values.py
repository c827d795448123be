"""What stands for an array of a traced program while it becomes a graph."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import DTypeLike

from train.portable.graph import Graph, onnx_type
from train.portable.shapes import Size, Sizes, is_open


@dataclass(frozen=True)
class Value:
    """A tensor of the graph, or an array that is known now; one of `name` and `array` is None.

    `shape` is the program's. A tensor may be `narrow`, with this shape, which has 1 along axes that
    are still to be repeated: ONNX repeats them where two tensors meet element by element.
    """

    shape: tuple[Size, ...]
    dtype: np.dtype
    name: str | None = None
    array: np.ndarray | None = None
    narrow: tuple[Size, ...] | None = None

    @property
    def actual(self) -> tuple[Size, ...]:
        """The shape that the tensor has."""
        return self.shape if self.narrow is None else self.narrow

    @property
    def description(self) -> jax.ShapeDtypeStruct:
        """What a program that takes it is traced with."""
        return jax.ShapeDtypeStruct(self.shape, self.dtype)


def plain(dtype: DTypeLike) -> np.dtype:
    """The type that a tensor has for one of a program: runtimes know few unsigned numbers."""
    dtype = np.dtype(dtype)
    return np.dtype(np.int64) if dtype.kind == "u" else dtype


def known(array: np.ndarray) -> Value:
    """An array that is known now."""
    array = np.asarray(array)
    array = array.astype(plain(array.dtype), copy=False)
    return Value(array.shape, array.dtype, array=array)


class Builder:
    """A graph, its open size, and the tensors that values become."""

    def __init__(self, graph: Graph, sizes: Sizes):
        self.graph = graph
        self.sizes = sizes

    def within(self, graph: Graph) -> Builder:
        """A builder for a graph within this one."""
        return Builder(graph, self.sizes)

    def loose(self, value: Value) -> str:
        """The tensor of a value, which may still be narrow."""
        if value.array is not None:
            return self.graph.constant(value.array)
        assert value.name is not None
        return value.name

    def tensor(self, value: Value) -> str:
        """The tensor of a value in its whole shape."""
        name = self.loose(value)
        if value.narrow is None:
            return name
        return self.graph.add("Expand", name, self.sizes.shape(self.graph, value.shape))

    def add(self, out: Value, op: str, *inputs: str, **attributes) -> Value:
        """A node whose output has the shape and type of `out`."""
        name = self.graph.add(op, *inputs, **attributes)
        return Value(out.shape, out.dtype, name)

    def reshaped(self, name: str, out: Value) -> Value:
        """A tensor in the shape of `out`."""
        return Value(out.shape, out.dtype, self.sizes.reshape(self.graph, name, out.shape))

    def elementwise(self, out: Value, op: str, *inputs: Value) -> Value:
        """A node that works element by element.

        Narrow tensors stay so where others have each of the sizes that they lack.
        """
        whole = True
        for axis, size in enumerate(out.shape):
            whole &= any(value.shape and value.actual[axis] == size for value in inputs)
        take = self.loose if whole else self.tensor
        return self.add(out, op, *(take(value) for value in inputs))

    def scalar(self, number: float | bool, dtype: np.dtype) -> str:
        """A constant of no axes."""
        return self.graph.constant(np.array(number, dtype))

    def cast(self, name: str, dtype: np.dtype) -> str:
        """A tensor in another type."""
        return self.graph.add("Cast", name, to=onnx_type(dtype))


def has_open(shape: tuple[Size, ...]) -> bool:
    """Whether some size of a shape is open."""
    return any(map(is_open, shape))

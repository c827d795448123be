"""Primitives that move what is there: shapes, slices, and rows taken by number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.errors import UserError
from train.portable.elementwise import BOOL, Parameters, Rule
from train.portable.shapes import Size, is_open, linear
from train.portable.values import Builder, Value

FAR = np.iinfo(np.int64).max


def numbers(parameters: Parameters, name: str) -> tuple[int, ...]:
    """A parameter of a primitive that is a tuple of integers."""
    found = parameters[name]
    assert isinstance(found, Sequence)
    return tuple(found)


def _broadcast(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """Axes put in with 1 each; they are repeated where something needs it."""
    value = inputs[0]
    places = numbers(parameters, "broadcast_dimensions")
    narrow: list[Size] = [1] * len(out.shape)
    for size, place in zip(value.shape, places, strict=True):
        narrow[place] = size
    name = build.tensor(value)
    if tuple(narrow) != tuple(value.shape):
        name = build.sizes.reshape(build.graph, name, narrow)
    return _narrow(out, name, narrow)


def _reshape(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return build.reshaped(build.tensor(inputs[0]), out)


def _transpose(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    order = numbers(parameters, "permutation")
    return build.add(out, "Transpose", build.tensor(inputs[0]), perm=order)


def _concatenate(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    names = [build.tensor(value) for value in inputs]
    return build.add(out, "Concat", *names, axis=int(str(parameters["dimension"])))


def _stack(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    axis = int(str(parameters["axis"]))
    place = build.graph.integers([axis])
    names = [build.graph.add("Unsqueeze", build.tensor(value), place) for value in inputs]
    return build.add(out, "Concat", *names, axis=axis)


def _slice(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    starts = numbers(parameters, "start_indices")
    strides = parameters["strides"] or (1,) * len(starts)
    assert isinstance(strides, Sequence)
    limits = parameters["limit_indices"]
    assert isinstance(limits, Sequence)
    axes = []
    for axis, size in enumerate(inputs[0].shape):
        if starts[axis] or strides[axis] != 1 or limits[axis] != size:
            axes.append(axis)
    if not axes:
        return inputs[0]
    if any(is_open(limits[axis]) and limits[axis] != inputs[0].shape[axis] for axis in axes):
        raise UserError("export: a slice that ends within the rows has no place in a graph")
    ends = [FAR if is_open(limits[axis]) else linear(limits[axis]).offset for axis in axes]
    spans = (
        [starts[axis] for axis in axes],
        ends,
        axes,
        [strides[axis] for axis in axes],
    )
    name = build.tensor(inputs[0])
    return build.add(out, "Slice", name, *(build.graph.integers(span) for span in spans))


def _dynamic_slice(
    build: Builder, out: Value, inputs: list[Value], parameters: Parameters
) -> Value:
    """A slice whose beginnings are tensors, moved inside where it would reach beyond an end."""
    operand, *starts = inputs
    sizes = parameters["slice_sizes"]
    assert isinstance(sizes, Sequence)
    axes = [axis for axis, size in enumerate(operand.shape) if sizes[axis] != size]
    if not axes:
        return operand
    beginnings = []
    for axis in axes:
        start = build.cast(build.tensor(starts[axis]), np.dtype(np.int64))
        last = linear(operand.shape[axis]).offset - sizes[axis]
        low = build.scalar(0, np.dtype(np.int64))
        high = build.scalar(last, np.dtype(np.int64))
        start = build.graph.add("Min", build.graph.add("Max", start, low), high)
        beginnings.append(build.graph.add("Reshape", start, build.graph.integers([1])))
    first = beginnings[0]
    if len(axes) > 1:
        first = build.graph.add("Concat", *beginnings, axis=0)
    lengths = build.graph.integers([sizes[axis] for axis in axes])
    end = build.graph.add("Add", first, lengths)
    name = build.tensor(operand)
    return build.add(out, "Slice", name, first, end, build.graph.integers(axes))


def _reverse(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    axes = numbers(parameters, "dimensions")
    spans = ([-1] * len(axes), [-FAR] * len(axes), axes, [-1] * len(axes))
    name = build.tensor(inputs[0])
    return build.add(out, "Slice", name, *(build.graph.integers(span) for span in spans))


def _pad(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """Zeros, or another value, around; negative amounts take away."""
    operand, filling = inputs
    amounts = parameters["padding_config"]
    assert isinstance(amounts, Sequence)
    if any(between for _, _, between in amounts):
        raise UserError("export: padding between numbers has no node in ONNX")
    name = build.tensor(operand)
    value = build.tensor(filling)
    before = [low for low, _, _ in amounts]
    after = [high for _, high, _ in amounts]
    if operand.dtype == BOOL:
        whole = np.dtype(np.int32)
        ends = build.graph.integers([*before, *after])
        padded = build.graph.add("Pad", build.cast(name, whole), ends, build.cast(value, whole))
        return Value(out.shape, out.dtype, build.cast(padded, BOOL))
    return build.add(out, "Pad", name, build.graph.integers([*before, *after]), value)


def _iota(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del inputs
    axis = int(str(parameters["dimension"]))
    narrow: list[Size] = [1] * len(out.shape)
    narrow[axis] = out.shape[axis]
    if is_open(out.shape[axis]):
        wide = np.dtype(np.int64)
        zero = build.scalar(0, wide)
        end = build.graph.add("Squeeze", build.sizes.tensor(build.graph, out.shape[axis]))
        line = build.graph.add("Range", zero, end, build.scalar(1, wide))
        name = build.sizes.reshape(build.graph, build.cast(line, out.dtype), narrow)
    else:
        n = linear(out.shape[axis]).offset
        plain = [linear(size).offset for size in narrow]
        name = build.graph.constant(np.arange(n, dtype=out.dtype).reshape(plain))
    return _narrow(out, name, narrow)


def _narrow(out: Value, name: str, narrow: list[Size]) -> Value:
    """A tensor that stands for `out`, and may have 1 where that is wider."""
    is_narrow = tuple(narrow) != tuple(out.shape)
    return Value(out.shape, out.dtype, name, narrow=tuple(narrow) if is_narrow else None)


def split(
    build: Builder, outs: list[Value], inputs: list[Value], parameters: Parameters
) -> list[Value]:
    """The parts of an array along one axis."""
    sizes = build.graph.integers(numbers(parameters, "sizes"))
    axis = int(str(parameters["axis"]))
    names = build.graph.add_several(
        "Split", (build.tensor(inputs[0]), sizes), len(outs), {"axis": axis}
    )
    return [Value(out.shape, out.dtype, name) for out, name in zip(outs, names, strict=True)]


RULES: dict[str, Rule] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "dynamic_slice": _dynamic_slice,
    "expand_dims": _reshape,
    "iota": _iota,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _reverse,
    "slice": _slice,
    "squeeze": _reshape,
    "stack": _stack,
    "transpose": _transpose,
}

"""Primitives that bring numbers together: products, sums over axes, and rows taken by number."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np

from train.errors import UserError
from train.portable.elementwise import BOOL, Parameters, Rule
from train.portable.shapes import is_open, linear
from train.portable.structure import numbers
from train.portable.values import Builder, Value

WIDE = np.dtype(np.int64)
COUNTS = np.dtype(np.int32)


def _product(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """MatMul where the last axis meets the first of a matrix, Einsum for all else."""
    left, right = inputs
    axes = parameters["dimension_numbers"]
    assert isinstance(axes, Sequence)
    (left_sum, right_sum), (left_batch, right_batch) = axes
    names = build.tensor(left), build.tensor(right)
    last = (len(left.shape) - 1,)
    is_plain = not left_batch and tuple(left_sum) == last and len(right.shape) <= 2
    if is_plain and tuple(right_sum) == (0,):
        return build.add(out, "MatMul", *names)
    letters = iter(string.ascii_letters)
    of_left = [next(letters) for _ in left.shape]
    of_right = [next(letters) for _ in right.shape]
    for first, second in (
        *zip(left_sum, right_sum, strict=True),
        *zip(left_batch, right_batch, strict=True),
    ):
        of_right[second] = of_left[first]
    result = [of_left[axis] for axis in left_batch]
    result += _others(of_left, (*left_sum, *left_batch))
    result += _others(of_right, (*right_sum, *right_batch))
    equation = f"{''.join(of_left)},{''.join(of_right)}->{''.join(result)}"
    return build.add(out, "Einsum", *names, equation=equation)


def _others(letters: list[str], taken: Sequence[int]) -> list[str]:
    return [letter for axis, letter in enumerate(letters) if axis not in taken]


def _reduce(op: str) -> Rule:
    def rule(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
        axes = build.graph.integers(numbers(parameters, "axes"))
        name = build.tensor(inputs[0])
        if out.dtype != BOOL:
            return build.add(out, op, name, axes, keepdims=0)
        reduced = build.graph.add(op, build.cast(name, COUNTS), axes, keepdims=0)
        return Value(out.shape, out.dtype, build.cast(reduced, BOOL))

    return rule


def _place_of(op: str) -> Rule:
    def rule(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
        axis = numbers(parameters, "axes")[0]
        place = build.graph.add(op, build.tensor(inputs[0]), axis=axis, keepdims=0)
        return Value(out.shape, out.dtype, build.cast(place, out.dtype))

    return rule


def _running_sum(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    axis = build.scalar(int(str(parameters["axis"])), WIDE)
    name = build.tensor(inputs[0])
    return build.add(out, "CumSum", name, axis, reverse=int(bool(parameters["reverse"])))


def _gather(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """Elements, or whole rows, by number; numbers beyond an end count as the end.

    All that jax does by taking axes of the operand at given numbers whole: a slice of another
    length is refused.
    """
    operand, indices = inputs
    if indices.array is not None and indices.array.ndim == 1:
        return _gather_one(build, out, operand, indices.array, parameters)
    plan = parameters["dimension_numbers"]
    lengths = numbers(parameters, "slice_sizes")
    taken = tuple(getattr(plan, "start_index_map", ()))
    paired = tuple(getattr(plan, "operand_batching_dims", ()))
    paired_indices = tuple(getattr(plan, "start_indices_batching_dims", ()))
    kept = [axis for axis in range(len(operand.shape)) if axis not in (*taken, *paired)]
    whole = all(lengths[axis] == operand.shape[axis] for axis in kept)
    if not whole or any(lengths[axis] != 1 for axis in taken):
        raise UserError("export: a gather of parts of rows has no place in a graph")
    # [paired, taken, kept] of the operand meets [paired, others, numbers] of the indices.
    source = _moved(build, build.tensor(operand), (*paired, *taken, *kept))
    last = len(indices.shape) - 1
    others = [axis for axis in range(last) if axis not in paired_indices]
    places = _moved(build, build.tensor(indices), (*paired_indices, *others, last))
    places = build.cast(places, WIDE)
    ends = build.graph.integers([linear(operand.shape[axis]).offset - 1 for axis in taken])
    places = build.graph.add("Max", places, build.scalar(0, WIDE))
    places = build.graph.add("Min", places, ends)
    found = build.graph.add("GatherND", source, places, batch_dims=len(paired))
    # [paired, others, kept] -> the places of the program, before axes of length 1 are put back.
    offsets = tuple(getattr(plan, "offset_dims", ()))
    collapsed = tuple(getattr(plan, "collapsed_slice_dims", ()))
    slices = [axis for axis in range(len(operand.shape)) if axis not in (*collapsed, *paired)]
    order = []
    batch_axes = [*paired_indices, *others]
    n_batch = len(batch_axes)
    next_batch = iter(range(n_batch))
    next_slice = iter(slices)
    for axis in range(len(out.shape)):
        if axis in offsets:
            operand_axis = next(next_slice)
            if operand_axis in kept:
                order.append(n_batch + kept.index(operand_axis))
        else:
            order.append(batch_axes.index(next(next_batch)))
    found = _moved(build, found, order)
    if len(order) < len(out.shape):
        return build.reshaped(found, out)
    return Value(out.shape, out.dtype, found)


def _gather_one(
    build: Builder, out: Value, operand: Value, index: np.ndarray, parameters: Parameters
) -> Value:
    """The one part of an array that begins at a known place."""
    taken = tuple(getattr(parameters["dimension_numbers"], "start_index_map", ()))
    lengths = parameters["slice_sizes"]
    assert isinstance(lengths, Sequence)
    axes = [axis for axis in taken if lengths[axis] != operand.shape[axis]]
    name = build.tensor(operand)
    if axes:
        starts = []
        for axis in axes:
            last = linear(operand.shape[axis]).offset - lengths[axis]
            starts.append(min(max(int(index[taken.index(axis)]), 0), last))
        ends = [start + lengths[axis] for start, axis in zip(starts, axes, strict=True)]
        spans = (build.graph.integers(span) for span in (starts, ends, axes))
        name = build.graph.add("Slice", name, *spans)
    return build.reshaped(name, out)


def _moved(build: Builder, name: str, order: Sequence[int]) -> str:
    if list(order) == sorted(order):
        return name
    return build.graph.add("Transpose", name, perm=list(order))


def top(build: Builder, outs: list[Value], inputs: list[Value], parameters: Parameters):
    """The k largest along the last axis and where they stand, the first of equals first."""
    del parameters
    assert not is_open(outs[0].shape[-1])
    k = build.graph.integers([linear(outs[0].shape[-1]).offset])
    values, places = build.graph.add_several("TopK", (build.tensor(inputs[0]), k), 2, {"axis": -1})
    return [
        Value(outs[0].shape, outs[0].dtype, values),
        Value(outs[1].shape, outs[1].dtype, build.cast(places, outs[1].dtype)),
    ]


RULES: dict[str, Rule] = {
    "argmax": _place_of("ArgMax"),
    "argmin": _place_of("ArgMin"),
    "cumsum": _running_sum,
    "dot_general": _product,
    "gather": _gather,
    "reduce_and": _reduce("ReduceMin"),
    "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"),
    "reduce_or": _reduce("ReduceMax"),
    "reduce_prod": _reduce("ReduceProd"),
    "reduce_sum": _reduce("ReduceSum"),
}

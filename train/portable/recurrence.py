"""An LSTM's core as the operator that ONNX has for it.

Shapes: b rows, t steps, f inputs, h hidden, d directions, g = 4h gates.
"""

from __future__ import annotations

import numpy as np
from jax.extend.core import JaxprEqn

from train.errors import UserError
from train.portable.values import Builder, Value

# Our gates are input, forget, cell, output; ONNX' are input, output, forget, cell.
ORDER = (0, 3, 1, 2)
COUNTS = np.dtype(np.int32)


def lstm_layer(
    build: Builder, equation: JaxprEqn, outs: list[Value], inputs: list[Value]
) -> list[Value]:
    """`nets.recurrence.lstm`: outputs [b, t, d, h], and its carry's h and c [d, b, h].

    Its inputs are x_btf, the kernels and the bias, a carry, and lengths, as far as there are any.
    """
    x, kernel, recurrent, bias, *more = inputs
    if kernel.array is None or recurrent.array is None or bias.array is None:
        raise UserError("export: an LSTM whose weights are computed has no place in a graph")
    n_directions, _, n_gates = kernel.array.shape
    size = n_gates // 4
    lengths = more.pop() if more and more[-1].dtype == COUNTS else None
    x_tbf = build.graph.add("Transpose", build.tensor(x), perm=[1, 0, 2])
    weights = [
        build.graph.constant(_in_order(array, size).transpose(0, 2, 1))
        for array in (kernel.array, recurrent.array)
    ]
    bias_dg = _in_order(bias.array[:, None], size)[:, 0]
    both = build.graph.constant(np.concatenate([bias_dg, np.zeros_like(bias_dg)], 1))
    steps = ""
    is_empty = None
    if lengths is not None:
        # A row without steps: runtimes differ, so it takes one, and its outputs are cleared.
        one = build.scalar(1, COUNTS)
        length_b = build.tensor(lengths)
        steps = build.graph.add("Max", length_b, one)
        is_empty = build.graph.add("Less", length_b, one)
    carry = [build.tensor(value) for value in more[:2]]
    names = build.graph.add_several(
        "LSTM",
        [x_tbf, *weights, both, steps, *carry],
        3,
        {"hidden_size": size, "direction": _direction(equation, n_directions)},
    )
    outputs_btdh = build.graph.add("Transpose", names[0], perm=[2, 0, 1, 3])
    found = [outputs_btdh, *names[1:]]
    if is_empty is not None:
        zero = build.scalar(0, outs[0].dtype)
        before = carry or [zero, zero]
        shapes = ([-1, 1, 1, 1], [1, -1, 1], [1, -1, 1])
        for i, (shape, instead) in enumerate(zip(shapes, (zero, *before), strict=True)):
            where = build.graph.add("Reshape", is_empty, build.graph.integers(shape))
            found[i] = build.graph.add("Where", where, instead, found[i])
    return [Value(out.shape, out.dtype, name) for out, name in zip(outs, found, strict=True)]


def _in_order(array_dfg: np.ndarray, size: int) -> np.ndarray:
    gates = array_dfg.reshape(*array_dfg.shape[:-1], 4, size)
    return gates[..., ORDER, :].reshape(array_dfg.shape)


def _direction(equation: JaxprEqn, n_directions: int) -> str:
    """How ONNX calls the ways that the layer reads: those of its scans, in their order."""
    if n_directions == 2:
        return "bidirectional"
    return "reverse" if next(_scans(equation)) else "forward"


def _scans(equation: JaxprEqn):
    """Whether each scan within an equation goes backwards."""
    if equation.primitive.name == "scan":
        yield bool(equation.params["reverse"])
        return
    for parameter in equation.params.values():
        inner = getattr(parameter, "jaxpr", parameter)
        for below in getattr(inner, "eqns", ()):
            yield from _scans(below)

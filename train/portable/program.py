"""A traced program as nodes of a graph: what is known now is computed now, the rest becomes nodes.

The programs are those of networks at inference, whatever they are made of: a layer needs nothing of
its own here but an LSTM's core, for which ONNX has an operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from train.errors import UserError
from train.portable import elementwise, products, structure
from train.portable.graph import Attribute
from train.portable.recurrence import lstm_layer
from train.portable.values import Builder, Value, has_open, known, plain

RULES = elementwise.RULES | structure.RULES | products.RULES
# Primitives that hold a program to be run in their place, and the parameter that it is.
CALLS = {
    "pjit": "jaxpr",
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "custom_vmap_call": "call",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
}
CONTROL = ("scan", "while", "cond")


def run(build: Builder, program: ClosedJaxpr, inputs: Sequence[Value]) -> list[Value]:
    """The outputs of a program whose inputs are these. UserError for what ONNX has no node for."""
    consts = [known(np.asarray(const)) for const in program.consts]
    return run_open(build, program.jaxpr, consts, inputs)


def run_open(
    build: Builder, program: Jaxpr, consts: Sequence[Value], inputs: Sequence[Value]
) -> list[Value]:
    """`run` of a program whose constants come apart."""
    values: dict[Var, Value] = dict(zip(program.constvars, consts, strict=True))
    values |= dict(zip(program.invars, inputs, strict=True))

    def read(atom: Var | Literal) -> Value:
        if isinstance(atom, Var):
            return values[atom]
        return known(np.asarray(atom.val, _described(atom).dtype))

    for equation in program.eqns:
        given = [read(atom) for atom in equation.invars]
        for variable, value in zip(
            equation.outvars, _evaluate(build, equation, given), strict=True
        ):
            values[variable] = value
    return [read(atom) for atom in program.outvars]


def _evaluate(build: Builder, equation: JaxprEqn, inputs: list[Value]) -> Sequence[Value]:
    """The outputs of one equation."""
    name = equation.primitive.name
    outs = []
    for variable in equation.outvars:
        described = _described(variable)
        outs.append(Value(tuple(described.shape), plain(described.dtype)))
    if name in CALLS:
        if equation.params.get("name") == "lstm":
            return lstm_layer(build, equation, outs, inputs)
        inner = equation.params[CALLS[name]]
        if isinstance(inner, ClosedJaxpr):
            return run(build, inner, inputs)
        return run_open(build, inner, (), inputs)
    if name in CONTROL:
        return _control(build, name, equation, outs, inputs)
    if _is_known(outs, inputs):
        arrays = [value.array for value in inputs]
        found = equation.primitive.bind(*arrays, **equation.params)
        several = found if equation.primitive.multiple_results else [found]
        computed = zip(outs, several, strict=True)
        return [known(np.asarray(array).astype(out.dtype)) for out, array in computed]
    if name == "top_k":
        return products.top(build, outs, inputs, equation.params)
    if name == "split":
        return structure.split(build, outs, inputs, equation.params)
    rule = RULES.get(name)
    if rule is None:
        raise UserError(f"export: the network uses {name}, for which ONNX has no node here")
    return [rule(build, outs[0], inputs, equation.params)]


def _described(atom: Var | Literal) -> ShapedArray:
    """The shape and type of an array of a program."""
    assert isinstance(atom.aval, ShapedArray)
    return atom.aval


def _is_known(outs: list[Value], inputs: list[Value]) -> bool:
    if any(value.array is None for value in inputs):
        return False
    return not any(has_open(out.shape) for out in outs)


def _control(
    build: Builder, name: str, equation: JaxprEqn, outs: list[Value], inputs: list[Value]
) -> Sequence[Value]:
    match name:
        case "scan":
            return _scan(build, equation.params, outs, inputs)
        case "while":
            return _while(build, equation.params, outs, inputs)
        case _:
            return _branches(build, equation.params["branches"], outs, inputs)


def _scan(
    build: Builder, parameters: Mapping[str, object], outs: list[Value], inputs: list[Value]
) -> list[Value]:
    """jax' scan as ONNX' Scan: its body reads constants from the graph around it."""
    program = parameters["jaxpr"]
    assert isinstance(program, ClosedJaxpr)
    n_consts = int(str(parameters["num_consts"]))
    n_carry = int(str(parameters["num_carry"]))
    consts = inputs[:n_consts]
    carry = inputs[n_consts : n_consts + n_carry]
    over = inputs[n_consts + n_carry :]
    n_outputs = len(outs) - n_carry
    backwards = int(bool(parameters["reverse"]))
    body = build.within(build.graph.inner())
    begun = [_body_input(body, value, value.shape) for value in carry]
    now = [_body_input(body, value, value.shape[1:]) for value in over]
    scanned = [build.tensor(value) for value in over]
    if not over:  # ONNX' Scan counts its turns by something that it goes over
        n_turns = int(str(parameters["length"]))
        turns = Value((n_turns,), np.dtype(np.int32))
        _body_input(body, turns, ())
        scanned = [build.graph.constant(np.arange(n_turns, dtype=np.int32))]
    done = run(body, program, [*consts, *begun, *now])
    for value in done:
        body.graph.give_output(
            body.tensor(value), body.graph.names.new("turn"), value.dtype, _sizes(value.shape)
        )
    attributes: dict[str, Attribute] = {
        "body": body.graph.as_proto("turn"),
        "num_scan_inputs": len(scanned),
        "scan_input_directions": [backwards] * len(scanned),
    }
    if n_outputs:  # none at all would be an attribute whose type cannot be told
        attributes["scan_output_directions"] = [backwards] * n_outputs
    names = build.graph.add_several(
        "Scan",
        [*(build.tensor(value) for value in carry), *scanned],
        len(outs),
        attributes,
    )
    return [Value(out.shape, out.dtype, name) for out, name in zip(outs, names, strict=True)]


def _while(
    build: Builder, parameters: Mapping[str, object], outs: list[Value], inputs: list[Value]
) -> list[Value]:
    """jax' while as ONNX' Loop, whose condition is asked once before it and after each turn."""
    asks, does = parameters["cond_jaxpr"], parameters["body_jaxpr"]
    assert isinstance(asks, ClosedJaxpr) and isinstance(does, ClosedJaxpr)
    n_asked = int(str(parameters["cond_nconsts"]))
    n_done = int(str(parameters["body_nconsts"]))
    of_condition = inputs[:n_asked]
    of_body = inputs[n_asked : n_asked + n_done]
    carry = inputs[n_asked + n_done :]
    first = build.tensor(run(build, asks, [*of_condition, *carry])[0])
    body = build.within(build.graph.inner())
    truth = np.dtype(bool)
    body.graph.take_input(body.graph.names.new("turn"), np.dtype(np.int64), ())
    body.graph.take_input(body.graph.names.new("goes_on"), truth, ())
    begun = [_body_input(body, value, value.shape) for value in carry]
    done = run(body, does, [*of_body, *begun])
    goes_on = body.tensor(run(body, asks, [*of_condition, *done])[0])
    body.graph.give_output(goes_on, body.graph.names.new("goes_on"), truth, ())
    for value in done:
        body.graph.give_output(
            body.tensor(value), body.graph.names.new("turn"), value.dtype, _sizes(value.shape)
        )
    names = build.graph.add_several(
        "Loop",
        ["", first, *(build.tensor(value) for value in carry)],
        len(outs),
        {"body": body.graph.as_proto("turn")},
    )
    return [Value(out.shape, out.dtype, name) for out, name in zip(outs, names, strict=True)]


def _branches(
    build: Builder, branches: Sequence[ClosedJaxpr], outs: list[Value], inputs: list[Value]
) -> list[Value]:
    """jax' choice of a branch by number, clamped, as one If within the other."""
    which, *given = inputs
    if len(branches) == 1:
        return run(build, branches[0], given)
    number = build.cast(build.tensor(which), np.dtype(np.int32))
    is_first = build.graph.add("Less", number, build.scalar(1, np.dtype(np.int32)))
    others = build.within(build.graph.inner())
    reduced = others.graph.add("Sub", number, others.scalar(1, np.dtype(np.int32)))
    further = [Value((), np.dtype(np.int32), reduced), *given]
    made: list[tuple[Builder, Callable[[Builder], Sequence[Value]]]] = [
        (build.within(build.graph.inner()), lambda inner: run(inner, branches[0], given)),
        (others, lambda inner: _branches(inner, branches[1:], outs, further)),
    ]
    graphs = []
    for inner, evaluate in made:
        for value in evaluate(inner):
            inner.graph.give_output(
                inner.tensor(value),
                inner.graph.names.new("chosen"),
                value.dtype,
                _sizes(value.shape),
            )
        graphs.append(inner.graph.as_proto("branch"))
    names = build.graph.add_several(
        "If", [is_first], len(outs), {"then_branch": graphs[0], "else_branch": graphs[1]}
    )
    return [Value(out.shape, out.dtype, name) for out, name in zip(outs, names, strict=True)]


def _body_input(body: Builder, value: Value, shape: Sequence[object]) -> Value:
    name = body.graph.take_input(body.graph.names.new("carried"), value.dtype, _sizes(shape))
    return Value(tuple(shape), value.dtype, name)


def _sizes(shape: Sequence[object]) -> list[int | str]:
    """Sizes as ONNX writes them, an open one by what it is."""
    return [size if isinstance(size, int) else str(size) for size in shape]


def trace(
    function: Callable[..., Mapping[str, jax.Array]], described: Mapping[str, object]
) -> tuple[ClosedJaxpr, Mapping[str, object]]:
    """The program of a function of these descriptions of arrays, and what it gives.

    Inputs and outputs of the program stand in the order of their names.
    """
    program, shapes = jax.make_jaxpr(function, return_shape=True)(described)
    return program, shapes

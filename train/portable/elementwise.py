"""Primitives that work element by element, as ONNX has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from train.errors import UserError
from train.portable.values import Builder, Value

Parameters: TypeAlias = "Mapping[str, object]"
Rule: TypeAlias = "Callable[[Builder, Value, list[Value], Parameters], Value]"

SAME = {
    "abs": "Abs",
    "add": "Add",
    "add_any": "Add",
    "asinh": "Asinh",
    "ceil": "Ceil",
    "cos": "Cos",
    "div": "Div",
    "eq": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "log": "Log",
    "logistic": "Sigmoid",
    "lt": "Less",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "pow": "Pow",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
    "xor": "Xor",
}
LOGICAL = {"and": "And", "or": "Or"}
BITWISE = {"and": "BitwiseAnd", "or": "BitwiseOr"}
BOOL = np.dtype(bool)


def _same(name: str) -> Rule:
    def rule(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
        del parameters
        return build.elementwise(out, SAME[name], *inputs)

    return rule


def _not_equal(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return build.add(out, "Not", build.tensor(build.elementwise(out, "Equal", *inputs)))


def _ordered(op: str, is_strict: bool) -> Rule:
    """Comparisons in which nan comes last of all, as in a sorted array."""

    def rule(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
        del parameters
        first, second = (build.tensor(value) for value in inputs)
        if inputs[0].dtype.kind != "f":
            return build.add(out, op, first, second)
        is_last = build.graph.add("IsNaN", second)
        if is_strict:
            is_first = build.graph.add("Not", build.graph.add("IsNaN", first))
            is_last = build.graph.add("And", is_last, is_first)
        return build.add(out, "Or", build.graph.add(op, first, second), is_last)

    return rule


def _bits(name: str) -> Rule:
    def rule(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
        del parameters
        ops = LOGICAL if out.dtype == BOOL else BITWISE
        return build.elementwise(out, ops[name], *inputs)

    return rule


def _not(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return build.elementwise(out, "Not" if out.dtype == BOOL else "BitwiseNot", *inputs)


def _square(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return build.elementwise(out, "Mul", inputs[0], inputs[0])


def _reciprocal_root(
    build: Builder, out: Value, inputs: list[Value], parameters: Parameters
) -> Value:
    del parameters
    return build.add(out, "Reciprocal", build.tensor(build.elementwise(out, "Sqrt", inputs[0])))


def _integer_power(
    build: Builder, out: Value, inputs: list[Value], parameters: Parameters
) -> Value:
    if parameters["y"] == 2:
        return _square(build, out, inputs, parameters)
    power = build.scalar(float(str(parameters["y"])), out.dtype)
    return build.add(out, "Pow", build.tensor(inputs[0]), power)


def _power_of_two(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return build.add(out, "Pow", build.scalar(2, out.dtype), build.tensor(inputs[0]))


def _log_of_more(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """log(1 + x), by log(u) x / (u - 1) of u = 1 + x rounded, which keeps small x (Kahan)."""
    del parameters
    one = build.scalar(1, out.dtype)
    x = build.tensor(inputs[0])
    more = build.graph.add("Add", x, one)
    less = build.graph.add("Sub", more, one)
    is_small = build.graph.add("Equal", less, build.scalar(0, out.dtype))
    divisor = build.graph.add("Where", is_small, one, less)
    kept = build.graph.add("Mul", build.graph.add("Log", more), build.graph.add("Div", x, divisor))
    is_endless = build.graph.add("IsInf", more)
    whole = build.graph.add("Where", is_small, x, kept)
    return build.add(out, "Where", is_endless, x, whole)


def _less_than_exp(
    build: Builder, out: Value, inputs: list[Value], parameters: Parameters
) -> Value:
    """exp(x) - 1, by tanh(x / 2) (exp(x) + 1), which keeps small x; plain where x is large."""
    del parameters
    one = build.scalar(1, out.dtype)
    x = build.tensor(inputs[0])
    grown = build.graph.add("Exp", x)
    half = build.graph.add("Tanh", build.graph.add("Mul", x, build.scalar(0.5, out.dtype)))
    small = build.graph.add("Mul", half, build.graph.add("Add", grown, one))
    is_large = build.graph.add("Greater", x, build.scalar(1, out.dtype))
    return build.add(out, "Where", is_large, build.graph.add("Sub", grown, one), small)


def _rest_of_erf(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    one = build.scalar(1, out.dtype)
    return build.add(out, "Sub", one, build.graph.add("Erf", build.tensor(inputs[0])))


def _is_finite(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    x = build.tensor(inputs[0])
    either = build.graph.add("Or", build.graph.add("IsNaN", x), build.graph.add("IsInf", x))
    return build.add(out, "Not", either)


def _rest(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return build.add(out, "Mod", *(build.tensor(value) for value in inputs), fmod=1)


def _round(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    if getattr(parameters["rounding_method"], "name", "") != "TO_NEAREST_EVEN":
        raise UserError("export: rounding away from zero has no node in ONNX")
    return build.elementwise(out, "Round", inputs[0])


def _clamp(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """Clamped as lax has it: the bounds first, for they may be arrays."""
    del parameters
    low, x, high = inputs
    raised = build.add(out, "Max", build.tensor(x), build.tensor(low))
    return build.add(out, "Min", build.tensor(raised), build.tensor(high))


def _convert(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del parameters
    return Value(out.shape, out.dtype, build.cast(build.tensor(inputs[0]), out.dtype))


def _same_value(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    del build, out, parameters
    return inputs[0]


def _select(build: Builder, out: Value, inputs: list[Value], parameters: Parameters) -> Value:
    """Where the condition is false, or 0, the first case; else the one that it numbers."""
    del parameters
    which, *cases = inputs
    if which.dtype == BOOL:
        return _either(build, out, which, cases[1], cases[0])
    chosen = cases[0]
    for number, case in enumerate(cases[1:], start=1):
        number_at = Value(which.shape, which.dtype, build.scalar(number, which.dtype))
        is_case = Value(
            which.shape, BOOL, build.graph.add("Equal", build.tensor(which), build.loose(number_at))
        )
        chosen = _either(build, out, is_case, case, chosen)
    return chosen


def _either(build: Builder, out: Value, which: Value, yes: Value, no: Value) -> Value:
    if out.dtype != BOOL:
        return build.elementwise(out, "Where", which, yes, no)
    # Runtimes have no Where of truth values.
    first = build.elementwise(out, "And", which, yes)
    negated = build.add(which, "Not", build.tensor(which))
    second = build.elementwise(out, "And", negated, no)
    return build.elementwise(out, "Or", first, second)


RULES: dict[str, Rule] = {name: _same(name) for name in SAME} | {
    "and": _bits("and"),
    "clamp": _clamp,
    "convert_element_type": _convert,
    "copy": _same_value,
    "copy_p": _same_value,
    "erfc": _rest_of_erf,
    "exp2": _power_of_two,
    "expm1": _less_than_exp,
    "integer_pow": _integer_power,
    "is_finite": _is_finite,
    "le_to": _ordered("LessOrEqual", False),
    "log1p": _log_of_more,
    "lt_to": _ordered("Less", True),
    "ne": _not_equal,
    "not": _not,
    "or": _bits("or"),
    "reduce_precision": _same_value,
    "rem": _rest,
    "round": _round,
    "rsqrt": _reciprocal_root,
    "select_n": _select,
    "square": _square,
    "optimization_barrier": _same_value,
    "stop_gradient": _same_value,
}

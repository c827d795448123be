"""Programs that jax traces answer as the graphs that they become, for any number of rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest
from jax import export, lax
from small_nets import applied, drawn

import nets
from nets.kernels import library
from train.errors import UserError
from train.portable.graph import Graph
from train.portable.program import run, trace
from train.portable.shapes import ROWS, Sizes
from train.portable.values import Builder, Value

N = 5


def in_graph(function, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    """A function's answers by a graph whose arrays [n, ...] have an open first axis."""
    (rows,) = export.symbolic_shape(ROWS)
    graph = Graph()
    build = Builder(graph, Sizes("rows_of_all"))
    values = {}
    for name, array in arrays.items():
        graph.take_input(name, array.dtype, (ROWS, *array.shape[1:]))
        values[name] = Value((rows, *array.shape[1:]), array.dtype, name)
    graph.add_node("Shape", [next(iter(arrays))], ["rows_of_all"], {"start": 0, "end": 1})
    program, shapes = trace(function, {n: value.description for n, value in values.items()})
    found = run(build, program, [values[name] for name in sorted(values)])
    for name, value in zip(sorted(shapes), found, strict=True):
        sizes = [str(size) for size in value.shape]
        graph.give_output(build.tensor(value), f"out.{name}", value.dtype, sizes)
    model = graph.as_model("test", {}).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name.removeprefix("out.") for output in session.get_outputs()]
    return dict(zip(names, session.run(None, arrays), strict=True))


def elementwise(x: jax.Array) -> jax.Array:
    a = jnp.exp(-jnp.abs(x)) + jnp.log1p(jnp.square(x)) * jnp.sin(x) - jnp.cos(2 * x)
    b = jax.nn.softplus(x) + jax.nn.selu(x) + jax.nn.gelu(x, approximate=False) + jnp.tanh(x)
    c = jnp.where(jnp.isnan(x) | (x > 1), x**3, jnp.sign(x)) + lax.rsqrt(1 + x * x)
    b = b + jnp.arcsinh(x) - jnp.sinh(x)
    return a + b + c + jnp.clip(x, -1, 1) + jnp.floor(x) + jax.nn.sigmoid(x) + jnp.exp2(x)


def small(x: jax.Array) -> jax.Array:
    return jnp.stack([jnp.log1p(x * 1e-6) * 1e6, jnp.expm1(x * 1e-6) * 1e6], 1)


def moved(x: jax.Array) -> jax.Array:
    padded = jnp.pad(x, ((0, 0), (1, 2)), constant_values=3.0)[:, 1:]
    turned = jnp.flip(jnp.concatenate([padded, x], 1), 1)[:, ::2]
    numbered = jnp.arange(turned.shape[1], dtype=x.dtype)[None] + jnp.arange(x.shape[0])[:, None]
    return (turned + numbered).reshape(x.shape[0], -1, 1).transpose(0, 2, 1)


def taken(x: jax.Array) -> jax.Array:
    table = jnp.arange(12.0).reshape(4, 3)
    place = jnp.argmax(x, 1)
    pairs = jnp.arange(16.0).reshape(4, 4)[place, jnp.argmin(x, 1)]
    along = jnp.take_along_axis(x, place[:, None], 1)
    return table[place] * pairs[:, None] + along + x[:, 1:2] + x[:, -1][:, None]


def taken_twice(x: jax.Array) -> jax.Array:
    table = jnp.arange(12.0).reshape(4, 3)
    places = jnp.stack([jnp.argmax(x, 1), jnp.argmin(x, 1)], 1)
    cells = jnp.take_along_axis(x[:, None], places[:, :, None], 2)
    pages = jnp.arange(24.0).reshape(4, 3, 2)
    beyond = pages.at[:, places + 1].get(mode="clip")  # [4, n, 2, 2]
    return table[places] * cells + pages[places].sum(3) + beyond.sum(0)[..., :1]


def summed(x: jax.Array) -> jax.Array:
    weights = jnp.arange(6.0).reshape(2, 3) / 5
    products = jnp.einsum("bi,bj->bij", x[:, :2], x[:, 1:]).sum(2) @ weights
    running = jnp.cumsum(x, 1)[:, :1] + x.max(1, keepdims=True) - x.min(1, keepdims=True)
    return products + running + jnp.any(x > 1, 1)[:, None] + jax.nn.softmax(x)[:, :1]


def best(x: jax.Array) -> jax.Array:
    values, places = lax.top_k(x, 2)
    return values * places


def scanned(x: jax.Array) -> jax.Array:
    def step(total: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
        return total * 0.5 + now, total

    last, all_before = lax.scan(step, jnp.zeros(x.shape[0]), x.T, reverse=True)
    return all_before.T + last[:, None]


def looped(x: jax.Array) -> jax.Array:
    def goes_on(carried: tuple[jax.Array, jax.Array]) -> jax.Array:
        return carried[0] < 3

    def double(carried: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return carried[0] + 1, carried[1] * 2

    _, doubled = lax.while_loop(goes_on, double, (jnp.int32(0), x))
    return lax.fori_loop(0, 3, lambda i, y: y + i, doubled)


def branched(x: jax.Array) -> jax.Array:
    which = (jnp.max(x) > 100).astype(jnp.int32) + (jnp.min(x) < 0)
    return lax.switch(which, [jnp.sin, jnp.cos, jnp.tanh], x)


def interpolated(x: jax.Array) -> jax.Array:
    knots = jnp.array([-1.0, 0.0, 0.5, 3.0])
    return jnp.interp(x, knots, jnp.array([0.0, 1.0, 4.0, 2.0]))


@pytest.mark.parametrize(
    "function",
    [
        *(elementwise, small, moved, taken, taken_twice, summed, best),
        *(scanned, looped, branched, interpolated),
    ],
)
def test_a_program_answers_as_its_graph(function):
    x = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    found = in_graph(lambda inputs: {"y": function(inputs["x"])}, x=x)
    np.testing.assert_allclose(found["y"], function(jnp.asarray(x)), rtol=2e-6, atol=2e-6)


def test_what_onnx_has_no_node_for_is_named():
    def sorts(inputs):
        return {"y": jnp.sort(inputs["x"], 1)}

    with pytest.raises(UserError, match="uses sort, for which ONNX has no node here"):
        in_graph(sorts, x=np.zeros((2, 3), np.float32))


def test_a_forecast_by_segments_is_a_graph_for_any_number_of_rows() -> None:
    net = nets.Forecaster(
        nets.LSTM((4,)),
        horizon=5,
        n_targets=2,
        patch=3,
        patch_units=6,
        decoder="segments",
        columns="independent",
        window="revin",
        shortcut=True,
        shortcut_period=2,
        cycle=nets.Cycle((nets.Circle(1, 4),), 2),
    )
    random = np.random.default_rng(0)
    past = random.normal(size=(3, 7, 5)).astype(np.float32)
    future = random.normal(size=(3, 5, 3)).astype(np.float32)
    angle = 2 * np.pi * random.integers(4, size=(3, 12)) / 4
    waves = np.stack([np.sin(angle), np.cos(angle)], 2).astype(np.float32)
    past[:, :, -2:] = waves[:, :7]
    future[:, :, -2:] = waves[:, 7:]
    inputs = {"past": past, "future": future}
    variables = drawn(net, inputs, train=False)
    with library.portable():
        found = in_graph(lambda arrays: net.apply(variables, arrays, train=False), **inputs)
    wanted = applied(net, variables, inputs, train=False)
    np.testing.assert_allclose(found["value"], wanted["value"], rtol=1e-4, atol=1e-5)

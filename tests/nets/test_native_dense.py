"""The compiled dense layers against plain formulas in float64."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, currently_in_test_context, example, given, settings
from hypothesis import strategies as st

import nets
from nets.base import Tree
from nets.dropout import words_of
from nets.kernels import dense_choice, library
from nets.kernels.dense import ACTIVATIONS, native_layers
from nets.layers import DenseLayers, Form, dense_layers
from tests.marks import needs_kernels
from tests.nets.test_native_bits import run_python
from tests.small_nets import keep_mask

pytestmark = needs_kernels()

TOLERANCE = 2e-6  # of an array's largest value
RATE = 0.3
ERF = np.vectorize(math.erf)
FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z < 0, 0.2 * z, z),
    "elu": lambda z: np.where(z < 0, np.expm1(np.minimum(z, 0)), z),
    "selu": lambda z: (
        1.0507009873554805 * np.where(z < 0, 1.6732632423543772 * np.expm1(np.minimum(z, 0)), z)
    ),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "mish": lambda z: z * np.tanh(np.logaddexp(z, 0)),
    "gelu": lambda z: z * (1 + ERF(z / math.sqrt(2))) / 2,
    "softplus": lambda z: np.logaddexp(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}
KINKED = ("relu", "leaky_relu", "elu", "selu")
Sizes = tuple[int, ...]  # rows, inputs, and the outputs of each layer


def make_layers(sizes: Sizes, slope: bool, drop: bool, seed: int = 0) -> DenseLayers:
    """Layers whose numbers stay about 1."""
    random = np.random.default_rng(seed)
    n_rows, *widths = sizes

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    kernels = tuple(draw(f, h) / f**0.5 for f, h in pairwise(widths))
    words = tuple(words_of(jax.random.key(h), n_rows * h) for h in widths[1:])
    return DenseLayers(
        draw(n_rows, widths[0]),
        kernels,
        tuple(draw(h) / 2 for h in widths[1:]),
        tuple(1 + draw(h) / 4 for h in widths[1:]) if slope else None,
        words if drop else None,
        jnp.float32(RATE) if drop else None,
    )


class Sums(NamedTuple):
    """Sums of products in float64, and how large they would be had their terms not cancelled."""

    value: np.ndarray
    size: np.ndarray


def product(left: np.ndarray, right: np.ndarray) -> Sums:
    return Sums(left @ right, np.sqrt(np.square(left) @ np.square(right)))


def by_formulas(form: Form, layers: DenseLayers, pull: np.ndarray) -> tuple[Sums, Tree]:
    """The outputs, and the gradients of x, kernels, biases and slopes, all of them `Sums`."""
    activate = FORMULAS[form.activation]
    h = np.asarray(layers.x_bf, np.float64)
    of_z = Sums(h, np.abs(h))
    steps = []
    for i, kernel_fh in enumerate(np.asarray(k, np.float64) for k in layers.kernels_fh):
        scale = len(kernel_fh) ** -0.5 if form.parametrization == "ntk" else 1.0
        of_z = product(scale * h, kernel_fh)
        z = of_z.value + np.asarray(layers.biases_h[i], np.float64)
        active = activate(z)
        if form.activation in KINKED and currently_in_test_context():
            # A number so close to the kink may be on its other side in single precision.
            assume(np.abs(z).min() > 1e-6)
        rise = (activate(z + 1e-6) - activate(z - 1e-6)) / 2e-6
        slope = 1.0 if layers.slopes_h is None else np.asarray(layers.slopes_h[i], np.float64)
        keep = np.ones(z.shape)
        if layers.words is not None:
            key = jax.random.key(z.shape[1])
            keep = np.asarray(keep_mask(key, RATE, z.shape)) / (1 - RATE)
        steps.append((h, kernel_fh, scale, keep * (1 + slope * (rise - 1)), keep * (active - z)))
        h = keep * (z + slope * (active - z))
    outputs = Sums(h, np.maximum(np.abs(h), of_z.size))
    ones = np.ones(len(h))
    d = np.asarray(pull, np.float64)
    of_x = Sums(d, d)
    kernels, biases, slopes = [], [], []
    for x, kernel_fh, scale, factor, beyond in reversed(steps):
        slopes.insert(0, product(ones, d * beyond))
        dz = d * factor
        kernels.insert(0, product(scale * x.T, dz))
        biases.insert(0, product(ones, dz))
        of_x = product(scale * dz, kernel_fh.T)
        d = of_x.value
    made: Tree = (of_x, tuple(kernels), tuple(biases), tuple(slopes) if layers.slopes_h else None)
    return outputs, DenseLayers(*made)


def both(function, form: Form, layers: DenseLayers, pull: jax.Array) -> tuple:
    """The outputs, and the gradient of all numbers."""

    def run(numbers: DenseLayers) -> jax.Array:
        return function(form, numbers._replace(words=layers.words, rate=layers.rate))

    outputs, back = jax.vjp(run, layers._replace(words=None, rate=None))
    return outputs, back(pull)[0]


native_both = jax.jit(partial(both, native_layers), static_argnums=0)
plain_both = jax.jit(partial(both, dense_layers), static_argnums=0)


def pull_of(layers: DenseLayers, seed: int = 1) -> jax.Array:
    shape = (layers.x_bf.shape[0], layers.biases_h[-1].shape[0])
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def assert_close(ours: object, truth: object, tolerance: float = TOLERANCE) -> None:
    """Each array within a tolerance, relative to its largest value, or to 1 where terms cancel."""
    for (path, mine), other in zip(
        jax.tree.leaves_with_path(ours), jax.tree.leaves(truth), strict=True
    ):
        assert mine.shape == other.shape, path
        atol = tolerance * max(float(np.abs(other).max()), 1.0)
        np.testing.assert_allclose(mine, other, atol=atol, rtol=0, err_msg=str(path))


def check(form: Form, sizes: Sizes, slope: bool, drop: bool, seed: int = 0) -> None:
    layers = make_layers(sizes, slope, drop, seed)
    pull = pull_of(layers)
    ours = native_both(form, layers, pull)
    truth = by_formulas(form, layers, np.asarray(pull))

    def is_sums(node: object) -> bool:
        return isinstance(node, Sums)

    for (path, mine), sums in zip(
        jax.tree.leaves_with_path(ours), jax.tree.leaves(truth, is_leaf=is_sums), strict=True
    ):
        atol = TOLERANCE * max(float(np.abs(sums).max()), 1.0)
        np.testing.assert_allclose(mine, sums.value, atol=atol, rtol=0, err_msg=str(path))


# Rows and widths around a tile's, a vector's and a panel's.
@pytest.mark.parametrize(
    ("activation", "parametrization", "sizes", "slope", "drop"),
    [
        ("relu", "standard", (256, 8, 128, 128), False, True),
        ("mish", "ntk", (101, 5, 65, 130, 18), True, True),
        ("selu", "standard", (1, 1, 1), True, False),
        ("tanh", "ntk", (7, 70, 33), False, False),
    ],
)
def test_outputs_and_gradients_equal_the_formulas(
    activation: str, parametrization: str, sizes: Sizes, slope: bool, drop: bool
) -> None:
    check(Form(activation, parametrization), sizes, slope, drop)


@pytest.mark.slow
@settings(max_examples=25)
@example("tanh", "standard", 254, [309, 361], False, False, 11)  # products that cancel
@given(
    activation=st.sampled_from(ACTIVATIONS),
    parametrization=st.sampled_from(["standard", "ntk"]),
    n_rows=st.integers(1, 700),
    widths=st.lists(st.integers(1, 700), min_size=2, max_size=4),
    slope=st.booleans(),
    drop=st.booleans(),
    seed=st.integers(0, 99),
)
def test_all_sizes_equal_the_formulas(
    activation: str,
    parametrization: str,
    n_rows: int,
    widths: list[int],
    slope: bool,
    drop: bool,
    seed: int,
) -> None:
    check(Form(activation, parametrization), (n_rows, *widths), slope, drop, seed)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_right_far_out_and_close_to_zero(activation: str) -> None:
    grid = np.concatenate([np.linspace(-90, 90, 721), np.linspace(-8, 8, 401), [1e-30, -1e-5]])
    z_b = grid[np.abs(grid) > 1e-8].astype(np.float32)
    layers = DenseLayers(jnp.asarray(z_b)[:, None], (jnp.ones((1, 1)),), (jnp.zeros(1),))
    ours, rise = native_both(Form(activation), layers, jnp.ones((len(z_b), 1)))
    z_b = z_b.astype(np.float64)
    formula = FORMULAS[activation]
    np.testing.assert_allclose(ours[:, 0], formula(z_b), rtol=1e-6, atol=5e-7)
    truth = (formula(z_b + 1e-6) - formula(z_b - 1e-6)) / 2e-6
    np.testing.assert_allclose(rise.x_bf[:, 0], truth, rtol=1e-6, atol=5e-7)
    wrong = native_layers(Form(activation), layers._replace(x_bf=jnp.full((3, 1), jnp.nan)))
    assert np.isnan(wrong).all(), "a number that is none stays none"


SMALL = (18, 3, 20, 17)


@pytest.mark.parametrize("shared", [("x_bf", "words", "rate"), ("kernels_fh", "biases_h")])
def test_vmapped_members_equal_members_one_by_one(shared: tuple[str, ...]) -> None:
    form = Form("silu")
    each = [make_layers(SMALL, True, True, seed) for seed in range(3)]
    each = [m._replace(**{name: getattr(each[0], name) for name in shared}) for m in each]
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *each)
    stacked = stacked._replace(**{name: getattr(each[0], name) for name in shared})
    axes: Tree = DenseLayers(*(None if n in shared else 0 for n in DenseLayers._fields))  # type: ignore[arg-type]
    pull = pull_of(each[0])
    together = jax.jit(jax.vmap(partial(both, native_layers, form), in_axes=(axes, None))).lower(
        stacked, pull
    )
    if "x_bf" in shared:
        assert "tensor<1x18x3xf32>" in together.as_text(), "shared rows are not copied"
    answers = together.compile()(stacked, pull)
    for k, layers in enumerate(each):
        assert_close(
            jax.tree.map(lambda part, k=k: part[k], answers), plain_both(form, layers, pull)
        )


def test_a_cotangent_of_numpy_counts() -> None:
    layers = make_layers(SMALL, True, False)
    pull = pull_of(layers)
    ours = both(native_layers, Form("silu"), layers, np.asarray(pull))
    assert_close(ours, plain_both(Form("silu"), layers, pull))


@pytest.mark.slow
def test_second_derivatives_equal_those_of_plain_operations() -> None:
    layers = make_layers(SMALL, True, True)
    pull = pull_of(layers)

    def curvature(function) -> DenseLayers:
        def size(numbers: DenseLayers) -> jax.Array:
            given = numbers._replace(words=layers.words, rate=layers.rate)
            outputs, gradient = both(function, Form("mish"), given, pull)
            leaves = jax.tree.leaves((outputs, gradient))
            return sum((jnp.square(leaf).sum() for leaf in leaves), jnp.zeros(()))

        return jax.jit(jax.grad(size))(layers._replace(words=None, rate=None))

    assert_close(curvature(native_layers), curvature(dense_layers), 1e-5)


def test_a_net_trains_by_the_kernel_and_answers_without(monkeypatch) -> None:
    monkeypatch.setattr(dense_choice, "MIN_WEIGHTS", 300)
    net = nets.Dense((20, 17), activation="mish", dropout=RATE, activation_slope=True)
    x_bf = make_layers(SMALL, True, True).x_bf
    variables = net.init(
        {"params": jax.random.key(0), "dropout": jax.random.key(1)}, x_bf, train=True
    )
    rngs = {"dropout": jax.random.key(2)}

    def loss(variables: dict, train: bool) -> jax.Array:
        outputs: Tree = net.apply(variables, x_bf, train=train, rngs=rngs)
        return jnp.square(outputs).sum()

    steps = jax.jit(jax.grad(partial(loss, train=True)))
    assert "denseq_dense_backward" in steps.lower(variables).as_text()
    assert "denseq_" not in jax.jit(partial(loss, train=False)).lower(variables).as_text()
    with library.portable():
        plain = jax.jit(jax.grad(partial(loss, train=True)))
        assert "denseq_" not in plain.lower(variables).as_text()
        truth = plain(variables)
    assert_close(steps(variables), truth)


def trains_by_kernel(net: nets.Dense, n_rows: int) -> bool:
    """Whether a training pass over so many rows, as it is traced here, calls the kernel."""
    x_bf = jax.ShapeDtypeStruct((n_rows, 3), jnp.float32)
    variables = jax.eval_shape(partial(net.init, train=False), jax.random.key(0), x_bf)
    run = jax.jit(lambda *given: net.apply(*given, train=True))  # traced anew each time
    return "denseq_dense_forward" in run.lower(variables, x_bf).as_text()


@pytest.mark.parametrize(
    ("options", "n_rows"),
    [
        ({"norm": "layer"}, 18),
        ({"residual": True}, 18),
        ({"members": 3}, 18),
        ({"activation": "relu6"}, 18),
        ({"hidden": (128, 257)}, 18),
        ({}, 15),
        ({"hidden": (127, 129)}, 18),
        ({"hidden": (200,)}, 18),
    ],
)
def test_other_layers_are_computed_by_plain_operations(options: dict, n_rows: int) -> None:
    assert not trains_by_kernel(nets.Dense((128, 128)).clone(**options), n_rows)


@pytest.mark.parametrize(
    ("width", "activation", "n_rows", "is_by_kernel"),
    [
        (128, "relu", 127, False),
        (128, "relu", 128, True),
        (128, "mish", 127, True),
        (255, "relu", 127, False),
        (256, "relu", 16, True),
    ],
)
def test_nets_side_by_side_need_more_rows_for_the_kernel(
    width: int, activation: str, n_rows: int, is_by_kernel: bool
) -> None:
    net = nets.Dense((width, width), activation=activation)
    with dense_choice.nets_side_by_side():
        assert trains_by_kernel(net, n_rows) == is_by_kernel
    assert trains_by_kernel(net, n_rows)


@pytest.mark.parametrize(
    ("widths", "n_rows", "is_at_hand", "is_by_kernel"),
    [
        ((64, 64), 32, True, True),
        ((64, 100), 32, True, True),
        ((64, 64), 31, True, False),
        ((63, 64), 64, True, False),
        ((64,), 64, True, False),
        ((64, 64), 32, False, False),
    ],
)
def test_small_nets_have_the_kernel_side_by_side_alone_and_where_it_was_made(
    widths: tuple[int, ...],
    n_rows: int,
    is_at_hand: bool,
    is_by_kernel: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert library.is_native()
    if not is_at_hand:
        monkeypatch.setattr(library, "is_at_hand", lambda: False)
    net = nets.Dense(widths)
    with dense_choice.nets_side_by_side():
        assert trains_by_kernel(net, n_rows) == is_by_kernel
    assert not trains_by_kernel(net, n_rows)


def digest() -> str:
    """The bits of outputs and gradients, of nets alone and of members."""
    found = hashlib.sha256()
    for sizes in ((256, 8, 128, 128), (70, 30, 100), (700, 20, 65, 130)):
        layers = make_layers(sizes, True, True)
        pull = pull_of(layers)
        alone = native_both(Form("mish"), layers, pull)
        stacked = jax.tree.map(lambda part: jnp.stack([part] * 3), layers)
        members = jax.vmap(partial(both, native_layers, Form("mish")), in_axes=(0, None))
        for leaf in jax.tree.leaves((alone, jax.jit(members)(stacked, pull))):
            found.update(np.asarray(leaf).tobytes())
    return found.hexdigest()


@pytest.mark.slow
def test_bits_are_those_of_every_number_of_threads() -> None:
    program = "import tests.nets.test_native_dense as t; print(t.digest())"
    printed = {tuple(run_python(["-c", program], NPROC=str(n))) for n in (1, 2, 3, 4)}
    assert printed == {(digest(),)}

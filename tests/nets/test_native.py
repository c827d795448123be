"""The compiled LSTM core against the scans in float64: answers, carries and gradients."""

from __future__ import annotations

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.kernels.lstm import native_layer
from nets.lstm import LSTM
from nets.recurrence import lstm
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer
from tests.marks import needs_kernels

pytestmark = needs_kernels()

MOST = (40, 24, 66, 66)  # rows, steps, inputs, hidden units
TOLERANCE = 2e-6  # of an array's largest value, or of what it would be had nothing cancelled
TERM = 0.25  # of a sum, about which nothing else is known: a pull of 1 by the steepest slope
Sizes = tuple[int, int, int, int]


def make_layer(
    sizes: Sizes, reverse: tuple[bool, ...], seed: int = 0, masked: bool = True
) -> LayerInputs:
    """Inputs of a layer, with weights that keep its gates from saturating.

    Inputs are about 1; a third of all rows have every step.
    """
    (b, t, f, h) = sizes
    d = len(reverse)
    rng = np.random.default_rng(seed)
    carry = (d, b, h)
    shapes = ((b, t, f), (d, f, 4 * h), (d, h, 4 * h), (d, 4 * h), carry, carry)
    scales = (1.0, 1 / (f**0.5), 1 / (h**0.5), 0.5, 1.0, 1.0)
    arrays = [
        np.float32(scale * rng.normal(size=shape))
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    lengths = np.minimum(rng.integers(0, t + t // 2 + 1, size=b), t).astype(np.int32)
    mask = rng.integers(0, 2, size=carry).astype(np.float32) * 2 if masked else None
    return LayerInputs(
        *map(jnp.asarray, arrays), jnp.asarray(lengths), None if mask is None else jnp.asarray(mask)
    )


def make_pulls(sizes: Sizes, reverse: tuple[bool, ...]) -> Answer:
    (b, t, _, h) = sizes
    d = len(reverse)
    rng = np.random.default_rng(1)
    shapes = ((b, t, d, h), (d, b, h), (d, b, h))
    return tuple(jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes)  # type: ignore[return-value]


def both(
    function, reverse: tuple[bool, ...], layer: LayerInputs, pulls: Answer
) -> tuple[Answer, LayerInputs]:
    """The answer, and the gradient of all but the lengths."""
    answer, pull = jax.vjp(
        lambda given: function(reverse, given._replace(lengths_b=layer.lengths_b)),
        layer._replace(lengths_b=None),
    )
    return answer, pull(pulls)[0]


native_both = jax.jit(partial(both, native_layer), static_argnums=0)
scanned_both = jax.jit(partial(both, scanned_layer), static_argnums=0)
native = jax.jit(native_layer, static_argnums=0)


def widened(array: jax.Array | None, shape: tuple[int, ...], gates: int = 1) -> np.ndarray | None:
    """An array with zeros around it, in float64, to this shape.

    Each of the gates that stand together in the last axis is widened by itself.
    """
    if array is None:
        return None
    split = np.asarray(array, np.float64).reshape(*array.shape[:-1], gates, -1)
    wide = np.zeros((*shape[:-1], gates, shape[-1] // gates))
    wide[tuple(slice(n) for n in split.shape)] = split
    return wide.reshape(shape)


def exact(
    reverse: tuple[bool, ...], layer: LayerInputs, pulls: Answer
) -> tuple[Answer, LayerInputs]:
    """What `both` gives of the scans, in float64.

    All sizes are made those of MOST, which changes nothing and compiles once.
    """
    (b, t, f, h) = MOST
    d = len(reverse)
    (n_rows, n_steps, _) = layer.x_btf.shape
    size = layer.h_dbh.shape[-1]
    carry = (d, b, h)
    shapes = ((b, t, f), (d, f, 4 * h), (d, h, 4 * h), (d, 4 * h), carry, carry, (b,), carry)
    with jax.enable_x64(True):
        wide = [
            widened(a, s, 4 if i in (1, 2, 3) else 1)
            for i, (a, s) in enumerate(zip(layer, shapes, strict=True))
        ]
        lengths = np.asarray(wide[6], np.int32)
        wide_pulls = tuple(
            widened(p, s) for p, s in zip(pulls, ((b, t, d, h), carry, carry), strict=True)
        )
        answer, gradient = scanned_both(
            reverse, LayerInputs(*wide)._replace(lengths_b=lengths), wide_pulls
        )

    def narrowed(array: jax.Array, like: jax.Array, gates: int = 1) -> np.ndarray:
        split = np.asarray(array).reshape(*array.shape[:-1], gates, -1)
        part = (*like.shape[:-1], gates, like.shape[-1] // gates)
        return split[tuple(slice(n) for n in part)].reshape(like.shape)

    outputs = np.asarray(answer[0])[:n_rows, :n_steps, :, :size]
    carries = (np.asarray(part)[:, :n_rows, :size] for part in answer[1:])
    parts = [
        None if like is None or i == 6 else narrowed(part, like, 4 if i in (1, 2, 3) else 1)
        for i, (part, like) in enumerate(zip(gradient, layer, strict=True))
    ]
    return (outputs, *carries), LayerInputs(*parts)  # type: ignore[return-value]


def assert_close(
    ours: object, truth: object, tolerance: float = TOLERANCE, n_steps: int = 1, n_rows: int = 1
) -> None:
    """Asserts that each array is within a tolerance, relative to its size.

    A gradient sums over steps and rows, and where its terms cancel their errors need not: a
    rounding is carried to all later steps, so that errors add up with the number of steps; those of
    rows, or of gates, are independent of each other and add up with the root of their number.
    """
    assert jax.tree.structure(ours) == jax.tree.structure(truth)
    least = TERM * n_steps * n_rows**0.5
    for (path, mine), other in zip(
        jax.tree.leaves_with_path(ours), jax.tree.leaves(truth), strict=True
    ):
        assert mine.shape == other.shape, path
        atol = tolerance * max(float(np.abs(other).max()), least)
        np.testing.assert_allclose(mine, other, atol=atol, rtol=0, err_msg=str(path))


def check_against_the_scans(
    sizes: Sizes, reverse: tuple[bool, ...], masked: bool, seed: int
) -> None:
    layer = make_layer(sizes, reverse, seed)
    pulls = make_pulls(sizes, reverse)
    layer = layer if masked else layer._replace(mask_dbh=jnp.ones_like(layer.h_dbh))
    truth = exact(reverse, layer, pulls)
    if not masked:
        layer = layer._replace(mask_dbh=None)
        truth = (truth[0], truth[1]._replace(mask_dbh=None))
    answer, slopes = native_both(reverse, layer, pulls)
    assert_close(answer, truth[0])
    # An input's slope is a sum over the gates of all units.
    n_gates = 4 * sizes[3] * len(reverse)
    assert_close(slopes.x_btf, truth[1].x_btf, n_steps=sizes[1], n_rows=n_gates)
    others = [gradient._replace(x_btf=None) for gradient in (slopes, truth[1])]
    assert_close(*others, n_steps=sizes[1], n_rows=sizes[0])
    # Without a derivative nothing is kept, which is another call.
    assert_close(native(reverse, layer), truth[0])


# Rows and inputs around a tile's and a vector's width, hidden units around a block's.
@pytest.mark.parametrize(
    ("sizes", "reverse", "masked", "seed"),
    [
        ((7, 3, 17, 16), (False, True), True, 0),
        ((1, 24, 1, 1), (True,), False, 3),
        ((1, 1, 1, 57), (False,), True, 57),
        ((1, 24, 1, 1), (True,), False, 0),
        ((13, 9, 30, 47), (True,), False, 4),
        (MOST, (False, True), True, 1),
        (MOST, (True,), False, 2),
    ],
)
def test_answers_and_gradients_equal_those_of_the_scans(
    sizes: Sizes, reverse: tuple[bool, ...], masked: bool, seed: int
) -> None:
    check_against_the_scans(sizes, reverse, masked, seed)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    sizes=st.tuples(*(st.integers(1, most) for most in MOST)),
    reverse=st.sampled_from([(False,), (True,), (False, True)]),
    masked=st.booleans(),
    seed=st.integers(0, 99),
)
def test_all_sizes_give_the_answers_and_gradients_of_the_scans(
    sizes: Sizes, reverse: tuple[bool, ...], masked: bool, seed: int
) -> None:
    check_against_the_scans(sizes, reverse, masked, seed)


REVERSE = (False, True)
SMALL = (5, 6, 3, 20)


def loss(function, reverse: tuple[bool, ...], layer: LayerInputs) -> jax.Array:
    """Of all that a layer answers, each number with its own weight."""
    parts = function(reverse, layer)
    return sum(
        (jnp.sum(p * jnp.cos(jnp.arange(p.size, dtype=p.dtype)).reshape(p.shape)) for p in parts),
        jnp.zeros(()),
    )


def members(n: int) -> LayerInputs:
    return jax.tree.map(
        lambda *parts: jnp.stack(parts), *(make_layer(SMALL, REVERSE, seed) for seed in range(n))
    )


def gradient(function, layer: LayerInputs) -> LayerInputs:
    numbers = layer._replace(lengths_b=None)
    return jax.grad(lambda n: loss(function, REVERSE, n._replace(lengths_b=layer.lengths_b)))(
        numbers
    )


scanned = jax.jit(partial(scanned_layer, REVERSE))
scanned_gradient = jax.jit(partial(gradient, scanned_layer))


def test_the_door_leads_to_the_kernel_and_float64_past_it() -> None:
    layer = make_layer(SMALL, REVERSE)

    def program(dtype: type) -> str:
        arrays = [a.astype(dtype) for a in layer[:4]]
        return jax.jit(lambda *given: lstm(*given, reverse=REVERSE)).lower(*arrays).as_text()

    assert "denseq_lstm_forward" in program(jnp.float32) and "while" not in program(jnp.float32)
    assert "denseq_lstm_forward" in program(jnp.bfloat16)
    with jax.enable_x64(True):
        assert "denseq_" not in program(jnp.float64)


def test_a_program_for_another_device_gets_the_scans() -> None:
    layer = make_layer(SMALL, REVERSE)
    exported = jax.export.export(
        jax.jit(lambda *given: lstm(*given, reverse=REVERSE)), platforms=["cuda"]
    )(*layer[:4])
    assert "denseq_" not in exported.mlir_module()


@pytest.mark.parametrize(
    "shared",
    [
        ("x_btf", "lengths_b", "mask_dbh"),
        pytest.param((), marks=pytest.mark.slow),
        pytest.param(("kernel_dfg", "recurrent_dhg"), marks=pytest.mark.slow),
    ],
)
def test_vmapped_members_equal_members_one_by_one(shared: tuple[str, ...]) -> None:
    stacked = members(3)
    first = jax.tree.map(lambda part: part[0], stacked)
    stacked = stacked._replace(**{name: getattr(first, name) for name in shared})
    axes = LayerInputs(*(None if name in shared else 0 for name in LayerInputs._fields))
    answers = jax.jit(jax.vmap(partial(native_layer, REVERSE), in_axes=(axes,)))(stacked)
    gradients = jax.jit(jax.vmap(partial(gradient, native_layer), in_axes=(axes,)))(stacked)
    for k in range(3):
        layer = LayerInputs(
            *(p if n in shared else p[k] for n, p in zip(LayerInputs._fields, stacked, strict=True))
        )
        assert_close(jax.tree.map(lambda part, k=k: part[k], answers), scanned(layer))
        assert_close(jax.tree.map(lambda part, k=k: part[k], gradients), scanned_gradient(layer))


def test_members_that_are_cut_in_parts_keep_their_own_gradients() -> None:
    reverse = (True,)
    layers = [make_layer(MOST, (True,), seed) for seed in range(3)]
    pulls = make_pulls(MOST, reverse)
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *layers)
    together = jax.jit(jax.vmap(lambda layer: both(native_layer, reverse, layer, pulls)))(stacked)
    for k, layer in enumerate(layers):
        assert_close(
            jax.tree.map(lambda part, k=k: part[k], together), native_both(reverse, layer, pulls)
        )


def test_members_of_members_share_what_is_shared() -> None:
    stacked = members(2)
    outer = jax.tree.map(lambda part: jnp.stack([part, 0.5 * part]), stacked.kernel_dfg)

    def run(layer: LayerInputs, kernel_dfg: jax.Array) -> Answer:
        return native_layer(REVERSE, layer._replace(kernel_dfg=kernel_dfg))

    answers = jax.jit(jax.vmap(jax.vmap(run), in_axes=(None, 0)))(stacked, outer)
    for i in range(2):
        for k in range(2):
            layer = jax.tree.map(lambda part, k=k: part[k], stacked)._replace(
                kernel_dfg=outer[i, k]
            )
            assert_close(
                jax.tree.map(lambda part, i=i, k=k: part[i, k], answers),
                scanned(layer),
            )


def test_shared_inputs_are_not_copied() -> None:
    stacked = members(3)
    x = stacked.x_btf[0]
    axes = LayerInputs(None, *(0,) * 7)
    program = jax.jit(jax.vmap(partial(native_layer, REVERSE), in_axes=(axes,))).lower(
        stacked._replace(x_btf=x)
    )
    n_rows, n_steps, n_inputs, _ = SMALL
    assert f"tensor<1x{n_rows}x{n_steps}x{n_inputs}xf32>" in program.as_text()
    assert f"tensor<3x{n_rows}x{n_steps}x{n_inputs}xf32>" not in program.as_text()


@pytest.mark.slow
def test_second_derivatives_equal_those_of_the_scans() -> None:
    layer = make_layer(SMALL, REVERSE)

    def curvature(function) -> LayerInputs:
        def size(numbers: LayerInputs) -> jax.Array:
            given = numbers._replace(lengths_b=layer.lengths_b)
            value = loss(function, REVERSE, given)
            slopes = gradient(function, given)
            return value**2 + sum(jnp.sum(jnp.sin(slope)) for slope in jax.tree.leaves(slopes))

        return jax.jit(jax.grad(size))(layer._replace(lengths_b=None))

    assert_close(curvature(native_layer), curvature(scanned_layer), tolerance=1e-5)


def test_the_gradient_of_x_is_taken_only_where_it_is_asked_for() -> None:
    layer = make_layer(SMALL, REVERSE)
    n_rows, n_steps, n_inputs, _ = SMALL

    def of_weights(kernel_dfg: jax.Array) -> jax.Array:
        return loss(native_layer, REVERSE, layer._replace(kernel_dfg=kernel_dfg))

    asked = f"tensor<2x{n_rows}x{n_steps}x{n_inputs}xf32>"
    assert asked not in jax.jit(jax.grad(of_weights)).lower(layer.kernel_dfg).as_text()
    assert asked in jax.jit(partial(gradient, native_layer)).lower(layer).as_text()
    assert_close(jax.grad(of_weights)(layer.kernel_dfg), scanned_gradient(layer).kernel_dfg)


def test_a_step_of_training_copies_neither_weights_nor_outputs() -> None:
    b, t, f, h = SMALL
    net = LSTM((h,), bidirectional=True)
    x_btf = jnp.ones((b, t, f))
    params = net.init(jax.random.key(0), x_btf)

    def loss_of(params: dict) -> jax.Array:
        return jnp.sum(jnp.sin(net.apply(params, x_btf)[0]))  # type: ignore[arg-type]

    program = jax.jit(jax.grad(loss_of)).lower(params).compile().as_text()
    assert "denseq_lstm_backward" in program
    weights = (f"2,{f},{4 * h}", f"2,{h},{4 * h}", f"2,{4 * h}")
    outputs = (f"{b},{t},2,{h}", f"{t},{b},2,{h}", f"{b},{t},{2 * h}", f"{t},{b},{2 * h}")
    for shape in (*weights, *outputs):
        assert not re.findall(rf"f32\[{shape}\]\S* (?:copy|transpose|concatenate)\(", program), (
            shape
        )


@pytest.mark.slow
def test_where_nothing_hangs_on_single_steps_no_zeros_are_made_for_them() -> None:
    layer = make_layer(SMALL, REVERSE)
    n_rows, n_steps, _, size = SMALL

    def of_carry(function, numbers: LayerInputs) -> jax.Array:
        _, h_dbh, c_dbh = function(REVERSE, numbers._replace(lengths_b=layer.lengths_b))
        return jnp.sum(jnp.sin(h_dbh)) + jnp.sum(c_dbh**2)

    def curvature(function, numbers: LayerInputs) -> jax.Array:
        return sum(
            jnp.sum(jnp.sin(s))
            for s in jax.tree.leaves(jax.grad(partial(of_carry, function))(numbers))
        )

    numbers = layer._replace(lengths_b=None)
    program = jax.jit(jax.grad(partial(of_carry, native_layer))).lower(numbers).as_text()
    backward = next(line for line in program.splitlines() if "denseq_lstm_backward" in line)
    # The answer, and no zeros of its shape.
    assert backward.count(f"tensor<{n_rows}x{n_steps}x2x{size}xf32>") == 1
    for of, tolerance in ((of_carry, TOLERANCE), (curvature, 1e-5)):
        ours, truth = (
            jax.jit(jax.grad(partial(of, function)))(numbers)
            for function in (native_layer, scanned_layer)
        )
        assert_close(ours, truth, tolerance)
    together = jax.jit(jax.vmap(jax.grad(partial(of_carry, native_layer))))(
        members(2)._replace(lengths_b=None)
    )
    for k in range(2):
        alone = jax.grad(partial(of_carry, scanned_layer))(
            make_layer(SMALL, REVERSE, k)._replace(lengths_b=None)
        )
        assert_close(jax.tree.map(lambda part, k=k: part[k], together), alone)


def test_descent_inside_a_scan_equals_descent_by_the_scans() -> None:
    layer = make_layer(SMALL, REVERSE)

    def descended(function) -> LayerInputs:
        def step(numbers: LayerInputs, _: None) -> tuple[LayerInputs, None]:
            slopes = gradient(function, numbers._replace(lengths_b=layer.lengths_b))
            return jax.tree.map(lambda value, slope: value - 0.01 * slope, numbers, slopes), None

        return jax.jit(lambda start: jax.lax.scan(step, start, None, length=3)[0])(
            layer._replace(lengths_b=None)
        )

    assert_close(descended(native_layer), descended(scanned_layer), tolerance=1e-5)


def test_bfloat16_is_as_near_to_float64_as_its_own_digits() -> None:
    layer = make_layer(SMALL, REVERSE)
    pulls = make_pulls(SMALL, REVERSE)
    rounded = jax.tree.map(lambda part: part.astype(jnp.bfloat16), layer[:3])
    layer = LayerInputs(*(part.astype(jnp.float32) for part in rounded), *layer[3:])
    truth = exact(REVERSE, layer, pulls)
    answer, slopes = native_both(REVERSE, LayerInputs(*rounded, *layer[3:]), pulls)
    assert_close(answer, truth[0])
    # A gradient comes back in the type of what it belongs to.
    assert [part.dtype for part in slopes[:3]] == [jnp.bfloat16] * 3
    assert_close(slopes, truth[1], tolerance=2**-8)


# Each direction is cut in parts, whose sums meet.
@pytest.mark.parametrize("reverse", [(False,), REVERSE])
def test_the_same_bits_come_every_time(reverse: tuple[bool, ...]) -> None:
    layer = make_layer(MOST, reverse)
    pulls = make_pulls(MOST, reverse)
    first = jax.tree.leaves(native_both(reverse, layer, pulls))
    for _ in range(5):
        for mine, other in zip(
            jax.tree.leaves(native_both(reverse, layer, pulls)), first, strict=True
        ):
            np.testing.assert_array_equal(mine, other)


def test_a_row_has_the_same_bits_whatever_stands_beside_it() -> None:
    sizes = (13, 12, 3, 40)
    row = 5
    layer, others = (make_layer(sizes, REVERSE, seed) for seed in (0, 1))
    lengths = layer.lengths_b.at[row].set(12)
    first = native(REVERSE, layer._replace(lengths_b=lengths))
    for beside in (others.lengths_b, jnp.zeros_like(lengths), jnp.full_like(lengths, 12)):
        # All other rows are others, and of other lengths, so that this one is computed in other
        # company.
        mixed = others._replace(
            x_btf=others.x_btf.at[row].set(layer.x_btf[row]),
            lengths_b=beside.at[row].set(12),
            **{name: getattr(layer, name) for name in ("kernel_dfg", "recurrent_dhg", "bias_dg")},
            **{
                name: getattr(others, name).at[:, row].set(getattr(layer, name)[:, row])
                for name in ("h_dbh", "c_dbh", "mask_dbh")
            },
        )
        second = native(REVERSE, mixed)
        np.testing.assert_array_equal(second[0][row], first[0][row])
        np.testing.assert_array_equal(second[2][:, row], first[2][:, row])


def test_a_nan_stays_in_its_row() -> None:
    layer = make_layer(SMALL, REVERSE, masked=False)._replace(lengths_b=None)
    spoilt = layer._replace(x_btf=layer.x_btf.at[1, 2].set(jnp.nan))
    whole = native(REVERSE, layer)[0]
    outputs = native(REVERSE, spoilt)[0]
    assert np.isnan(outputs[1, 2:, 0]).all() and np.isnan(outputs[1, :3, 1]).all()
    np.testing.assert_array_equal(np.delete(outputs, 1, 0), np.delete(whole, 1, 0))
    np.testing.assert_array_equal(outputs[1, :2, 0], whole[1, :2, 0])

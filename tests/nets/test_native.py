"""The compiled LSTM core against the scans in float64: answers, carries and gradients."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.kernels.lstm import native_layer
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer
from tests.marks import needs_kernels
from tests.nets.lstm_layers import (
    MOST,
    REVERSE,
    SMALL,
    Sizes,
    assert_close,
    both,
    exact,
    gradient,
    loss,
    make_layer,
    make_pulls,
    members,
    native,
    native_both,
    scanned,
    scanned_gradient,
)

pytestmark = needs_kernels()


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

"""The maximum along an axis, and where its gradient goes."""

from __future__ import annotations

from functools import partial

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis.extra import numpy as hnp

from nets.base import Array
from nets.maximum import maximum_over

NUMBERS = [-np.inf, -2.0, -0.5, 0.0, 0.5, 3.0]  # few, so that many are equal


@partial(jax.jit, static_argnums=2)
def highest_and_gradient(x: Array, weight: Array, axis: int) -> tuple[Array, Array]:
    highest, pull_back = jax.vjp(lambda x: maximum_over(x, axis), x)
    return highest, pull_back(weight)[0]


@pytest.mark.parametrize("axis", [0, 1, 2])
@hypothesis.given(x=hnp.arrays(np.float32, (3, 4, 2), elements=st.sampled_from(NUMBERS)))
def test_the_gradient_goes_to_the_first_that_is_highest(x: np.ndarray, axis: int):
    weight = np.arange(1, 1 + np.delete(x.shape, axis).prod(), dtype=np.float32)
    weight = weight.reshape(np.delete(x.shape, axis))

    highest, gradient = highest_and_gradient(x, weight, axis)

    expected = np.zeros_like(x)
    np.put_along_axis(
        expected, np.expand_dims(x.argmax(axis), axis), np.expand_dims(weight, axis), axis
    )
    np.testing.assert_array_equal(highest, x.max(axis))
    np.testing.assert_array_equal(gradient, expected)


def test_the_gradient_is_right_where_the_numbers_are_computed_twice() -> None:
    # Without LLVM's optimisation XLA rounds the sums below differently where it compares them with
    # their maximum: the gradient of `jnp.max` is not a number there.
    draw = np.random.default_rng(0).normal
    x_bt1 = draw(size=(32, 12, 1))
    slope_h, bias_h, weights_hh = draw(size=6), draw(size=6), draw(size=(6, 6))

    def loss(slope_h, maximum):
        x = jnp.asarray(x_bt1, "float32")
        h_bth = x * slope_h[None, None] + jnp.asarray(bias_h, "float32")[None, None]
        other_bth = jnp.tanh(h_bth @ jnp.asarray(weights_hh, "float32"))
        return maximum(1.7 * h_bth + 0.3 * other_bth + 0.1 * x, 1).sum()

    def gradient(maximum):
        compiled = jax.jit(jax.grad(lambda slope_h: loss(slope_h, maximum)))
        lowered = compiled.lower(jnp.asarray(slope_h, "float32"))
        options = {"xla_backend_optimization_level": 0}
        return np.asarray(lowered.compile(compiler_options=options)(slope_h.astype("float32")))

    h_bth = x_bt1 * slope_h + bias_h
    tanh_bth = np.tanh(h_bth @ weights_hh)
    place_b1h = (1.7 * h_bth + 0.3 * tanh_bth + 0.1 * x_bt1).argmax(1)[:, None]
    x_bh = np.take_along_axis(np.broadcast_to(x_bt1, h_bth.shape), place_b1h, 1)[:, 0]
    # Every output k, at its own step, has a gradient by all slopes j: that of h_j, and by tanh.
    expected_h = 1.7 * x_bh.sum(0)
    for k in range(6):
        tanh_b = np.take_along_axis(tanh_bth[:, :, k], place_b1h[:, :, k], 1)[:, 0]
        through_b = 0.3 * (1 - tanh_b**2) * x_bh[:, k]
        expected_h = expected_h + through_b.sum() * weights_hh[:, k]
    np.testing.assert_allclose(gradient(maximum_over), expected_h, rtol=2e-5)


@pytest.mark.parametrize("kind", ["forward", "several nets"])
def test_it_goes_with_the_transformations_of_jax(kind: str) -> None:
    x_nbth = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4, 5, 2)), "float32")
    if kind == "forward":
        tangent = jnp.cos(x_nbth)
        highest, found = jax.jvp(lambda x: maximum_over(x, 2), (x_nbth,), (tangent,))
        place = np.expand_dims(np.argmax(x_nbth, 2), 2)
        np.testing.assert_array_equal(found, np.take_along_axis(tangent, place, 2)[:, :, 0])
        np.testing.assert_array_equal(highest, np.max(x_nbth, 2))
    else:
        squares = jax.vmap(jax.grad(lambda x_bth: jnp.square(maximum_over(x_bth, 1)).sum()))
        for found, x_bth in zip(squares(x_nbth), np.asarray(x_nbth), strict=True):
            is_highest = x_bth == x_bth.max(1, keepdims=True)
            np.testing.assert_array_equal(found, 2 * x_bth * is_highest)

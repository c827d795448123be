"""Activations against float64 formulas, and against Keras where it is installed."""

from __future__ import annotations

import math
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.activations import ACTIVATIONS, step
from train.config.net_options import Activation

X = np.concatenate([np.linspace(-6, 6, 97), [-30.0, -3.0, -1.0, 0.0, 1.0, 3.0, 30.0]])


def selu(x: np.ndarray) -> np.ndarray:
    # Klambauer et al. 2017
    alpha = 1.6732632423543772
    scale = 1.0507009873554805
    return scale * np.where(x > 0, x, alpha * np.expm1(x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


# Written from Keras 3's documentation, not from its code or ours.
FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": selu,
    "gelu": lambda x: np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x]),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "step": lambda x: (x > 0) * 1.0,
    "exponential": np.exp,
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
}


def test_every_option_has_a_function_and_a_formula() -> None:
    assert set(typing.get_args(Activation)) == set(ACTIVATIONS) == set(FORMULAS)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_equals_its_formula_in_float64(name: str) -> None:
    ours = jax.jit(ACTIVATIONS[name])(X.astype(np.float32))
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, FORMULAS[name](X), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_equals_keras_where_it_has_one_of_that_name(name: str) -> None:
    keras = pytest.importorskip("keras", exc_type=ImportError)
    if not hasattr(keras.activations, name):
        pytest.skip(f"keras has no {name}")
    x = X.astype(np.float32)[None]  # Keras refuses the softmax of a vector
    theirs = getattr(keras.activations, name)(x)
    np.testing.assert_allclose(
        ACTIVATIONS[name](jnp.asarray(x)), np.asarray(theirs), rtol=2e-6, atol=2e-6
    )


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_classes_are_normalised_along_the_last_axis(name: str) -> None:
    x_bf = np.float32([[1.0, 2.0, 3.0], [0.0, 0.0, 50.0]])
    y_bf = np.asarray(jax.jit(ACTIVATIONS[name])(x_bf))
    y_bf = np.exp(y_bf) if name == "log_softmax" else y_bf
    np.testing.assert_allclose(np.sum(y_bf, -1), [1, 1], rtol=1e-6)


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"exponential"}))
def test_values_and_gradients_are_finite_far_out(name: str) -> None:
    x = np.float32([-1e4, -100.0, 100.0, 1e4])

    def both(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, gradient_of = jax.vjp(ACTIVATIONS[name], x)
        return values, gradient_of(jnp.ones(4))[0]

    values, slopes = jax.jit(both)(x)
    assert np.isfinite(values).all() and np.isfinite(slopes).all()


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"step", "softmax", "log_softmax"}))
def test_gradient_is_the_slope_of_the_formula(name: str) -> None:
    x = np.array([-4.1, -2.2, -0.7, 0.4, 1.3, 2.9, 6.5])  # between the kinks
    h = 1e-6
    slopes = (FORMULAS[name](x + h) - FORMULAS[name](x - h)) / (2 * h)
    ours = jax.jit(jax.vmap(jax.grad(ACTIVATIONS[name])))(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(ours, slopes, rtol=1e-5, atol=2e-5)


def test_step_passes_gradients_through_its_window_only() -> None:
    x = jnp.array([-7.0, -1.001, -1.0, -0.3, 0.0, 0.3, 1.0, 1.001, 7.0])
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(step)))(x), [0, 0, 1, 1, 1, 1, 1, 0, 0])
    _, tangent = jax.jvp(step, (x,), (jnp.full(9, 2.5),))
    np.testing.assert_array_equal(tangent, [0, 0, 2.5, 2.5, 2.5, 2.5, 2.5, 0, 0])


def test_a_threshold_neuron_learns_by_descent() -> None:
    x = jnp.linspace(-1, 1, 41)
    target = (x > 0.4).astype(jnp.float32)
    loss_and_slope = jax.jit(jax.value_and_grad(lambda b: jnp.square(step(x - b) - target).mean()))
    b = jnp.float32(-0.5)
    assert loss_and_slope(b)[0] > 0.4
    for _ in range(60):
        b -= 0.1 * loss_and_slope(b)[1]
    assert loss_and_slope(b)[0] < 0.03

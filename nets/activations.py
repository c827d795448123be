"""Activation functions under the names, and with the default slopes, of Keras 3."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from nets.base import Array


@jax.custom_jvp
def step(x: Array) -> Array:
    """The threshold neuron: 1 where x > 0, else 0.

    Its true derivative is zero everywhere, so gradients pass straight through where |x| <= 1 and
    stop elsewhere (Bengio et al. 2013; the window of Hubara et al. 2016), which lets a net of
    thresholds learn by descent.
    """
    return (x > 0).astype(x.dtype)


@step.defjvp
def _step_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,) = primals
    (tangent,) = tangents
    return step(x), jnp.where(jnp.abs(x) <= 1, tangent, jnp.zeros_like(tangent))


def linear(x: Array) -> Array:
    """x itself."""
    return x


def leaky_relu(x: Array) -> Array:
    """x where positive, else 0.2 x (the slope of keras.activations.leaky_relu)."""
    return jax.nn.leaky_relu(x, 0.2)


def gelu(x: Array) -> Array:
    """x Phi(x) with the exact normal distribution function (Hendrycks & Gimpel 2016)."""
    return jax.nn.gelu(x, approximate=False)


def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    return jax.nn.soft_sign(x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": linear,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": gelu,
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "softplus": jax.nn.softplus,
    "softsign": softsign,
    "sigmoid": jax.nn.sigmoid,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_silu": jax.nn.hard_silu,
    "tanh": jnp.tanh,
    "step": step,
    "exponential": jnp.exp,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
}

"""Adam and Nadam as Keras 3 has them: gradients -> directions, before any learning rate.

They keep optax' state (`mu`, `nu` and `count`), under whose names checkpoints hold it.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nets.base import Array

Rate = float | Array
# (gradient, its mean, mean of its square, number of the update from 1) -> direction
Direction = Callable[[Array, Array, Array, Array], Array]

# Nadam's momentum rises with the updates t: beta1 (1 - .5 * .96^t), after Dozat (2016).
MOMENTUM_FACTOR = 1 - 0.5 * 0.96 ** np.arange(1, 1001)
# Their products up to t, which no longer change from there on.
MOMENTUM_PRODUCT = np.cumprod(MOMENTUM_FACTOR)


def scale_by_adam(beta1: Rate, beta2: Rate, epsilon: Rate) -> optax.GradientTransformation:
    """Adam's direction, with epsilon added to the root of the mean square before bias correction.

    This is the epsilon-hat of Kingma & Ba (2015), section 2.
    """

    def direction(_: Array, mean: Array, square: Array, t: Array) -> Array:
        return mean * bias_correction(beta1, beta2, t) / (jnp.sqrt(square) + epsilon)

    return _from_moments(beta1, beta2, direction)


def bias_correction(beta1: Rate, beta2: Rate, t: Array) -> Array:
    """The factor on Adam's direction after t updates that makes up for means that began at 0."""
    return jnp.sqrt(1 - beta2**t) / (1 - beta1**t)


def scale_by_nadam(beta1: Rate, beta2: Rate, epsilon: Rate) -> optax.GradientTransformation:
    """Adam's direction with Nesterov's momentum, which rises over the first hundred updates."""
    damping = jnp.asarray(MOMENTUM_FACTOR, jnp.float32)
    product = jnp.asarray(MOMENTUM_PRODUCT, jnp.float32)

    def direction(gradient: Array, mean: Array, square: Array, t: Array) -> Array:
        last = len(MOMENTUM_FACTOR) - 1
        now = jnp.minimum(t - 1, last)
        then = jnp.minimum(t, last)
        ahead = beta1 * damping[then] * mean / (1 - beta1 ** (t + 1) * product[then])
        of_now = (1 - beta1 * damping[now]) * gradient / (1 - beta1**t * product[now])
        return (ahead + of_now) / (jnp.sqrt(square / (1 - beta2**t)) + epsilon)

    return _from_moments(beta1, beta2, direction)


def _from_moments(beta1: Rate, beta2: Rate, direction: Direction) -> optax.GradientTransformation:
    """Directions from the running means of the gradients (beta1) and of their squares (beta2)."""

    def init(params: optax.Params) -> optax.ScaleByAdamState:
        # Not one for both: the training program is donated each buffer.
        mu = jax.tree.map(jnp.zeros_like, params)
        nu = jax.tree.map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), mu, nu)

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        del params
        assert isinstance(state, optax.ScaleByAdamState)

        def mean_of(gradient: Array, mean: Array) -> Array:
            return (1 - beta1) * gradient + beta1 * mean

        def square_of(gradient: Array, square: Array) -> Array:
            return (1 - beta2) * jnp.square(gradient) + beta2 * square

        def direct(gradient: Array, mean: Array, square: Array) -> Array:
            return direction(gradient, mean, square, count)

        mu = jax.tree.map(mean_of, updates, state.mu)
        nu = jax.tree.map(square_of, updates, state.nu)
        count = jnp.asarray(optax.safe_increment(state.count))
        return jax.tree.map(direct, updates, mu, nu), optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)

"""What a user might write: modules, a loss and an optimizer, for tests of own code."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import optax

from nets.base import Array


class Gated(nn.Module):
    """Linear times a gate."""

    hidden: int = 8
    activation: Callable[[Array], Array] = nn.relu
    rates: tuple[float, ...] = (0.1,)

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        h = self.activation(nn.Dense(self.hidden)(x)) * nn.sigmoid(nn.Dense(self.hidden)(x))
        return nn.Dropout(self.rates[0], deterministic=not train)(h)


class Normed(nn.Module):
    """Another module, then flax' batch norm, whose statistics stand in batch_stats."""

    inner: nn.Module

    @nn.compact
    def __call__(self, x: Array, deterministic: bool) -> Array:
        h = self.inner(x, train=not deterministic)
        return nn.BatchNorm(use_running_average=deterministic)(h)


class Weights(nn.Module):
    """Weights under a name that no penalty knows."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return x @ self.param("w", nn.initializers.lecun_normal(), (x.shape[-1], 3))


class Attending(nn.Module):
    """Attention over steps, for sequences of any length and series."""

    hidden: int = 4

    @nn.compact
    def __call__(self, x: Array, lengths: Array, train: bool) -> Array:
        mask = jnp.arange(x.shape[1])[None] < lengths[:, None]
        h = nn.Dense(self.hidden)(x)
        own = nn.MultiHeadDotProductAttention(num_heads=2)
        return h + own(h, mask=mask[:, None, None], deterministic=not train)


class Mean(nn.Module):
    """Gives one number for all rows."""

    def __call__(self, x: Array) -> Array:
        return x.mean()


class Broken(nn.Module):
    """Has a mistake."""

    def __call__(self, x: Array) -> Array:
        return x.no_such_thing


def asymmetric(outputs: Array, target: Array, over: float = 1.0) -> Array:
    """Squared errors, those above times `over`."""
    error = outputs - target
    return (jnp.where(error > 0, over, 1.0) * jnp.square(error)).mean(-1)


def hinge(scores: Array, target: Array) -> Array:
    """The hinge loss of one logit of two classes."""
    return optax.losses.hinge_loss(scores[:, 0], 2.0 * target - 1.0)


def total(outputs: Array, target: Array) -> Array:
    """No loss for each row."""
    return jnp.square(outputs - target).sum()


def halved_sgd(learning_rate: float) -> optax.GradientTransformation:
    """Descent at half the rate."""
    return optax.sgd(learning_rate / 2)

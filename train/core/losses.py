"""Losses of each row: outputs [b, o] and target to [b]; weighted means over rows come after.

Numeric targets are [b, o], standardised, with q quantiles each; classes are int32 [b]. Names and
formulas are those of Keras 3, on logits. A further loss is a function here, a line in NUMBER_LOSSES
or CLASS_LOSSES, and a name in `train.config.options.Loss`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from nets.base import Array
from nets.crf import log_likelihood
from train.core.densities import negative_binomial, student_t, zero_inflated

Loss = Callable[..., Array]


def mse(outputs_bo: Array, target_bo: Array) -> Array:
    """Mean over outputs of the squared error."""
    return jnp.square(outputs_bo - target_bo).mean(-1)


def mae(outputs_bo: Array, target_bo: Array) -> Array:
    """Mean over outputs of the absolute error."""
    return jnp.abs(outputs_bo - target_bo).mean(-1)


def huber(outputs_bo: Array, target_bo: Array) -> Array:
    """Quadratic up to an error of 1, linear beyond (Huber 1964)."""
    return optax.losses.huber_loss(outputs_bo, target_bo, delta=1.0).mean(-1)


def log_cosh(outputs_bo: Array, target_bo: Array) -> Array:
    """log(cosh(error)), in a form that does not overflow."""
    return optax.losses.log_cosh(outputs_bo, target_bo).mean(-1)


def poisson(outputs_bo: Array, target_bo: Array) -> Array:
    """Negative Poisson log-likelihood, less a constant, of counts whose log-mean is the output."""
    return (jnp.exp(outputs_bo) - target_bo * outputs_bo).mean(-1)


def gamma(outputs_bo: Array, target_bo: Array) -> Array:
    """Half a gamma deviance, less what outputs do not change, of amounts whose log-mean they are.

    An error counts by its share of the amount, and the mean is what it is lowest at.
    """
    return (target_bo * jnp.exp(-outputs_bo) + outputs_bo).mean(-1)


def quantile(quantiles_boq: Array, target_bo: Array, levels: tuple[float, ...]) -> Array:
    """Mean over outputs and levels of the pinball loss (Koenker & Bassett 1978).

    It is level * error above and (1 - level) * -error below.
    """
    error_boq = target_bo[..., None] - quantiles_boq
    level_11q = jnp.array(levels, error_boq.dtype)[None, None]
    return jnp.maximum(level_11q * error_boq, (level_11q - 1) * error_boq).mean((-2, -1))


def gaussian(mean_bo: Array, deviation_bo: Array, target_bo: Array) -> Array:
    """Mean over outputs of -log p(target) under a normal distribution (Nix & Weigend 1994)."""
    error_bo = (target_bo - mean_bo) / deviation_bo
    return (jnp.log(deviation_bo) + jnp.square(error_bo) / 2).mean(-1) + math.log(2 * math.pi) / 2


def binary_crossentropy(logits_bo: Array, target_b: Array, smoothing: float | Array = 0.0) -> Array:
    """-log P(class) from one logit [b, 1]; smoothing s moves the targets to s/2 and 1 - s/2."""
    target = target_b.astype(logits_bo.dtype) * (1 - smoothing) + smoothing / 2
    return optax.losses.sigmoid_binary_cross_entropy(logits_bo[:, 0], target)


def categorical_crossentropy(
    logits_bk: Array, target_b: Array, smoothing: float | Array = 0.0
) -> Array:
    """-log P(class) from k logits; smoothing s gives the share s evenly to all k classes."""
    logp_bk = jax.nn.log_softmax(logits_bk)
    chosen_b = jnp.take_along_axis(logp_bk, target_b[:, None], axis=-1)[:, 0]
    return -(1 - smoothing) * chosen_b - smoothing * logp_bk.mean(-1)


def tag_crossentropy(logits_btk: Array, target_bt: Array, smoothing: float | Array = 0.0) -> Array:
    """Sum over steps [b] of the categorical cross-entropy.

    A tag outside 0..k-1 (no step, or unseen) costs nothing.
    """
    k = logits_btk.shape[-1]
    known_bt = (target_bt >= 0) & (target_bt < k)
    logp_btk = jax.nn.log_softmax(logits_btk)
    chosen_bt = jnp.take_along_axis(
        logp_btk, jnp.where(known_bt, target_bt, 0)[:, :, None], axis=-1
    )[:, :, 0]
    loss_bt = -(1 - smoothing) * chosen_bt - smoothing * logp_btk.mean(-1)
    return jnp.where(known_bt, loss_bt, jnp.zeros((), loss_bt.dtype)).sum(-1)


def crf_loss(logits_btk: Array, target_bt: Array, start_k: Array, transition_kk: Array) -> Array:
    """-log P of the tags of each row [b]; nothing for a row with a tag that no training row has."""
    known_b = (target_bt < logits_btk.shape[-1]).all(-1)
    tags_bt = jnp.where(known_b[:, None], target_bt, jnp.minimum(target_bt, 0))
    lengths_b = (tags_bt >= 0).sum(-1)
    likelihood_b = log_likelihood(logits_btk, tags_bt, start_k, transition_kk, lengths_b)
    return jnp.where(known_b, -likelihood_b, 0.0)


def next_binary_crossentropy(logits_btf: Array, target_btf: Array) -> Array:
    """Sum over steps and numbers [b] of the binary cross-entropy. A target of nan costs nothing."""
    known_btf = ~jnp.isnan(target_btf)
    loss_btf = optax.losses.sigmoid_binary_cross_entropy(
        logits_btf, jnp.where(known_btf, target_btf, 0.0)
    )
    return jnp.where(known_btf, loss_btf, jnp.zeros((), loss_btf.dtype)).sum((1, 2))


def next_mse(outputs_btf: Array, target_btf: Array) -> Array:
    """Sum over steps [b] of the mean over a step's known numbers of the squared error.

    A target of nan costs nothing.
    """
    known_btf = ~jnp.isnan(target_btf)
    error_btf = jnp.where(known_btf, outputs_btf - jnp.where(known_btf, target_btf, 0.0), 0.0)
    return (jnp.square(error_btf).sum(-1) / jnp.maximum(known_btf.sum(-1), 1)).sum(-1)


def threshold_error(scores_bk: Array, target_b: Array, step: Callable[[Array], Array]) -> Array:
    """How many threshold neurons are wrong [b].

    k of them answer for a class each, a single one for the second of two. Its derivative is the one
    that `step` is given for the threshold's.
    """
    k = scores_bk.shape[1]
    yes_bk = jax.nn.one_hot(target_b, k) if k > 1 else target_b[:, None]
    return jnp.square(step(scores_bk) - yes_bk).sum(-1)


NUMBER_LOSSES: dict[str, Loss] = {
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "log_cosh": log_cosh,
    "poisson": poisson,
    "gamma": gamma,
    "quantile": quantile,
    "gaussian": gaussian,
    "student_t": student_t,
    "negative_binomial": negative_binomial,
    "zero_inflated": zero_inflated,
}
CLASS_LOSSES: dict[str, Loss] = {
    "binary_crossentropy": binary_crossentropy,
    "categorical_crossentropy": categorical_crossentropy,
}

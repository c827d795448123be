"""Members of one net: they share its weights, and differ in factors and heads of their own.

TabM and TabM-mini (Gorishniy, Kotelnikov & Babenko 2025), after BatchEnsemble (Wen, Tran & Ba
2020); their layers are in `nets/linear.py`. Shapes: b rows, k members, r rows of all members: b *
k, a row's members one after the other; d features, o outputs.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from nets import densities
from nets.base import Array, Arrays
from nets.heads import HeadShape
from nets.linear import by_member


class Adapter(nn.Module):
    """Each member's own factors on the features of a row, which tell the members apart.

    Takes [b, 1, d], which members share, or [b, k, d], and gives [b * k, d]. The factors start as
    N(0, 1) ("normal") or as -1 and 1 ("signs"), one draw for all features of a column: `widths`
    says how many features each column has.
    """

    members: int
    start: str = "signs"

    @nn.compact
    def __call__(self, x_bkd: Array, widths: tuple[int, ...]) -> Array:
        def draw(key: Array, shape: tuple[int, int]) -> Array:
            of_columns = (shape[0], len(widths))
            if self.start == "normal":
                factor = jax.random.normal(key, of_columns)
            else:
                factor = jax.random.rademacher(key, of_columns, jnp.float32)
            return jnp.repeat(factor, np.array(widths), axis=1, total_repeat_length=shape[1])

        factor_kd = self.param("adapter", draw, (self.members, x_bkd.shape[-1]))
        return (x_bkd * factor_kd[None]).reshape(-1, x_bkd.shape[-1])


def average_members(
    outputs: Arrays, heads: tuple[HeadShape, ...], members: int, *, log_link: bool
) -> dict[str, Array]:
    """Outputs [b, ...] that stand for the mean of the members' answers, from theirs [b * k, ...].

    Of classes these are logits of the mean probability; of numbers their mean, with `log_link` the
    logarithm of the mean of what they stand for; of quantiles the means at each level; a deviation
    is that of the mixture: the root of the mean square of the members' own and of the square of the
    one between their means.
    """
    means: dict[str, Array] = {}
    for head in heads:
        name = head.name
        own_bko = by_member(outputs[name], members)
        if head.kind == "binary":
            yes_bo = _log_mean(jax.nn.log_sigmoid(own_bko))
            means[name] = yes_bo - _log_mean(jax.nn.log_sigmoid(-own_bko))
        elif head.kind == "multiclass":
            means[name] = _log_mean(jax.nn.log_softmax(own_bko))
        else:
            means[name] = _log_mean(own_bko) if log_link else own_bko.mean(1)
        if head.quantiles:
            quantiles = f"{name}.quantiles"
            means[quantiles] = by_member(outputs[quantiles], members).mean(1)
        if head.deviation:
            means |= _mixture_parts(outputs, head, members)
    return means


def _mixture_parts(outputs: Arrays, head: HeadShape, members: int) -> dict[str, Array]:
    """The parts of a density whose mean and deviation are those of the members' mixture."""
    name = head.name
    parts = {}
    for part in ("freedom", "zeros"):
        if (own := outputs.get(f"{name}.{part}")) is not None:
            parts[f"{name}.{part}"] = by_member(own, members).mean(1)
    if not head.counts:
        between = member_spread(outputs[name], members)
        parts[f"{name}.deviation"] = _mixture_deviation(
            outputs[f"{name}.deviation"], between, members
        )
        return parts
    mean_r = jnp.exp(outputs[name])
    own_r = densities.deviation_of_counts(
        mean_r, outputs[f"{name}.dispersion"], outputs.get(f"{name}.zeros")
    )
    deviation_bo = _mixture_deviation(own_r, member_spread(mean_r, members), members)
    mean_bo = by_member(mean_r, members).mean(1)
    zeros_bo = parts.get(f"{name}.zeros")
    parts[f"{name}.dispersion"] = densities.dispersion_of_counts(mean_bo, deviation_bo, zeros_bo)
    return parts


def _mixture_deviation(own_r: Array, between_b: Array, members: int) -> Array:
    """The deviation of a mixture, from its members' own and the one between their means."""
    square_bo = jnp.square(by_member(own_r, members)).mean(1)
    return jnp.sqrt(square_bo + jnp.square(between_b))


def _log_mean(x_bko: Array) -> Array:
    """The logarithm of the mean over members of e^x [b, o]."""
    return jax.nn.logsumexp(x_bko, axis=1) - math.log(x_bko.shape[1])


def member_spread(answers_r: Array, members: int) -> Array:
    """The standard deviation between a row's members [b, ...], 0 of a single one."""
    return by_member(answers_r, members).std(1, ddof=min(members - 1, 1))

"""Probability densities that a head of numbers answers with, each by numbers beside its mean.

A layer gives positive numbers; `density_parts` makes outputs of them, which losses read, and
`parts_in_units` predictions. Beside the mean stand NAME.deviation, the standard deviation, and
what else the density needs: NAME.freedom of Student's t, NAME.dispersion of counts, NAME.zeros the
share of zeros that are none of the counts'. Shapes: b batch, o outputs, p numbers for each output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import jax.numpy as jnp
import numpy as np

from nets.base import Array, Arrays

AnyArray: TypeAlias = "Array | np.ndarray"
Density: TypeAlias = Literal["gaussian", "student_t", "negative_binomial", "zero_inflated"]
# What the layer gives for each output beside its mean, the first ones in the target's own units.
N_PARTS: Mapping[Density, int] = {
    "gaussian": 1,
    "student_t": 2,
    "negative_binomial": 1,
    "zero_inflated": 2,
}
COUNTS = ("negative_binomial", "zero_inflated")
N_SCALED_PARTS: Mapping[Density, int] = {
    "gaussian": 1,
    "student_t": 1,
    "negative_binomial": 0,
    "zero_inflated": 0,
}
# Deviation that a net may claim, in deviations of the training targets: a likelihood has no bound.
EPSILON = 1e-3
MIN_FREEDOM = 2.05  # of Student's t, whose variance is finite beyond 2
FIRST_FREEDOM = 6.0  # more that a new net has
FIRST_ODDS = 0.25  # that a new net gives for a zero that is no count's
MIN_PARAMETER = 1e-6  # of odds and dispersions
TINY = 1e-30  # of what others are divided by


def density_parts(name: str, density: Density, raw_bop: Array) -> dict[str, Array]:
    """{NAME.part: [b, o]} of a head's outputs, from the positive numbers of its layer."""
    first_bo = raw_bop[..., 0]
    if density == "gaussian":
        return {f"{name}.deviation": first_bo + EPSILON}
    if density == "student_t":
        freedom_bo = MIN_FREEDOM + FIRST_FREEDOM * raw_bop[..., 1]
        stretch_bo = jnp.sqrt(freedom_bo / (freedom_bo - 2))
        deviation_bo = (first_bo + EPSILON) * stretch_bo
        return {f"{name}.deviation": deviation_bo, f"{name}.freedom": freedom_bo}
    parts = {f"{name}.dispersion": first_bo + MIN_PARAMETER}
    if density == "zero_inflated":
        odds_bo = FIRST_ODDS * raw_bop[..., 1] + MIN_PARAMETER
        parts[f"{name}.zeros"] = odds_bo / (1 + odds_bo)
    return parts


def parts_in_units(
    name: str, density: Density, outputs: Arrays, mean_bo: Array, scale_o: Array
) -> dict[str, Array]:
    """{NAME.part: [b, o]} of answers whose mean is `mean_bo`, in the target's own units."""
    if density not in COUNTS:
        parts = {f"{name}.deviation": outputs[f"{name}.deviation"] * scale_o[None]}
        if density == "student_t":
            parts[f"{name}.freedom"] = outputs[f"{name}.freedom"]
        return parts
    dispersion_bo = outputs[f"{name}.dispersion"]
    zeros_bo = outputs.get(f"{name}.zeros")
    deviation_bo = deviation_of_counts(mean_bo, dispersion_bo, zeros_bo)
    parts = {f"{name}.deviation": deviation_bo, f"{name}.dispersion": dispersion_bo}
    if zeros_bo is not None:
        parts[f"{name}.zeros"] = zeros_bo
    return parts


def deviation_of_counts(mean: Array, dispersion: Array, zeros: Array | None) -> Array:
    """The standard deviation of counts of this mean, of which a share of `zeros` are none."""
    if zeros is None:
        return jnp.sqrt(mean + jnp.square(mean) * dispersion)
    return jnp.sqrt(mean + jnp.square(mean) * (dispersion + zeros) / (1 - zeros))


def dispersion_of_counts(mean: AnyArray, deviation: AnyArray, zeros: AnyArray | None) -> Array:
    """The dispersion of counts of this mean and deviation; the inverse of `deviation_of_counts`."""
    beyond = (jnp.square(deviation) - mean) / jnp.maximum(jnp.square(mean), TINY)
    if zeros is not None:
        beyond = beyond * (1 - zeros) - zeros
    return jnp.maximum(beyond, MIN_PARAMETER)


def as_mixture(name: str, answers: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Answers whose mean and deviation are those of a mixture, with a dispersion that fits them."""
    if f"{name}.dispersion" not in answers:
        return dict(answers)
    dispersion = dispersion_of_counts(
        answers[name], answers[f"{name}.deviation"], answers.get(f"{name}.zeros")
    )
    return {**answers, f"{name}.dispersion": dispersion}


def log_counts(x_bho: Array, step_b1o: Array, center_bq: Array, scale_bq: Array) -> Array:
    """Logarithms of counts that scaled forecasts x stand for, of levels [b, h * o] or [1, h * o].

    Well above 0 a count is center + scale * x; it never falls below 0, bending within the scaled
    distance `step`: scale * step * softplus((x - x of 0) / step).
    """
    shape = (center_bq.shape[0], *x_bho.shape[1:])
    zero_bho = (-center_bq / scale_bq).reshape(shape)
    steps_bho = (x_bho - zero_bho) / step_b1o
    # log(softplus(s)) is s itself far below 0, where softplus(s) would be rounded to 0.
    is_low = steps_bho < -10
    safe_bho = jnp.where(is_low, 0.0, steps_bho)
    log_bho = jnp.where(is_low, steps_bho, jnp.log(jnp.logaddexp(safe_bho, 0.0)))
    return log_bho + jnp.log(step_b1o) + jnp.log(scale_bq).reshape(shape)


def add_log_mean(log_bo: Array, center_o: Array) -> Array:
    """Logarithms of means that are counted from that of the training targets' mean."""
    return log_bo + jnp.log(jnp.where(center_o > 0, center_o, 1.0))[None]


def change_first(
    change: Callable[[Array, Array], Array], spread_bhop: Array, by_b1o: Array, n: int
) -> Array:
    """The first n numbers for each answer changed by a number of their target; others as are."""
    changed_bhop = change(spread_bhop[..., :n], by_b1o[..., None])
    if n == spread_bhop.shape[-1]:
        return changed_bhop
    return jnp.concatenate([changed_bhop, spread_bhop[..., n:]], axis=-1)

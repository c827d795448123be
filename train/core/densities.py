"""-log p of a density's parameters and a target, of each row [b]: means over outputs [b, o].

Each is stable in float32, also where counts are large or hardly dispersed: what would be taken from
each other is computed as a difference (Loader 2000, "Fast and accurate computation of binomial
probabilities"; as R does it).
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from nets.base import Array

STIRLING_FROM = 10.0  # from which on Stirling's series of three terms is exact to float32
GAMMA_STEPS = 8  # up the gamma function, by which smaller ones are brought there
SERIES_WITHIN = 0.25  # up to which a series is used in place of what cancels
HALF_LOG_TAU = math.log(2 * math.pi) / 2


def student_t(mean_bo: Array, deviation_bo: Array, freedom_bo: Array, target_bo: Array) -> Array:
    """-log p under Student's t, of this mean, deviation and degrees of freedom, which exceed 2."""
    scale_bo = deviation_bo * jnp.sqrt((freedom_bo - 2) / freedom_bo)
    square_bo = jnp.square((target_bo - mean_bo) / scale_bo)
    rise_bo = log_gamma_ratio(freedom_bo / 2)
    constant_bo = jnp.log(freedom_bo * math.pi) / 2 - rise_bo + jnp.log(scale_bo)
    return (constant_bo + (freedom_bo + 1) / 2 * jnp.log1p(square_bo / freedom_bo)).mean(-1)


def negative_binomial(log_mean_bo: Array, dispersion_bo: Array, target_bo: Array) -> Array:
    """-log p of counts of this mean m and dispersion a, whose variance is m + a m^2."""
    return -log_negative_binomial(log_mean_bo, dispersion_bo, target_bo).mean(-1)


def zero_inflated(
    log_mean_bo: Array, dispersion_bo: Array, zeros_bo: Array, target_bo: Array
) -> Array:
    """-log p of counts of mean m, of which a share of `zeros` is put to 0."""
    log_share_bo = jnp.log1p(-zeros_bo)
    log_p_bo = log_share_bo + log_negative_binomial(
        log_mean_bo - log_share_bo, dispersion_bo, target_bo
    )
    with_zeros_bo = jnp.logaddexp(jnp.log(zeros_bo), log_p_bo)
    return -jnp.where(target_bo == 0, with_zeros_bo, log_p_bo).mean(-1)


def log_negative_binomial(log_mean: Array, dispersion: Array, target: Array) -> Array:
    """log p(target), elementwise. A dispersion of 0 would be Poisson's distribution."""
    mean = jnp.exp(log_mean)
    spread = dispersion * mean
    is_zero = target == 0
    count = jnp.where(is_zero, 1.0, target)
    grown = 1 + dispersion * count
    # Distances of the count from the mean, in the two terms of the binomial's deviance.
    of_rest = dispersion * (mean - count) / grown
    of_count = (count - mean) / (mean * grown)
    squared = jnp.square(count - mean) / (grown * (1 + spread))
    above_rest = (1 + spread) / grown
    curve_of_count = unit_deviance(of_count, count / mean * above_rest)
    deviance = squared * (dispersion * unit_deviance(of_rest, above_rest) + curve_of_count / mean)
    size = 1 / dispersion
    remainder = stirling_error(size + count) - stirling_error(size) - stirling_error(count)
    log_p = remainder - deviance - jnp.log(grown) / 2 - jnp.log(count) / 2 - HALF_LOG_TAU
    return jnp.where(is_zero, -mean * log1p_ratio(spread), log_p)


def unit_deviance(x: Array, above: Array) -> Array:
    """((1 + x) log(1 + x) - x) / x^2, 1/2 at 0, for x above -1; `above` is 1 + x."""
    is_near = jnp.abs(x) < SERIES_WITHIN
    near = jnp.where(is_near, x, 0.0)
    series = jnp.zeros_like(near)
    for k in range(14, 1, -1):
        series = (-1) ** k / (k * (k - 1)) + near * series
    far = jnp.where(is_near, 1.0, x)
    above_far = jnp.where(is_near, 2.0, above)
    # Divided twice, for the square of what is large would be beyond float32.
    return jnp.where(is_near, series, (above_far / far * jnp.log(above_far) - 1) / far)


def log1p_ratio(x: Array) -> Array:
    """log(1 + x) / x, 1 at 0, for x of 0 and above."""
    is_near = x < SERIES_WITHIN
    near = jnp.where(is_near, x, 0.0)
    series = jnp.zeros_like(near)
    for k in range(14, 0, -1):
        series = (-1) ** (k + 1) / k + near * series
    far = jnp.where(is_near, 1.0, x)
    return jnp.where(is_near, series, jnp.log1p(far) / far)


def stirling_error(x: Array) -> Array:
    """What Stirling's formula leaves of log(x!), for x above 0."""
    is_few = x < STIRLING_FROM
    few = jnp.where(is_few, x, 1.0)
    product = jnp.ones_like(few)
    for k in range(1, GAMMA_STEPS + 1):
        product = product * (few + k)
    further = few + GAMMA_STEPS
    # log(x!) is that of a number some steps further, less the logarithms of the steps.
    whole = _stirling_series(further) - jnp.log(product) - GAMMA_STEPS
    whole = whole + (further + 0.5) * jnp.log(further) - (few + 0.5) * jnp.log(few)
    return jnp.where(is_few, whole, _stirling_series(jnp.where(is_few, STIRLING_FROM, x)))


def _stirling_series(x: Array) -> Array:
    inverse = 1 / x
    square = jnp.square(inverse)
    return inverse * (1 / 12 - square * (1 / 360 - square / 1260))


def log_gamma_ratio(x: Array) -> Array:
    """The logarithm of gamma(x + 1/2) / gamma(x), for x above 0."""
    is_few = x < STIRLING_FROM
    few = jnp.where(is_few, x, 1.0)
    quotient = jnp.ones_like(few)
    for k in range(GAMMA_STEPS):
        quotient = quotient * ((few + k) / (few + k + 0.5))
    wide = jnp.where(is_few, few + GAMMA_STEPS, x)
    inverse = 1 / wide
    square = jnp.square(inverse)
    series = jnp.log(wide) / 2 - inverse * (1 / 8 - square * (1 / 192 - square / 640))
    return series + jnp.where(is_few, jnp.log(quotient), 0.0)

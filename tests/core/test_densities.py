"""Losses of densities against scipy.stats in float64, and their slopes against differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from train.core.densities import log_gamma_ratio, negative_binomial, student_t, zero_inflated

MEAN = np.array([1e-4, 0.1, 1.0, 7.0, 300.0, 1e5])
DISPERSION = np.array([1e-6, 1e-3, 0.1, 1.0, 20.0])
COUNT = np.array([0.0, 1.0, 5.0, 290.0, 9e4])


def grid(*axes: np.ndarray) -> list[np.ndarray]:
    return [axis.reshape(-1, 1) for axis in np.meshgrid(*axes)]


def true_log_p(log_mean, dispersion, zeros, count):
    """In float64, as the textbook has it."""
    own = np.exp(log_mean) / (1 - zeros)
    size = 1 / dispersion
    log_p = gammaln(count + size) - gammaln(size) - gammaln(count + 1) + np.log1p(-zeros)
    log_p += -size * np.log1p(own / size) + count * np.log(own / (size + own))
    if not zeros:
        return log_p
    return np.where(count == 0, np.logaddexp(np.log(zeros), log_p), log_p)


def test_counts_cost_minus_the_logarithm_of_their_probability():
    mean, dispersion, count = grid(MEAN, DISPERSION[1:], COUNT)
    log_mean = np.log(mean)
    found = jax.jit(negative_binomial)(*(jnp.float32(x) for x in (log_mean, dispersion, count)))
    truth = -true_log_p(log_mean, dispersion, 0.0, count)[:, 0]
    # A mean is a logarithm in float32, whose last bit is 1e-6 of what a count costs.
    np.testing.assert_allclose(found, truth, rtol=1e-5, atol=1e-5)
    p_is_normal = truth < 600
    size = 1 / dispersion[:, 0]
    by_scipy = stats.nbinom(size, size / (size + mean[:, 0])).logpmf(count[:, 0])
    np.testing.assert_allclose(truth[p_is_normal], -by_scipy[p_is_normal], rtol=1e-7, atol=1e-7)
    near_poisson = negative_binomial(
        jnp.float32(np.log(MEAN[:, None])), jnp.full((6, 1), 1e-6), jnp.full((6, 1), 3.0)
    )
    wanted = -stats.poisson(MEAN).logpmf(3)
    np.testing.assert_allclose(near_poisson[:4], wanted[:4], rtol=1e-4)


@pytest.mark.slow
def test_zeros_beside_counts_cost_their_share_of_probability():
    log_mean, dispersion, count = grid(np.log(MEAN[1:5]), DISPERSION[1:], COUNT)
    for zeros in (1e-6, 0.3, 0.95):
        given = (log_mean, dispersion, np.full_like(log_mean, zeros), count)
        found = jax.jit(zero_inflated)(*(jnp.float32(x) for x in given))
        truth = -true_log_p(log_mean, dispersion, zeros, count)[:, 0]
        np.testing.assert_allclose(found, truth, rtol=2e-5, atol=1e-5)


@pytest.mark.slow
def test_slopes_of_counts_are_those_of_float64():
    log_mean, dispersion, count = grid(np.log(MEAN[1:]), DISPERSION[1:], COUNT)

    def total(log_mean, dispersion):
        return negative_binomial(log_mean, dispersion, jnp.float32(count)).sum()

    slopes = jax.jit(jax.grad(total, (0, 1)))(jnp.float32(log_mean), jnp.float32(dispersion))
    mean = np.exp(log_mean)
    wanted = (mean - count) / (1 + dispersion * mean)
    np.testing.assert_allclose(slopes[0], wanted, rtol=2e-4, atol=2e-3)
    step = 1e-4 * dispersion
    ends = [-true_log_p(log_mean, dispersion + sign * step, 0.0, count) for sign in (1, -1)]
    by_difference = (ends[0] - ends[1]) / (2 * step)
    is_clear = np.abs(ends[0]) < 1e3  # where the difference of two is one in float64
    np.testing.assert_allclose(slopes[1][is_clear], by_difference[is_clear], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("freedom", [2.05, 3.0, 12.0, 19.0, 21.0, 500.0, 1e5])
def test_students_t_costs_minus_the_logarithm_of_its_density(freedom: float):
    mean, deviation, target = grid(np.array([-3.0, 0.0]), np.array([0.01, 1.0, 40.0]), MEAN)
    scale = deviation * np.sqrt((freedom - 2) / freedom)
    given = (mean, deviation, np.full_like(mean, freedom), target)
    found = jax.jit(student_t)(*(jnp.float32(x) for x in given))
    truth = -stats.t(freedom, mean, scale).logpdf(target)[:, 0]
    np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_half_a_step_of_the_gamma_function():
    x = np.array([0.3, 1.0, 9.9, 10.1, 60.0, 1e4])
    truth = gammaln(x + 0.5) - gammaln(x)
    np.testing.assert_allclose(log_gamma_ratio(jnp.float32(x)), truth, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_slopes_are_finite_where_nothing_is_likely():
    log_mean, dispersion, count = grid(np.log([1e-12, 1e8]), np.array([1e-6, 1e3]), COUNT)

    def total(log_mean, dispersion, zeros):
        return zero_inflated(log_mean, dispersion, zeros, jnp.float32(count)).sum()

    zeros = jnp.full(log_mean.shape, 1e-6)
    slopes = jax.jit(jax.grad(total, (0, 1, 2)))(
        jnp.float32(log_mean), jnp.float32(dispersion), zeros
    )
    for slope in slopes:
        assert np.isfinite(slope).all()

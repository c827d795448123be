"""Distributions of answers against scipy.stats and numerical integration, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from train.evaluation.counts import Counts
from train.evaluation.densities import Normal, Quantiles, StudentT

RANDOM = np.random.default_rng(0)
SHARES = np.array([0.001, 0.1, 0.5, 0.77, 0.999])
MEAN = RANDOM.normal(size=12) * 3
DEVIATION = RANDOM.uniform(0.2, 4, 12)
FREEDOM = np.array([2.05, 2.5, 3, 4, 5, 8, 10, 20, 50, 100, 1000, 1e5])
COUNT_MEAN = np.array([0.01, 0.3, 1, 4, 10, 50, 300, 2, 1e4, 20, 3, 0.5])
DISPERSION = np.array([0.1, 5, 1, 0.01, 2, 0.5, 1e-3, 1e-6, 0.1, 30, 1e-5, 0.7])
ZEROS = np.array([0, 0.5, 0.1, 0, 0.3, 0.9, 0, 0.2, 0, 0.05, 0.7, 0])


def crps_by_integration(cdf, target: float, low: float, high: float) -> float:
    below = integrate.quad(lambda x: cdf(x) ** 2, low, target, limit=500)[0]
    above = integrate.quad(lambda x: (1 - cdf(x)) ** 2, target, high, limit=500)[0]
    return below + above


@pytest.mark.parametrize("kind", ["normal", "student_t"])
def test_a_continuous_density_is_that_of_scipy(kind: str):
    target = MEAN + RANDOM.normal(size=12) * DEVIATION * 2
    if kind == "normal":
        found = Normal(MEAN, DEVIATION)
        truth = stats.norm(MEAN, DEVIATION)
    else:
        found = StudentT(MEAN, DEVIATION, FREEDOM)
        truth = stats.t(FREEDOM, MEAN, DEVIATION * np.sqrt((FREEDOM - 2) / FREEDOM))
        np.testing.assert_allclose(truth.std(), DEVIATION)
    np.testing.assert_allclose(found.nll(target), -truth.logpdf(target), rtol=1e-10)
    for share in SHARES:
        np.testing.assert_allclose(found.quantile(share), truth.ppf(share), rtol=1e-6)
    scores = found.crps(target)
    for i in (1, 3, 6, 11):
        one = stats.norm(MEAN[i], DEVIATION[i])
        if kind == "student_t":
            scale = DEVIATION[i] * np.sqrt((FREEDOM[i] - 2) / FREEDOM[i])
            one = stats.t(FREEDOM[i], MEAN[i], scale)
        by_hand = crps_by_integration(one.cdf, target[i], -np.inf, np.inf)
        assert scores[i] == pytest.approx(by_hand, rel=1e-6)


def test_counts_are_those_of_scipy():
    found = Counts(COUNT_MEAN, DISPERSION, ZEROS)
    own = COUNT_MEAN / (1 - ZEROS)
    size = 1 / DISPERSION
    truth = stats.nbinom(size, size / (size + own))
    for target in (np.zeros(12), np.ones(12), np.round(own), np.round(3 * own) + 2):
        p = (1 - ZEROS) * np.exp(truth.logpmf(target)) + ZEROS * (target == 0)
        is_there = p > 1e-250
        np.testing.assert_allclose(found.nll(target)[is_there], -np.log(p[is_there]), rtol=1e-6)
    for share in SHARES:
        rest = (share - ZEROS) / (1 - ZEROS)
        wanted = np.where(rest <= 0, 0, truth.ppf(np.clip(rest, 0, 1)))
        # Of a tie rounding decides.
        off = np.abs(found.quantile(share) - wanted)
        assert (off <= 1e-9 * wanted + (np.arange(12) == 7)).all()


def test_the_score_of_counts_is_its_sum_over_all_counts():
    target = np.round(RANDOM.uniform(0, 3, 12) * COUNT_MEAN)
    found = Counts(COUNT_MEAN, DISPERSION, ZEROS).crps(target)
    for i in range(12):
        own = COUNT_MEAN[i] / (1 - ZEROS[i])
        size = 1 / DISPERSION[i]
        truth = stats.nbinom(size, size / (size + own))
        k = np.arange(int(max(truth.ppf(1 - 1e-12), target[i])) + 2)
        cdf = ZEROS[i] + (1 - ZEROS[i]) * truth.cdf(k)
        by_hand = np.square(cdf - (k >= target[i])).sum()
        assert found[i] == pytest.approx(by_hand, rel=2e-6), i


def test_the_score_of_quantiles_is_that_of_mass_at_them():
    levels = (0.05, 0.3, 0.5, 0.9)
    values = np.sort(RANDOM.normal(size=(5, 1, 4)), axis=-1)
    target = RANDOM.normal(size=(5, 1))
    mass = np.array([0.175, 0.225, 0.3, 0.3])
    found = Quantiles(levels, values).crps(target)
    for i in range(5):
        x = np.linspace(-6, 6, 240_001)
        cdf_x = np.array([0, *np.cumsum(mass)])[np.searchsorted(values[i, 0], x, side="right")]
        by_hand = np.square(cdf_x - (x >= target[i, 0])).sum() * (x[1] - x[0])
        assert found[i, 0] == pytest.approx(by_hand, abs=1e-4)


def test_between_quantiles_they_go_on_as_a_normal_distribution():
    levels = (0.1, 0.5, 0.8)
    truth = stats.norm(3, 2)
    found = Quantiles(levels, np.tile(truth.ppf(levels), (2, 3, 1)))
    for share in (*levels, 0.001, 0.3, 0.99):
        np.testing.assert_allclose(found.quantile(np.full((2, 3), share)), truth.ppf(share))
    shares = RANDOM.uniform(size=(7, 2, 3))
    np.testing.assert_allclose(found.quantile(shares), truth.ppf(shares))
    bent = Quantiles(levels, np.tile([1.0, 2.0, 7.0], (1, 1, 1)))
    z = stats.norm.ppf([*levels, 0.3, 0.6])
    wanted = np.interp(z, z[:3], [1.0, 2.0, 7.0])
    np.testing.assert_allclose(
        [bent.quantile(np.full((1, 1), s)).item() for s in stats.norm.cdf(z)], wanted
    )

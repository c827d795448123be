"""Counts as a net answers them: a negative binomial distribution with zeros beside it, in float64.

Its score in closed form is that of Wei & Held 2014, by the hypergeometric function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy

Array: TypeAlias = np.ndarray
MIN_DISPERSION = 1e-6  # of dispersions
MAX_SIZE = 1e4  # up to which the series of the score is exact


@dataclass(frozen=True)
class Counts:
    """Negative binomial distributions, of which a share `zeros` is put to 0.

    `mean` is that of all, `dispersion` a of the distribution itself, of variance m + a m^2.
    """

    mean: Array
    dispersion: Array
    zeros: Array

    @property
    def own_mean(self) -> Array:
        """The mean of the distribution itself."""
        return self.mean / (1 - self.zeros)

    @property
    def size(self) -> Array:
        """The shape that scipy calls n."""
        return 1 / np.maximum(self.dispersion, MIN_DISPERSION)

    @property
    def success_probability(self) -> Array:
        """The probability that scipy calls p."""
        return 1 / (1 + self.own_mean / self.size)

    def cdf(self, count: Array) -> Array:
        """The share of the distribution itself that is at most `count`; 0 below 0."""
        return _cdf(count, self.own_mean, self.size)

    def quantile(self, share: Array) -> Array:
        """The least count that a share of the distribution is at most."""
        own = np.clip((share - self.zeros) / (1 - self.zeros), 0, 1 - 1e-12)
        shape = np.broadcast_shapes(np.shape(own), np.shape(self.mean))
        every = [np.broadcast_to(x, shape).ravel() for x in (own, self.own_mean, self.size)]
        return _quantile_counts(*every).reshape(shape)

    def crps(self, target: Array) -> Array:
        """The score of each target: E|X - y| less half of E|X - X'|."""
        rest = 1 - self.zeros
        of_target = self.zeros * np.abs(target) + rest * self._distance(target)
        apart = 2 * self.zeros * self.mean + np.square(rest) * self._apart()
        return of_target - apart / 2

    def _distance(self, target: Array) -> Array:
        """E|N - y| of the distribution itself and counts y."""
        size = self.size
        p = self.success_probability
        count = np.floor(target)
        inside = np.maximum(count, 1)
        # E[N; N <= y] is the mean times the share of a size one larger that is below y.
        part = self.own_mean * np.where(count < 1, 0.0, scipy.special.betainc(size + 1, inside, p))
        return target * (2 * self.cdf(count) - 1) + self.own_mean - 2 * part

    def _apart(self) -> Array:
        """E|N - N'| of two draws of the distribution itself."""
        size = self.size
        rest = 1 - self.success_probability
        is_large = size > MAX_SIZE
        series = scipy.special.hyp2f1(
            1 - np.where(is_large, 1, size), 0.5, 2.0, 4 * rest / np.square(1 + rest)
        )
        # Then it is as good as Poisson's, somewhat stretched.
        mean = self.own_mean
        of_poisson = scipy.special.ive(0, 2 * mean) + scipy.special.ive(1, 2 * mean)
        return 2 * mean * np.where(is_large, of_poisson / np.sqrt(1 - rest), series / (1 + rest))

    def nll(self, target: Array) -> Array:
        """-log p of each target."""
        size = self.size
        p = self.success_probability
        chosen = -scipy.special.betaln(size, target + 1) - np.log(size + target)
        log_p = chosen + size * np.log(p) + scipy.special.xlog1py(target, -p)
        log_p = log_p + np.log1p(-self.zeros)
        with_zeros = np.logaddexp(np.log(np.maximum(self.zeros, 1e-300)), log_p)
        return -np.where(target == 0, with_zeros, log_p)


def _cdf(count: Array, mean: Array, size: Array) -> Array:
    share = scipy.special.betainc(size, np.maximum(count, 0) + 1, 1 / (1 + mean / size))
    return np.where(count < 0, 0.0, share)


def _quantile_counts(share_m: Array, mean_m: Array, size_m: Array) -> Array:
    """The least counts [m] of which the share below is as large, from a guess on, by halves."""
    deviation_m = np.sqrt(mean_m * (1 + mean_m / size_m))
    skewness_m = (1 + 2 * mean_m / size_m) / np.maximum(deviation_m, 1e-12)
    z_m = scipy.special.ndtri(np.clip(share_m, 1e-12, None))
    # The expansion of Cornish & Fisher.
    guess_m = mean_m + deviation_m * (z_m + skewness_m * (np.square(z_m) - 1) / 6)
    guess_m = np.floor(np.clip(guess_m, 0, mean_m + 40 * deviation_m))
    high_m = _bracket(guess_m, 1.0, share_m, mean_m, size_m)
    low_m = _bracket(guess_m, -1.0, share_m, mean_m, size_m)
    # The least count lies above `low` and is `high` at most.
    while (is_open_m := high_m - low_m > 1).any():
        middle_m = np.floor((low_m + high_m)[is_open_m] / 2)
        below_m = _cdf(middle_m, mean_m[is_open_m], size_m[is_open_m])
        is_short_m = below_m < share_m[is_open_m]
        low_m[is_open_m] = np.where(is_short_m, middle_m, low_m[is_open_m])
        high_m[is_open_m] = np.where(is_short_m, high_m[is_open_m], middle_m)
    return np.maximum(high_m, 0)


def _bracket(guess_m: Array, step: float, share_m: Array, mean_m: Array, size_m: Array) -> Array:
    """Counts [m] from the guess on, in steps that double, until the share below is as asked for.

    Upwards as large as `share_m`, downwards smaller; -1 at the least.
    """
    found_m = guess_m.copy()
    rows = np.arange(len(found_m))
    while len(rows):
        below = _cdf(found_m[rows], mean_m[rows], size_m[rows])
        is_there = (below >= share_m[rows]) == (step > 0)
        is_there |= (step < 0) & (found_m[rows] <= -1)
        rows = rows[~is_there]
        found_m[rows] = np.maximum(found_m[rows] + step, -1)
        step *= 2
    return found_m

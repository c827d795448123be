"""Counts as a net answers them: a negative binomial distribution with zeros beside it, in float64.

Its score in closed form is that of Wei & Held 2014, by the hypergeometric function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

Array: TypeAlias = np.ndarray
LEAST = 1e-6  # of dispersions
LARGEST_SIZE = 1e4  # up to which the series of the score is exact


@dataclass(frozen=True)
class Counts:
    """Of the negative binomial distribution, a share `zeros` of which is put to 0.

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
        return 1 / np.maximum(self.dispersion, LEAST)

    @property
    def share_of_mean(self) -> Array:
        """The probability that scipy calls p."""
        return 1 / (1 + self.own_mean / self.size)

    def below(self, count: Array) -> Array:
        """The share of the distribution itself that is at most `count`; 0 below 0."""
        inside = np.maximum(count, 0)
        share = special.betainc(self.size, inside + 1, self.share_of_mean)
        return np.where(count < 0, 0.0, share)

    def at(self, share: Array) -> Array:
        """The least count that a share of the distribution is at most."""
        own = np.clip((share - self.zeros) / (1 - self.zeros), 0, 1 - 1e-12)
        deviation = np.sqrt(self.own_mean * (1 + self.own_mean / self.size))
        low = np.full(np.broadcast(own, self.mean).shape, -1.0)
        high = np.ceil(self.own_mean + 4 * deviation) + low * 0
        while (is_short := self.below(high) < own).any():
            low = np.where(is_short, high, low)
            high = np.where(is_short, 2 * high + 1, high)
        # The least count lies above `low` and is `high` at most.
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            is_short = self.below(middle) < own
            low = np.where(is_short, middle, low)
            high = np.where(is_short, high, middle)
        return np.maximum(high, 0)

    def crps(self, target: Array) -> Array:
        """The score of each target: E|X - y| less half of E|X - X'|."""
        rest = 1 - self.zeros
        of_target = self.zeros * np.abs(target) + rest * self._distance(target)
        apart = 2 * self.zeros * self.mean + np.square(rest) * self._apart()
        return of_target - apart / 2

    def _distance(self, target: Array) -> Array:
        """E|N - y| of the distribution itself and counts y."""
        size = self.size
        p = self.share_of_mean
        count = np.floor(target)
        inside = np.maximum(count, 1)
        # E[N; N <= y] is the mean times the share of a size one larger that is below y.
        part = self.own_mean * np.where(count < 1, 0.0, special.betainc(size + 1, inside, p))
        return target * (2 * self.below(count) - 1) + self.own_mean - 2 * part

    def _apart(self) -> Array:
        """E|N - N'| of two draws of the distribution itself."""
        size = self.size
        rest = 1 - self.share_of_mean
        is_large = size > LARGEST_SIZE
        series = special.hyp2f1(
            1 - np.where(is_large, 1, size), 0.5, 2.0, 4 * rest / np.square(1 + rest)
        )
        # Then it is as good as Poisson's, somewhat stretched.
        mean = self.own_mean
        of_poisson = special.ive(0, 2 * mean) + special.ive(1, 2 * mean)
        return 2 * mean * np.where(is_large, of_poisson / np.sqrt(1 - rest), series / (1 + rest))

    def nll(self, target: Array) -> Array:
        """-log p of each target."""
        size = self.size
        p = self.share_of_mean
        chosen = -special.betaln(size, target + 1) - np.log(size + target)
        log_p = chosen + size * np.log(p) + special.xlog1py(target, -p)
        log_p = log_p + np.log1p(-self.zeros)
        with_zeros = np.logaddexp(np.log(np.maximum(self.zeros, 1e-300)), log_p)
        return -np.where(target == 0, with_zeros, log_p)

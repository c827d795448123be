"""Fixed convolutions over padded sequences: for how much of a row each is above a threshold.

As MiniRocket (Dempster et al. 2021): 84 filters of nine steps, -1 and three times 2, at several
dilations, and thresholds at quantiles of training rows. Nothing of them is trained, so few rows do.
Shapes: b batch, t time, f inputs, k filters, q thresholds of a filter, e features.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Arrays
from nets.convolution import own_scaled, windows_of
from nets.padding import masked

WIDTH = 9
KERNELS = tuple(itertools.combinations(range(WIDTH), 3))
MAX_DILATIONS = 32
TOGETHER = 10.0  # the size of all features of a row
# A threshold stands this much over its quantile: a response that is the quantile itself, as of a
# row with few known steps or of one that does not move, would be above it by rounding alone.
OFF_TIES = 1e-4


class FixedFilters(NamedTuple):
    """About `n_features` of them for rows of up to `longest` steps; 84 at the least."""

    n_features: int
    longest: int

    @property
    def dilations(self) -> tuple[tuple[int, int], ...]:
        """(dilation, thresholds of each of its filters), growing as powers do."""
        n_thresholds = max(self.n_features // len(KERNELS), 1)
        n_wanted = min(n_thresholds, MAX_DILATIONS)
        highest = np.log2(max((self.longest - 1) / (WIDTH - 1), 1))
        found = (2 ** np.linspace(0, highest, n_wanted)).astype(int)
        dilations, counts = np.unique(found, return_counts=True)
        counts = counts * (n_thresholds // n_wanted)
        return tuple(zip(dilations.tolist(), counts.tolist(), strict=True))

    @property
    def size(self) -> int:
        """Features e."""
        return len(KERNELS) * sum(count for _, count in self.dilations)

    def responses(self, x_btf: Array, length_b: Array, place: int) -> tuple[Array, Array]:
        """The filters' responses at a dilation, and whether each step counts, both [b, t, k].

        Of every other filter the steps that it reads zeros beyond an end at do not.
        """
        dilation, _ = self.dilations[place]
        _, t, f = x_btf.shape
        windows = windows_of(masked(x_btf, length_b), WIDTH, 1, dilation)
        response_btk = windows @ _kernels(f)
        step_1t1 = jnp.arange(t)[None, :, None]
        edge_11k = (WIDTH // 2) * dilation * ((jnp.arange(len(KERNELS)) + place) % 2)[None, None]
        counts = (step_1t1 >= edge_11k) & (step_1t1 < length_b[:, None, None] - edge_11k)
        return response_btk, counts

    def counted(
        self, x_btf: Array, length_b: Array, threshold_e: Array
    ) -> list[tuple[Array, Array]]:
        """At how many of a row's steps each filter is above a threshold, of how many, both [b, k].

        A pair for each threshold of a dilation's filters, in the order of features.
        """
        counted = []
        start = 0
        for place, (_, count) in enumerate(self.dilations):
            response_btk, counts = self.responses(x_btf, length_b, place)
            end = start + len(KERNELS) * count
            threshold_qk = threshold_e[start:end].reshape(count, len(KERNELS))
            start = end
            n_bk = jnp.maximum(counts.sum(1), 1)
            known = jnp.where(counts, response_btk, -jnp.inf)
            for threshold_k in threshold_qk:
                counted.append(((known > threshold_k[None, None]).sum(1), n_bk))
        return counted

    def shares(self, x_btf: Array, length_b: Array, threshold_e: Array) -> Array:
        """The share of a row's steps at which each filter is above each threshold [b, e]."""
        counted = self.counted(x_btf, length_b, threshold_e)
        return jnp.concatenate([above_bk / n_bk for above_bk, n_bk in counted], -1).astype(
            x_btf.dtype
        )

    def of(self, inputs: Arrays, fitted: Arrays) -> Array:
        """The features of a batch [b, e]: "fixed" of its inputs, else computed of "numbers"."""
        if "fixed" in inputs:
            return inputs["fixed"]
        return self.features(inputs["numbers"], inputs["length"], fitted)

    def features(self, x_btf: Array, length_b: Array, fitted: Arrays) -> Array:
        """The shares of rows by themselves scaled, of mean 0 and one size in training [b, e]."""
        return self.scaled(
            self.shares(own_scaled(x_btf, length_b), length_b, fitted["threshold"]), fitted
        )

    def scaled(self, shares_be: Array, fitted: Arrays) -> Array:
        """Shares, of mean 0 and one size in training [b, e]."""
        size = TOGETHER / math.sqrt(self.size)
        return (shares_be - fitted["share_mean"][None]) / fitted["share_scale"][None] * size

    def fit(self, x_ntf: np.ndarray, length_n: np.ndarray) -> np.ndarray:
        """Thresholds [e]: just over quantiles of each filter's responses to a training row."""
        random = np.random.default_rng(0)
        rows = random.permutation(np.flatnonzero(length_n > 0))[:64]
        thresholds = []
        n_before = 0
        respond = jax.jit(self.responses, static_argnums=2)
        for place, (_, count) in enumerate(self.dilations):
            response, counts = map(np.asarray, respond(x_ntf[rows], length_n[rows], place))
            threshold_kq = np.zeros((len(KERNELS), count))
            for k in range(len(KERNELS)):
                levels = (np.arange(n_before, n_before + count) + 1) * (5**0.5 + 1) / 2 % 1
                n_before += count
                row = random.integers(len(rows))
                known = response[row, counts[row, :, k], k]
                if len(known):
                    threshold_kq[k] = np.quantile(known, levels)
            thresholds.append(threshold_kq.T.ravel())
        return (np.concatenate(thresholds) + OFF_TIES).astype(np.float32)


def _kernels(n_inputs: int) -> np.ndarray:
    """The filters [9 f, k], each of one input; these take turns."""
    kernel_wfk = np.zeros((WIDTH, n_inputs, len(KERNELS)), np.float32)
    for k, places in enumerate(KERNELS):
        kernel_wfk[:, k % n_inputs, k] = -1
        kernel_wfk[list(places), k % n_inputs, k] = 2
    return kernel_wfk.reshape(-1, len(KERNELS))

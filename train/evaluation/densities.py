"""What a net says of how its numbers are spread, as distributions in raw units, in float64.

Each gives quantiles and the continuous ranked probability score (CRPS; Matheson & Winkler 1976),
in closed form where there is one (Jordan, Krueger & Lerch 2019; of counts in
`train.evaluation.counts`), and a density also -log p. Shapes: [n, o] of rows and outputs, q
quantiles, s draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import scipy

from train.data.dataset import Encoder, Head
from train.evaluation.counts import Counts

Array: TypeAlias = np.ndarray
ROOT_PI = float(np.sqrt(np.pi))
LOG_TAU = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Normal:
    """Normal distributions of these means and deviations."""

    mean: Array
    deviation: Array

    def quantile(self, share: Array) -> Array:
        """What a share of the distribution lies below."""
        return self.mean + self.deviation * scipy.special.ndtri(share)

    def crps(self, target: Array) -> Array:
        """The score of each target."""
        z = (target - self.mean) / self.deviation
        density = np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)
        return self.deviation * (z * (2 * scipy.special.ndtr(z) - 1) + 2 * density - 1 / ROOT_PI)

    def nll(self, target: Array) -> Array:
        """-log p of each target."""
        z = (target - self.mean) / self.deviation
        return np.square(z) / 2 + np.log(self.deviation) + LOG_TAU / 2


@dataclass(frozen=True)
class StudentT:
    """Student's t distributions, of more than 2 degrees of freedom."""

    mean: Array
    deviation: Array
    freedom: Array

    @property
    def scale(self) -> Array:
        """What the standard distribution is stretched by."""
        return self.deviation * np.sqrt((self.freedom - 2) / self.freedom)

    def quantile(self, share: Array) -> Array:
        """What a share of the distribution lies below."""
        return self.mean + self.scale * scipy.special.stdtrit(self.freedom, share)

    def crps(self, target: Array) -> Array:
        """The score of each target."""
        v = self.freedom
        z = (target - self.mean) / self.scale
        density = np.exp(-_log_t(z, v))
        spread = scipy.special.betaln(0.5, v - 0.5) - 2 * scipy.special.betaln(0.5, v / 2)
        score = z * (2 * scipy.special.stdtr(v, z) - 1) + 2 * density * (v + np.square(z)) / (v - 1)
        return self.scale * (score - 2 * np.sqrt(v) / (v - 1) * np.exp(spread))

    def nll(self, target: Array) -> Array:
        """-log p of each target."""
        return _log_t((target - self.mean) / self.scale, self.freedom) + np.log(self.scale)


def _log_t(z: Array, v: Array) -> Array:
    """-log p under the standard distribution of Student's t."""
    constant = np.log(v) / 2 + scipy.special.betaln(0.5, v / 2)
    return constant + (v + 1) / 2 * np.log1p(np.square(z) / v)


@dataclass(frozen=True)
class Quantiles:
    """Quantiles [n, o, q] at levels in increasing order, which do not cross.

    Between levels, and beyond them, they go on as a normal distribution's do. The score is that of
    a distribution which has its mass at the quantiles, each that of the levels nearest to it.
    """

    levels: tuple[float, ...]
    values: Array

    def quantile(self, share: Array) -> Array:
        """What a share of the distribution lies below, for shares [n, o] or [s, n, o]."""
        knots_q = scipy.special.ndtri(np.array(self.levels))
        z = np.broadcast_to(
            scipy.special.ndtri(share), (*np.shape(share)[:-2], *self.values.shape[:2])
        )
        place = np.clip(np.searchsorted(knots_q, z) - 1, 0, len(knots_q) - 2)
        values = np.broadcast_to(self.values, (*z.shape, len(knots_q)))
        low = np.take_along_axis(values, place[..., None], -1)[..., 0]
        high = np.take_along_axis(values, place[..., None] + 1, -1)[..., 0]
        part = (z - knots_q[place]) / (knots_q[place + 1] - knots_q[place])
        return low + part * (high - low)

    def crps(self, target: Array) -> Array:
        """The score of each target."""
        levels = np.array(self.levels)
        ends = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
        mass_q = np.diff(ends)
        middle_q = (ends[1:] + ends[:-1]) / 2
        return (2 * mass_q * pinball(self.values, target, middle_q)).sum(-1)


def pinball(quantiles: Array, target: Array, levels: Array) -> Array:
    """The loss of each quantile [..., q] of a target [...] at these levels [q]."""
    error = target[..., None] - quantiles
    return np.maximum(levels * error, (levels - 1) * error)


Spread: TypeAlias = Normal | StudentT | Counts | Quantiles


def raw_numbers(
    encoder: Encoder, head: Head, predictions: Mapping[str, Array], numbers_no: Array
) -> Array:
    """Numbers in the place of a head's predictions, in raw units."""
    return encoder.to_units({**predictions, head.name: numbers_no})[head.name]


def spread_of(
    encoder: Encoder, head: Head, predictions: Mapping[str, Array], levels: tuple[float, ...]
) -> Spread | None:
    """What a head of numbers says of its spread, in raw units; None where it says nothing.

    `levels` are those of predicted quantiles.
    """
    raw = partial(raw_numbers, encoder, head, predictions)
    quantiles_noq = predictions.get(f"{head.name}.quantiles")
    if quantiles_noq is not None:
        of_level = [raw(quantiles_noq[..., i]) for i in range(quantiles_noq.shape[-1])]
        return Quantiles(levels, np.stack(of_level, axis=-1))
    deviation_no = predictions.get(f"{head.name}.deviation")
    if deviation_no is None:
        return None
    mean_no = raw(predictions[head.name])
    parts = {}
    for part in ("freedom", "dispersion", "zeros"):
        if (found := predictions.get(f"{head.name}.{part}")) is not None:
            parts[part] = found.astype(np.float64)
    if "dispersion" in parts:
        zeros_no = parts.get("zeros", np.zeros_like(mean_no))
        return Counts(mean_no, parts["dispersion"], zeros_no)
    deviation_no = deviation_no.astype(np.float64) * encoder.units[head.name]
    if "freedom" in parts:
        return StudentT(mean_no, deviation_no, parts["freedom"])
    return Normal(mean_no, deviation_no)

"""What is taken out of a window of a series before a net reads it, and put back into its answer.

Shapes: b windows, l lookback, h horizon, o targets, p numbers that say how sure an answer is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax.numpy as jnp

from nets.base import Array
from nets.densities import change_first

WindowScaling = Literal["none", "last", "last_deviation", "mean_deviation", "revin"]
EPSILON = 1e-5  # variance added before a division, as in RevIN


class Level(NamedTuple):
    """What is taken out of a window's targets, (x - center) / scale, and put back; [b, 1, o]."""

    center: Array
    scale: Array


class RevIN(NamedTuple):
    """A learned factor and offset for each target within its window, both [1, 1, o]."""

    factor_11o: Array
    offset_11o: Array


class Frame(NamedTuple):
    """All that is taken out of a window's targets: its level, then what RevIN learned, if any."""

    level: Level
    revin: RevIN | None = None

    def taken_out(self, targets_blo: Array) -> Array:
        """The targets as the net reads them."""
        scaled_blo = (targets_blo - self.level.center) / self.level.scale
        if self.revin is None:
            return scaled_blo
        return scaled_blo * self.revin.factor_11o + self.revin.offset_11o

    def put_back(self, answer_bho: Array, spread_bhop: Array, n_scaled: int) -> tuple[Array, Array]:
        """A net's answer in the targets' units, and its spread, whose first numbers have one."""
        if self.revin is not None:
            # As RevIN guards it: a factor that training moves to 0 must not divide.
            factor_11o = self.revin.factor_11o
            answer_bho = (answer_bho - self.revin.offset_11o) / (factor_11o + EPSILON**2)
            size_11o = jnp.abs(factor_11o) + EPSILON**2
            spread_bhop = change_first(jnp.divide, spread_bhop, size_11o, n_scaled)
        answer_bho = answer_bho * self.level.scale + self.level.center
        return answer_bho, change_first(jnp.multiply, spread_bhop, self.level.scale, n_scaled)


def window_level(
    targets_blo: Array, kind: WindowScaling, missing_blo: Array | None = None
) -> Level:
    """The level of each target in its window, of a kind.

    "last" takes out the last value, "last_deviation" divides by the window's standard deviation
    too, "mean_deviation" and "revin" take out the mean and the deviation (Kim et al. 2022). Values
    that stand in for missing ones, 1 in `missing_blo`, count for neither, unless all do.
    """
    last_b1o = targets_blo[:, -1:]
    if kind == "none":
        return Level(jnp.zeros_like(last_b1o), jnp.ones_like(last_b1o))
    if kind == "last":
        return Level(last_b1o, jnp.ones_like(last_b1o))
    mean_b1o = _mean_of_known(targets_blo, missing_blo)
    square_blo = jnp.square(targets_blo - mean_b1o)
    deviation_b1o = jnp.sqrt(_mean_of_known(square_blo, missing_blo) + EPSILON)
    return Level(last_b1o if kind == "last_deviation" else mean_b1o, deviation_b1o)


def _mean_of_known(x_blo: Array, missing_blo: Array | None) -> Array:
    """The mean over a window of what is not missing, or of all where all is [b, 1, o]."""
    if missing_blo is None:
        return x_blo.mean(1, keepdims=True)
    is_all_b1o = missing_blo.min(1, keepdims=True)
    weight_blo = jnp.maximum(1 - missing_blo, is_all_b1o)
    return (x_blo * weight_blo).sum(1, keepdims=True) / weight_blo.sum(1, keepdims=True)


def split_columns(x_blo: Array, n_apart: int) -> Array:
    """[b, l, o] -> [b * n, l, o / n]."""
    if n_apart == 1:
        return x_blo
    return jnp.swapaxes(x_blo, 1, 2).reshape(-1, x_blo.shape[1], 1)


def merge_columns(x_rhw: Array, n_apart: int) -> Array:
    """[b * n, h, w] -> [b, h, n * w], undoing `split_columns`."""
    if n_apart == 1:
        return x_rhw
    return jnp.swapaxes(x_rhw.reshape(-1, n_apart, x_rhw.shape[1]), 1, 2)

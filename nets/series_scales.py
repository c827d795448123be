"""Columns of series brought to one size: by training rows or their group's, logs, asinh.

Shapes: b windows or flat rows, l lookback, h horizon, c columns read (the o targets first), g
groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Arrays, Statistics
from nets.heads import HeadShape, predictions_of
from nets.series_levels import ERROR, LEVEL, SERIES, TABLE, ColumnLevels, group_levels, over

MIN_LOG1P_INPUT = -1 + 1e-6  # of what log(1 + x) is taken of
MAX_LOG = 80.0  # of logarithms: what is larger is no number in single precision
MAX_ASINH = 40.0  # likewise, with room for the scale that its sinh is multiplied by
FLAT = 1e-6  # a deviation below this share of the mean is none


@dataclass(frozen=True)
class SeriesScales:
    """Which places of the flat array have scales of their group, and which are read by a function.

    The scale of a group stands in a row of "group_center" and "group_scale" [g, c]. Where there is
    none, because training did not see the group, that of the window itself is taken. Logarithms
    are taken of encoded values, before these are scaled, asinh of scaled ones.
    """

    by_group: tuple[int, ...] = ()
    log1p: tuple[int, ...] = ()
    signed_log: tuple[int, ...] = ()
    asinh: tuple[int, ...] = ()

    def in_logs(self, x: Array, first: int = 0) -> Array:
        """Encoded columns [..., c], the first of which has the place `first`, as logarithms."""
        of_log1p = self._mask(self.log1p, x, first)
        of_signed = self._mask(self.signed_log, x, first)
        if of_log1p is not None:
            x = jnp.where(of_log1p, jnp.log1p(jnp.maximum(x, MIN_LOG1P_INPUT)), x)
        if of_signed is not None:
            x = jnp.where(of_signed, jnp.sign(x) * jnp.log1p(jnp.abs(x)), x)
        return x

    def out_of_logs(self, x: Array) -> Array:
        """Targets [..., o] as they were before `in_logs`."""
        of_log1p = self._mask(self.log1p, x, 0)
        of_signed = self._mask(self.signed_log, x, 0)
        if of_log1p is not None:
            x = jnp.where(of_log1p, jnp.expm1(jnp.minimum(x, MAX_LOG)), x)
        if of_signed is not None:
            grown = jnp.expm1(jnp.minimum(jnp.abs(x), MAX_LOG))
            x = jnp.where(of_signed, jnp.sign(x) * grown, x)
        return x

    def growth(self, x: Array) -> Array:
        """By how much targets [..., o] move where their logarithms move by one."""
        of_any = self._mask((*self.log1p, *self.signed_log), x, 0)
        return jnp.ones_like(x) if of_any is None else jnp.where(of_any, 1 + jnp.abs(x), 1.0)

    def in_asinh(self, x: Array, first: int = 0) -> Array:
        """Scaled columns [..., c], the first of which has the place `first`, as the net reads."""
        of_asinh = self._mask(self.asinh, x, first)
        return x if of_asinh is None else jnp.where(of_asinh, jnp.arcsinh(x), x)

    def out_of_asinh(self, x: Array) -> Array:
        """Scaled targets [..., o] as they were before `in_asinh`."""
        of_asinh = self._mask(self.asinh, x, 0)
        if of_asinh is None:
            return x
        return jnp.where(of_asinh, jnp.sinh(jnp.clip(x, -MAX_ASINH, MAX_ASINH)), x)

    def asinh_growth(self, x: Array) -> Array:
        """By how much scaled targets [..., o] move where their asinh moves by one."""
        of_asinh = self._mask(self.asinh, x, 0)
        return jnp.ones_like(x) if of_asinh is None else jnp.where(of_asinh, jnp.hypot(1.0, x), 1.0)

    def _mask(self, places: tuple[int, ...], x: Array, first: int) -> Array | None:
        """Which of the columns of x have these places [1, ..., c]; None where none has."""
        width = x.shape[-1]
        is_place_c = np.isin(np.arange(first, first + width), places)
        if not is_place_c.any():
            return None
        return jnp.asarray(is_place_c.reshape((1,) * (x.ndim - 1) + (width,)))

    def scaled(self, statistics: Statistics, inputs: Arrays, n_marked: int) -> dict[str, Array]:
        """{"past": [b, l, c] or [b, c], "future": [b, h, k]}, scaled.

        Where there are groups, their numbers stay among them; where these have scales of their own,
        "level" stands beside them. The first `n_marked` columns have marks behind them.
        """
        read = {}
        n_columns = statistics["center"].shape[0]
        for name, x in inputs.items():
            if name != SERIES:
                read[name] = self.in_logs(x, n_columns - x.shape[-1])
        has_own = SERIES in inputs and TABLE in statistics
        levels = ColumnLevels(statistics["center"][None], statistics["scale"][None])
        if has_own:
            levels = self._levels(statistics, inputs[SERIES], read["past"], n_marked)
        scaled = {}
        for name, x in read.items():
            center = _beside(levels.center[:, -x.shape[-1] :], x.ndim)
            x = (x - center) / _beside(levels.scale[:, -x.shape[-1] :], x.ndim)
            scaled[name] = self.in_asinh(x, n_columns - x.shape[-1])
        if SERIES in inputs:
            scaled[SERIES] = inputs[SERIES]
        if has_own:
            scaled["level"] = jnp.stack([levels.center, levels.scale], axis=1)
        return scaled

    def _levels(
        self, statistics: Statistics, series_b: Array, past: Array, n_marked: int
    ) -> ColumnLevels:
        """The levels of windows [b, l, c], or of flat rows [b, c] of groups that are known."""
        of_group = group_levels(statistics, series_b)
        if past.ndim == 2:
            return of_group
        own = self._own_levels(statistics, past, n_marked)
        is_known_bc = of_group.scale > 0
        return ColumnLevels(
            jnp.where(is_known_bc, of_group.center, own.center),
            jnp.where(is_known_bc, of_group.scale, own.scale),
        )

    def _own_levels(self, statistics: Statistics, past_blc: Array, n_marked: int) -> ColumnLevels:
        """Mean and deviation of each window's own columns `by_group`, of what is not marked."""
        width = past_blc.shape[2]
        weight_blc = jnp.ones_like(past_blc)
        if n_marked:
            missing_blo = past_blc[:, :, n_marked : 2 * n_marked]
            known_blo = jnp.maximum(1 - missing_blo, missing_blo.min(1, keepdims=True))
            weight_blc = jnp.concatenate([known_blo, weight_blc[:, :, n_marked:]], axis=2)
        total_bc = weight_blc.sum(1)
        mean_bc = (past_blc * weight_blc).sum(1) / total_bc
        square_blc = jnp.square(past_blc - mean_bc[:, None]) * weight_blc
        deviation_bc = jnp.sqrt(square_blc.sum(1) / total_bc)
        size_bc = jnp.abs(mean_bc)
        shared_1c = statistics["scale"][None]
        still_bc = jnp.where(size_bc > 0, size_bc, shared_1c)
        scale_bc = jnp.where(deviation_bc > FLAT * size_bc, deviation_bc, still_bc)
        is_own_1c = jnp.asarray(np.isin(np.arange(width), self.by_group)[None])
        return ColumnLevels(
            jnp.where(is_own_1c, mean_bc, statistics["center"][None]),
            jnp.where(is_own_1c, scale_bc, shared_1c),
        )


class TargetScaling(NamedTuple):
    """How targets over the horizon are scaled, [b, h * o]: logarithms, `levels`, then asinh."""

    scales: SeriesScales
    levels: ColumnLevels
    n_targets: int

    def scaled(self, value: Array) -> Array:
        """Encoded targets as the loss compares outputs with them."""
        in_logs = self._each(self.scales.in_logs, value)
        return self._each(self.scales.in_asinh, (in_logs - self.levels.center) / self.levels.scale)

    def answers(self, outputs: Arrays, head: HeadShape) -> dict[str, Array]:
        """Outputs in encoded units, and "value.scale": how large errors are there.

        That is left out where all have one scale.
        """
        named = [name for name in (head.name, f"{head.name}.quantiles") if name in outputs]
        of_asinh = {name: self._each(self.scales.out_of_asinh, outputs[name]) for name in named}
        answers = _scaled_back({**outputs, **of_asinh}, head, self.levels)
        for name in named:
            answers[name] = self._each(self.scales.out_of_logs, answers[name])
        if self.scales != SeriesScales():
            size = self._each(self.scales.growth, answers[head.name])
            size = size * self._each(self.scales.asinh_growth, of_asinh[head.name])
            unit = self.levels.scale
            if ERROR in outputs:
                unit = over(outputs[ERROR], head.size // self.n_targets)
            answers[f"{head.name}.scale"] = unit * size
        return answers

    def _each(self, function: Callable[[Array], Array], x: Array) -> Array:
        """A function of targets [..., o] of numbers [b, h * o], or of quantiles [b, h * o, q]."""
        by_target = x.reshape(*x.shape[:1], -1, self.n_targets, *x.shape[2:])
        return jnp.moveaxis(function(jnp.moveaxis(by_target, 2, -1)), -1, 2).reshape(x.shape)


def _scaled_back(outputs: Arrays, head: HeadShape, levels: ColumnLevels) -> dict[str, Array]:
    """Outputs of a head in encoded units, or in their logarithms; each window by its own levels."""
    if LEVEL not in outputs:
        fitted = {"center": levels.center[0], "scale": levels.scale[0]}
        return predictions_of(outputs, head, fitted, clip=False, log_link=head.counts)

    def of_window(window: Arrays, center: Array, scale: Array) -> dict[str, Array]:
        alone = {name: x[None] for name, x in window.items()}
        fitted = {"center": center, "scale": scale}
        answers = predictions_of(alone, head, fitted, clip=False, log_link=head.counts)
        return {name: x[0] for name, x in answers.items()}

    of_windows = {name: x for name, x in outputs.items() if name not in (LEVEL, ERROR)}
    return jax.vmap(of_window)(of_windows, levels.center, levels.scale)


def _beside(x_bc: Array, n_axes: int) -> Array:
    """[b, c] with axes between, for columns of `n_axes` axes."""
    return x_bc.reshape(x_bc.shape[:1] + (1,) * (n_axes - 2) + x_bc.shape[1:])

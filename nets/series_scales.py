"""Columns of series brought to one size: by training rows, by those of their group, or by logs.

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

MIN_LOG1P_INPUT = -1 + 1e-6  # of what log(1 + x) is taken of
MAX_LOG = 80.0  # of logarithms: what is larger is no number in single precision
FLAT = 1e-6  # a deviation below this share of the mean is none
SERIES = "series"  # the number of each window's group among inputs
TABLE = "group_center"  # among statistics, where groups have scales of their own
LEVEL = "value.level"  # among outputs: mean and scale of each window's targets [b, 2, o]
ERROR = "value.error"  # and how large errors are in its group [b, o]


class ColumnLevels(NamedTuple):
    """What is taken out of each window's columns, (x - center) / scale, both [b, c] or [1, c]."""

    center: Array
    scale: Array


@dataclass(frozen=True)
class SeriesScales:
    """Which places of the flat array have scales of their group, and which are read as logarithms.

    The scale of a group stands in a row of "group_center" and "group_scale" [g, c]. Where there is
    none, because training did not see the group, that of the window itself is taken.
    """

    by_group: tuple[int, ...] = ()
    log1p: tuple[int, ...] = ()
    signed_log: tuple[int, ...] = ()

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
            scaled[name] = (x - center) / _beside(levels.scale[:, -x.shape[-1] :], x.ndim)
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


def group_levels(statistics: Statistics, series_b: Array) -> ColumnLevels:
    """The levels of groups by their numbers [b, c]; a scale of 0 for one that is not known."""
    center_gc = statistics[TABLE]
    n_groups = center_gc.shape[0]
    is_known_b1 = ((series_b >= 0) & (series_b < n_groups))[:, None]
    place_b = jnp.clip(series_b, 0, n_groups - 1)
    scale_bc = jnp.where(is_known_b1, statistics["group_scale"][place_b], 0.0)
    return ColumnLevels(center_gc[place_b], scale_bc)


def target_levels(
    statistics: Statistics, arrays: Arrays, n_targets: int, horizon: int
) -> ColumnLevels:
    """The levels of targets over the horizon [b, h * o], or [1, h * o] where all share them.

    `arrays` hold what tells a window's: "value.level", or the number of its group.
    """
    if LEVEL in arrays:
        center_bo = arrays[LEVEL][:, 0]
        scale_bo = arrays[LEVEL][:, 1]
    elif SERIES in arrays and TABLE in statistics:
        center_bo, scale_bo = group_levels(statistics, arrays[SERIES])
    else:
        center_bo = statistics["center"][None]
        scale_bo = statistics["scale"][None]
    return ColumnLevels(
        _over(center_bo[:, :n_targets], horizon), _over(scale_bo[:, :n_targets], horizon)
    )


def _over(x_bo: Array, horizon: int) -> Array:
    """Values [b, o] repeated at every step of the horizon [b, h * o]."""
    n_rows, n_targets = x_bo.shape
    wide_bho = jnp.broadcast_to(x_bo[:, None], (n_rows, horizon, n_targets))
    return wide_bho.reshape(n_rows, horizon * n_targets)


def own_levels(statistics: Statistics, inputs: Arrays, n_targets: int) -> dict[str, Array]:
    """{"value.level": [b, 2, o] and "value.error": [b, o]} of the targets of scaled windows.

    The first is what they are scaled by, the other how large errors are in their group: that of
    repeating its last season, or what is usual beside the scale of a group that is not known. {}
    where all share them.
    """
    if SERIES not in inputs or TABLE not in statistics:
        return {}
    of_group = group_levels(statistics, inputs[SERIES])
    level_b2c = inputs.get("level")
    if level_b2c is None:
        level_b2c = jnp.stack(of_group, axis=1)
    error_go = statistics["group_error"]
    place_b = jnp.clip(inputs[SERIES], 0, error_go.shape[0] - 1)
    usual_bo = level_b2c[:, 1, :n_targets] * statistics["error_ratio"][None]
    is_known_bo = of_group.scale[:, :n_targets] > 0
    error_bo = jnp.where(is_known_bo, error_go[place_b], usual_bo)
    return {LEVEL: level_b2c[:, :, :n_targets], ERROR: error_bo}


class TargetScaling(NamedTuple):
    """How targets over the horizon are scaled, [b, h * o]: by `levels`, after logarithms."""

    scales: SeriesScales
    levels: ColumnLevels
    n_targets: int

    def scaled(self, value: Array) -> Array:
        """Encoded targets as the loss compares outputs with them."""
        return (self._each(self.scales.in_logs, value) - self.levels.center) / self.levels.scale

    def answers(self, outputs: Arrays, head: HeadShape) -> dict[str, Array]:
        """Outputs in encoded units, and "value.scale": how large errors are there.

        That is left out where all have one scale.
        """
        answers = _scaled_back(outputs, head, self.levels)
        for name in (head.name, f"{head.name}.quantiles"):
            if name in answers:
                answers[name] = self._each(self.scales.out_of_logs, answers[name])
        if self.scales != SeriesScales():
            size = self._each(self.scales.growth, answers[head.name])
            unit = self.levels.scale
            if ERROR in outputs:
                unit = _over(outputs[ERROR], head.size // self.n_targets)
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

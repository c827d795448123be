"""Forecasting: a window of a series in, all steps of its horizon out (direct multi-step).

Shapes: b windows, l lookback, h horizon, c columns read (the o targets first), k columns known
ahead, p further numbers for each answer.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array, Arrays, Params, Statistics
from nets.cycles import Cycle
from nets.densities import Density, log_counts
from nets.heads import HeadShape, shifted_softplus, with_spread
from nets.patch_network import PatchNetwork
from nets.series_levels import ColumnLevels, own_levels, target_levels
from nets.series_scales import SeriesScales, TargetScaling
from nets.shortcut import map_lookback, map_shape
from nets.window import Frame, RevIN, WindowScaling, window_level


class Forecaster(PatchNetwork):
    """A recurrent net over patches of the lookback, a readout, dense layers, and a linear one.

    Columns scaled by training rows go in (`preprocess`), {"past": [b, l, c], "future": [b, h, k] if
    any is known ahead}; {"value": [b, h * o]} comes out, scaled likewise, and beside it
    "value.quantiles" at the levels `quantiles`, or the parts of a `density` with a `deviation`,
    where these are asked for (see `nets.heads`); of counts the logarithm of their mean. Within,
    targets are scaled by their own window too (`window`; "revin" with a learned factor and offset
    for each), and less its learned `cycle`, by the calendar that their columns end with. What reads
    and answers is a `PatchNetwork`.

    `shortcut` adds a linear map from the lookback of a target to its horizon, one map for each if
    joint, zero at start; with a `shortcut_period` from the values that lie whole periods before.
    With a `linear_fallback` that map alone, as the "line" among the statistics has it, answers
    unless training finds weights that do better. Where targets are `marked`, the o columns behind
    them are 1 where one is missing.
    """

    quantiles: tuple[float, ...] = ()
    deviation: bool = False
    density: Density = "gaussian"
    floors: tuple[float, ...] = ()
    window: WindowScaling = "none"
    shortcut: bool = False
    shortcut_period: int = 1
    linear_fallback: bool = False
    cycle: Cycle | None = None
    marked: bool = False
    scales: SeriesScales = SeriesScales()

    @nn.compact
    def __call__(
        self, inputs: Arrays, weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Array]:
        del weight_b
        targets_blo, covariates_blf = jnp.split(inputs["past"], [self.n_targets], axis=2)
        missing_blo = None
        if self.marked:
            missing_blo, covariates_blf = jnp.split(covariates_blf, [self.n_targets], axis=2)
        head = self._shape
        level = window_level(targets_blo, self.window, missing_blo)
        frame = Frame(level, self._revin() if self.window == "revin" else None)
        scaled_blo = frame.taken_out(targets_blo)
        if self.cycle is not None:
            scaled_blo = scaled_blo - self.cycle(inputs["past"])
        read_blo = [scaled_blo] if missing_blo is None else [scaled_blo, missing_blo]
        n_parts = 1 + head.n_spread
        line_bho = self._shortcut(scaled_blo) if self.shortcut else None
        parts_bhop = self._answers(read_blo, covariates_blf, inputs, n_parts, line_bho, train=train)
        answer_bho = parts_bhop[..., 0]
        spread_bhop = shifted_softplus(parts_bhop[..., 1:])
        if line_bho is not None:
            answer_bho = answer_bho + line_bho
        if self.cycle is not None:
            answer_bho = answer_bho + self.cycle(inputs["future"])
        answer_bho, spread_bhop = frame.put_back(answer_bho, spread_bhop, head.n_scaled_spread)
        own = self._own_levels(inputs)
        if head.counts:
            levels = self._levels(own)
            answer_bho = log_counts(answer_bho, level.scale, levels.center, levels.scale)
        n_rows = answer_bho.shape[0]
        spread_bop = spread_bhop.reshape(n_rows, head.size, head.n_spread)
        outputs = with_spread(answer_bho.reshape(n_rows, head.size), spread_bop, head)
        return outputs | own

    def _own_levels(self, inputs: Arrays) -> dict[str, Array]:
        """What a window's outputs are scaled by, where its group has scales of its own."""
        if not self.scales.by_group:
            return {}
        return own_levels(self._statistics("inputs"), inputs, self.n_targets)

    def _revin(self) -> RevIN:
        shape = (self.n_targets,)
        factor_o = self.param("revin_scale", nn.initializers.ones_init(), shape)
        offset_o = self.param("revin_bias", nn.initializers.zeros_init(), shape)
        return RevIN(factor_o[None, None], offset_o[None, None])

    @property
    def _shape(self) -> HeadShape:
        size = self.horizon * self.n_targets
        head = HeadShape("value", "regression", size, self.quantiles, self.deviation)
        return head._replace(density=self.density, floors=self.floors)

    def _shortcut(self, targets_blo: Array) -> Array:
        """A linear map of each target's lookback [b, h, o]."""
        shape = map_shape(targets_blo.shape[1], self.horizon, self.shortcut_period)
        if self.columns == "joint":
            shape = (self.n_targets, *shape)
        kernel = self.param("shortcut_kernel", nn.initializers.zeros_init(), shape)
        return map_lookback(kernel, targets_blo, self.horizon, self.shortcut_period)

    @nn.nowrap
    def fallback(self, params: Params, statistics: Statistics) -> Params | None:
        """The linear map alone: fresh `params` with its kernel, and an LSTM that answers 0."""
        if not self.linear_fallback:
            return None
        output = jax.tree.map(jnp.zeros_like, params["output"])
        return {**params, "shortcut_kernel": statistics["inputs"]["line"], "output": output}

    def preprocess(self, inputs: Arrays) -> dict[str, Array]:
        """Raw columns -> columns scaled by their training rows.

        "past" may be any array whose last axis is columns.
        """
        n_marked = self.n_targets if self.marked else 0
        return self.scales.scaled(self._statistics("inputs"), inputs, n_marked)

    def preprocess_target(self, target: Arrays) -> dict[str, Array]:
        """Raw targets {"value": [b, h * o]} -> what the loss compares outputs with."""
        if self._shape.counts:
            return {"value": target["value"]}
        scaling = self._scaling(target)
        return {"value": scaling.scaled(target["value"])}

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{"value": outputs [b, h * o], and beside it} -> the same in the targets' units.

        Where scales are those of groups, or of logarithms, "value.scale" [b, h * o] says how large
        errors are.
        """
        return self._scaling(outputs).answers(outputs, self._shape)

    def _scaling(self, arrays: Arrays) -> TargetScaling:
        """How the targets are scaled of windows whose targets or outputs these are."""
        return TargetScaling(self.scales, self._levels(arrays), self.n_targets)

    def _levels(self, arrays: Arrays) -> ColumnLevels:
        """What the targets of these windows are scaled by."""
        return target_levels(self._statistics("inputs"), arrays, self.n_targets, self.horizon)

"""Forecasting: a window of a series in, all steps of its horizon out (direct multi-step).

Shapes: b windows, l lookback, h horizon, c columns read (the o targets first), k columns known
ahead, r rows the body reads (b, or b * o where columns are apart), w targets in such a row, s
patches, p further numbers for each answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.activations import ACTIVATIONS
from nets.base import Array, Arrays, DataNetwork
from nets.cycles import Cycle
from nets.densities import Density, change_first, log_counts
from nets.dropout import dropout, is_off
from nets.group_vectors import GroupVectors
from nets.heads import HeadShape, positive, with_spread
from nets.linear import Linear
from nets.own import Body
from nets.readout import Readout, read
from nets.segments import SegmentInputs, decode, repeat_each, to_patches, to_patches_ahead
from nets.series_scales import (
    ColumnLevels,
    SeriesScales,
    TargetScaling,
    own_levels,
    target_levels,
)
from nets.stack import RecurrentStack
from nets.window import EPSILON, RevIN, WindowScaling, merge_columns, split_columns, window_level

Decoder = Literal["direct", "segments"]


class Forecaster(DataNetwork):
    """A recurrent net over patches of the lookback, a readout, dense layers, and a linear one.

    Columns scaled by training rows go in (`preprocess`), {"past": [b, l, c], "future": [b, h, k] if
    any is known ahead}; {"value": [b, h * o]} comes out, scaled likewise, and beside it
    "value.quantiles" at the levels `quantiles`, or the parts of a `density` with a `deviation`,
    where these are asked for (see `nets.heads`); of counts the logarithm of their mean. Within,
    targets are scaled by their own window too (`window`; "revin" with a learned factor and offset
    for each), and less its learned `cycle`, by the calendar that their columns end with. Columns
    "joint": one net reads and forecasts all targets; "independent": one net is shared by all, each
    read alone beside the covariates.

    A patch is read as it is, or through a layer of `patch_units` with ReLU. Decoder "direct": one
    linear layer gives the whole horizon; "segments": one more step of the body for each patch to
    come, all from its last state (`nets.segments`), and one layer for all of them (`readout` is not
    read), told which column they are of where it `tells_columns`. `shortcut` adds a linear map from
    the lookback of a target to its horizon, one map for each if joint, zero at start; with a
    `shortcut_period` from the values that lie whole periods before, the same weights at all places
    of a period. Where targets are `marked`, the o columns behind them are 1 where one is missing.
    """

    body: Body
    horizon: int
    n_targets: int
    quantiles: tuple[float, ...] = ()
    deviation: bool = False
    density: Density = "gaussian"
    floors: tuple[float, ...] = ()
    patch: int = 1
    patch_units: int = 0
    decoder: Decoder = "direct"
    tells_columns: bool = False
    window: WindowScaling = "none"
    columns: Literal["joint", "independent"] = "joint"
    shortcut: bool = False
    shortcut_period: int = 1
    cycle: Cycle | None = None
    readout: Readout = "last"
    head: tuple[int, ...] = ()
    head_activation: str = "relu"
    dropout: float | Array = 0.0
    marked: bool = False
    scales: SeriesScales = SeriesScales()
    groups: GroupVectors | None = None

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
        scaled_blo = (targets_blo - level.center) / level.scale
        revin = self._revin() if self.window == "revin" else None
        if revin is not None:
            scaled_blo = scaled_blo * revin.factor_11o + revin.offset_11o
        if self.cycle is not None:
            scaled_blo = scaled_blo - self.cycle(inputs["past"])
        read_blo = [scaled_blo] if missing_blo is None else [scaled_blo, missing_blo]
        parts_bhop = self._forecast(read_blo, covariates_blf, inputs, train)
        answer_bho = parts_bhop[..., 0]
        spread_bhop = positive(parts_bhop[..., 1:])
        if self.shortcut:
            answer_bho = answer_bho + self._shortcut(scaled_blo)
        if self.cycle is not None:
            answer_bho = answer_bho + self.cycle(inputs["future"])
        if revin is not None:
            # As RevIN guards it: a factor that training moves to 0 must not divide.
            answer_bho = (answer_bho - revin.offset_11o) / (revin.factor_11o + EPSILON**2)
            factor_11o = jnp.abs(revin.factor_11o) + EPSILON**2
            spread_bhop = change_first(jnp.divide, spread_bhop, factor_11o, head.n_scaled_spread)
        answer_bho = answer_bho * level.scale + level.center
        spread_bhop = change_first(jnp.multiply, spread_bhop, level.scale, head.n_scaled_spread)
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

    def _forecast(
        self, targets_blo: Sequence[Array], covariates_blf: Array, inputs: Arrays, train: bool
    ) -> Array:
        """The body's part of the answer, and what says how sure it is [b, h, o, 1 + p].

        `targets_blo` are the targets and, where there are, their marks.
        """
        n_apart = self.n_targets if self.columns == "independent" else 1
        read_rlw = [split_columns(x_blo, n_apart) for x_blo in targets_blo]
        x_rlf = jnp.concatenate([*read_rlw, repeat_each(covariates_blf, n_apart)], axis=2)
        patches_rse = to_patches(x_rlf, self.patch)
        if self.patch_units:
            patches_rse = nn.relu(Linear(self.patch_units, name="patch")(patches_rse))
        if self.groups is not None:
            vector_r1e = repeat_each(self.groups(inputs["series"]), n_apart)[:, None]
            shape = (*patches_rse.shape[:2], vector_r1e.shape[2])
            vectors_rse = jnp.broadcast_to(vector_r1e, shape)
            patches_rse = jnp.concatenate([patches_rse, vectors_rse], axis=2)
        is_direct = self.decoder == "direct"
        read_of = self._read_all if is_direct else self._read_segments
        hidden_rjh = read_of(patches_rse, inputs.get("future"), n_apart, train)
        for i, size in enumerate(self.head):
            layer = Linear(size, name=f"head_{i}")
            hidden_rjh = ACTIVATIONS[self.head_activation](layer(hidden_rjh))
            hidden_rjh = self._drop(hidden_rjh, i + 1, train)
        n_together = self.n_targets // n_apart
        n_parts = 1 + self._shape.n_spread
        n_steps = self.horizon if is_direct else self.patch
        answer_rj = Linear(n_steps * n_together * n_parts, name="output")(hidden_rjh)
        n_rows = answer_rj.shape[0]
        answer_rhwp = answer_rj.reshape(n_rows, -1, n_together, n_parts)[:, : self.horizon]
        return jnp.stack(
            [merge_columns(answer_rhwp[..., i], n_apart) for i in range(n_parts)], axis=-1
        )

    def _read_all(
        self, patches_rse: Array, future_bhk: Array | None, n_apart: int, train: bool
    ) -> Array:
        """What the whole horizon is forecast from [r, 1, h]."""
        body = self.body.clone(parent=self, name=self.body.scope_name)
        outputs_rsh, carry = body(patches_rse, train=train)
        assert isinstance(outputs_rsh, jax.Array)  # a pair only where directions are not merged
        read_rh = read(self.readout, outputs_rsh, carry, body.merge)
        hidden_rh = self._drop(read_rh, 0, train)
        if future_bhk is not None:
            ahead_rk = repeat_each(future_bhk.reshape(future_bhk.shape[0], -1), n_apart)
            hidden_rh = jnp.concatenate([hidden_rh, ahead_rk], axis=1)
        return hidden_rh[:, None]

    def _read_segments(
        self, patches_rse: Array, future_bhk: Array | None, n_apart: int, train: bool
    ) -> Array:
        """What each segment of the horizon is forecast from [r, j, h]."""
        body = self.body.clone(parent=self, name=self.body.scope_name)
        _, carry = body(patches_rse, train=train)
        n_segments = -(-self.horizon // self.patch)
        ahead_bjk = None if future_bhk is None else to_patches_ahead(future_bhk, self.patch)
        size = patches_rse.shape[2]
        inputs = SegmentInputs(n_segments, n_apart, size, self.tells_columns, name="segment")
        read_rje = inputs(patches_rse.shape[0] // n_apart, ahead_bjk)
        assert isinstance(body, RecurrentStack)
        return self._drop(decode(body, carry, read_rje, train=train), 0, train)

    def _drop(self, x_rh: Array, place: int, train: bool) -> Array:
        if not train or is_off(self.dropout):
            return x_rh
        return dropout(jax.random.fold_in(self.make_rng("dropout"), place), x_rh, self.dropout)

    def _shortcut(self, targets_blo: Array) -> Array:
        """A linear map of each target's lookback [b, h, o]."""
        period = self.shortcut_period
        read_bspo = to_patches(targets_blo, period)
        n_read = read_bspo.shape[1]
        read_bspo = read_bspo.reshape(-1, n_read, period, self.n_targets)
        zeros = nn.initializers.zeros_init()
        shape = (n_read, -(-self.horizon // period))
        if self.columns == "independent":
            kernel_sj = self.param("shortcut_kernel", zeros, shape)
            answer_bjpo = jnp.einsum("bspo,sj->bjpo", read_bspo, kernel_sj)
        else:
            kernel_osj = self.param("shortcut_kernel", zeros, (self.n_targets, *shape))
            answer_bjpo = jnp.einsum("bspo,osj->bjpo", read_bspo, kernel_osj)
        return answer_bjpo.reshape(-1, shape[1] * period, self.n_targets)[:, : self.horizon]

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

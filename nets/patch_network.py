"""A recurrent net over patches of a window, and what it answers of each step to come.

Shapes: b windows, h horizon, o targets, f columns read, k columns known ahead, r rows the body
reads (b, or b * o where columns are apart), w targets in such a row, s patches, e what a step of
the body reads, j answers at once (1, or one a segment), d hidden, p parts of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.activations import ACTIVATIONS
from nets.base import Array, Arrays, DataNetwork
from nets.dropout import dropout, is_off
from nets.group_vectors import GroupVectors
from nets.linear import Linear
from nets.own import Body
from nets.readout import Readout, read
from nets.segments import SegmentInputs, decode, repeat_each, to_patches, to_patches_ahead
from nets.stack import RecurrentStack
from nets.window import merge_columns, split_columns

Decoder = Literal["direct", "segments"]


class PatchNetwork(DataNetwork):
    """What reads windows patch by patch, decodes the horizon, and answers by dense layers.

    Columns "joint": one net reads and forecasts all targets; "independent": one net is shared by
    all, each read alone beside the covariates. A patch is read as it is, or through a layer of
    `patch_units` with ReLU. Decoder "direct": one linear layer gives the whole horizon; "segments":
    one more step of the body for each patch to come, all from its last state (`nets.segments`), and
    one layer for all of them (`readout` is not read), told which column they are of where it
    `tells_columns`.
    """

    body: Body
    horizon: int
    n_targets: int
    columns: Literal["joint", "independent"] = "joint"
    patch: int = 1
    patch_units: int = 0
    decoder: Decoder = "direct"
    tells_columns: bool = False
    readout: Readout = "last"
    head: tuple[int, ...] = ()
    head_activation: str = "relu"
    dropout: float | Array = 0.0
    groups: GroupVectors | None = None

    def _answers(
        self,
        targets_blo: Sequence[Array],
        covariates_blf: Array,
        inputs: Arrays,
        n_parts: int,
        *,
        train: bool,
    ) -> Array:
        """Answers of `n_parts` numbers each [b, h, o, p].

        `targets_blo` are the targets as they are read and, where there are, their marks; of the
        `inputs` what is known ahead, "future", and where `groups` are told, "series", are read.
        """
        n_apart = self.n_targets if self.columns == "independent" else 1
        read_rlw = [split_columns(x_blo, n_apart) for x_blo in targets_blo]
        x_rlf = jnp.concatenate([*read_rlw, repeat_each(covariates_blf, n_apart)], axis=2)
        patches_rse = self._patches(x_rlf, inputs, n_apart)
        is_direct = self.decoder == "direct"
        read_of = self._read_all if is_direct else self._read_segments
        hidden_rjd = read_of(patches_rse, inputs.get("future"), n_apart, train)
        for i, size in enumerate(self.head):
            layer = Linear(size, name=f"head_{i}")
            hidden_rjd = ACTIVATIONS[self.head_activation](layer(hidden_rjd))
            hidden_rjd = self._drop(hidden_rjd, i + 1, train)
        n_together = self.n_targets // n_apart
        n_steps = self.horizon if is_direct else self.patch
        answer_rj = Linear(n_steps * n_together * n_parts, name="output")(hidden_rjd)
        n_rows = answer_rj.shape[0]
        answer_rhwp = answer_rj.reshape(n_rows, -1, n_together, n_parts)[:, : self.horizon]
        return jnp.stack(
            [merge_columns(answer_rhwp[..., i], n_apart) for i in range(n_parts)], axis=-1
        )

    def _patches(self, x_rlf: Array, inputs: Arrays, n_apart: int) -> Array:
        """What the body reads at each step [r, s, e]."""
        patches_rse = to_patches(x_rlf, self.patch)
        if self.patch_units:
            patches_rse = nn.relu(Linear(self.patch_units, name="patch")(patches_rse))
        if self.groups is not None:
            vector_r1e = repeat_each(self.groups(inputs["series"]), n_apart)[:, None]
            shape = (*patches_rse.shape[:2], vector_r1e.shape[2])
            vectors_rse = jnp.broadcast_to(vector_r1e, shape)
            patches_rse = jnp.concatenate([patches_rse, vectors_rse], axis=2)
        return patches_rse

    def _read_all(
        self, patches_rse: Array, future_bhk: Array | None, n_apart: int, train: bool
    ) -> Array:
        """What the whole horizon is forecast from [r, 1, d]."""
        body = self.body.clone(parent=self, name=self.body.scope_name)
        outputs_rsd, carry = body(patches_rse, train=train)
        assert isinstance(outputs_rsd, jax.Array)  # a pair only where directions are not merged
        read_rd = read(self.readout, outputs_rsd, carry, body.merge)
        hidden_rd = self._drop(read_rd, 0, train)
        if future_bhk is not None:
            ahead_rk = repeat_each(future_bhk.reshape(future_bhk.shape[0], -1), n_apart)
            hidden_rd = jnp.concatenate([hidden_rd, ahead_rk], axis=1)
        return hidden_rd[:, None]

    def _read_segments(
        self, patches_rse: Array, future_bhk: Array | None, n_apart: int, train: bool
    ) -> Array:
        """What each segment of the horizon is forecast from [r, j, d]."""
        body = self.body.clone(parent=self, name=self.body.scope_name)
        _, carry = body(patches_rse, train=train)
        n_segments = -(-self.horizon // self.patch)
        ahead_bjk = None if future_bhk is None else to_patches_ahead(future_bhk, self.patch)
        size = patches_rse.shape[2]
        inputs = SegmentInputs(n_segments, n_apart, size, self.tells_columns, name="segment")
        read_rje = inputs(patches_rse.shape[0] // n_apart, ahead_bjk)
        assert isinstance(body, RecurrentStack)
        return self._drop(decode(body, carry, read_rje, train=train), 0, train)

    def _drop(self, x_rjd: Array, place: int, train: bool) -> Array:
        if not train or is_off(self.dropout):
            return x_rjd
        return dropout(jax.random.fold_in(self.make_rng("dropout"), place), x_rjd, self.dropout)

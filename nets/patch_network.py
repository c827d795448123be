"""A recurrent net over patches of a window, and what it answers of each step to come.

Shapes: b windows, h horizon, o targets, f columns read, k columns known ahead, r rows the body
reads (b, or b * o where columns are apart), w targets in such a row, s patches, q rows of a patch,
e what a step of the body reads, j answers at once (1, or one a patch to come), d hidden, n numbers
of an answer, p parts of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from nets.readout import Readout
from nets.readout import read as read_out
from nets.segments import SegmentInputs, decode, repeat_each, to_patches, to_patches_ahead
from nets.stack import RecurrentStack
from nets.stepwise import Ahead, answer_by_steps
from nets.window import merge_columns, split_columns

Decoder = Literal["direct", "segments", "steps"]


class PatchNetwork(DataNetwork):
    """What reads windows patch by patch, decodes the horizon, and answers by dense layers.

    Columns "joint": one net reads and forecasts all targets; "independent": one net is shared by
    all, each read alone beside the covariates. A patch is read as it is, or through a layer of
    `patch_units` with ReLU. Decoder "direct": one linear layer gives the whole horizon; "segments":
    one more step of the body for each patch to come, all from its last state (`nets.segments`), and
    one layer for all of them (`readout` is not read), told which column they are of where it
    `tells_columns`; "steps": the patches to come one after the other, each of which the body reads
    as answered, with what is known ahead in it, before it answers the next one (autoregressive, in
    training too).
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
        beside_bho: Array | None = None,
        *,
        train: bool,
    ) -> Array:
        """Answers of `n_parts` numbers each [b, h, o, p].

        `targets_blo` are the targets as they are read and, where there are, their marks; of the
        `inputs` what is known ahead, "future", and where `groups` are told, "series", are read. A
        forecast is the first number, and `beside_bho` where that is given.
        """
        n_apart = self.n_targets if self.columns == "independent" else 1
        n_together = self.n_targets // n_apart
        read_rlw = [split_columns(x_blo, n_apart) for x_blo in targets_blo]
        x_rlf = jnp.concatenate([*read_rlw, repeat_each(covariates_blf, n_apart)], axis=2)
        n_steps = self.horizon if self.decoder == "direct" else self.patch
        future_bhk = inputs.get("future")
        ahead_bjk = None if future_bhk is None else to_patches_ahead(future_bhk, n_steps)
        body = self.body.clone(parent=self, name=self.body.scope_name)
        read = self._reader(inputs, n_apart)
        answer = self._answerer(n_steps * n_together * n_parts, train)
        match self.decoder:
            case "direct":
                ahead_r1k = None if ahead_bjk is None else repeat_each(ahead_bjk, n_apart)
                answer_rjn = answer(self._read_all(body, read(x_rlf), train), ahead_r1k)
            case "segments":
                hidden_rjd = self._read_segments(body, read(x_rlf), ahead_bjk, n_apart, train)
                answer_rjn = answer(hidden_rjd, None)
            case "steps":
                assert isinstance(body, RecurrentStack)
                if beside_bho is None:
                    beside_bho = jnp.zeros((len(covariates_blf), self.horizon, self.n_targets))
                ahead = self._ahead(ahead_bjk, beside_bho, n_apart)
                n_marks = n_together * (len(targets_blo) - 1)
                answer_rjn = answer_by_steps(body, read, answer, x_rlf, ahead, n_marks, train=train)
        n_rows = answer_rjn.shape[0]
        answer_rhwp = answer_rjn.reshape(n_rows, -1, n_together, n_parts)[:, : self.horizon]
        return jnp.stack(
            [merge_columns(answer_rhwp[..., i], n_apart) for i in range(n_parts)], axis=-1
        )

    def _reader(self, inputs: Arrays, n_apart: int) -> Callable[[Array], Array]:
        """What makes of columns [r, l, f] what the body reads at each step [r, s, e]."""
        layer = Linear(self.patch_units, name="patch") if self.patch_units else None
        vector_r1e = None
        if self.groups is not None:
            vector_r1e = repeat_each(self.groups(inputs["series"]), n_apart)[:, None]

        def read(x_rlf: Array) -> Array:
            patches_rse = to_patches(x_rlf, self.patch)
            if layer is not None:
                patches_rse = nn.relu(layer(patches_rse))
            if vector_r1e is not None:
                shape = (*patches_rse.shape[:2], vector_r1e.shape[2])
                vectors_rse = jnp.broadcast_to(vector_r1e, shape)
                patches_rse = jnp.concatenate([patches_rse, vectors_rse], axis=2)
            return patches_rse

        return read

    def _answerer(self, n_numbers: int, train: bool) -> Callable[[Array, Array | None], Array]:
        """The dense layers: what was read [r, j, d], and what is known ahead, -> [r, j, n]."""
        layers = [Linear(size, name=f"head_{i}") for i, size in enumerate(self.head)]
        output = Linear(n_numbers, name="output")

        def answer(hidden_rjd: Array, ahead_rjk: Array | None) -> Array:
            hidden_rjd = self._drop(hidden_rjd, 0, train)
            if ahead_rjk is not None:
                hidden_rjd = jnp.concatenate([hidden_rjd, ahead_rjk], axis=2)
            for i, layer in enumerate(layers):
                hidden_rjd = ACTIVATIONS[self.head_activation](layer(hidden_rjd))
                hidden_rjd = self._drop(hidden_rjd, i + 1, train)
            return output(hidden_rjd)

        return answer

    def _read_all(self, body: Body, patches_rse: Array, train: bool) -> Array:
        """What the whole horizon is forecast from [r, 1, d]."""
        outputs_rsd, carry = body(patches_rse, train=train)
        assert isinstance(outputs_rsd, jax.Array)  # a pair only where directions are not merged
        return read_out(self.readout, outputs_rsd, carry, body.merge)[:, None]

    def _read_segments(
        self, body: Body, patches_rse: Array, ahead_bjk: Array | None, n_apart: int, train: bool
    ) -> Array:
        """What each segment of the horizon is forecast from [r, j, d]."""
        _, carry = body(patches_rse, train=train)
        n_segments = -(-self.horizon // self.patch)
        size = patches_rse.shape[2]
        inputs = SegmentInputs(n_segments, n_apart, size, self.tells_columns, name="segment")
        read_rje = inputs(patches_rse.shape[0] // n_apart, ahead_bjk)
        assert isinstance(body, RecurrentStack)
        return decode(body, carry, read_rje, train=train)

    def _ahead(self, ahead_bjk: Array | None, beside_bho: Array, n_apart: int) -> Ahead:
        """What is known of the patches to come, for each row that the body reads."""
        known_rjqk = None
        if ahead_bjk is not None:
            known_rjk = repeat_each(ahead_bjk, n_apart)
            known_rjqk = known_rjk.reshape(*known_rjk.shape[:2], self.patch, -1)
        beside_rjw = to_patches_ahead(split_columns(beside_bho, n_apart), self.patch)
        return Ahead(known_rjqk, beside_rjw.reshape(*beside_rjw.shape[:2], self.patch, -1))

    def _drop(self, x_rjd: Array, place: int, train: bool) -> Array:
        if not train or is_off(self.dropout):
            return x_rjd
        return dropout(jax.random.fold_in(self.make_rng("dropout"), place), x_rjd, self.dropout)

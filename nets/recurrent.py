"""Recurrent nets of other cells than an LSTM's: plain (Elman) and GRU.

Shapes: b batch, t time, f inputs, h hidden, d directions, k numbers that a step is driven by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from nets.base import Array
from nets.checks import check_name
from nets.recurrence import Carry
from nets.stack import RecurrentStack

Cell = Literal["plain", "gru"]


class PlainLayer(nn.Module):
    """h[t] = tanh(x[t] W + h[t-1] U + b) (Elman 1990); weights begin as Keras' SimpleRNN."""

    size: int

    @nn.compact
    def __call__(self, x_tbf: Array) -> tuple[Array, Step]:
        """What x drives each step by [t, b, k], and the step itself, a `Step`."""
        shape = (x_tbf.shape[-1], self.size)
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        recurrent = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.size, self.size)
        )
        bias = self.param("bias", nn.initializers.zeros_init(), (self.size,))

        def step(h_bh: Array, dropped_bh: Array, driven_bk: Array) -> Array:
            del h_bh
            return jnp.tanh(driven_bk + dropped_bh @ recurrent)

        return x_tbf @ kernel + bias[None, None], step


class GRULayer(nn.Module):
    """A layer with two gates (Cho et al. 2014), in the form of cuDNN, torch and Keras.

        r, z = sigmoid(x[t] W + b + h[t-1] U + c),  n = tanh(x[t] W + b + r * (h[t-1] U + c)),
        h[t] = (1 - z) n + z h[t-1]

    Keras calls it reset_after. Columns stand in the order r, z, n (torch's; Keras has z first).
    Weights begin as Keras' GRU.
    """

    size: int

    @nn.compact
    def __call__(self, x_tbf: Array) -> tuple[Array, Step]:
        """What x drives each step by [t, b, 3h], and the step itself, a `Step`."""
        width = 3 * self.size
        zeros = nn.initializers.zeros_init()
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (x_tbf.shape[-1], width))
        recurrent = self.param("recurrent_kernel", nn.initializers.orthogonal(), (self.size, width))
        bias = self.param("bias", zeros, (width,))
        recurrent_bias = self.param("recurrent_bias", zeros, (width,))

        def step(h_bh: Array, dropped_bh: Array, driven_bk: Array) -> Array:
            fed_back_bk = dropped_bh @ recurrent + recurrent_bias[None]
            driven_r, driven_z, driven_n = jnp.split(driven_bk, 3, -1)
            fed_back_r, fed_back_z, fed_back_n = jnp.split(fed_back_bk, 3, -1)
            r_bh = nn.sigmoid(driven_r + fed_back_r)
            z_bh = nn.sigmoid(driven_z + fed_back_z)
            n_bh = jnp.tanh(driven_n + r_bh * fed_back_n)
            return (1 - z_bh) * n_bh + z_bh * h_bh

        return x_tbf @ kernel + bias[None, None], step


# (h_bh, h_bh with dropout, what x drives it by [b, k]) -> the new h_bh.
Step: TypeAlias = Callable[[Array, Array, Array], Array]
LAYERS = {"plain": PlainLayer, "gru": GRULayer}


class Recurrent(RecurrentStack):
    """A stack of layers of `cell`, one per size in `hidden`; all else as in `RecurrentStack`.

    The cells of its carry are zeros, for it has none. It computes in float32 at the least.
    """

    scope_name = "recurrent"

    cell: Cell = "plain"

    def __post_init__(self) -> None:
        check_name("cell", self.cell, LAYERS)
        super().__post_init__()

    def _layer(
        self,
        i: int,
        x_btf: Array,
        lengths_b: Array | None,
        carry: Carry | None,
        mask_dbh: Array | None,
    ) -> tuple[Array, Carry]:
        wide = jnp.promote_types(x_btf.dtype, jnp.float32)
        x_tbf = jnp.swapaxes(x_btf, 0, 1).astype(wide)
        n_steps, n_rows, _ = x_tbf.shape
        mask_tb1 = jnp.ones((n_steps, n_rows, 1), bool)
        if lengths_b is not None:
            mask_tb1 = (jnp.arange(n_steps)[:, None] < lengths_b[None])[..., None]
        outputs = []
        ends = []
        for d, direction in enumerate(self.directions):
            start_bh = jnp.zeros((n_rows, self.hidden[i]), wide)
            if carry is not None:
                start_bh = carry.h_dbh[d].astype(wide)
            name = f"layer_{i}" if direction == "forward" else f"layer_{i}_backward"
            driven_tbk, step = LAYERS[self.cell](self.hidden[i], name=name)(x_tbf)
            outputs_tbh, end_bh = scan_direction(
                step,
                driven_tbk,
                mask_tb1,
                start_bh,
                None if mask_dbh is None else mask_dbh[d],
                reverse=direction == "backward",
            )
            outputs.append(jnp.swapaxes(outputs_tbh, 0, 1))
            ends.append(end_bh)
        end_dbh = jnp.stack(ends)
        outputs_btdh = jnp.stack(outputs, 2).astype(x_btf.dtype)
        return outputs_btdh, Carry(end_dbh, jnp.zeros_like(end_dbh))

    def _keys(self) -> Callable[[int], Array]:
        return lambda number: self.make_rng("dropout")


def scan_direction(
    step: Step,
    driven_tbk: Array,
    mask_tb1: Array,
    start_bh: Array,
    dropout_bh: Array | None,
    *,
    reverse: bool,
) -> tuple[Array, Array]:
    """Outputs [t, b, h], zero where the mask is, and the state that each row ended in [b, h]."""

    def masked_step(h_bh: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        driven_bk, mask_b1 = now
        dropped_bh = h_bh if dropout_bh is None else h_bh * dropout_bh
        new_bh = step(h_bh, dropped_bh, driven_bk)
        zero = jnp.zeros((), new_bh.dtype)
        return jnp.where(mask_b1, new_bh, h_bh), jnp.where(mask_b1, new_bh, zero)

    end_bh, outputs_tbh = lax.scan(masked_step, start_bh, (driven_tbk, mask_tb1), reverse=reverse)
    return outputs_tbh, end_bh

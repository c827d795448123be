"""Plain recurrent layers, which an LSTM is measured against. Shapes: b batch, t time, f inputs, h
hidden.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from nets.dropout import dropout, is_off
from nets.recurrence import Carry

Array = jax.Array


class Recurrent(nn.Module):
    """A stack of layers h[t] = tanh(x[t] W + h[t-1] U + b), forwards (Elman 1990); weights begin as
    Keras' SimpleRNN.

    Called as `nets.LSTM` is, with the same answers; the cells of its carry are zeros, for it has
    none.
    """

    hidden: tuple[int, ...]
    dropout: float | Array = 0.0
    input_dropout: float | Array = 0.0

    @nn.compact
    def __call__(
        self,
        x_btf: Array,
        lengths_b: Array | None = None,
        carry: tuple[Carry, ...] | None = None,
        *,
        train: bool = False,
    ) -> tuple[Array, tuple[Carry, ...]]:
        """(outputs_bth, carry): outputs are zero beyond lengths_b[b] steps (None: all), whatever
        stands there in x.
        """
        x_tbf = jnp.swapaxes(x_btf, 0, 1)
        mask_tb1 = jnp.ones((*x_tbf.shape[:2], 1), bool)
        if lengths_b is not None:
            mask_tb1 = (jnp.arange(x_tbf.shape[0])[:, None] < lengths_b[None])[..., None]
        zero = jnp.zeros((), x_tbf.dtype)
        carries = []
        below_tbf = x_tbf
        for i, size in enumerate(self.hidden):
            rate = self.dropout if i else self.input_dropout
            if train and not is_off(rate):
                below_tbf = dropout(self.make_rng("dropout"), below_tbf, rate, batch_axis=1)
            below_tbf = jnp.where(mask_tb1, below_tbf, zero)
            start_bh = (
                jnp.zeros((x_tbf.shape[1], size), x_tbf.dtype)
                if carry is None
                else carry[i].h_dbh[0]
            )
            below_tbf, last_bh = PlainLayer(size, name=f"layer_{i}")(below_tbf, mask_tb1, start_bh)
            carries.append(Carry(last_bh[None], jnp.zeros_like(last_bh)[None]))
        return jnp.swapaxes(below_tbf, 0, 1), tuple(carries)


class PlainLayer(nn.Module):
    """One layer: outputs [t, b, h], zero where a row has ended, and the state it ended in [b,
    h].
    """

    size: int

    @nn.compact
    def __call__(self, x_tbf: Array, mask_tb1: Array, start_bh: Array) -> tuple[Array, Array]:
        kernel = self.param(
            "kernel", nn.initializers.glorot_uniform(), (x_tbf.shape[-1], self.size)
        )
        recurrent = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.size, self.size)
        )
        bias = self.param("bias", nn.initializers.zeros_init(), (self.size,))

        def step(h_bh: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            driven_bh, mask_b1 = now
            new_bh = jnp.tanh(driven_bh + h_bh @ recurrent)
            return jnp.where(mask_b1, new_bh, h_bh), jnp.where(
                mask_b1, new_bh, jnp.zeros((), new_bh.dtype)
            )

        last_bh, outputs_tbh = lax.scan(
            step, start_bh, (x_tbf @ kernel + bias[None, None], mask_tb1)
        )
        return outputs_tbh, last_bh

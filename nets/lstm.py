"""LSTM nets: a stack of layers of one or both directions.

Shapes: b batch, t time, f inputs, h hidden, d directions, g = 4h gates.
"""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from nets.base import Array
from nets.recurrence import Carry, lstm
from nets.stack import RecurrentStack


class Direction(nn.Module):
    """The weights of one direction, made as Keras makes them.

    The bias of the forget gate is 1, the recurrent kernel orthogonal.
    """

    size: int

    @nn.compact
    def __call__(self, n_inputs: int) -> tuple[Array, Array, Array]:
        # Without inputs there is nothing to draw, which an initializer would divide by.
        initializer = nn.initializers.glorot_uniform() if n_inputs else nn.initializers.zeros
        kernel_fg = self.param("kernel", initializer, (n_inputs, 4 * self.size))
        recurrent_hg = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.size, 4 * self.size)
        )
        bias_g = self.param("bias", _forget_bias, (4 * self.size,))
        return kernel_fg, recurrent_hg, bias_g


def _forget_bias(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Ones for the forget gate, so that a new net remembers.

    Gers et al. 2000; Jozefowicz et al. 2015.
    """
    del key
    size = shape[0] // 4
    return jnp.zeros(shape, dtype).at[size : 2 * size].set(1)


class LSTMLayer(nn.Module):
    """One layer over the core: (outputs_btdh, carry)."""

    size: int
    directions: tuple[str, ...]
    forward_mode: bool

    @nn.compact
    def __call__(
        self,
        x_btf: Array,
        lengths_b: Array | None,
        carry: Carry | None,
        mask_dbh: Array | None,
    ) -> tuple[Array, Carry]:
        weights = [Direction(self.size, name=name)(x_btf.shape[-1]) for name in self.directions]
        kernel_dfg, recurrent_dhg, bias_dg = map(jnp.stack, zip(*weights, strict=True))
        reverse = tuple(name == "backward" for name in self.directions)
        return lstm(
            x_btf,
            kernel_dfg,
            recurrent_dhg,
            bias_dg,
            carry,
            lengths_b,
            mask_dbh,
            reverse=reverse,
            forward_mode=self.forward_mode,
        )


class LSTM(RecurrentStack):
    """A stack of LSTM layers, one per size in `hidden`; all else as in `RecurrentStack`.

    `forward_mode`: jax.jvp, jacfwd and hessian work, at the cost of speed and memory.
    """

    scope_name = "lstm"

    forward_mode: bool = False

    def _layer(
        self,
        i: int,
        x_btf: Array,
        lengths_b: Array | None,
        carry: Carry | None,
        mask_dbh: Array | None,
    ) -> tuple[Array, Carry]:
        layer = LSTMLayer(self.hidden[i], self.directions, self.forward_mode, name=f"layer_{i}")
        return layer(x_btf, lengths_b, carry, mask_dbh)

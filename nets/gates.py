"""What the gates of an LSTM layer do at every step of a sequence: to be looked at, not trained.

Shapes: t time, f inputs, h hidden, g = 4h gates.
"""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array


class Gates(NamedTuple):
    """The gates and states of one layer [t, h]; gates lie in (0, 1), 1 is open."""

    input: Array
    """How much of the candidate goes into the cell."""
    forget: Array
    """How much of the cell is kept."""
    candidate: Array
    """What would be written into the cell, in (-1, 1)."""
    output: Array
    """How much of the cell is shown."""
    cell: Array
    """What is remembered."""
    hidden: Array
    """What the layer answers."""


def lstm_gates(kernel_fg: Array, recurrent_hg: Array, bias_g: Array, x_tf: Array) -> Gates:
    """The gates and states of one direction of an LSTM layer as it reads a sequence.

    i, f, o = sigmoid(z), n = tanh(z) with z = x W + h R + b; c = f c + i n; h = o tanh(c).
    ValueError for a batch of them, which jax.vmap takes.
    """
    if x_tf.ndim != 2:
        raise ValueError(
            f"x has the shape {x_tf.shape}: expected one sequence [time, features]; "
            "jax.vmap takes several"
        )
    n_hidden = recurrent_hg.shape[0]

    def step(state: tuple[Array, Array], x_f: Array) -> tuple[tuple[Array, Array], Gates]:
        cell_h, hidden_h = state
        z_g = x_f @ kernel_fg + hidden_h @ recurrent_hg + bias_g
        input_h, forget_h, candidate_h, output_h = jnp.split(z_g, 4)
        input_h = nn.sigmoid(input_h)
        forget_h = nn.sigmoid(forget_h)
        candidate_h = jnp.tanh(candidate_h)
        output_h = nn.sigmoid(output_h)
        cell_h = forget_h * cell_h + input_h * candidate_h
        hidden_h = output_h * jnp.tanh(cell_h)
        gates = Gates(input_h, forget_h, candidate_h, output_h, cell_h, hidden_h)
        return (cell_h, hidden_h), gates

    zeros = jnp.zeros(n_hidden, x_tf.dtype)
    _, gates = jax.lax.scan(step, (zeros, zeros), x_tf)
    return gates

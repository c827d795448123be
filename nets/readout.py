"""From a sequence's outputs to one vector.

Steps beyond a row's length never count; a row without any step gives zeros. Shapes: b batch, t
time, h hidden, d directions.
"""

from __future__ import annotations

from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array
from nets.maximum import maximum_over
from nets.padding import masked, step_mask
from nets.recurrence import Carry
from nets.stack import Merge, merge_directions

Readout = Literal["last", "mean", "max", "mean_max", "mean_max_last", "attention"]
FrontReadout = Literal["none", "mean", "max", "mean_max"]


def read(
    kind: Readout,
    outputs_bth: Array,
    carry: tuple[Carry, ...],
    merge: Merge | tuple[Merge, ...],
    lengths_b: Array | None = None,
) -> Array:
    """One vector of a recurrent net's outputs and carry; to be called while a module is traced."""
    match kind:
        case "last":
            return last(carry[-1], merge)
        case "mean_max_last":
            of_steps = read_steps("mean_max", outputs_bth, lengths_b)
            return jnp.concatenate([of_steps, last(carry[-1], merge)], -1)
        case "attention":
            return Attention(name="attention")(outputs_bth, lengths_b)
        case _:
            return read_steps(kind, outputs_bth, lengths_b)


def read_steps(
    kind: Literal["mean", "max", "mean_max"], outputs_bth: Array, lengths_b: Array | None = None
) -> Array:
    """One vector of the outputs at valid steps; ValueError for a kind that there is not."""
    match kind:
        case "mean":
            return mean(outputs_bth, lengths_b)
        case "max":
            return maximum(outputs_bth, lengths_b)
        case "mean_max":
            both = (mean(outputs_bth, lengths_b), maximum(outputs_bth, lengths_b))
            return jnp.concatenate(both, axis=-1)
    raise ValueError(f'readout="{kind}": expected one of {", ".join(get_args(Readout))}')


def last(carry: Carry, merge: str | tuple[str, ...] = "concat") -> Array:
    """Where each direction ends: forward at a row's last valid step, backward at its first.

    That is Keras' return_sequences=False. `carry` is the last layer's, `merge` the net's;
    ValueError where that is "none".
    """
    kind = merge if isinstance(merge, str) else merge[-1]
    return merge_directions(jnp.moveaxis(carry.h_dbh, 0, 1), kind)


def mean(outputs_bth: Array, lengths_b: Array | None = None) -> Array:
    """Mean over valid steps."""
    if lengths_b is None:
        return outputs_bth.mean(1)
    total_bh = masked(outputs_bth, lengths_b).sum(1)
    return total_bh / jnp.maximum(lengths_b, 1)[:, None].astype(outputs_bth.dtype)


def maximum(outputs_bth: Array, lengths_b: Array | None = None) -> Array:
    """Each feature's maximum over valid steps."""
    if lengths_b is None:
        return maximum_over(outputs_bth, 1)
    lowest = jnp.array(-jnp.inf, outputs_bth.dtype)
    mask_bt = step_mask(outputs_bth.shape[1], lengths_b)
    top_bh = maximum_over(jnp.where(mask_bt[:, :, None], outputs_bth, lowest), 1)
    return jnp.where((lengths_b > 0)[:, None], top_bh, jnp.zeros((), outputs_bth.dtype))


class Attention(nn.Module):
    """A mean over valid steps with learned weights softmax(u . tanh(W h + b)).

    Yang et al. 2016.
    """

    @nn.compact
    def __call__(self, outputs_bth: Array, lengths_b: Array | None = None) -> Array:
        size = outputs_bth.shape[-1]
        if lengths_b is not None:
            # What stands beyond a row's end reaches no gradient either, not even by 0 * nan.
            outputs_bth = masked(outputs_bth, lengths_b)
        context_h = self.param("context", nn.initializers.normal(size**-0.5), (size,)).astype(
            outputs_bth.dtype
        )
        key_bth = nn.Dense(size, kernel_init=nn.initializers.glorot_uniform(), name="key")(
            outputs_bth
        )
        score_bt1 = (jnp.tanh(key_bth) @ context_h)[:, :, None]
        if lengths_b is not None:
            # The lowest finite number, not -inf: a row without steps must not divide by zero, here
            # or in its gradient.
            lowest = jnp.array(jnp.finfo(score_bt1.dtype).min, score_bt1.dtype)
            mask_bt = step_mask(outputs_bth.shape[1], lengths_b)
            score_bt1 = jnp.where(mask_bt[:, :, None], score_bt1, lowest)
        return (jax.nn.softmax(score_bt1, 1) * outputs_bth).sum(1)

"""LSTM nets: a stack of layers of one or both directions. Shapes: b batch, t time, f inputs, h
hidden, d directions.
"""

from __future__ import annotations

from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.dropout import dropout, is_off
from nets.recurrence import Carry, lstm

Array = jax.Array
Merge = Literal["concat", "sum", "average", "mul", "none"]


class Direction(nn.Module):
    """The weights of one direction, made as Keras makes them: forget bias 1, orthogonal recurrent
    kernel.
    """

    size: int

    @nn.compact
    def __call__(self, n_inputs: int) -> tuple[Array, Array, Array]:
        kernel_fg = self.param(
            "kernel", nn.initializers.glorot_uniform(), (n_inputs, 4 * self.size)
        )
        recurrent_hg = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.size, 4 * self.size)
        )
        bias_g = self.param("bias", _forget_bias, (4 * self.size,))
        return kernel_fg, recurrent_hg, bias_g


def _forget_bias(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Ones for the forget gate, so that a new net remembers (Gers et al. 2000; Jozefowicz et al.
    2015).
    """
    del key
    size = shape[0] // 4
    return jnp.zeros(shape, dtype).at[size : 2 * size].set(1)


class LSTMLayer(nn.Module):
    """One layer over the core: (outputs_btdh, carry)."""

    size: int
    directions: tuple[str, ...]
    recurrent_dropout: float | Array = 0.0

    @nn.compact
    def __call__(
        self, x_btf: Array, lengths_b: Array | None, carry: Carry | None, key: Array | None
    ) -> tuple[Array, Carry]:
        weights = [Direction(self.size, name=name)(x_btf.shape[-1]) for name in self.directions]
        mask_dbh = None
        if key is not None and not is_off(self.recurrent_dropout):
            ones_dbh = jnp.ones((len(self.directions), x_btf.shape[0], self.size))
            mask_dbh = dropout(key, ones_dbh, self.recurrent_dropout, batch_axis=1)
        kernel_dfg, recurrent_dhg, bias_dg = (
            jnp.stack(parts) for parts in zip(*weights, strict=True)
        )
        reverse = tuple(name == "backward" for name in self.directions)
        return lstm(
            x_btf, kernel_dfg, recurrent_dhg, bias_dg, carry, lengths_b, mask_dbh, reverse=reverse
        )


class LSTM(nn.Module):
    """A stack of LSTM layers, one per size in `hidden`.

    `bidirectional`: both directions, merged by `merge` (one for all layers, or one a layer);
    "none", of the last layer only, answers with the pair (forward_bth, backward_bth). Else one
    direction, the other where `reverse`; its outputs stand at the steps they belong to (Keras'
    go_backwards leaves them turned round).

    In training (`train=True`, rngs={"dropout"}) `input_dropout` drops single inputs, `dropout`
    single numbers between layers, and `recurrent_dropout` state features, the same ones at every
    step of a sequence (Gal & Ghahramani 2016). Rates may be traced.
    """

    hidden: tuple[int, ...]
    bidirectional: bool = False
    reverse: bool = False
    merge: Merge | tuple[Merge, ...] = "concat"
    dropout: float | Array = 0.0
    input_dropout: float | Array = 0.0
    recurrent_dropout: float | Array = 0.0

    @nn.compact
    def __call__(
        self,
        x_btf: Array,
        lengths_b: Array | None = None,
        carry: tuple[Carry, ...] | None = None,
        *,
        train: bool = False,
    ) -> tuple[Array | tuple[Array, Array], tuple[Carry, ...]]:
        """(outputs_bth, carry), the carry one `Carry` a layer: given back with the next steps, it
        continues.

        Row b has lengths_b[b] steps (None: all). Whatever stands beyond them in x, NaN too, changes
        nothing; outputs are zero there. In bfloat16 if x is, with a float32 carry. ValueError if
        `hidden` or `merge` is impossible.
        """
        merges = self._merges()
        directions = self._directions()
        key = self.make_rng("dropout") if train and self._drops() else None
        if lengths_b is not None:
            mask_bt = jnp.arange(x_btf.shape[1])[None] < lengths_b[:, None]
            x_btf = jnp.where(mask_bt[:, :, None], x_btf, jnp.zeros((), x_btf.dtype))
        carries = []
        merged = x_btf
        for i, size in enumerate(self.hidden):
            rate = self.dropout if i else self.input_dropout
            if key is not None and not is_off(rate):
                merged = dropout(jax.random.fold_in(key, 2 * i), merged, rate)
            layer = LSTMLayer(size, directions, self.recurrent_dropout, name=f"layer_{i}")
            mask_key = None if key is None else jax.random.fold_in(key, 2 * i + 1)
            outputs_btdh, layer_carry = layer(
                merged, lengths_b, None if carry is None else carry[i], mask_key
            )
            carries.append(layer_carry)
            if merges[i] == "none" and self.bidirectional:
                return (outputs_btdh[:, :, 0], outputs_btdh[:, :, 1]), tuple(carries)
            merged = merge_directions(outputs_btdh, merges[i])
        return merged, tuple(carries)

    def initial_carry(self, n_rows: int, dtype=jnp.float32) -> tuple[Carry, ...]:
        """The zeros that a sequence begins with."""
        shapes = [(len(self._directions()), n_rows, size) for size in self.hidden]
        return tuple(Carry(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)) for shape in shapes)

    def _directions(self) -> tuple[str, ...]:
        return (
            ("forward", "backward")
            if self.bidirectional
            else ("backward",)
            if self.reverse
            else ("forward",)
        )

    def _merges(self) -> tuple[str, ...]:
        n_layers = len(self.hidden)
        if not n_layers:
            raise ValueError("hidden=(): an LSTM has at least one layer")
        if isinstance(self.merge, str):
            # Between layers the directions must meet: apart are only the last layer's.
            merges = ("concat" if self.merge == "none" else self.merge,) * (n_layers - 1) + (
                self.merge,
            )
        else:
            merges = tuple(self.merge)
        unknown = set(merges) - set(get_args(Merge))
        if unknown or len(merges) != n_layers or "none" in merges[:-1]:
            raise ValueError(
                f"merge={self.merge!r} for {n_layers} layers: expected one of {', '.join(get_args(Merge))}, "
                'or one a layer with "none" in the last place only'
            )
        return merges

    def _drops(self) -> bool:
        return not all(
            is_off(rate) for rate in (self.dropout, self.input_dropout, self.recurrent_dropout)
        )


def merge_directions(x_dh: Array, merge: str) -> Array:
    """[..., d, h] -> [..., h], or [..., d h] for "concat": Keras' merge modes. One direction stays
    as it is.
    """
    if merge == "concat" or x_dh.shape[-2] == 1:
        return x_dh.reshape(*x_dh.shape[:-2], x_dh.shape[-2] * x_dh.shape[-1])
    forward_h = x_dh[..., 0, :]
    backward_h = x_dh[..., 1, :]
    match merge:
        case "sum":
            return forward_h + backward_h
        case "average":
            return (forward_h + backward_h) / 2
        case "mul":
            return forward_h * backward_h
    raise ValueError(f'merge="{merge}": expected concat, sum, average or mul')

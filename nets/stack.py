"""What every recurrent net is: a stack of layers of one or both directions, whatever their cell.

Shapes: b batch, t time, f inputs, h hidden, d directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array
from nets.checks import check_hidden, check_rate
from nets.dropout import dropout, is_off
from nets.padding import masked
from nets.recurrence import Carry

Merge = Literal["concat", "sum", "average", "mul", "none"]


class RecurrentStack(nn.Module):
    """A stack of recurrent layers, one per size in `hidden`.

    `bidirectional`: both directions, merged by `merge` (one for all layers, or one a layer);
    "none", of the last layer only, answers with the pair (forward_bth, backward_bth). Else one
    direction, the other where `reverse`; its outputs stand at the steps they belong to (Keras'
    go_backwards leaves them turned round).

    In training (`train=True`, rngs={"dropout"}) `input_dropout` drops single inputs, `dropout`
    single numbers between layers, and `recurrent_dropout` state features, the same ones at every
    step of a sequence (Gal & Ghahramani 2016). Rates may be traced.
    """

    scope_name: ClassVar[str]  # of its parameters in a whole network

    hidden: tuple[int, ...]
    bidirectional: bool = False
    reverse: bool = False
    merge: Merge | tuple[Merge, ...] = "concat"
    dropout: float | Array = 0.0
    input_dropout: float | Array = 0.0
    recurrent_dropout: float | Array = 0.0

    def __post_init__(self) -> None:
        check_hidden(self.hidden)
        for option in ("dropout", "input_dropout", "recurrent_dropout"):
            check_rate(option, getattr(self, option))
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        x_btf: Array,
        lengths_b: Array | Sequence[int] | None = None,
        carry: tuple[Carry, ...] | None = None,
        *,
        train: bool = False,
    ) -> tuple[Array | tuple[Array, Array], tuple[Carry, ...]]:
        """(outputs_bth, carry), the carry one `Carry` a layer: given back, it continues.

        Row b has lengths_b[b] steps (None: all). Whatever stands beyond them in x, NaN too, changes
        nothing; outputs are zero there. In bfloat16 if x is, with a float32 carry. ValueError if x,
        lengths, the carry or `merge` do not fit.
        """
        merges = self._merges()
        if x_btf.ndim != 3:
            raise ValueError(f"x has the shape {x_btf.shape}: expected [batch, time, features]")
        if carry is not None and len(carry) != len(self.hidden):
            raise ValueError(f"a carry of {len(carry)} layers for a net of {len(self.hidden)}")
        key = self._keys() if train and self._drops() else None
        if lengths_b is not None:
            lengths_b = jnp.asarray(lengths_b)
            if lengths_b.shape != x_btf.shape[:1]:
                raise ValueError(
                    f"lengths of the shape {lengths_b.shape} for {x_btf.shape[0]} rows: "
                    "expected one a row"
                )
            x_btf = masked(x_btf, lengths_b)
        carries = []
        merged = x_btf
        for i, size in enumerate(self.hidden):
            rate = self.dropout if i else self.input_dropout
            if key is not None and not is_off(rate):
                merged = dropout(key(2 * i), merged, rate)
            mask_dbh = None
            if key is not None and not is_off(self.recurrent_dropout):
                ones_dbh = jnp.ones((len(self.directions), x_btf.shape[0], size))
                mask_dbh = dropout(key(2 * i + 1), ones_dbh, self.recurrent_dropout, batch_axis=1)
            before = None if carry is None else carry[i]
            outputs_btdh, after = self._layer(i, merged, lengths_b, before, mask_dbh)
            carries.append(after)
            if merges[i] == "none" and self.bidirectional:
                return (outputs_btdh[:, :, 0], outputs_btdh[:, :, 1]), tuple(carries)
            merged = merge_directions(outputs_btdh, merges[i])
        return merged, tuple(carries)

    @property
    def directions(self) -> tuple[str, ...]:
        """ "forward", "backward", or both in this order."""
        if self.bidirectional:
            return ("forward", "backward")
        return ("backward",) if self.reverse else ("forward",)

    def initial_carry(self, n_rows: int, dtype=jnp.float32) -> tuple[Carry, ...]:
        """The zeros that a sequence begins with."""
        shapes = [(len(self.directions), n_rows, size) for size in self.hidden]
        return tuple(Carry(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)) for shape in shapes)

    def _layer(
        self,
        i: int,
        x_btf: Array,
        lengths_b: Array | None,
        carry: Carry | None,
        mask_dbh: Array | None,
    ) -> tuple[Array, Carry]:
        """The outputs of the i-th layer [b, t, d, h], and its carry.

        A mask is what dropout multiplies the state by.
        """
        raise NotImplementedError

    def _keys(self) -> Callable[[int], Array]:
        """The key of each number, for dropout."""
        key = self.make_rng("dropout")
        return lambda number: jax.random.fold_in(key, number)

    def _merges(self) -> tuple[str, ...]:
        n_layers = len(self.hidden)
        if not n_layers:
            raise ValueError(f"hidden=(): an {type(self).__name__} has at least one layer")
        if isinstance(self.merge, str):
            # Between layers the directions must meet: apart are only the last layer's.
            between = "concat" if self.merge == "none" else self.merge
            merges = (*(between,) * (n_layers - 1), self.merge)
        else:
            merges = tuple(self.merge)
        unknown = set(merges) - set(get_args(Merge))
        if unknown or len(merges) != n_layers or "none" in merges[:-1]:
            raise ValueError(
                f"merge={self.merge!r} for {n_layers} layers: expected one of "
                f"{', '.join(get_args(Merge))}, "
                'or one a layer with "none" in the last place only'
            )
        return merges

    def _drops(self) -> bool:
        rates = (self.dropout, self.input_dropout, self.recurrent_dropout)
        return not all(map(is_off, rates))


def merge_directions(x_dh: Array, merge: str) -> Array:
    """[..., d, h] -> [..., h], or [..., d h] for "concat": Keras' merge modes.

    One direction stays as it is.
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

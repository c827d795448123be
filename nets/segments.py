"""Segments of a series: read as one step each, and forecast as one step each, all at once.

Shapes: r rows (windows, or their columns apart), l lookback, h horizon, f columns, s segments read,
j segments forecast, e what a step of the recurrent net reads, n columns apart, d hidden.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array
from nets.linear import Linear
from nets.recurrence import Carry
from nets.stack import RecurrentStack


def repeat_each(x: Array, n: int, axis: int = 0) -> Array:
    """Each entry along an axis n times; unlike jnp.repeat also of a number that is left open."""
    wide = (*x.shape[: axis + 1], n, *x.shape[axis + 1 :])
    repeated = jnp.broadcast_to(jnp.expand_dims(x, axis + 1), wide)
    return repeated.reshape(*x.shape[:axis], x.shape[axis] * n, *x.shape[axis + 1 :])


def to_patches(x_blf: Array, size: int) -> Array:
    """[b, l, f] -> [b, s, size * f], `size` rows a step.

    Where they do not fit, the first is repeated before them.
    """
    short = -x_blf.shape[1] % size
    if short:
        # jnp.pad would slice the rows too, of which a graph leaves the number open.
        before = repeat_each(x_blf[:, :1], short, axis=1)
        x_blf = jnp.concatenate([before, x_blf], axis=1)
    return x_blf.reshape(x_blf.shape[0], -1, size * x_blf.shape[2])


def to_patches_ahead(x_bhf: Array, size: int) -> Array:
    """[b, h, f] -> [b, j, size * f], `size` rows a segment; the last is repeated to fit."""
    short = -x_bhf.shape[1] % size
    if short:
        x_bhf = jnp.concatenate([x_bhf, repeat_each(x_bhf[:, -1:], short, axis=1)], axis=1)
    return x_bhf.reshape(x_bhf.shape[0], -1, size * x_bhf.shape[2])


class SegmentInputs(nn.Module):
    """What the step of each segment to come reads: where it stands, of which column it is.

    A learned vector of the place; where there are several columns that it `tells_columns`, half of
    it is one of the column (the parallel decoding of SegRNN, Lin et al. 2023). And a linear map of
    what is known ahead in the segment.
    """

    n_segments: int
    n_columns: int
    size: int
    tells_columns: bool = False

    @nn.compact
    def __call__(self, n_windows: int, ahead_bjk: Array | None) -> Array:
        """[b * n, j, e]."""
        normal = nn.initializers.normal(1.0)
        n_apart = self.size // 2 if self.tells_columns and self.n_columns > 1 else 0
        place_je = self.param("place", normal, (self.n_segments, self.size - n_apart))
        read_nje = repeat_each(place_je[None], self.n_columns)
        if n_apart:
            column_ne = self.param("column", normal, (self.n_columns, n_apart))
            column_nje = repeat_each(column_ne[:, None], self.n_segments, axis=1)
            read_nje = jnp.concatenate([read_nje, column_nje], axis=2)
        read_bnje = jnp.broadcast_to(read_nje[None], (n_windows, *read_nje.shape))
        read_rje = read_bnje.reshape(-1, *read_nje.shape[1:])
        if ahead_bjk is not None:
            ahead_bje = Linear(self.size, name="ahead")(ahead_bjk)
            read_rje = read_rje + repeat_each(ahead_bje, self.n_columns)
        return read_rje


def decode(
    body: RecurrentStack, carry: tuple[Carry, ...], read_rje: Array, *, train: bool
) -> Array:
    """One more step of the net for each segment, all from one state: its outputs [r, j, d]."""
    n_rows, n_segments, size = read_rje.shape
    begun = []
    for layer in carry:
        begun.append(Carry(*(repeat_each(x_drh, n_segments, axis=1) for x_drh in layer)))
    outputs_r1d, _ = body(read_rje.reshape(-1, 1, size), carry=tuple(begun), train=train)
    assert isinstance(outputs_r1d, jax.Array)  # a pair only where directions are not merged
    return outputs_r1d.reshape(n_rows, n_segments, -1)

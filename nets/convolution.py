"""Convolutions over padded sequences, whose answers and statistics padding does not change.

Shapes: b batch, t time, f inputs, e features, w steps of a window.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array
from nets.dense import BatchNorm
from nets.padding import masked, step_mask

# Added to the variance of a sequence's channel, whose deviation over all rows is 1.
EPSILON = 1e-6
SLICED = 7  # steps of a window that are slices of their own


class Convolutions(nn.Module):
    """Layers of convolution, batch norm and ReLU over the steps of padded sequences.

    Layer i has filters[i] filters. Those of the first are of all `widths`, as evenly as they can be
    shared out (as in Inception, Szegedy et al. 2015; of series Fawaz et al. 2020), and are read at
    every step that `stride` comes to; those of later ones see `later_width` steps (as in FCN, Wang
    et al. 2017), which lie `dilation`**i apart (as in LITE, Ismail-Fawaz et al. 2023). Windows
    stand about their step and read zeros beyond a row's ends, so the network looks ahead. Batch
    norm takes its statistics over the steps that rows have.
    """

    filters: tuple[int, ...]
    widths: tuple[int, ...] = (9, 19, 39)
    later_width: int = 5
    stride: int = 1
    dilation: int = 1

    @nn.compact
    def __call__(
        self, x_btf: Array, length_b: Array, weight_b: Array | None = None, *, train: bool
    ) -> tuple[Array, Array]:
        """(features [b, ceil(t / stride), e], zero beyond the rows' ends; their lengths [b]).

        Rows of weight 0 fill the batch up, and batch norm does not see them. ValueError without
        layers, or with fewer filters in the first than it has widths.
        """
        if not self.filters or self.filters[0] < len(self.widths):
            raise ValueError(
                f"filters={self.filters}: expected layers, the first of {len(self.widths)} filters "
                "at the least, one of each width"
            )
        x_bte = masked(x_btf, length_b)
        for i, n_filters in enumerate(self.filters):
            widths = (self.later_width,) if i else self.widths
            stride = 1 if i else self.stride
            layer = Convolution(n_filters, widths, stride, self.dilation**i, name=f"layer_{i}")
            x_bte = layer(x_bte)
            length_b = -(-length_b // stride)
            norm = BatchNorm(momentum=0.9, name=f"norm_{i}")
            x_bte = _normed(norm, x_bte, length_b, weight_b, train)
            x_bte = masked(nn.relu(x_bte), length_b)
        return x_bte, length_b


class Convolution(nn.Module):
    """Filters of several widths about each step [b, t, f] -> [b, ceil(t / stride), e].

    They have no bias: batch norm follows. As one product of matrices: XLA's own convolution is
    naive in the loops that training is made of.
    """

    n_filters: int
    widths: tuple[int, ...]
    stride: int = 1
    dilation: int = 1

    @nn.compact
    def __call__(self, x_btf: Array) -> Array:
        widest = max(self.widths)
        kernels = []
        for i, width in enumerate(self.widths):
            # The first widths get one filter more where these cannot be shared out evenly.
            n = (self.n_filters + len(self.widths) - 1 - i) // len(self.widths)
            kernel_wfe = Filters(width, n, name=f"width_{i}")(x_btf.shape[-1])
            before = (widest - 1) // 2 - (width - 1) // 2
            around = ((before, widest - width - before), (0, 0), (0, 0))
            kernels.append(jnp.pad(kernel_wfe, around))
        kernel_wfe = jnp.concatenate(kernels, -1)
        windows = windows_of(x_btf, widest, self.stride, self.dilation)
        # Nothing weighs more, and blocks of evaluations are cut by what modules show.
        self.sow("intermediates", "windows", windows)
        return windows @ kernel_wfe.reshape(-1, self.n_filters)


class Filters(nn.Module):
    """The kernel of the filters of one width [w, f, e]."""

    width: int
    n_filters: int

    @nn.compact
    def __call__(self, n_inputs: int) -> Array:
        shape = (self.width, n_inputs, self.n_filters)
        return self.param("kernel", nn.initializers.glorot_uniform(), shape)


def windows_of(x_btf: Array, width: int, stride: int = 1, dilation: int = 1) -> Array:
    """The `width` steps about every `stride`-th, zeros beyond both ends: [b, t', width * f].

    They lie `dilation` steps apart. Of an even width one more stands after than before.
    """
    b, t, f = x_btf.shape
    before = (width - 1) // 2 * dilation
    over = width * dilation
    padded = jnp.pad(x_btf, ((0, 0), (before, over - before), (0, 0)))
    if width <= SLICED:
        taps = [padded[:, i * dilation : i * dilation + t : stride] for i in range(width)]
        return jnp.concatenate(taps, -1)
    # Copies one after the other, read in rows `dilation` longer than they are: each row then begins
    # so much later. Many slices would take XLA seconds to compile.
    copies = jnp.broadcast_to(padded[:, None], (b, width, t + over, f))
    copies = jnp.pad(copies.reshape(b, -1, f), ((0, 0), (0, over), (0, 0)))
    taps_bwtf = copies.reshape(b, width, t + over + dilation, f)[:, :, :t:stride]
    return jnp.moveaxis(taps_bwtf, 1, 2).reshape(b, -1, width * f)


def pooled(x_bte: Array, length_b: Array, size: int) -> tuple[Array, Array]:
    """The maxima of `size` steps each [b, ceil(t / size), e], zeros after the end; lengths [b]."""
    b, t, e = x_bte.shape
    lowest = jnp.array(-jnp.inf, x_bte.dtype)
    known = jnp.where(step_mask(t, length_b)[:, :, None], x_bte, lowest)
    known = jnp.pad(known, ((0, 0), (0, -t % size), (0, 0)), constant_values=-jnp.inf)
    maxima = known.reshape(b, -1, size, e).max(2)
    length_b = -(-length_b // size)
    return masked(maxima, length_b), length_b


def patches(x_bte: Array, length_b: Array, size: int) -> tuple[Array, Array]:
    """`size` steps as one: lengths [b], and [b, ceil(t / size), size * e], zeros after the end."""
    x_bte = jnp.pad(masked(x_bte, length_b), ((0, 0), (0, -x_bte.shape[1] % size), (0, 0)))
    return -(-length_b // size), x_bte.reshape(x_bte.shape[0], -1, size * x_bte.shape[2])


def own_scaled(x_btf: Array, length_b: Array) -> Array:
    """Each row's channels with mean 0 and deviation 1 over its own steps, zeros after the end.

    A channel that is constant in a row is 0 there.
    """
    n_b11 = jnp.maximum(length_b, 1)[:, None, None].astype(x_btf.dtype)
    mean_b1f = masked(x_btf, length_b).sum(1, keepdims=True) / n_b11
    error_btf = masked(x_btf - mean_b1f, length_b)
    var_b1f = jnp.square(error_btf).sum(1, keepdims=True) / n_b11
    return error_btf * jax.lax.rsqrt(var_b1f + EPSILON)


def _normed(
    norm: BatchNorm, x_bte: Array, length_b: Array, weight_b: Array | None, train: bool
) -> Array:
    """Batch norm with every step as a row, which those beyond a row's end are not."""
    weight_bt = step_mask(x_bte.shape[1], length_b).astype(x_bte.dtype)
    if weight_b is not None:
        weight_bt = weight_bt * weight_b[:, None]
    flat = x_bte.reshape(-1, x_bte.shape[-1])
    return norm(flat, weight_bt.reshape(-1), train=train).reshape(x_bte.shape)

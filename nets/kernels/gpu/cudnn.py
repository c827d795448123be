"""An LSTM layer by cuDNN, through jax.experimental.rnn: float32, no recurrent dropout.

cuDNN breaks on rows without a step (jax#17966): they are given one, and what comes of it is
overwritten. It knows no members: under vmap it is called for one after the other.

Shapes: t time, b batch, f inputs, h hidden, d directions, g = 4h gates.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import rnn

from nets.base import Array
from nets.kernels.lstm_passes import Cotangents, Passes, Saved, layer_by
from nets.recurrence_scan import Answer, LayerInputs


class Sizes(NamedTuple):
    """The static arguments of jax.experimental.rnn, in its order."""

    input_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    bidirectional: bool
    precision: lax.Precision


def cudnn_layer(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """What `scanned_layer` gives, by cuDNN in float32, for a kind that `choice` gives it."""
    wide = jax.tree.map(lambda part: part.astype(jnp.float32), layer._replace(lengths_b=None))
    return layer_by(PASSES, reverse, wide._replace(lengths_b=layer.lengths_b))


def _forward(reverse: tuple[bool, ...], layer: LayerInputs, keep: bool) -> tuple[Answer, Saved]:
    del keep  # it always does
    n_rows, n_steps, _ = layer.x_btf.shape
    call = _mapped(rnn_forward, sizes_of(reverse, layer))
    y_btk, h_dbh, c_dbh, reserve = call(*_given(layer))
    outputs_btdh = y_btk.reshape(n_rows, n_steps, len(reverse), -1)
    has_steps_b11, valid_bt11 = _masks(layer)
    answer = (
        jnp.where(valid_bt11, outputs_btdh, 0),
        jnp.where(has_steps_b11, h_dbh, layer.h_dbh),
        jnp.where(has_steps_b11, c_dbh, layer.c_dbh),
    )
    return answer, Saved(y_btk, reserve, jnp.zeros((0,), jnp.float32))


def _backward(
    reverse: tuple[bool, ...],
    needs_x: bool,
    layer: LayerInputs,
    saved: Saved,
    cotangents: Cotangents,
) -> LayerInputs:
    outputs_btdh, dh_dbh, dc_dbh = cotangents
    has_steps_b11, valid_bt11 = _masks(layer)
    pull_btk = jnp.zeros_like(saved.outputs_btdh)
    if outputs_btdh is not None:
        pull_btk = jnp.where(valid_bt11, outputs_btdh, 0).reshape(pull_btk.shape)
    sizes = sizes_of(reverse, layer)
    pulls = (jnp.where(has_steps_b11, pull, 0) for pull in (dh_dbh, dc_dbh))
    call = _mapped(rnn_backward, sizes)
    x_btf, h_dbh, c_dbh, weights = call(
        *_given(layer), saved.outputs_btdh, saved.gates, pull_btk, *pulls
    )
    kernels, recurrents, biases, _ = rnn.unpack_lstm_weights(weights, *sizes[:3], len(reverse) == 2)
    directions = range(len(reverse))
    return LayerInputs(
        x_btf=x_btf if needs_x else None,  # type: ignore[arg-type]
        kernel_dfg=jnp.stack([kernels[d].T for d in directions]),
        recurrent_dhg=jnp.stack([recurrents[d].T for d in directions]),
        bias_dg=jnp.stack([biases[d] for d in directions]),
        h_dbh=jnp.where(has_steps_b11, h_dbh, dh_dbh),
        c_dbh=jnp.where(has_steps_b11, c_dbh, dc_dbh),
        lengths_b=None,
        mask_dbh=None,
    )


PASSES = Passes(_forward, _backward)


def rnn_forward(sizes: Sizes, *given: Array) -> tuple[Array, ...]:
    """Outputs, last h, last c, and what the backward pass needs."""
    x_btf, h_dbh, c_dbh, weights, lengths_b = given
    answer, residuals = rnn.lstm_fwd(x_btf, h_dbh, c_dbh, weights, lengths_b, *sizes)
    return *answer, residuals[-1]


def rnn_backward(sizes: Sizes, *given: Array) -> tuple[Array, ...]:
    """The gradient of x, first h, first c and the weights."""
    return rnn.lstm_bwd(*sizes, given[:7], given[7:])[:4]


@functools.cache
def _mapped(
    function: Callable[..., tuple[Array, ...]], sizes: Sizes
) -> Callable[..., tuple[Array, ...]]:
    """A pass that vmap calls for one member after the other."""

    @jax.custom_batching.custom_vmap
    def run(*given: Array) -> tuple[Array, ...]:
        return function(sizes, *given)

    @run.def_vmap
    def _(n: int, is_batched: Sequence[bool], *given: Array) -> tuple:
        batched = [a for a, is_one in zip(given, is_batched, strict=True) if is_one]

        def one(own: list[Array]) -> tuple[Array, ...]:
            left = iter(own)
            return run(
                *(next(left) if is_one else a for a, is_one in zip(given, is_batched, strict=True))
            )

        made = lax.map(one, batched)
        return made, tuple(True for _ in made)

    return run


def sizes_of(reverse: tuple[bool, ...], layer: LayerInputs) -> Sizes:
    """The static arguments for a layer, in the precision that is set."""
    # Its own reading of a precision refuses what is no float32 or TensorFloat-32.
    asked = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    is_exact = asked in ("highest", "float32", "F32_F32_F32")
    precision = lax.Precision.HIGHEST if is_exact else lax.Precision.HIGH
    n_inputs, size = layer.x_btf.shape[-1], layer.h_dbh.shape[-1]
    return Sizes(n_inputs, size, 1, 0.0, len(reverse) == 2, precision)


def _given(layer: LayerInputs) -> tuple[Array, ...]:
    """x, first h and c, weights, and lengths of at least 1."""
    kernels = []
    biases = []
    for kernel_fg, recurrent_hg, bias_g in zip(
        layer.kernel_dfg, layer.recurrent_dhg, layer.bias_dg, strict=True
    ):
        kernels += [kernel_fg.T.ravel(), recurrent_hg.T.ravel()]
        biases += [bias_g, jnp.zeros_like(bias_g)]  # cuDNN adds a second one
    weights = jnp.concatenate([*kernels, *biases])
    lengths_b = jnp.maximum(_lengths(layer), 1)
    return layer.x_btf, layer.h_dbh, layer.c_dbh, weights, lengths_b


def _lengths(layer: LayerInputs) -> Array:
    n_rows, n_steps, _ = layer.x_btf.shape
    lengths_b = jnp.full((n_rows,), n_steps) if layer.lengths_b is None else layer.lengths_b
    return jnp.clip(lengths_b, 0, n_steps).astype(jnp.int32)


def _masks(layer: LayerInputs) -> tuple[Array, Array]:
    """Whether a row has a step at all [1, b, 1], and which it has [b, t, 1, 1]."""
    lengths_b = _lengths(layer)
    valid_bt = jnp.arange(layer.x_btf.shape[1])[None] < lengths_b[:, None]
    return (lengths_b > 0)[None, :, None], valid_bt[..., None, None]

"""An LSTM layer by the compiled kernel (lstm.cc), for float32 on a CPU.

Shapes: t time, b batch, f inputs, h hidden, d directions, g = 4h gates, p = h rounded up to
PADDING.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array
from nets.kernels.lstm_passes import Cotangents, Passes, Saved, layer_by
from nets.recurrence_scan import Answer, LayerInputs

PADDING = 16  # kPadding of layer.h


def native_layer(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """What `scanned_layer` gives, computed by the kernel, for a float32 or bfloat16 x.

    All is computed in float32, bfloat16's products too.
    """
    wide = jax.tree.map(lambda part: part.astype(jnp.float32), layer._replace(lengths_b=None))
    return layer_by(PASSES, reverse, wide._replace(lengths_b=layer.lengths_b))


def _call_forward(
    reverse: tuple[bool, ...], layer: LayerInputs, keep: bool
) -> tuple[Answer, Saved]:
    n_rows, n_steps, _ = layer.x_btf.shape
    n_directions, size, _ = layer.recurrent_dhg.shape
    padded = -(-size // PADDING) * PADDING
    kept = (n_directions, n_steps, n_rows) if keep else (0,)  # no number at all: not kept
    carry = (n_directions, n_rows, size)
    shapes = (
        (n_rows, n_steps, n_directions, size),
        carry,
        carry,
        (*kept, 4 * padded),
        (*kept, padded),
    )
    given = (*_arguments(layer), *_weights(layer))
    outputs_btdh, h_dbh, c_dbh, *rest = _call("denseq_lstm_forward", shapes, given, reverse)
    return (outputs_btdh, h_dbh, c_dbh), Saved(outputs_btdh, *rest)


def _call_backward(
    reverse: tuple[bool, ...],
    needs_x: bool,
    layer: LayerInputs,
    saved: Saved,
    cotangents: Cotangents,
) -> LayerInputs:
    n_rows, n_steps, n_inputs = layer.x_btf.shape
    n_directions = len(reverse)
    carry = layer.h_dbh.shape
    weights = _weights(layer)
    shapes = (
        (n_directions, n_rows, n_steps, n_inputs) if needs_x else (0,),
        carry,
        carry,
        (0,) if layer.mask_dbh is None else carry,
        *(part.shape for part in weights),
    )
    outputs_btdh = jnp.zeros((0,), jnp.float32) if cotangents[0] is None else cotangents[0]
    given = (*_arguments(layer), *saved, outputs_btdh, *cotangents[1:], *weights)
    x_dbtf, h_dbh, c_dbh, mask_dbh, *parts = _call("denseq_lstm_backward", shapes, given, reverse)
    return LayerInputs(
        x_btf=x_dbtf.sum(0) if needs_x else None,  # type: ignore[arg-type]
        kernel_dfg=jnp.stack(parts[0::3]),
        recurrent_dhg=jnp.stack(parts[1::3]),
        bias_dg=jnp.stack(parts[2::3]),
        h_dbh=h_dbh,
        c_dbh=c_dbh,
        lengths_b=None,
        mask_dbh=None if layer.mask_dbh is None else mask_dbh,
    )


PASSES = Passes(_call_forward, _call_backward)


def _weights(layer: LayerInputs) -> list[Array]:
    """Kernel, recurrent kernel and bias of each direction.

    XLA sees through the stack that they stood in: no copy.
    """
    stacks = (layer.kernel_dfg, layer.recurrent_dhg, layer.bias_dg)
    return [stack[d] for d in range(len(layer.bias_dg)) for stack in stacks]


def _arguments(layer: LayerInputs) -> tuple[Array, ...]:
    n_rows, n_steps, _ = layer.x_btf.shape
    lengths_b = (
        jnp.full((n_rows,), n_steps, jnp.int32) if layer.lengths_b is None else layer.lengths_b
    )
    mask_dbh = jnp.zeros((0,), jnp.float32) if layer.mask_dbh is None else layer.mask_dbh
    return layer.x_btf, layer.h_dbh, layer.c_dbh, lengths_b.astype(jnp.int32), mask_dbh


def _call(
    name: str, shapes: tuple, arguments: tuple, reverse: tuple[bool, ...]
) -> tuple[Array, ...]:
    results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    bits = np.int64(sum(1 << d for d, backwards in enumerate(reverse) if backwards))
    # Under vmap an array that all members share gets an axis of 1, and is read by all of them where
    # it stands.
    return tuple(
        jax.ffi.ffi_call(name, results, vmap_method="expand_dims")(*arguments, reverse=bits)
    )

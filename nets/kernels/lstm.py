"""An LSTM layer by the compiled kernel (lstm.cc), for float32 on a CPU.

Shapes: t time, b batch, f inputs, h hidden, d directions, g = 4h gates, p = h rounded up to
PADDING.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from nets.base import Array, Tree
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer

PADDING = 16  # kPadding of layer.h
# Gradients of an Answer; None where nothing hangs on single steps.
Cotangents = tuple[Array | None, Array, Array]


class Saved(NamedTuple):
    """What a backward pass reads beside the layer, step by step: h, the activated gates, and c."""

    outputs_btdh: Array
    gates_dtbg: Array
    cells_dtbp: Array


def native_layer(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """What `scanned_layer` gives, computed by the kernel, for a float32 or bfloat16 x.

    All is computed in float32, bfloat16's products too.
    """
    wide = jax.tree.map(lambda part: part.astype(jnp.float32), layer._replace(lengths_b=None))
    return _layer(reverse, wide._replace(lengths_b=layer.lengths_b))


def _run(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """The answer, nothing kept for a derivative."""
    return _call_forward(reverse, layer, keep=False)[0]


def _forward(reverse: tuple[bool, ...], layer: Tree) -> tuple[Answer, tuple]:
    needs_x = layer.x_btf.perturbed
    layer = jax.tree.map(lambda part: part.value, layer)
    answer, saved = _kept(reverse, layer)
    # A bool would come back as a traced array.
    return answer, (layer, saved, () if needs_x else None)


def _backward(
    reverse: tuple[bool, ...], residuals: tuple, cotangents: Answer
) -> tuple[LayerInputs]:
    layer, saved, needs_x = residuals
    outputs_btdh, *carry = (None if isinstance(one, SymbolicZero) else one for one in cotangents)
    carry = (jnp.zeros_like(layer.h_dbh) if one is None else one for one in carry)
    return (_gradient(reverse, needs_x is not None, layer, saved, (outputs_btdh, *carry)),)


_layer = jax.custom_vjp(_run, nondiff_argnums=(0,))
_layer.defvjp(_forward, _backward, symbolic_zeros=True)


# Both passes are differentiable functions of their own, so that derivatives of higher order find
# their way.


def _run_kept(reverse: tuple[bool, ...], layer: LayerInputs) -> tuple[Answer, Saved]:
    """The answer, and what its gradient needs."""
    return _call_forward(reverse, layer, keep=True)


def _forward_kept(
    reverse: tuple[bool, ...], layer: LayerInputs
) -> tuple[tuple[Answer, Saved], tuple]:
    answer, saved = _kept(reverse, layer)
    return (answer, saved), (layer, saved)


def _backward_kept(
    reverse: tuple[bool, ...], residuals: tuple, cotangents: tuple[Answer, Saved]
) -> tuple[LayerInputs]:
    # `_gradient` differentiates by the layer and the cotangents alone, not by what was saved.
    return (_gradient(reverse, True, *residuals, cotangents[0]),)


_kept = jax.custom_vjp(_run_kept, nondiff_argnums=(0,))
_kept.defvjp(_forward_kept, _backward_kept)


def _run_gradient(
    reverse: tuple[bool, ...],
    needs_x: bool,
    layer: LayerInputs,
    saved: Saved,
    cotangents: Cotangents,
) -> LayerInputs:
    """The gradient of all in `layer`, None for x unless it is asked for."""
    return _call_backward(reverse, needs_x, layer, saved, cotangents)


def _forward_gradient(
    reverse: tuple[bool, ...], needs_x: bool, *given: Tree
) -> tuple[LayerInputs, tuple]:
    layer, _, cotangents = given
    return _gradient(reverse, needs_x, *given), (layer, cotangents)


def _backward_gradient(
    reverse: tuple[bool, ...], needs_x: bool, residuals: tuple, cotangents: LayerInputs
) -> tuple:
    """The second derivative, and by it all beyond, is that of the scans."""
    layer, first_cotangents = residuals

    def gradient(numbers: LayerInputs, first_cotangents: Cotangents) -> LayerInputs:
        def run(numbers: LayerInputs) -> Answer:
            return scanned_layer(reverse, numbers._replace(lengths_b=layer.lengths_b))

        answer, pullback = jax.vjp(run, numbers)
        outputs_btdh = (
            jnp.zeros_like(answer[0]) if first_cotangents[0] is None else first_cotangents[0]
        )
        made = pullback((outputs_btdh, *first_cotangents[1:]))[0]
        return made if needs_x else made._replace(x_btf=None)

    _, pullback = jax.vjp(gradient, layer._replace(lengths_b=None), first_cotangents)
    dlayer, dcotangents = pullback(cotangents)
    return dlayer, None, dcotangents


_gradient = jax.custom_vjp(_run_gradient, nondiff_argnums=(0, 1))
_gradient.defvjp(_forward_gradient, _backward_gradient)


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

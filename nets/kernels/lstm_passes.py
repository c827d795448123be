"""An LSTM layer as a differentiable function of two passes that a kernel computes.

Shapes: t time, b batch, f inputs, h hidden, d directions, g = 4h gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from nets.base import Array, Tree
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer

# Gradients of an Answer; None where nothing hangs on single steps.
Cotangents = tuple[Array | None, Array, Array]


class Saved(NamedTuple):
    """What a backward pass reads beside the layer, step by step: h, the activated gates, and c.

    A kernel's gates and cells have shapes of its own.
    """

    outputs_btdh: Array
    gates: Array
    cells: Array


class Passes(NamedTuple):
    """The passes of a kernel. Two are equal if their functions are."""

    forward: Callable[[tuple[bool, ...], LayerInputs, bool], tuple[Answer, Saved]]
    """(reverse, layer, whether a derivative will be taken) -> the answer, and what that needs."""
    backward: Callable[[tuple[bool, ...], bool, LayerInputs, Saved, Cotangents], LayerInputs]
    """(reverse, whether x's is asked for, ...) -> the gradient of all in the layer but lengths."""


def layer_by(passes: Passes, reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """What `scanned_layer` gives, computed by a kernel: derivatives too, of any order."""
    return _layer(passes, reverse, layer)


def _run(passes: Passes, reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """The answer, nothing kept for a derivative."""
    return passes.forward(reverse, layer, False)[0]


def _forward(passes: Passes, reverse: tuple[bool, ...], layer: Tree) -> tuple[Answer, tuple]:
    needs_x = layer.x_btf.perturbed
    layer = jax.tree.map(lambda part: part.value, layer)
    answer, saved = _kept(passes, reverse, layer)
    # A bool would come back as a traced array.
    return answer, (layer, saved, () if needs_x else None)


def _backward(
    passes: Passes, reverse: tuple[bool, ...], residuals: tuple, cotangents: Answer
) -> tuple[LayerInputs]:
    layer, saved, needs_x = residuals
    outputs_btdh, *carry = (None if isinstance(one, SymbolicZero) else one for one in cotangents)
    carry = (jnp.zeros_like(layer.h_dbh) if one is None else one for one in carry)
    return (_gradient(passes, reverse, needs_x is not None, layer, saved, (outputs_btdh, *carry)),)


_layer = jax.custom_vjp(_run, nondiff_argnums=(0, 1))
_layer.defvjp(_forward, _backward, symbolic_zeros=True)


# Both passes are differentiable functions of their own, so that derivatives of higher order find
# their way.


def _run_kept(
    passes: Passes, reverse: tuple[bool, ...], layer: LayerInputs
) -> tuple[Answer, Saved]:
    """The answer, and what its gradient needs."""
    return passes.forward(reverse, layer, True)


def _forward_kept(
    passes: Passes, reverse: tuple[bool, ...], layer: LayerInputs
) -> tuple[tuple[Answer, Saved], tuple]:
    answer, saved = _kept(passes, reverse, layer)
    return (answer, saved), (layer, saved)


def _backward_kept(
    passes: Passes, reverse: tuple[bool, ...], residuals: tuple, cotangents: tuple[Answer, Saved]
) -> tuple[LayerInputs]:
    # `_gradient` differentiates by the layer and the cotangents alone, not by what was saved.
    return (_gradient(passes, reverse, True, *residuals, cotangents[0]),)


_kept = jax.custom_vjp(_run_kept, nondiff_argnums=(0, 1))
_kept.defvjp(_forward_kept, _backward_kept)


def _run_gradient(
    passes: Passes,
    reverse: tuple[bool, ...],
    needs_x: bool,
    layer: LayerInputs,
    saved: Saved,
    cotangents: Cotangents,
) -> LayerInputs:
    """The gradient of all in `layer`, None for x unless it is asked for."""
    return passes.backward(reverse, needs_x, layer, saved, cotangents)


def _forward_gradient(
    passes: Passes, reverse: tuple[bool, ...], needs_x: bool, *given: Tree
) -> tuple[LayerInputs, tuple]:
    layer, _, cotangents = given
    return _gradient(passes, reverse, needs_x, *given), (layer, cotangents)


def _backward_gradient(
    passes: Passes,
    reverse: tuple[bool, ...],
    needs_x: bool,
    residuals: tuple,
    cotangents: LayerInputs,
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


_gradient = jax.custom_vjp(_run_gradient, nondiff_argnums=(0, 1, 2))
_gradient.defvjp(_forward_gradient, _backward_gradient)

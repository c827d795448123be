"""The LSTM recurrence behind one door: `lstm`.

Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000.

Shapes: t time, b batch, f inputs, h hidden, d directions, g = 4h gates in the order input, forget,
cell, output (that of torch and Keras).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array
from nets.kernels import library
from nets.kernels.lstm import native_layer
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer


class Carry(NamedTuple):
    """The state between two time steps.

    The first axis is the direction, forward before backward.
    """

    h_dbh: Array
    c_dbh: Array


# So that a call outside of any jit compiles its scans once.
@partial(jax.jit, static_argnames=("reverse", "forward_mode"))
def lstm(
    x_btf: Array,
    kernel_dfg: Array,
    recurrent_dhg: Array,
    bias_dg: Array,
    carry: tuple[Array, Array] | None = None,
    lengths_b: Array | None = None,
    recurrent_mask_dbh: Array | None = None,
    *,
    reverse: tuple[bool, ...],
    forward_mode: bool = False,
) -> tuple[Array, Carry]:
    """One layer: (outputs_btdh, final carry).

        i, f, o = sigmoid(z), n = tanh(z) with z = x W + (h * recurrent_mask) R + b
        c = f c + i n;  h = o tanh(c)

    `reverse` says of each direction, one or two, which way it reads. Row b has lengths_b[b] steps,
    0 included (None: all of them). Outputs beyond are zero; the carry passes them unchanged, so
    that a reversed direction begins at its row's own end. What x holds there, if finite, reaches
    neither an output nor a gradient. `carry` is zero where None; `recurrent_mask_dbh` is dropout's,
    one a sequence.

    Products are taken in x's type and summed in float32 (float64 if x is); the carry has that type,
    outputs have x's. Reverse-mode derivatives of any order; with `forward_mode` forward-mode ones
    too (jvp, jacfwd, hessian), by scans whose gradient takes more memory, else TypeError. TypeError
    too for inputs that are not floating; ValueError names an array whose shape does not fit.

    Where x is no float64 a compiled kernel computes it, on a CPU (nets/kernels/lstm.py) if there is
    one, on a GPU (nets/kernels/gpu), or cuDNN, if it is asked for and fits; else scans
    (nets/recurrence_scan.py). `nets.kernels.library.core()` and `nets.kernels.gpu.choice.core_of()`
    say which.
    """
    if not jnp.issubdtype(x_btf.dtype, jnp.floating):
        raise TypeError(f"an LSTM's inputs must be floating-point numbers, not {x_btf.dtype}")
    n_rows, n_steps, _ = x_btf.shape
    n_directions = len(reverse)
    size = recurrent_dhg.shape[-2]
    if carry is None:
        wide = jnp.promote_types(x_btf.dtype, jnp.float32)
        zeros_dbh = jnp.zeros((n_directions, n_rows, size), wide)
        carry = Carry(zeros_dbh, zeros_dbh)
    layer = LayerInputs(
        x_btf, kernel_dfg, recurrent_dhg, bias_dg, *carry, lengths_b, recurrent_mask_dbh
    )
    _check_shapes(layer, n_directions)
    layer = _in_final_types(layer)
    if not n_steps:
        nothing = jnp.zeros((n_rows, 0, n_directions, size), x_btf.dtype)
        return nothing, Carry(layer.h_dbh, layer.c_dbh)
    outputs_btdh, h_dbh, c_dbh = _computed(reverse, layer, forward_mode)
    return outputs_btdh.astype(x_btf.dtype), Carry(h_dbh, c_dbh)


def _in_final_types(layer: LayerInputs) -> LayerInputs:
    """Weights in the type of x; the bias, the carry and the mask in float32 at the least."""
    dtype = layer.x_btf.dtype
    wide = jnp.promote_types(dtype, jnp.float32)
    return layer._replace(
        kernel_dfg=layer.kernel_dfg.astype(dtype),
        recurrent_dhg=layer.recurrent_dhg.astype(dtype),
        bias_dg=layer.bias_dg.astype(wide),
        h_dbh=layer.h_dbh.astype(wide),
        c_dbh=layer.c_dbh.astype(wide),
        mask_dbh=None if layer.mask_dbh is None else layer.mask_dbh.astype(wide),
    )


def _computed(reverse: tuple[bool, ...], layer: LayerInputs, forward_mode: bool) -> Answer:
    """The layer by a kernel where there is one that may be asked, else by scans."""
    scanned = partial(scanned_layer, reverse, forward_mode=forward_mode)
    is_float32 = layer.h_dbh.dtype == jnp.float32 and not forward_mode
    found = None
    if is_float32 and math.prod(layer.x_btf.shape) * layer.h_dbh.shape[-1]:
        found = _kernel(reverse, layer)
    if found is None:
        return scanned(layer)
    platform, kernel = found
    # A program that is made here for another device, as jax.export can, still gets the scans.
    ways = {platform: partial(kernel, reverse), "default": scanned}
    return lax.platform_dependent(layer, **ways)


def _kernel(
    reverse: tuple[bool, ...], layer: LayerInputs
) -> tuple[str, Callable[..., Answer]] | None:
    """The core, not scans, that the program traced here calls, behind its platform's name."""
    if library.is_native():
        return "cpu", native_layer
    if jax.default_backend() != "gpu" or not library.may_call():
        return None
    from nets.kernels.gpu import choice

    kind = choice.Kind(layer.h_dbh.shape[-1], layer.mask_dbh is not None, reverse)
    core = choice.chosen(kind).core
    if core == "kernel":
        from nets.kernels.gpu.lstm import gpu_layer

        return "cuda", gpu_layer
    if core == "cudnn":
        from nets.kernels.gpu.cudnn import cudnn_layer

        return "cuda", cudnn_layer
    return None


def _check_shapes(layer: LayerInputs, n_directions: int) -> None:
    """ValueError names an array whose shape does not fit the others."""
    n_rows, _, n_inputs = layer.x_btf.shape
    size = layer.recurrent_dhg.shape[-2]
    state = (n_directions, n_rows, size)
    for name, array, shape in (
        ("kernel_dfg", layer.kernel_dfg, (n_directions, n_inputs, 4 * size)),
        ("recurrent_dhg", layer.recurrent_dhg, (n_directions, size, 4 * size)),
        ("bias_dg", layer.bias_dg, (n_directions, 4 * size)),
        ("the carry's h_dbh", layer.h_dbh, state),
        ("the carry's c_dbh", layer.c_dbh, state),
        ("lengths_b", layer.lengths_b, (n_rows,)),
        ("recurrent_mask_dbh", layer.mask_dbh, state),
    ):
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{name} has the shape {array.shape}, expected {shape} "
                f"beside x_btf's {layer.x_btf.shape}"
            )

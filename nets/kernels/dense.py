"""A stack of dense layers by the compiled kernel (dense.cc), for float32 on a CPU.

Shapes: b batch, f inputs, h outputs of a layer, l layers.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from nets.base import Array, Tree
from nets.layers import DenseLayers, Form, dense_layers, widths_of

# In the order of `Activation` in functions.h.
ACTIVATIONS = (
    "relu",
    "linear",
    "leaky_relu",
    "elu",
    "selu",
    "silu",
    "mish",
    "gelu",
    "softplus",
    "sigmoid",
    "tanh",
)


class Saved(NamedTuple):
    """What a backward pass reads beside the layers, of each: outputs h, dh/dz, and dh/dslope.

    Arrays without a number where the kernel needs none.
    """

    h_bh: tuple[Array, ...]
    factor_bh: tuple[Array, ...]
    beyond_bh: tuple[Array, ...]


def native_layers(form: Form, given: DenseLayers) -> Array:
    """What `dense_layers` gives, computed by the kernel; for layers that it `suits`."""
    return _layers(form, given)


def _run(form: Form, given: DenseLayers) -> Array:
    return _call_forward(form, given).h_bh[-1]


def _forward(form: Form, given: Tree) -> tuple[Array, tuple]:
    needs_x = given.x_bf.perturbed
    given = jax.tree.map(lambda part: part.value, given)
    h_bh, saved = _kept(form, given)
    # A bool would come back as a traced array.
    return h_bh, (given, saved, () if needs_x else None)


def _backward(form: Form, residuals: tuple, cotangent_bh: Array) -> tuple[DenseLayers]:
    given, saved, needs_x = residuals
    if isinstance(cotangent_bh, SymbolicZero):  # nothing hangs on the outputs
        cotangent_bh = jnp.zeros(saved.h_bh[-1].shape, jnp.float32)
    return (_gradient(form, needs_x is not None, given, saved, cotangent_bh),)


_layers = jax.custom_vjp(_run, nondiff_argnums=(0,))
_layers.defvjp(_forward, _backward, symbolic_zeros=True)


# Both passes are differentiable functions of their own, so that derivatives of higher order find
# their way.


def _run_kept(form: Form, given: DenseLayers) -> tuple[Array, Saved]:
    """The outputs, and what their gradient needs."""
    saved = _call_forward(form, given)
    return saved.h_bh[-1], saved


def _forward_kept(form: Form, given: DenseLayers) -> tuple[tuple[Array, Saved], tuple]:
    h_bh, saved = _kept(form, given)
    return (h_bh, saved), (given, saved)


def _backward_kept(
    form: Form, residuals: tuple, cotangents: tuple[Array, Saved]
) -> tuple[DenseLayers]:
    # `_gradient` differentiates by the layers and the cotangents alone, not by what was saved.
    return (_gradient(form, True, *residuals, cotangents[0]),)


_kept = jax.custom_vjp(_run_kept, nondiff_argnums=(0,))
_kept.defvjp(_forward_kept, _backward_kept)


def _run_gradient(
    form: Form, needs_x: bool, given: DenseLayers, saved: Saved, cotangent_bh: Array
) -> DenseLayers:
    """The gradient of all arrays but the words and the rate, None for x unless it is asked for."""
    return _call_backward(form, needs_x, given, saved, cotangent_bh)


def _forward_gradient(
    form: Form, needs_x: bool, given: DenseLayers, saved: Saved, cotangent_bh: Array
) -> tuple[DenseLayers, tuple]:
    return _gradient(form, needs_x, given, saved, cotangent_bh), (given, cotangent_bh)


def _backward_gradient(
    form: Form, needs_x: bool, residuals: tuple, cotangents: DenseLayers
) -> tuple:
    """The second derivative, and by it all beyond, is that of plain operations."""
    given, first_cotangent_bh = residuals
    fixed = {"words": None, "rate": None}

    def gradient(numbers: DenseLayers, cotangent_bh: Array) -> DenseLayers:
        def run(numbers: DenseLayers) -> Array:
            return dense_layers(form, numbers._replace(words=given.words, rate=given.rate))

        made = jax.vjp(run, numbers)[1](cotangent_bh)[0]
        return made if needs_x else made._replace(x_bf=None)  # type: ignore[arg-type]

    _, pullback = jax.vjp(gradient, given._replace(**fixed), first_cotangent_bh)
    dgiven, dcotangent = pullback(cotangents._replace(**fixed))
    return dgiven, None, dcotangent


_gradient = jax.custom_vjp(_run_gradient, nondiff_argnums=(0, 1))
_gradient.defvjp(_forward_gradient, _backward_gradient)


def _call_forward(form: Form, given: DenseLayers) -> Saved:
    n_rows = given.x_bf.shape[0]
    has_slope = given.slopes_h is not None
    shapes = []
    for width in widths_of(given)[1:]:
        shape = (n_rows, width)
        of_factor = shape if has_slope or form.activation != "relu" else (0,)
        shapes += [shape, of_factor, shape if has_slope else (0,)]
    made = _call(
        "denseq_dense_forward", shapes, (*_arguments(given), *_weights(given)), form, given
    )
    return Saved(made[0::3], made[1::3], made[2::3])


def _call_backward(
    form: Form, needs_x: bool, given: DenseLayers, saved: Saved, cotangent_bh: Array
) -> DenseLayers:
    weights = _weights(given)
    shapes = [given.x_bf.shape if needs_x else (0,), *(part.shape for part in weights)]
    kept = [part for layer in zip(*saved, strict=True) for part in layer]
    arguments = (*_arguments(given), cotangent_bh, *weights, *kept)
    x_bf, *parts = _call("denseq_dense_backward", shapes, arguments, form, given)
    return DenseLayers(
        x_bf=x_bf if needs_x else None,  # type: ignore[arg-type]
        kernels_fh=tuple(parts[0::3]),
        biases_h=tuple(parts[1::3]),
        slopes_h=None if given.slopes_h is None else tuple(parts[2::3]),
    )


def _weights(given: DenseLayers) -> list[Array]:
    """Kernel, bias and slope of each layer."""
    nothing = jnp.zeros((0,), jnp.float32)
    weights = []
    for i, kernel_fh in enumerate(given.kernels_fh):
        slope_h = nothing if given.slopes_h is None else given.slopes_h[i]
        weights += [kernel_fh, given.biases_h[i], slope_h]
    return weights


def _arguments(given: DenseLayers) -> tuple[Array, Array, Array]:
    """The inputs, and of each layer what dropout draws by: its words; threshold and scale."""
    if given.words is None or given.rate is None:
        return given.x_bf, jnp.zeros((0,), jnp.uint32), jnp.zeros((0,), jnp.float32)
    words_l3 = jnp.stack([jnp.stack(words) for words in given.words])
    rates_2 = jnp.stack([given.rate * (1 << 24), 1 / (1 - given.rate)])
    return given.x_bf, words_l3, jnp.broadcast_to(rates_2[None], (len(words_l3), 2))


def _call(
    name: str, shapes: list[tuple[int, ...]], arguments: tuple, form: Form, given: DenseLayers
) -> tuple[Array, ...]:
    results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    options = {
        "activation": ACTIVATIONS.index(form.activation),
        "n_layers": len(given.kernels_fh),
        "has_slope": given.slopes_h is not None,
        "has_dropout": given.words is not None,
        "is_ntk": form.parametrization == "ntk",
    }
    whole = {key: np.int64(value) for key, value in options.items()}
    # Under vmap an array that all members share gets an axis of 1, and is read by all of them where
    # it stands.
    return tuple(jax.ffi.ffi_call(name, results, vmap_method="expand_dims")(*arguments, **whole))

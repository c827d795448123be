"""Features of numbers by the compiled kernel (embeddings.cc), for float32 on a CPU.

Shapes: b batch, f number columns, k features of a number.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from nets.base import Array, Tree
from nets.embeddings import DENSE_FEATURES, Bins, Waves, embed_numbers


def suits(given: Bins | Waves) -> bool:
    """Whether the kernel has the types and shapes of these numbers."""
    is_whole = all(part.dtype == jnp.float32 and 0 not in part.shape for part in given)
    return is_whole and given.x_bf.ndim == 2


def _run(given: Bins | Waves) -> Array:
    """What `embed_numbers` gives, computed by the kernel; for numbers that it `suits`."""
    n_rows, n_columns = given.x_bf.shape
    size = given.bias_fk.shape[1] if isinstance(given, Bins) else DENSE_FEATURES + 1
    asked = jax.ShapeDtypeStruct((n_rows, n_columns, size), jnp.float32)
    name = "denseq_bins_forward" if isinstance(given, Bins) else "denseq_waves_forward"
    # Under vmap an array that all members share gets an axis of 1, and is read by all of them
    # where it stands.
    return jax.ffi.ffi_call(name, asked, vmap_method="expand_dims")(*given)


def _forward(given: Tree) -> tuple[Array, tuple]:
    # The kernel has no gradient of what is no parameter: rows and edges.
    fixed: Tree = given[: _n_fixed(given)]
    needs_rows = any(part.perturbed for part in fixed)
    given = jax.tree.map(lambda part: part.value, given)
    # A bool would come back as a traced array.
    return native_embedding(given), (given, () if needs_rows else None)


def _backward(residuals: tuple, cotangent_bfk: Array) -> tuple[Bins | Waves]:
    given, needs_rows = residuals
    if isinstance(cotangent_bfk, SymbolicZero):  # nothing hangs on the features
        shape = jax.eval_shape(embed_numbers, given).shape
        cotangent_bfk = jnp.zeros(shape, jnp.float32)
    if needs_rows is not None:
        return (jax.vjp(embed_numbers, given)[1](cotangent_bfk)[0],)
    return (_gradient(given, cotangent_bfk),)


native_embedding = jax.custom_vjp(_run)
native_embedding.defvjp(_forward, _backward, symbolic_zeros=True)


def _run_gradient(given: Bins | Waves, cotangent_bfk: Array) -> Bins | Waves:
    """The gradient of all parameters, None for the rest."""
    if isinstance(given, Bins):
        name = "denseq_bins_backward"
        arguments = (given.x_bf, given.edges_fe, cotangent_bfk)
    else:
        name = "denseq_waves_backward"
        arguments = (*given[:-1], cotangent_bfk)
    asked = [jax.ShapeDtypeStruct(part.shape, jnp.float32) for part in _parameters(given)]
    made = jax.ffi.ffi_call(name, asked, vmap_method="expand_dims")(*arguments)
    return _with_parameters(given, made)


def _n_fixed(given: Bins | Waves) -> int:
    """How many arrays are no parameters: rows and edges."""
    return 2 if isinstance(given, Bins) else 1


def _parameters(given: Bins | Waves) -> tuple[Array, ...]:
    return tuple(given[_n_fixed(given) :])


def _with_parameters(given: Bins | Waves, parameters: Tree) -> Bins | Waves:
    """These parameters, and None for the rest."""
    n_fixed = len(given) - len(parameters)
    return type(given)(*[None] * n_fixed, *parameters)  # type: ignore[arg-type]


def _forward_gradient(
    given: Bins | Waves, cotangent_bfk: Array
) -> tuple[Bins | Waves, tuple[Bins | Waves, Array]]:
    return _gradient(given, cotangent_bfk), (given, cotangent_bfk)


def _backward_gradient(residuals: tuple, cotangents: Bins | Waves) -> tuple:
    """The second derivative, and by it all beyond, is that of plain operations."""

    def gradient(given: Bins | Waves, cotangent_bfk: Array) -> Bins | Waves:
        made = jax.vjp(embed_numbers, given)[1](cotangent_bfk)[0]
        return _with_parameters(given, _parameters(made))

    return jax.vjp(gradient, *residuals)[1](cotangents)


_gradient = jax.custom_vjp(_run_gradient)
_gradient.defvjp(_forward_gradient, _backward_gradient)

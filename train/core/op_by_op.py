"""A function compiled as a whole that gives the bits of its operations called one after the other.

Called so, each of dozens of operations is a program of its own, which takes longer to look up than
to run. Compiled together XLA rewrites across them: x * a * b becomes x * (a * b).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Jaxpr, Literal, Var

from nets.base import Array, Tree

T = TypeVar("T")


def op_by_op(function: Callable[..., T], *arguments: Tree) -> T:
    """What a function gives for these arguments, trees of arrays."""

    def apart(*given: Tree) -> T:
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*given)
        leaves = _evaluated(traced.jaxpr, [*traced.consts, *jax.tree.leaves(given)])
        made: T = jax.tree.unflatten(jax.tree.structure(shapes), leaves)
        return made

    return jax.jit(apart)(*arguments)


def _evaluated(program: Jaxpr, given: list[Array]) -> list[Array]:
    """The outputs of a program, each of its operations set apart so that XLA cannot join them."""
    known: dict[Var, Array] = dict(zip((*program.constvars, *program.invars), given, strict=True))

    def value(atom: Var | Literal) -> Array:
        return atom.val if isinstance(atom, Literal) else known[atom]

    for operation in program.eqns:
        named = operation.primitive.get_bind_params(operation.params)
        made = operation.primitive.bind(*map(value, operation.invars), **named)
        several = list(made) if operation.primitive.multiple_results else [made]
        if not any(jnp.issubdtype(array.dtype, jax.dtypes.prng_key) for array in several):
            several = lax.optimization_barrier(several)
        known.update(zip(operation.outvars, several, strict=True))
    return [value(atom) for atom in program.outvars]

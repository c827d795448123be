"""A step of Adam by the compiled kernel (adam.cc), for nets side by side.

XLA updates each array in three operations, and each operation passes over all nets: from one to
the next a net's numbers have left the core's cache, or are in another core's.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from nets.base import Array, Tree
from nets.kernels import library
from nets.kernels.dense_choice import are_side_by_side

Rate = float | Array


class AdamScalars(NamedTuple):
    """The hyperparameters of a step."""

    beta1: Rate
    beta2: Rate
    epsilon: Rate
    scale: Rate
    """Minus the learning rate, times the bias correction: what the direction is multiplied by."""


class AdamState(NamedTuple):
    """What a step changes: trees of the same structure, with optax' names."""

    params: Tree
    mu: Tree
    """Running means of the gradients."""
    nu: Tree
    """Running means of their squares."""


def suits(gradients: Tree) -> bool:
    """Whether the kernel takes steps down these gradients: it was made, and they are float32."""
    leaves = jax.tree.leaves(gradients)
    if not leaves or not are_side_by_side() or not library.is_at_hand():
        return False
    return all(leaf.dtype == jnp.float32 for leaf in leaves)


def native_adam(scalars: AdamScalars, gradients: Tree, before: AdamState) -> AdamState:
    """Parameters and running means after a step."""
    beta1, beta2, epsilon, scale = scalars
    numbers = (beta1, 1 - beta1, beta2, 1 - beta2, epsilon, scale)
    scalars_6 = jnp.stack([jnp.asarray(number, jnp.float32) for number in numbers])
    leaves, structure = jax.tree.flatten(gradients)
    trees = [jax.tree.leaves(tree) for tree in before]
    operands = [array for arrays in zip(leaves, *trees, strict=True) for array in arrays]
    results = [jax.ShapeDtypeStruct(leaf.shape, jnp.float32) for leaf in leaves for _ in before]
    # Each result takes the place of its operand: a loop around this call then copies none.
    updated = [1 + 4 * i + j for i in range(len(leaves)) for j in (1, 2, 3)]
    call = jax.ffi.ffi_call(
        "denseq_adam",
        results,
        vmap_method="broadcast_all",
        input_output_aliases={operand: i for i, operand in enumerate(updated)},
    )
    after = call(scalars_6, *operands)
    return AdamState(*(jax.tree.unflatten(structure, after[i::3]) for i in range(3)))

"""A step of Adam by the compiled kernel (adam.cc), for nets side by side.

XLA makes three operations of every array, each of which goes through all nets: a net's numbers
leave the core's cache, or are another core's, from one to the next.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from nets.base import Array, Tree
from nets.kernels import library
from nets.kernels.dense_choice import are_side_by_side

Rate = float | Array


class AdamStep(NamedTuple):
    """Numbers that a step goes by."""

    beta1: Rate
    beta2: Rate
    epsilon: Rate
    scale: Rate
    """Of the direction: minus the learning rate, times the correction of the means."""


class Moving(NamedTuple):
    """What a step changes, trees of one form."""

    weights: Tree
    mean: Tree
    """Of the gradients."""
    square: Tree
    """The mean of their squares."""


def suits(gradients: Tree) -> bool:
    """Whether the kernel takes steps down these gradients: it was made, and they are float32."""
    leaves = jax.tree.leaves(gradients)
    if not leaves or not are_side_by_side() or not library.is_at_hand():
        return False
    return all(leaf.dtype == jnp.float32 for leaf in leaves)


def native_adam(by: AdamStep, gradients: Tree, before: Moving) -> Moving:
    """Weights, and running means, after a step."""
    numbers = (by.beta1, 1 - by.beta1, by.beta2, 1 - by.beta2, by.epsilon, by.scale)
    rates_6 = jnp.stack([jnp.asarray(number, jnp.float32) for number in numbers])
    leaves, form = jax.tree.flatten(gradients)
    moving = [jax.tree.leaves(tree) for tree in before]
    given = [array for parameter in zip(leaves, *moving, strict=True) for array in parameter]
    asked = [jax.ShapeDtypeStruct(leaf.shape, jnp.float32) for leaf in leaves for _ in before]
    # They are written where they stand: no loop around this has to copy them.
    places = [4 * i + j for i in range(len(leaves)) for j in (2, 3, 4)]
    call = jax.ffi.ffi_call(
        "denseq_adam",
        asked,
        vmap_method="broadcast_all",
        input_output_aliases={place: i for i, place in enumerate(places)},
    )
    made = call(rates_6, *given)
    return Moving(*(jax.tree.unflatten(form, made[i::3]) for i in range(3)))

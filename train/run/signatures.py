"""The names, shapes and types of saved arrays, and whether they are those that are wanted."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Tree

Signature: TypeAlias = list[tuple[str, tuple[int, ...], np.dtype]]
NEW_FIELDS = ("faults",)  # of a state, which those of version 0.1.0 lack
T = TypeVar("T")


def without_new_fields(wanted: dict[str, Tree], saved: Tree) -> tuple[Tree | None, dict[str, Tree]]:
    """(the wanted arrays that were saved, zeros for the fields that were not).

    The first is None where the saved arrays have other names, shapes or types.
    """
    wanted = dict(wanted)
    new = {}
    for name in NEW_FIELDS:
        if name in wanted and name not in saved:
            new[name] = jax.tree.map(_zeros, wanted.pop(name))
    fits = _fits(_signature(saved), _signature(wanted))
    return (wanted if fits else None), new


def n_bytes(tree: Tree) -> int:
    """The size of arrays, or of what will be some."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def on_first_device(tree: T) -> T:
    """Shapes and types of arrays, or of what tells theirs, to be restored on the first device."""
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=device), tree
    )


def _zeros(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    return jnp.zeros(leaf.shape, leaf.dtype)


def _fits(saved: Signature, wanted: Signature) -> bool:
    """Whether what was saved has the names, shapes and types that are wanted."""
    if len(saved) != len(wanted):
        return False
    for (name, shape, dtype), (own_name, own_shape, own_dtype) in zip(saved, wanted, strict=True):
        was_counted = dtype == np.int32 and own_dtype == np.float32
        if (name, shape) != (own_name, own_shape) or not (dtype == own_dtype or was_counted):
            return False
    return True


def _signature(tree: Tree) -> Signature:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path), leaf.shape, leaf.dtype) for path, leaf in leaves]

"""L1 and L2 penalties of kernels, and which parameters are kernels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nets.dropout import is_off
from train.config.options import Optim

Array = jax.Array


def leaf_name(path: tuple[Any, ...]) -> str:
    """A parameter's own name, the last part of its path: "kernel", "bias", "slope_0"."""
    return str(path[-1].key)


def kernels(params: Any) -> Any:
    """Booleans, True for kernels: what penalties and decay act on. Biases, scales and slopes are
    left alone.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, _: leaf_name(path).endswith("kernel"), params
    )


def layer_norms(grads: Any) -> dict[str, Array]:
    """{layer: the Euclidean norm of its kernel's gradient}, in the order of the tree."""
    pairs = zip(
        jax.tree_util.tree_leaves_with_path(grads), jax.tree.leaves(kernels(grads)), strict=True
    )
    found = {
        ".".join(str(part.key) for part in path): leaf
        for (path, leaf), is_kernel in pairs
        if is_kernel
    }
    return {
        name.removesuffix(".kernel"): jnp.sqrt(jnp.square(leaf).sum())
        for name, leaf in found.items()
    }


def penalty(params: Any, l1: float | Array, l2: float | Array) -> Array:
    """l1 sum |w| + l2 sum w^2 over kernels, as keras.regularizers has them (no half, no mean)."""
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(kernels(params)), strict=True)
    chosen = [w for w, is_kernel in pairs if is_kernel]
    return sum((l1 * jnp.abs(w).sum() + l2 * jnp.square(w).sum() for w in chosen), jnp.zeros(()))


def penalties(params: Any, options: Optim) -> Array:
    """What is added to the loss; of an l1 whose step is proximal the gradient knows nothing."""
    if is_off(options.l1) and is_off(options.l2):
        return jnp.zeros(())
    if options.l1_step == "gradient":
        return penalty(params, options.l1, options.l2)
    return jax.lax.stop_gradient(penalty(params, options.l1, 0.0)) + penalty(
        params, 0.0, options.l2
    )

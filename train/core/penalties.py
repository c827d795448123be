"""L1 and L2 penalties of kernels, and which parameters are kernels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import KeyPath, keystr, tree_leaves_with_path, tree_map_with_path

from nets.base import Array, Params, Tree
from nets.dropout import is_off
from train.config.options import Optim


def leaf_name(path: KeyPath) -> str:
    """A parameter's own name, the last part of its path: "kernel", "bias", "slope_0"."""
    return keystr(path[-1:], simple=True)


def kernel_mask(params: Params) -> Tree:
    """Booleans, True for kernels: what penalties and decay act on.

    Biases, scales and slopes are left alone.
    """
    return tree_map_with_path(lambda path, _: leaf_name(path).endswith("kernel"), params)


def kernels(params: Params) -> dict[str, Array]:
    """{path, with dots: kernel}, in the order of the tree."""
    found = {}
    for path, leaf in tree_leaves_with_path(params):
        if leaf_name(path).endswith("kernel"):
            found[keystr(path, simple=True, separator=".")] = leaf
    return found


def kernel_weights(params: Params) -> np.ndarray:
    """All weights of all kernels [w], on the host."""
    return np.concatenate([np.zeros(0), *map(np.ravel, kernels(params).values())])


def layer_norms(grads: Params) -> dict[str, Array]:
    """{layer: the Euclidean norm of its kernel's gradient}, in the order of the tree."""
    norms = {}
    for path, kernel in kernels(grads).items():
        norms[path.removesuffix(".kernel")] = jnp.sqrt(jnp.square(kernel).sum())
    return norms


def penalty(params: Params, l1: float | Array, l2: float | Array) -> Array:
    """l1 sum |w| + l2 sum w^2 over kernels, as keras.regularizers has them (no half, no mean)."""
    total = jnp.zeros(())
    for kernel in kernels(params).values():
        total += l1 * jnp.abs(kernel).sum() + l2 * jnp.square(kernel).sum()
    return total


def penalties(params: Params, options: Optim) -> Array:
    """What is added to the loss; with `l1_step` "proximal" the l1 of it has no gradient."""
    if is_off(options.l1) and is_off(options.l2):
        return jnp.zeros(())
    if options.l1_step == "gradient":
        return penalty(params, options.l1, options.l2)
    l1_penalty = jax.lax.stop_gradient(penalty(params, options.l1, 0.0))
    return l1_penalty + penalty(params, 0.0, options.l2)

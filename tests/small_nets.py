"""Small nets that compile little: variables drawn by numpy, one program a call, numpy answers.

What flax does outside of any jit is compiled operation by operation, for each shape anew.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Tree, Variables
from nets.dropout import dropout

KEY = jax.random.key(0)
NONE: Variables = MappingProxyType({})
COLLECTIONS = ("params", "batch_stats")


def keep_mask(key: Array, rate: float, shape: tuple[int, ...], batch_axis: int = 0) -> Array:
    """Booleans, True where dropout by this key keeps an element."""
    return dropout(key, jnp.ones(shape), rate, batch_axis=batch_axis) > 0


def drawn(
    net: nn.Module,
    *inputs: Tree,
    given: Variables = NONE,
    scale: float = 0.5,
    **options: object,
) -> Variables:
    """The variables given, and the net's others by a normal distribution, no initialiser compiled.

    No zeros, ones or orthogonality of initial ones to hide behind.
    """
    shapes = jax.eval_shape(
        partial(_initial, net, tuple(options.items())), KEY, dict(given), inputs
    )
    noise = np.random.default_rng(5)

    def draw(shape: jax.ShapeDtypeStruct) -> np.ndarray:
        return (scale * noise.normal(size=shape.shape)).astype(shape.dtype)

    variables = jax.tree.map(draw, shapes)
    if "batch_stats" in variables:  # variances and counts among them
        variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])
    return {**variables, **given}


def initial(net: nn.Module, *inputs: Tree, given: Variables = NONE, **options: object) -> Variables:
    """The variables given, and the net's others as they begin."""
    made = _initial_jitted(net, tuple(options.items()), KEY, dict(given), inputs)
    return {**jax.device_get(made), **given}


def applied(
    net: nn.Module,
    variables: Variables,
    *inputs: Tree,
    rngs: dict[str, Array] | None = None,
    **options: object,
) -> Tree:
    """What `net.apply` answers; its options must be hashable, so that `mutable` is a tuple."""
    return jax.device_get(_applied(net, tuple(options.items()), variables, inputs, rngs))


def _initial(
    net: nn.Module, options: tuple, key: Array, given: Variables, inputs: tuple
) -> Variables:
    if not given:
        return net.init(key, *inputs, **dict(options))
    rngs = {"params": key}
    _, made = net.apply(given, *inputs, rngs=rngs, mutable=COLLECTIONS, **dict(options))
    return made


_initial_jitted = jax.jit(_initial, static_argnums=(0, 1))


@partial(jax.jit, static_argnums=(0, 1))
def _applied(
    net: nn.Module,
    options: tuple,
    variables: Variables,
    inputs: tuple,
    rngs: dict[str, Array] | None,
) -> Tree:
    return net.apply(variables, *inputs, rngs=rngs, **dict(options))

"""A Linen module from elsewhere as the body of a network.

Shapes: b batch, t time, f features, h hidden.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, TypeAlias

import flax.linen as nn
import jax.numpy as jnp

from nets.base import Array, Tree
from nets.padding import masked
from nets.recurrence import Carry
from nets.stack import Merge, RecurrentStack


class OwnBody(nn.Module):
    """Calls a module that takes rows x [b, f], and perhaps `train` and `weight_b`, for [b, h].

    `weight_b` is 0 where a row only fills a batch up. The module is called within `around`, where
    outputs of another shape are a ValueError.
    """

    module: nn.Module
    around: Callable[[], AbstractContextManager[None]] = nullcontext

    @nn.compact
    def __call__(self, x_bf: Array, weight_b: Array | None = None, *, train: bool) -> Array:
        with self.around():
            return call_module(self.module, x_bf, train=train, weight_b=weight_b)


class OwnSteps(nn.Module):
    """Calls a module on steps x [b, t, f], perhaps with `train` and `lengths`, for [b, t, h].

    It stands where a recurrent stack may: zeros go in and come out beyond a row's length, and the
    carry is the output of its last step, which no further steps go on from.
    """

    scope_name: ClassVar[str] = "own"
    merge: ClassVar[Merge] = "concat"
    bidirectional: ClassVar[bool] = True  # it may look ahead
    reverse: ClassVar[bool] = False

    module: nn.Module
    around: Callable[[], AbstractContextManager[None]] = nullcontext

    @nn.compact
    def __call__(
        self,
        x_btf: Array,
        lengths_b: Array | None = None,
        carry: Tree = None,
        *,
        train: bool = False,
    ) -> tuple[Array, tuple[Carry, ...]]:
        """The outputs at every step, and what stands for a carry."""
        del carry
        n_rows, n_steps = x_btf.shape[:2]
        lengths = jnp.full(n_rows, n_steps) if lengths_b is None else jnp.asarray(lengths_b)
        x_btf = masked(x_btf, lengths)
        with self.around():
            raw_bth = call_module(self.module, x_btf, train=train, lengths=lengths)
        outputs_bth = masked(raw_bth, lengths)
        last_b = jnp.maximum(lengths - 1, 0)
        last_bh = jnp.take_along_axis(outputs_bth, last_b[:, None, None], axis=1)[:, 0]
        return outputs_bth, (Carry(last_bh[None], last_bh[None]),)


Body: TypeAlias = RecurrentStack | OwnSteps


def call_module(module: nn.Module, x: Array, *, train: bool, **more: Array | None) -> Array:
    """The outputs of a module on x, called with whichever of the other arguments it takes.

    ValueError unless it is of x's shape but for its last axis.
    """
    taken = _parameters(module)
    given = {"train": train, "deterministic": not train, **more}
    named = {name: value for name, value in given.items() if name in taken}
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values()):
        named["train"] = train
    made = module(x, **named)
    shape = getattr(made, "shape", None)
    if shape is None or len(shape) != x.ndim or shape[:-1] != x.shape[:-1]:
        found = type(made).__name__ if shape is None else shape
        wanted = "as many rows, [b, h]" if x.ndim == 2 else "the same rows and steps, [b, t, h]"
        raise ValueError(f"gives {found} of features {x.shape}; expected {wanted}")
    return made


def _parameters(module: object) -> Mapping[str, inspect.Parameter]:
    """The parameters of a module's call; of nn.Sequential those of its first layer."""
    while isinstance(module, nn.Sequential) and module.layers:
        module = module.layers[0]
    if not isinstance(module, nn.Module):
        return {}
    return inspect.signature(type(module).__call__).parameters

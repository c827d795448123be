"""A Linen module from elsewhere as the body of a network. Shapes: b batch, f features, h hidden."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import flax.linen as nn

from nets.base import Array


class OwnBody(nn.Module):
    """Calls a module that takes rows x [b, f], and perhaps `train` and `weight_b`, for [b, h].

    `weight_b` is 0 where a row only fills a batch up. The module is called within `around`, where
    outputs of another shape are a ValueError.
    """

    module: nn.Module
    around: Callable[[], AbstractContextManager[None]] = nullcontext

    @nn.compact
    def __call__(self, x_bf: Array, weight_b: Array | None = None, *, train: bool) -> Array:
        taken = inspect.signature(type(self.module).__call__).parameters
        takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
        given = {"train": train, "deterministic": not train, "weight_b": weight_b}
        named = {name: value for name, value in given.items() if name in taken}
        if takes_all:
            named["train"] = train
        with self.around():
            x_bh = self.module(x_bf, **named)
            shape = getattr(x_bh, "shape", None)
            if shape is None or len(shape) != 2 or shape[0] != x_bf.shape[0]:
                given_back = type(x_bh).__name__ if shape is None else shape
                raise ValueError(
                    f"gives {given_back} of features {x_bf.shape}; expected as many rows, [b, h]"
                )
        return x_bh

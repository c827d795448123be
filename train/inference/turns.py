"""A block of rows answered some rows at a time, so that a single row takes a single turn.

It is one program for any number of rows: how many turns there are is read from the block, whose
bits for a row so do not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array, Tree, Variables
from train.data.dataset import HostArrays
from train.inference.bounded_loop import fill_places

ROWS = 64  # of a turn: fewer make all rows slower, more make one row slower
IS_ROW = "is_row"  # beside a block's inputs: the rows that do not only fill it up

Predict: TypeAlias = Callable[[Variables, Tree], Tree]


def marked(inputs: Mapping[str, np.ndarray]) -> HostArrays:
    """Inputs [n, ...] of `in_turns`: those that are padded later are told from them."""
    n = len(next(iter(inputs.values())))
    return {**inputs, IS_ROW: np.ones(n, bool)}


def in_turns(predict: Predict, axis: int) -> Predict:
    """The function by turns, where a block is marked; its answers have their rows along `axis`."""

    def predict_turns(variables: Variables, block: Mapping[str, Array]) -> Tree:
        inputs = dict(block)
        is_row_n = inputs.pop(IS_ROW, None)
        if is_row_n is None:
            return predict(variables, inputs)
        n_turns = len(is_row_n) // ROWS
        turns = {}
        for name, array in inputs.items():
            turns[name] = array.reshape(n_turns, ROWS, *array.shape[1:])

        def turn(i: Array) -> Tree:
            own = {name: lax.dynamic_index_in_dim(turns[name], i, keepdims=False) for name in turns}
            return predict(variables, own)

        count = -(-is_row_n.sum(dtype=jnp.int32) // ROWS)
        found = fill_places(turn, n_turns, count)
        return {name: _joined(array, axis) for name, array in found.items()}

    return predict_turns


def _joined(array: Array, axis: int) -> Array:
    """The rows of all turns [turns, ..., rows, ...] one after the other."""
    turns_beside = jnp.moveaxis(array, 0, axis)
    shape = turns_beside.shape
    return turns_beside.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])

"""Predictions for rows of which one column is shuffled: many columns in one compiled call.

n rows, b rows of a block, k columns of a call, f places of an input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array, Tree, Variables
from train.data.dataset import HostArrays
from train.evaluation.importance import Shuffled
from train.inference.blocks import pad_rows
from train.inference.bounded_loop import fill_places

FEW_COLUMNS = 32  # are shuffled sooner than a program for them is compiled

Predict: TypeAlias = Callable[[Variables, Tree], Tree]
Shuffle: TypeAlias = Callable[[Variables, np.ndarray, np.ndarray, int], HostArrays]


def is_worth_compiling(owners: Mapping[str, np.ndarray]) -> bool:
    """Whether there are so many columns that a program of their own is compiled for them."""
    return max(int(owner_f.max(initial=-1)) for owner_f in owners.values()) >= FEW_COLUMNS


def shuffled_in_turns(
    predict: Callable[[HostArrays], HostArrays],
    inputs: Mapping[str, np.ndarray],
    owners: Mapping[str, np.ndarray],
) -> Shuffled:
    """Predictions with one column shuffled, by the program that answers: a call a column."""

    def shuffled(order_n: np.ndarray, columns_k: np.ndarray, count: int) -> HostArrays:
        answers = []
        for column in columns_k[:count]:
            cells = {}
            for name, array_nf in inputs.items():
                cells[name] = np.where(owners[name] == column, array_nf[order_n], array_nf)
            answers.append(predict(cells))
        return {name: np.stack([each[name] for each in answers]) for name in answers[0]}

    return shuffled


def swapped(
    intact: Mapping[str, Array],
    moved: Mapping[str, Array],
    owners: Mapping[str, np.ndarray],
    column: Array,
) -> dict[str, Array]:
    """Inputs {name: [n, f]} whose places of one column are those of `moved`."""
    cells = {}
    for name, array_nf in intact.items():
        is_own_1f = jnp.asarray(owners[name])[None] == column
        cells[name] = jnp.where(is_own_1f, moved[name], array_nf)
    return cells


def make_shuffles(
    predict: Predict,
    inputs: Mapping[str, np.ndarray],
    owners: Mapping[str, np.ndarray],
    heads: Sequence[str],
    n_rows: int,
    has_members: bool,
) -> Shuffle:
    """What predicts `inputs` {name: [n, f]} with one column after the other shuffled.

    It is given variables, the order [n] that a shuffled column is put into, columns [k], and how
    many of these are asked for: {head: [those, n, ...]}, with an axis of members first where there
    are any. A column is the places whose number in `owners` {name: [f]} is its own. `predict` takes
    blocks of `n_rows` rows, as it does for answers.
    """
    total = len(next(iter(inputs.values())))
    places = np.arange(-(-total // n_rows) * n_rows)
    places[total:] = 0
    on_device = {name: jnp.asarray(pad_rows(inputs[name], len(places))) for name in inputs}

    def predict_all(variables: Variables, cells: Tree) -> dict[str, Array]:
        """{head: [n, ...]}, or [n, members, ...]."""
        blocks = jax.tree.map(lambda cells_nf: _in_blocks(cells_nf, n_rows), cells)
        answers = lax.map(lambda block: predict(variables, block), blocks)
        return {name: _joined(answers[name], has_members)[:total] for name in heads}

    @jax.jit
    def shuffle(
        variables: Variables, intact: Tree, order_n: Array, columns_k: Array, count: Array
    ) -> dict[str, Array]:
        moved = {name: array_nf[order_n] for name, array_nf in intact.items()}

        def predict_shuffled(place: Array) -> dict[str, Array]:
            return predict_all(variables, swapped(intact, moved, owners, columns_k[place]))

        return fill_places(predict_shuffled, len(columns_k), count)

    def call(
        variables: Variables, order_n: np.ndarray, columns_k: np.ndarray, count: int
    ) -> HostArrays:
        padded_n = places.copy()
        padded_n[:total] = order_n
        found = shuffle(variables, on_device, padded_n, columns_k, np.int32(count))
        answers = {name: np.asarray(array)[:count] for name, array in found.items()}
        if not has_members:
            return answers
        return {name: np.moveaxis(array, 2, 0) for name, array in answers.items()}

    return call


def _in_blocks(array_n: Array, n_rows: int) -> Array:
    """Rows [n, ...] as blocks [n / b, b, ...] of `n_rows`."""
    return array_n.reshape(-1, n_rows, *array_n.shape[1:])


def _joined(blocks: Array, has_members: bool) -> Array:
    """Answers to blocks [n / b, b, ...] as [n, ...]; an axis of members behind that of rows."""
    if has_members:
        blocks = jnp.moveaxis(blocks, 1, 2)
    return blocks.reshape(-1, *blocks.shape[2:])

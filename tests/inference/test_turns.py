"""train.inference.turns: a block by turns, as many as its rows need."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.inference.blocks import AnswerBlocks, in_blocks
from train.inference.turns import IS_ROW, ROWS, in_turns, marked


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_of_any_number_are_answered_by_as_many_turns(axis):
    def predict(weight, block):
        assert IS_ROW not in block and len(block["x"]) == ROWS
        answer = block["x"].sum(axis=1) * weight
        return {"sum": answer if axis == 0 else jnp.stack([answer, -answer])}

    by_turns = jax.jit(in_turns(predict, axis))
    answer = AnswerBlocks(lambda block: by_turns(2.0, block), jax.device_get)
    for n in (1, ROWS, ROWS + 1, 5 * ROWS + 3):
        inputs = {"x": np.arange(2.0 * n, dtype=np.float32).reshape(n, 2)}
        found = in_blocks(answer, marked(inputs), 4 * ROWS, axis)["sum"]
        wanted = 2 * inputs["x"].sum(axis=1)
        np.testing.assert_array_equal(found, wanted if axis == 0 else [wanted, -wanted])


def test_turns_beyond_the_rows_are_left_out():
    block = marked({"x": np.ones((3, 1), np.float32)})
    padded = {name: np.concatenate([array] * ROWS) for name, array in block.items()}
    padded[IS_ROW][3:] = False
    answers = in_turns(lambda _, own: {"one": own["x"][:, 0]}, 0)(0, padded)["one"]
    assert np.asarray(answers).sum() == ROWS  # the second and third turn answer nothing


def test_a_block_without_a_mark_is_answered_whole():
    sizes = []

    def predict(_, block):
        sizes.append(len(block["x"]))
        return {"x": block["x"]}

    in_turns(predict, 0)(0, {"x": np.zeros((7, 1))})
    assert sizes == [7]

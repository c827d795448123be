"""Predictions with one column shuffled, against shuffling by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from train.inference.shuffles import is_worth_compiling, make_shuffles, shuffled_in_turns

RANDOM = np.random.default_rng(0)
INPUTS = {
    "numbers": RANDOM.normal(size=(10, 3)).astype(np.float32),
    "codes": RANDOM.integers(0, 5, (10, 2)).astype(np.int32),
}
# Column 0 has two places, columns 1 and 2 one each; the last place belongs to none.
OWNERS = {"numbers": np.array([0, 0, 1]), "codes": np.array([2, -2])}
SLOPES_MF = RANDOM.normal(size=(2, 5)).astype(np.float32)


def rows_of(inputs):
    return np.concatenate([inputs["numbers"], inputs["codes"]], 1)


@pytest.mark.parametrize("has_members", [False, True])
def test_a_column_is_shuffled_as_by_hand(has_members):
    slopes = SLOPES_MF if has_members else SLOPES_MF[0]

    def predict(slopes, block):
        assert len(block["numbers"]) == 4  # of blocks of four rows the third is filled up
        x = jnp.concatenate([block["numbers"], block["codes"]], 1)
        return {"value": (slopes @ x.T)[..., None], "more": x}

    shuffle = make_shuffles(predict, INPUTS, OWNERS, ["value"], 4, has_members)
    order = RANDOM.permutation(10)
    columns = np.array([2, 0, -1, 1], np.int32)
    answers = shuffle(slopes, order, columns, 3)
    assert list(answers) == ["value"]
    found = np.moveaxis(answers["value"], 1, 0) if has_members else answers["value"]
    for place, column in enumerate(columns[:3]):
        cells = rows_of(INPUTS)
        own = np.concatenate([OWNERS["numbers"], OWNERS["codes"]]) == column
        cells[:, own] = cells[order][:, own]
        wanted = (slopes @ cells.T)[..., None]
        np.testing.assert_allclose(found[place], wanted, rtol=1e-5, atol=1e-6)
    assert len(found) == 3
    if not has_members:
        in_turns = shuffled_in_turns(
            lambda cells: {"value": (rows_of(cells) @ slopes)[:, None]}, INPUTS, OWNERS
        )
        again = in_turns(order, columns, 3)["value"]
        np.testing.assert_allclose(again, found, rtol=1e-5, atol=1e-6)


def test_few_columns_are_shuffled_by_the_program_that_answers():
    assert not is_worth_compiling(OWNERS)
    assert is_worth_compiling({"numbers": np.arange(40), "codes": np.zeros(0, int)})

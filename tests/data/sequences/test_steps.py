"""Lists of steps as flat arrays, numbers of steps in their units, and rows of steps as lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from train.data.sequences.numbers import NumberSteps, encode_numbers, lists_of_numbers, next_steps
from train.data.sequences.step_table import constant_lists, sequence_ids, to_lists
from train.data.sequences.steps import pad_steps, padded_width, row_of_step
from train.errors import UserError

PAIRS = NumberSteps("x", (1.0, 0.0), (2.0, 1.0), False)
BARE = NumberSteps("y", (1.0,), (2.0,), True)


def test_columns_of_numbers_become_one_array():
    table = pa.table({"x": [[[1.0, 5.0], [3.0, 6.0]], []], "y": [[5.0, 7.0], []]})
    values, lengths = encode_numbers(table, (PAIRS, BARE), "data")
    assert values.tolist() == [[0, 5, 2], [1, 6, 3]]
    assert {name: length.tolist() for name, length in lengths.items()} == {"x": [2, 0], "y": [2, 0]}


def test_columns_of_different_lengths_are_refused():
    table = pa.table({"x": [[[1.0, 5.0]]], "y": [[5.0, 7.0]]})
    with pytest.raises(UserError, match="row 1 has 2 in column 'y' and 1 in column 'x'"):
        encode_numbers(table, (PAIRS, BARE), "data")


@pytest.mark.parametrize("large", [1e38, -1e300])
def test_a_number_that_float32_cannot_hold_is_refused_with_its_row(large):
    column = NumberSteps("x", (1.0, 0.0), (2.0**-10, 1.0), False)
    table = pa.table({"x": [[[3.0, 4.0]], [[5.0, 6.0], [large, 0.0]]]})
    with pytest.raises(UserError, match=r"data: column 'x': .* in row 2 is too far from the tr"):
        encode_numbers(table, [column], "data")


def test_numbers_become_lists_in_raw_units():
    values = np.array([[[0.0], [1.0], [np.nan]]])
    assert lists_of_numbers(values, (BARE,)).tolist() == [[1, 3]]
    assert lists_of_numbers(np.zeros((1, 1, 2)), (PAIRS,)).tolist() == [[[1, 0]]]


def test_the_last_step_has_none_after_it():
    following = next_steps(np.arange(3.0).reshape(1, 3, 1))
    np.testing.assert_array_equal(following[0, :, 0], [1, 2, np.nan])


def test_steps_are_padded_to_multiples_of_eight():
    lengths = np.array([2, 9])
    assert padded_width(lengths) == 16
    assert padded_width(np.array([], np.int64)) == 8
    padded = pad_steps(np.arange(3), np.array([1, 2]), 3, fill=-1)
    assert padded.tolist() == [[0, -1, -1], [1, 2, -1]]


def test_the_row_of_a_step_is_one_with_steps():
    lengths = np.array([2, 0, 3])
    assert [row_of_step(step, lengths) for step in range(5)] == [0, 0, 2, 2, 2]


def test_rows_of_steps_become_lists_in_order():
    table = pa.table({"who": ["b", "a", "b"], "at": [2, 1, 1], "x": [1.0, 2.0, 3.0]})
    assert to_lists(table, "who", "at", "data").column("x").to_pylist() == [[3, 1], [2]]
    assert sequence_ids(table, "who", "at", "data").tolist() == ["b", "a"]


def test_lists_of_one_value_are_found():
    table = pa.table({"tag": [["a", "a"], [], ["a", "b"]]})
    assert constant_lists(table, "tag").tolist() == [True, True, False]

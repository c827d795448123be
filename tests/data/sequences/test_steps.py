"""Lists of steps as flat arrays, numbers of steps in their units, and rows of steps as lists."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from train.config.data_options import Sequences
from train.data.files.read import read_table
from train.data.reading_of_steps import reading_of_sequences
from train.data.sequences.load import load_sequences
from train.data.sequences.numbers import NumberSteps, encode_numbers, lists_of_numbers, next_steps
from train.data.sequences.step_table import constant_lists, sequence_ids, to_lists
from train.data.sequences.steps import element_type, pad_steps, padded_width, row_of_step
from train.errors import UserError

PAIRS = NumberSteps("x", (1.0, 0.0), (2.0, 1.0), False)
BARE = NumberSteps("y", (1.0,), (2.0,), True)


def test_columns_of_numbers_become_one_array():
    table = pa.table({"x": [[[1.0, 5.0], [3.0, 6.0]], []], "y": [[5.0, 7.0], []]})
    values, lengths = encode_numbers(table, (PAIRS, BARE), "data")
    assert values.tolist() == [[0, 5, 2], [1, 6, 3]]
    assert {name: length.tolist() for name, length in lengths.items()} == {"x": [2, 0], "y": [2, 0]}


def test_a_table_without_rows_is_not_advised_on_its_kind():
    with pytest.raises(UserError, match=r"^data: has column names but no rows$"):
        element_type(pa.table({"x": pa.nulls(0)}), "x", "data")
    with pytest.raises(UserError, match=r"^data: column .x. holds null, expected a list"):
        element_type(pa.table({"x": pa.nulls(1)}), "x", "data")


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


@pytest.mark.parametrize(
    ("n_varied", "labels", "said"),
    [
        (1, "abc", True),
        (3, "abc", True),
        (4, "abc", False),  # more than a tenth
        (0, "abc", False),
        (1, "a", False),  # a tag that is rare
    ],
)
def test_a_label_that_varies_in_few_sequences_is_said(tmp_path, n_varied, labels, said):
    lines = ["id,step,x,label"]
    for i in range(30):
        for step in range(3):
            label = "z" if step == 1 and i < n_varied else labels[i % len(labels)]
            lines.append(f"s{i},{step},{i * step}.5,{label}")
    path = tmp_path / "long.csv"
    path.write_text("\n".join(lines))
    options = Sequences(
        path=str(path), inputs="x", target="label", id="id", order="step", valid=0, test=0
    )
    dataset = load_sequences(options, "auto")
    note = f"{n_varied} of 30 sequences, such as id s0, have several values in 'label', so it is"
    assert any(note in line for line in dataset.notes) == said
    assert [head.kind for head in dataset.heads] == ["tags" if n_varied else "multiclass"]


def test_a_number_at_each_step_is_shown_as_the_target(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"x": [0.5 * i, 1.5, 2.0], "y": [0.1 * i, 0.2, 0.7]} for i in range(20)]
    path.write_text("\n".join(map(json.dumps, rows)))
    options = Sequences(path=str(path), inputs="x", target="y", valid=0, test=0)
    reading = reading_of_sequences(
        read_table(str(path)), load_sequences(options, "auto").encoder, options
    )
    assert {column.name: column.use for column in reading.columns}["y"] == "target"

"""What files of sequences are refused for, in one line each."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.data.sequences.sequence_rows import NUMBERS, TAGGED, Row, load_rows, long_file
from train.config.data_options import Sequences
from train.data.sequences.load import load_sequences
from train.errors import UserError

WRONG: list[tuple[list[Row], dict[str, Any], str]] = [
    (
        [*NUMBERS, {"x": [[1.0, 2.0], [3.0]], "label": "a"}],
        {},
        "row 41, step 2 has 1 numbers, the first step has 2",
    ),
    ([*NUMBERS, {"x": None, "label": "a"}], {}, "column 'x': row 41 has no list; give it one, or"),
    ([*NUMBERS, {"x": [[1.0, 2.0], None], "label": "a"}], {}, "row 41, step 2 is missing"),
    (
        [*TAGGED, {"tokens": ["a", "b"], "tags": ["O"], "intent": "go"}],
        {"inputs": "tokens", "target": "tags"},
        "column 'tags': row 41 has 1 tags for 2 steps of 'tokens'",
    ),
    (
        [*TAGGED, {"tokens": ["a", "b"], "tags": ["O", None], "intent": "go"}],
        {"inputs": "tokens", "target": "tags"},
        "column 'tags': row 41 lacks a tag",
    ),
    (
        [{"x": [1.0], "z": [1.0, 2.0], "label": c} for c in "ababab"],
        {"inputs": ("x", "z")},
        "1 has 2 in column 'z'",
    ),
    ([{"x": 1.0, "label": "a"}] * 9, {}, "column 'x' holds double, expected a list per row"),
    ([{"x": "one two", "label": "a"}] * 9, {}, "split the text into tokens first"),
    (NUMBERS, {"inputs": "y"}, "config.data.inputs: .* no column 'y'; there are 'x', 'label'$"),
    # Of a file with a token and its tag a line, which begins with no names.
    (
        [{"Anna": "visits", "B-PER": "O"}] * 9,
        {"inputs": "tokens"},
        "'Anna', 'B-PER'; sequences are lists, as JSON lines have them, or rows of one",
    ),
    (
        NUMBERS,
        {"target": "lable"},
        "config.data.target: .* has no column 'lable'; did you mean 'label'",
    ),
    (
        TAGGED,
        {"inputs": "tokens", "target": (), "next_step": True},
        "holds tokens; only numbers can be continued",
    ),
    (
        [{"x": [1.0], "label": [0.5]}] * 9,
        {},
        "training rows have one number; there is nothing to learn",
    ),
    (
        [{"tokens": ["a"], "tags": ["O"]}] * 9,
        {"inputs": "tokens", "target": "tags"},
        "have one tag; two are needed",
    ),
    (
        TAGGED,
        {"inputs": "tokens", "target": "tags", "split": "stratified"},
        "stratified needs a target that is one",
    ),
    (
        [{"tokens": [], "tags": []}] * 9,
        {"inputs": "tokens", "target": "tags"},
        "have one tag|empty sequences",
    ),
]


@pytest.mark.parametrize(("rows", "fields", "message"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, rows, fields, message):
    with pytest.raises(UserError, match=message) as caught:
        load_rows(tmp_path, rows, **fields)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_width_is_refused(tmp_path):
    encoder = load_rows(tmp_path, NUMBERS).encoder
    with pytest.raises(
        UserError, match="column 'x': has 3 numbers per step, 2 in the training rows"
    ):
        encoder.encode(pa.table({"x": [[[1.0, 2.0, 3.0]]]}), "data")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("a", 1, 1, 1, "u"), ("a", 1, 2, 2, "u")],
            "rows 1 and 2 of one sequence are both 1; steps must differ",
        ),
        (
            [("a", 1, 1, 1, "u"), ("a", "", 2, 2, "u")],
            "column 'at': row 2 has no value, which config.data.order needs",
        ),
        (
            [("", 1, 1, 1, "u"), ("a", 1, 2, 2, "u")],
            "column 'who': row 1 has no value, which config.data.id needs",
        ),
    ],
)
def test_steps_without_a_place_are_refused(tmp_path, rows, message):
    path = long_file(tmp_path / "l.csv", rows)
    with pytest.raises(UserError, match=message):
        load_sequences(
            Sequences(path=path, inputs=("x", "y"), target="label", id="who", order="at"), "auto"
        )

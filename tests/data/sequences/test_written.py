"""Text of a file with a row per step: read as training rows wrote it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from reading import kinds

from train.config.data_options import Sequences
from train.data.files.read import read_table
from train.data.load import read_encoder
from train.data.sequences.load import load_sequences
from train.data.sequences.written import as_types, find_written
from train.errors import UserError

HEADER = "who;at;x;word;label\n"


@pytest.fixture
def encoder(tmp_path):
    """Of numbers with decimal commas, at days of which some prove that they come first."""
    rows = [
        f"{i};{t + 9:02d}.02.2020;{i},{t};w{t};{'uv'[i % 2]}\n" for i in range(20) for t in range(8)
    ]
    (tmp_path / "long.csv").write_text(HEADER + "".join(rows))
    options = Sequences(
        path=str(tmp_path / "long.csv"), inputs="x", target="label", id="who", order="at", valid=0
    )
    encoder = load_sequences(options, "auto").encoder
    again = read_encoder(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    return encoder


def asked(encoder, tmp_path, *rows: str) -> list[float]:
    """The numbers of the only sequence of a file."""
    (tmp_path / "new.csv").write_text("who;at;x\n" + "\n".join(rows) + "\n")
    inputs = encoder.read(read_table(tmp_path / "new.csv"), "new").inputs
    (column,) = encoder.numbers
    length = inputs["length"][0]
    return inputs["numbers"][0, :length, 0] * column.units[0] + column.shifts[0]


def test_a_later_file_is_read_as_training_rows_were_written(encoder, tmp_path):
    assert [(each.name, each.kind) for each in encoder.written] == [("x", "number"), ("at", "time")]
    # By the year, then the month: not as the texts stand.
    rows = ("1;03.01.2021;3,5", "1;01.02.2021;4", "1;02.12.2020;1.002,5")
    np.testing.assert_allclose(asked(encoder, tmp_path, *rows), [1002.5, 3.5, 4], rtol=1e-5)
    with pytest.raises(UserError, match=r"'1\.5' in row 1: expected a number as in the training"):
        asked(encoder, tmp_path, "1;03.01.2021;1.5")


def test_a_schema_of_0_1_0_guesses_anew(encoder, tmp_path):
    old = dataclasses.replace(encoder, written=None)
    rows = ("1;2020-02-03;1.5", "1;2020-02-01;2.25")
    np.testing.assert_allclose(asked(old, tmp_path, *rows), [2.25, 1.5], rtol=1e-5)


def test_columns_have_the_types_of_what_they_hold(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("flag,word,whole,half,day\nTrue,a,7,0.5,2020-02-03\nfalse,b,8,2,2020-02-04\n")
    table = read_table(path)
    written = find_written(table, table.column_names, Sequences(missing=()), [])
    typed = as_types(table, written, (), str(path))
    assert kinds(typed) == ["bool", "string", "int64", "double", "timestamp[us]"]
    assert typed["flag"].to_pylist() == [True, False]
    # A row that lacks what the others have, in a file of its own.
    path.write_text("flag,word,whole,half,day\nTRUE,7,,,\n")
    later = as_types(read_table(path), written, (), str(path))
    assert later.to_pylist() == [
        {"flag": True, "word": "7", "whole": None, "half": None, "day": None}
    ]

"""Tables as old machines, joined files and libraries leave them: read, or refused with advice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from reading import refused

from train.config.data_options import Table
from train.data.columns import RawColumn
from train.data.files.arrow import as_table
from train.data.files.found import left_out_notes
from train.data.files.read import read_table
from train.data.table.column import Column
from train.data.table.encode_column import encode_category
from train.data.table.fit import fit_encoder
from train.data.table.load import load_table
from train.data.values import read_numbers
from train.errors import UserError

ROWS = {"a": ["1", "2"], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,x\n2,y\n", []),
        ("\ufeffa,b\n1,x\n2,y\n".encode("utf-16"), []),
        (b"# one\r# two\ra,b\r1,x\r2,y\r", ["2 lines of comments"]),
        (b"a,b\r\n1,x\r\n2,y\r\n\x1a", []),
        (b"// made, by, hand\na,b\n1,x\n2,y\n", ["1 line of comments"]),
        (b"% made by hand\na,b\n1,x\n2,y\n", ["1 line of comments"]),
        (b"a,b\n1,x\n a , b \n2,y\na,b\n", ["rows that repeat the names: 2"]),
        (b"sep=:\na:b\n1:x\n2:y\n", []),
    ],
)
def test_text(tmp_path, content, said):
    (tmp_path / "t.csv").write_bytes(content)
    table = read_table(tmp_path / "t.csv")
    assert table.to_pydict() == ROWS
    notes = left_out_notes(table, "")
    assert len(notes) == len(said) and all(
        part in note for part, note in zip(said, notes, strict=True)
    )


def test_names_that_are_cells_of_a_row_stay(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\na,x\ny,b\n")
    assert read_table(tmp_path / "t.csv").num_rows == 2


def test_names_that_begin_as_comments_do(tmp_path):
    (tmp_path / "t.csv").write_text("%fat,kg\n1,2\n")
    assert read_table(tmp_path / "t.csv").column_names == ["%fat", "kg"]


def test_advice_fits_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\nSource: a ministry\n")
    assert "line 3" in (message := refused(read_table, path)) and "delete it" in message
    path.write_text("a,b\n1,x,y\n")
    assert "quote a text" in refused(read_table, path)
    path.write_text("a:y\n" + "1:2\n" * 9)
    assert "a first line such as sep=:" in refused(
        load_table, Table(path=str(path), target="y"), "auto"
    )


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"c": [1, "2", None, 2.5]}),
        [{"c": 1}, {"c": "2"}, {"c": None}, {"c": 2.5}],
        {"c": [np.int64(1), "2", float("nan"), np.float32(2.5)]},
    ],
)
def test_numbers_among_texts_are_texts_as_in_json_lines(data):
    assert as_table(data).to_pydict() == {"c": ["1", "2", None, "2.5"]}


def test_records_and_bytes():
    records = np.array([(1, b"x"), (2, b"y")], dtype=[("a", int), ("b", "S1")])
    for data in (records, records.view(np.recarray)):
        assert as_table(data).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    spoiled = as_table(pa.table({"b": [b"\xff"]}))
    assert pa.types.is_binary(spoiled.schema.field("b").type)


def column(cells: list[str | None], said: list[str] | None = None) -> RawColumn:
    return RawColumn("c", "new.csv", pa.chunked_array([pa.array(cells)]), (), None, notes=said)


def test_true_and_false_as_text_are_what_they_are_as_truths():
    said: list[str] = []
    found = read_numbers(column(["True", "FALSE", "1", None], said))
    assert found.data.tolist() == [1, 0, 1, 0] and found.missing.tolist() == [False] * 3 + [True]
    assert "1 and 0" in said[0]
    refused(read_numbers, column(["True", "2"]))


def test_a_column_that_is_named_as_numbers_is_read_whatever_else_stands_there():
    cells = [f"{i}*" if i % 3 == 0 else str(i) for i in range(60)]
    table = as_table({"c": cells, "y": np.arange(60) % 7 / 2})
    options = Table(path="t", target="y", numeric=("c",))
    encoder, _ = fit_encoder(table, np.arange(60), options, "auto")
    found = encoder.read(table, "t")
    assert np.isnan(found.inputs["numbers"][:, 0]).tolist() == [i % 3 == 0 for i in range(60)]
    assert "20 of 60 cells" in found.notes[0]
    with pytest.raises(UserError, match="expected a number"):
        words = as_table({"c": ["low", "high"] * 30, "y": np.arange(60) % 7 / 2})
        encoder = fit_encoder(words, np.arange(60), options, "auto")[0]
        encoder.read(words, "t")


@pytest.mark.parametrize(
    ("trained", "later"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("a\u200b", "a"),
        ("a", "\u202aa\u202c"),
        ("one\ntwo", "one\r\ntwo"),
    ],
)
def test_texts_that_look_alike_are_one_category(trained, later):
    known = Column("c", "category", vocabulary=(trained, "b"))
    said: list[str] = []
    assert encode_category(column([later, "b", "B"], said), known, 1).tolist() == [1, 2, 0]

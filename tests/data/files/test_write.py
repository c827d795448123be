"""Files as they are written, and read back."""

from __future__ import annotations

import csv
import datetime
import errno
import json
import math
import os
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import as_kinds, kinds, refused

from train.config.data_options import MISSING
from train.data.files.read import read_table
from train.data.files.write import write_table
from train.errors import StorageError

finite = st.floats(allow_nan=False, allow_infinity=False)


characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


texts = st.text(st.sampled_from("\"',;\t|\r\n =+-@é日1.\\") | characters)


def known(text: str) -> bool:
    return text.strip() not in MISSING


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.txt", "x.jsonl", "x.parquet"])
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path, name, data):
    n = data.draw(st.integers(1, 5))
    some = {"min_size": n, "max_size": n}
    integers = st.integers(-(2**63), 2**63 - 1)
    # A word in the first row keeps a text column text; a number keeps a column from being empty.
    drawn = [
        [0.5, *data.draw(st.lists(finite | st.none(), **some))],
        [7, *data.draw(st.lists(integers | st.none(), **some))],
        ["word", *data.draw(st.lists(texts.filter(known) | st.none(), **some))],
        [True, *data.draw(st.lists(st.booleans() | st.none(), **some))],
    ]
    labels = data.draw(st.lists(texts, min_size=4, max_size=4, unique=True))
    labels = [f"n{label}n" for label in labels]
    chosen = data.draw(st.lists(st.sampled_from(range(4)), min_size=1, max_size=4, unique=True))
    table = pa.table({labels[at]: drawn[at] for at in chosen})
    write_table(table, tmp_path / name)
    read_back = as_kinds(read_table(tmp_path / name))
    assert read_back.equals(table), (read_back.to_pydict(), table.to_pydict())


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
@pytest.mark.parametrize("cell", ["\x1a", "word\x1a", "\x1a\x1a"])
def test_a_cell_that_ends_as_text_of_dos_does_is_kept(tmp_path, name, cell):
    for columns in ({"a": ["word", cell]}, {"b": [1, 2], "a": ["word", cell]}):
        write_table(pa.table(columns), tmp_path / name)
        assert as_kinds(read_table(tmp_path / name)).to_pydict() == columns


def test_a_tab_in_a_name_leaves_rows_without_a_value_where_they_are(tmp_path):
    table = pa.table({"a": ["1", None, "3"], "b\tc": ["4", None, "6"]})
    write_table(table, tmp_path / "x.tsv")
    assert read_table(tmp_path / "x.tsv").equals(table)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl"])
@pytest.mark.parametrize("character", list("\"',;\t|\r\n =+-@\\é\u2028"))
def test_awkward_characters_are_read_back(tmp_path, name, character):
    for text in (
        f"x{character}y",
        f"{character}x",
        f"x{character}",
        f"{character}x{character}",
        f"x{character * 2}y",
    ):
        table = pa.table({f"n{character}n": [text], "b": ["z"]})
        for some in (table, table.select([0])) if text[0] == "x" else (table,):
            write_table(some, tmp_path / name)
            assert read_table(tmp_path / name).equals(some)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_a_column_of_whole_doubles_stays_double(tmp_path, name):
    write_table(pa.table({"a": [1.0, -2.0, None, 1e300]}), tmp_path / name)
    assert kinds(as_kinds(read_table(tmp_path / name))) == ["double"]


def test_csv_as_written(tmp_path):
    table = pa.table(
        {
            "plain": ["a", None, "=1+1"],
            "quoted": ['say "x"', " lead", ""],
            "number": [1.0, 0.1, math.inf],
            "list": [[1.0, math.nan], ["b"][:0], None],
            "words": [["é", 'q"'], None, []],
            "day": pa.array([datetime.date(2020, 1, 2), None, None]),
        }
    )
    write_table(table, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == (
        "plain,quoted,number,list,words,day\n"
        'a,"say ""x""",1.0,"[1.0, null]","[""é"", ""q\\""""]",2020-01-02\n'
        '," lead",0.1,[],,\n'
        '=1+1,"",inf,,[],\n'
    )
    with open(tmp_path / "x.csv", newline="") as file:
        assert [json.loads(row["words"]) for row in csv.DictReader(file) if row["words"]] == [
            ["é", 'q"'],
            [],
        ]


def test_tsv_has_tabs(tmp_path):
    write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "x.tsv")
    assert (tmp_path / "x.tsv").read_bytes() == b"a\tb\n1\tx\n"


def test_json_lines_as_written(tmp_path):
    times = pa.array([datetime.datetime(2020, 1, 2, 3, 4, 5), None], pa.timestamp("s"))
    table = pa.table(
        {"a": [math.nan, 1.0], "é": ["日", None], "l": [[1.0, math.inf], None], "t": times}
    )
    write_table(table, tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_text(encoding="utf-8") == (
        '{"a": null, "é": "日", "l": [1.0, null], "t": "2020-01-02 03:04:05"}\n'
        '{"a": 1.0, "é": null, "l": null, "t": null}\n'
    )
    assert read_table(tmp_path / "x.jsonl").column("t").to_pylist() == ["2020-01-02 03:04:05", None]


def test_many_rows_and_none(tmp_path):
    table = pa.table({"a": np.arange(200_000), "b": ["x", "y,"] * 100_000})
    for name in ("x.csv", "x.jsonl"):
        write_table(table, tmp_path / name)
        assert as_kinds(read_table(tmp_path / name)).equals(table)
    write_table(table.slice(0, 0), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == b"a,b\n"


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, name):
    path = tmp_path / name
    write_table(pa.table({"a": [1]}), path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = refused(write_table, pa.table({"a": [2, 3]}), path, error=StorageError)
    assert message == f"{path}: cannot be written: No space left on device"
    assert path.read_bytes() == before and os.listdir(tmp_path) == [name]


def test_where_nothing_can_be_written(tmp_path):
    table = pa.table({"a": [1]})
    path = tmp_path / "none" / "x.csv"
    message = refused(write_table, table, path, error=StorageError)
    assert message == f"{path}: cannot be written: No such file or directory"
    (tmp_path / "x.csv").mkdir()
    assert "Is a directory" in refused(write_table, table, tmp_path / "x.csv", error=StorageError)
    assert re.search(r"unknown ending '\.xls'", refused(write_table, table, tmp_path / "x.xls"))
    assert "cannot be written there" in refused(
        write_table, pa.table({"a": [b"\xff"]}), tmp_path / "y.csv"
    )
    assert os.listdir(tmp_path) == ["x.csv"]

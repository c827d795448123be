"""Files, in-memory tables and back: values, kinds, and one line for every error."""

from __future__ import annotations

import csv
import datetime
import errno
import io
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from train.config.data_options import MISSING
from train.data.files import delimited, read
from train.data.files.arrow import as_table
from train.data.files.read import read_table
from train.data.files.write import write_table
from train.errors import StorageError, UserError


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Writes the content to a file, reads it as a table."""
    monkeypatch.chdir(tmp_path)

    def load_content(content: str | bytes, name: str = "x.csv", **options) -> pa.Table:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(name, **options)

    return load_content


def refused(call, *arguments, error=UserError, **options) -> str:
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    message = str(raised.value)
    assert message and "\n" not in message
    return message


def kinds(table: pa.Table) -> list[str]:
    return [str(column.type) for column in table.columns]


# Text: kinds and missing values.


def test_kinds_and_order_of_columns(load):
    first = "x,1,1.5,true,2020-01-31,2020-01-31 10:00:00,a"
    second = "y,-2,1e3,False,2020-02-01,2020-02-01 11:30:00,b"
    table = load(f"z,i,f,b,d,t,s\n{first}\n{second}\n")
    assert table.column_names == ["z", "i", "f", "b", "d", "t", "s"]
    assert kinds(table) == [
        "string",
        "int64",
        "double",
        "bool",
        "date32[day]",
        "timestamp[s]",
        "string",
    ]
    assert table.slice(1).to_pylist() == [
        {
            "z": "y",
            "i": -2,
            "f": 1000.0,
            "b": False,
            "d": datetime.date(2020, 2, 1),
            "t": datetime.datetime(2020, 2, 1, 11, 30),
            "s": "b",
        }
    ]


@pytest.mark.parametrize("marker", MISSING)
@pytest.mark.parametrize("value", ["1", "1.5", "true", "2020-01-31", "text"])
def test_markers_are_missing_in_every_kind_of_column(load, marker, value):
    plain = load(f"a,b\n{value},0\n")
    for cell in (marker, f'"{marker}"', f" {marker} ", f'" {marker}"'):
        table = load(f"a,b\n{value},0\n{cell},1\n")
        assert table.column("a").to_pylist() == [plain.column("a")[0].as_py(), None], cell
        assert kinds(table) == kinds(plain), cell


def test_blanks_around_markers_do_not_make_numbers_text(load):
    table = load("a  ,b,c\n   1,   x,  1.5\n  NA,   ?,    \n")
    assert table.to_pydict() == {"a": [1, None], "b": ["   x", None], "c": [1.5, None]}


def test_own_markers_replace_the_usual_ones_but_an_empty_cell_stays_missing(load):
    table = load("a,b,c\n-999,NA,true\n,x,\n3,,-999\n", missing=("-999",))
    assert table.to_pydict() == {
        "a": [None, None, 3],
        "b": ["NA", "x", None],
        "c": [True, None, None],
    }


def test_nan_is_missing_whatever_its_case(load):
    assert load("a,b\nNAN,1\n2.5,2\n", missing=()).column("a").to_pylist() == [None, 2.5]


def test_column_without_a_value_is_of_kind_null(load):
    assert kinds(load("a,b\n,1\nNA,2\n")) == ["null", "int64"]


def test_kind_is_that_of_the_whole_file_not_of_its_beginning(load):
    table = load("a,b\n" + "1,\n" * 400_000 + "x,2.5\n")
    assert kinds(table) == ["string", "double"] and table.num_rows == 400_001


def test_integers_beyond_64_bits_are_doubles(load):
    assert load("a,b\n123456789012345678901234,1\n").column("a").to_pylist() == [
        1.2345678901234568e23
    ]


# Text: delimiters, quotes, line ends, encodings.


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(load, delimiter):
    others = "".join(d for d in ",;\t|" if d != delimiter)
    lines = [
        ["a", "b", "c"],
        ["1", f'"x{delimiter}{others}"', "3"],
        ["4", f"y{others}", "6"],
        ["7", "z", ""],
    ]
    table = load("".join(delimiter.join(line) + "\n" for line in lines), "x.txt")
    assert table.to_pydict() == {
        "a": [1, 4, 7],
        "b": [f"x{delimiter}{others}", f"y{others}", "z"],
        "c": [3, 6, None],
    }


def test_delimiter_is_not_taken_from_a_quoted_header(load):
    assert load('"a;b;c",d\n"1;2;3",4\n').to_pydict() == {"a;b;c": ["1;2;3"], "d": [4]}


def test_delimiter_is_the_one_that_all_lines_have(load):
    assert load("a;b,c,d\n1;2\n3;4\n").to_pydict() == {"a": [1, 3], "b,c,d": [2, 4]}


def test_delimiter_is_found_when_the_header_is_longer_than_the_sample(load):
    names = [f"{'n' * 90}{i}" for i in range(1000)]
    table = load(";".join(names) + "\n" + ";".join(["1"] * 1000) + "\n")
    assert table.column_names == names


def test_delimiter_is_found_when_the_sample_ends_inside_a_line(load):
    header = "a,b;c;d\n"
    line = "1,2;" + "y" * 121 + ";3\n"
    # Between its two semicolons.
    assert 4 < (delimited.SAMPLE_BYTES - len(header)) % len(line) < 125
    assert load(header + line * 1000).column_names == ["a,b", "c", "d"]


def test_tsv_of_one_column_may_hold_commas(load):
    assert load("review\ngood, but slow\nfine\n", "x.tsv").to_pydict() == {
        "review": ["good, but slow", "fine"]
    }


def test_one_column(load):
    assert load("a\n1\n2\n").to_pydict() == {"a": [1, 2]}
    assert load('a\n"1"\n').to_pydict() == {"a": [1]}


def test_blank_line_is_a_missing_value_of_one_column_and_nothing_among_several(load):
    assert load("\na\n1\n\n2\n\n\n").to_pydict() == {"a": [1, None, 2]}
    assert load("\na,b\n1,2\n\n3,4\n\n").to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_quoted_newlines_delimiters_and_quotes(load):
    table = load('a,b\n"x\ny","1,""2"""\n"p\r\nq",5" pipe\n')
    assert table.to_pydict() == {"a": ["x\ny", "p\r\nq"], "b": ['1,"2"', '5" pipe']}


def test_field_longer_than_the_usual_limits(load):
    long = "x" * 3_000_000
    assert load(f'a,b\n1,"{long}"\n2,{long}\n').column("b").to_pylist() == [long, long]


def test_records_across_the_blocks_of_a_huge_file(load, monkeypatch):
    monkeypatch.setattr(delimited, "MAX_BLOCK_BYTES", 100)
    table = load("a,b\n" + '1,"x\ny"\n' * 50)
    assert table.to_pydict() == {"a": [1] * 50, "b": ["x\ny"] * 50}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(load, end, last):
    text = end.join(["a,b", "1,x", "2,y"]) + (end if last else "")
    assert load(text).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ],
)
def test_encodings(load, mark, encoding, name):
    text = "é,b\n日本,1\n" if name == "x.csv" else '{"é": "日本", "b": 1}\n'
    assert load(mark + text.encode(encoding), name).to_pydict() == {"é": ["日本"], "b": [1]}


def test_blanks_around_names_are_dropped(load):
    assert load("a, b ,c\n1, 2, x\n").to_pydict() == {"a": [1], "b": [2], "c": [" x"]}


def test_decimal_commas(load):
    table = load("a;b;c;d\n1,5;2;x,1;NA\n-1.234,5;3;1,5; 0,5 \n")
    assert table.to_pydict() == {
        "a": [1.5, -1234.5],
        "b": [2, 3],
        "c": ["x,1", "1,5"],
        "d": [None, 0.5],
    }


def test_decimal_commas_are_not_guessed_where_the_comma_delimits(load):
    assert load('a,b\n"1,5",2\n').column("a").to_pylist() == ["1,5"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "x.csv: the file is empty"),
        (" \r\n\n", "x.csv: the file is empty"),
        ("\ufeff", "x.csv: the file is empty"),
        ("a,b\n", "x.csv: has column names but no rows"),
        ("a", "x.csv: has column names but no rows"),
        ("a,b\n1,2\n3\n", "x.csv, line 3: fields: found 1, expected 2"),
        ("a,b\r\n1,2\r\n\r\n3,4,5\r\n", "x.csv, line 4: fields: found 3, expected 2"),
        ('a,b\n"x\ny",2\n3,4,5\n', "x.csv, line 4: fields: found 3, expected 2"),
        (f"a,b\n1,{'x' * 200_000}\n3\n", "x.csv, line 3: fields: found 1, expected 2"),
        ("a\n1,5\n", "x.csv, line 2: fields: found 2, expected 1"),
        ("a,b,a\n1,2,3\n", "x.csv: columns 1 and 3 are both named 'a'"),
        ("a, a\n1,2\n", "x.csv: columns 1 and 2 are both named 'a'"),
        ("a,,c\n1,2,3\n", "x.csv: column 2 has no name"),
        (",a\n0,2\n", "x.csv: column 1 has no name"),
        ("5.1,3.5\n4.9,3.0\n", "x.csv: the first line holds numbers; expected column names"),
        ("1,0,1\n1,1,0\n", "x.csv: the first line holds numbers; expected column names"),
        ('a,b\n1,2\n3,"4\n5,6\n', "x.csv, line 3: a quote is opened and never closed"),
        ('a\n"1\n2\n', "x.csv, line 2: a quote is opened and never closed"),
        ('a,b\n1,x"\n3,",4\n', "x.csv, line 3: a quote is opened and never closed"),
        ('a,b\n1,"x\n2,"y\n', "x.csv, line 2: there is text after a closing quote"),
        ('a,b\n1,2\n1,"x"y\n', "x.csv, line 3: there is text after a closing quote"),
        (
            "a;b\n1,5;2.5\n",
            "x.csv: has decimal commas in column 'a' and decimal points in column 'b'",
        ),
        (b"a,b\n1,2\n3,\xe9t\xe9\n", "x.csv, line 3: byte 10 is not UTF-8 text"),
        (b"\xff\xfea\x00,", "x.csv, line 1: byte 4 is not UTF-16 text"),
        (b"a,b\r1,2\r3,\x00\r", "x.csv, line 3: byte 10 is NUL"),
        ("a,b\n1,2\n".encode("utf-16-le"), "x.csv, line 1: byte 1 is NUL"),
    ],
)
def test_broken_text_is_refused_with_its_place(load, content, expected):
    assert refused(load, content).startswith(expected)


def test_numbers_as_names_are_accepted_where_pandas_writes_them(load):
    assert load("0,1\n5.5,2\n").to_pydict() == {"0": [5.5], "1": [2]}


pieces = st.sampled_from(["x", "", '"', '""', '"q"', '"a,b"', '"n\nm"', "1", "1,5", ";", "é", "\n"])


@given(rows=st.lists(st.lists(pieces, max_size=5), max_size=6))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_makes_a_traceback_or_shifts_a_row(load, rows):
    text = "one,two\n" + "".join(",".join(row) + "\n" for row in rows)
    try:
        table = load(text)
    except UserError as error:
        assert "\n" not in str(error)
        return
    records = [record for record in csv.reader(io.StringIO(text, newline="")) if record]
    assert table.column_names == ["one", "two"] and table.num_rows == len(records) - 1
    for at, column in enumerate(table.columns):
        if pa.types.is_string(column.type):
            assert column.to_pylist() == [
                record[at] if record[at].strip() else None for record in records[1:]
            ]


# JSON lines.


def test_json_lines(load):
    lines = [
        '{"i": 1, "s": "x", "l": [1, 2]}',
        "",
        '{"s": "NA", "f": 0.5, "l": []}',
        '{"i": null, "f": NaN, "s": "?"}',
    ]
    table = load("\n".join(lines), "x.jsonl")
    assert table.to_pydict() == {
        "i": [1, None, None],
        "s": ["x", None, None],
        "l": [[1, 2], [], None],
        "f": [None, 0.5, None],
    }
    assert kinds(table) == ["int64", "string", "list<item: int64>", "double"]


def test_json_strings_of_numbers_and_markers_are_numbers(load):
    table = load(
        '{"a": "1", "b": "2.5", "c": "7", "d": "NA"}\n{"a": "NA", "b": "", "c": "8", "d": "?"}\n',
        "x.json",
    )
    assert table.to_pydict() == {
        "a": [1, None],
        "b": [2.5, None],
        "c": ["7", "8"],
        "d": [None, None],
    }
    assert kinds(table) == ["int64", "double", "string", "null"]


def test_json_numbers_among_markers_are_numbers_and_other_columns_keep_their_kind(load):
    table = load('{"a": 1, "d": "2020-01-01"}\n{"a": "NA", "d": "2020-01-02"}\n', "x.ndjson")
    assert table.column("a").to_pylist() == [1, None]
    assert (
        kinds(table)
        == kinds(load('{"a": 1, "d": "2020-01-01"}\n', "y.ndjson"))
        == ["int64", "timestamp[s]"]
    )


def test_long_json_line(load):
    assert (
        load(json.dumps({"a": "x" * 3_000_000}), "x.jsonl").column("a")[0].as_py()
        == "x" * 3_000_000
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "x.jsonl: the file is empty"),
        (
            '{"a": 1}\n\n{"a": 2\n{"a": 3}\n',
            "x.jsonl, line 3: not a JSON object: Expecting ',' delimiter",
        ),
        ('{"a": 1}\nfive\n', "x.jsonl, line 2: not a JSON object"),
        ('{"a": 1}\n5\n', "x.jsonl, line 2: expected a JSON object, found 5"),
        ('[{"a": 1}, {"a": 2}]\n', "x.jsonl: holds one JSON array; expected one object per line"),
        ('{"a": 1, "a": 2}\n', "x.jsonl, line 1: not a JSON object: 'a' is given twice"),
        ('{"a": 1}\n\n{"a": "x"}\n', "x.jsonl, line 3: column 'a' changes from number to string"),
        ('{"a": ' + "[" * 100_000, "x.jsonl, line 1: not a JSON object: "),
        ('{"a": "\\ud800"}\n', "x.jsonl: JSON parse error"),
        ("{}\n{}\n", "x.jsonl: has no columns"),
        ('{"": 1}\n', "x.jsonl: column 1 has no name"),
    ],
)
def test_broken_json_lines_are_refused_with_their_place(load, content, expected):
    assert refused(load, content, "x.jsonl").startswith(expected)


# Parquet, paths and built-in tables.


def test_parquet(tmp_path):
    table = pa.table(
        {
            "s": pa.array(["x", "NA", None]).dictionary_encode(),
            "n": pa.array(["1", " ? ", "2"], pa.large_string()),
            "z": pa.array(["01", "02", "03"]),
            "f": pa.array([1.5, float("nan"), None], pa.float32()),
            "l": pa.array([[1.0], [], None], pa.large_list(pa.float64())),
        }
    )
    folder = tmp_path / "year=2020"
    folder.mkdir()
    pq.write_table(table, folder / "x.parquet")
    read_back = read_table(folder / "x.parquet")
    assert read_back.to_pydict() == {
        "s": ["x", None, None],
        "n": [1, None, 2],
        "z": ["01", "02", "03"],
        "f": [1.5, None, None],
        "l": [[1.0], [], None],
    }
    assert kinds(read_back) == ["string", "int64", "string", "float", "list<item: double>"]


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "empty"])
def test_broken_parquet_is_refused(tmp_path, damage):
    path = tmp_path / "x.parquet"
    write_table(pa.table({"a": np.random.default_rng(0).random(1000)}), path)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(
        {"cut": content[:-20], "flip": content, "other": b"a,b\n1,2\n", "empty": b""}[damage]
    )
    assert refused(read_table, path).startswith(f"{path}: not a readable Parquet file: ")


def test_parquet_without_rows_or_with_repeated_names_is_refused(tmp_path):
    path = tmp_path / "x.pq"
    write_table(pa.table({"a": pa.array([], pa.int64())}), path)
    assert refused(read_table, path) == f"{path}: has column names but no rows"
    write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    assert "columns 1 and 2 are both named 'a'" in refused(read_table, path)


def test_paths(load, tmp_path, monkeypatch):
    load("a\n1\n", "train.csv")
    assert refused(read_table, "trian.csv") == "trian.csv: no such file; did you mean train.csv?"
    assert refused(read_table, f"{tmp_path}/trian.csv").endswith(
        f"; did you mean {tmp_path}/train.csv?"
    )
    assert refused(read_table, "quite_another.csv") == "quite_another.csv: no such file"
    assert (
        refused(read_table, "data/train.csv")
        == "data/train.csv: no such file; there is no folder data"
    )
    assert refused(read_table, str(tmp_path)) == f"{tmp_path}: is a folder; expected a file"
    assert (
        refused(read_table, "train.csv/x.csv") == "train.csv/x.csv: cannot be read: Not a directory"
    )
    message = refused(load, "a\n1\n", "train.xlsx")
    assert message == "train.xlsx: unknown ending '.xlsx'; expected one of " + " ".join(
        [".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json"]
    )
    assert load("a\n1\n", "UPPER.CSV").num_rows == 1

    def deny(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(read, "open", deny, raising=False)
    assert refused(read_table, "train.csv") == "train.csv: cannot be read: Permission denied"


def test_builtin_tables_are_read_by_their_prefix():
    assert read_table("builtin:iris").column_names[-1] == "species"
    assert refused(read_table, "builtin:irs").endswith("did you mean builtin:iris?")


def test_reading_imports_neither_jax_nor_what_is_slow():
    slow = {"jax", "matplotlib", "pandas", "polars", "scipy", "sklearn"}
    code = f"import sys, train.data.files.read; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# In-memory tables.


def test_columns_of_all_sorts():
    table = as_table(
        {
            "list": [1, None, 3],
            "marked": [1, "NA", 2.5],
            "text": ["x", " n/a", ""],
            "floats": np.array([1.0, np.nan, 3.0]),
            "words": np.array(["a", "b", "c"]),
            "masked": np.ma.array([1, 2, 3], mask=[False, True, False]),
            "rank2": np.arange(6.0).reshape(3, 2),
            "arrow": pa.array([True, None, False]),
            "range": range(3),
        }
    )
    assert table.to_pydict() == {
        "list": [1, None, 3],
        "marked": [1.0, None, 2.5],
        "text": ["x", None, None],
        "floats": [1.0, None, 3.0],
        "words": ["a", "b", "c"],
        "masked": [1, None, 3],
        "rank2": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
        "arrow": [True, None, False],
        "range": [0, 1, 2],
    }


def test_own_markers_in_memory():
    assert as_table({"a": ["1", "-", "NA"]}, missing=("-",)).column("a").to_pylist() == [
        "1",
        None,
        "NA",
    ]


def test_rows_may_have_different_keys():
    table = as_table([{"a": 1}, {"b": "x", "a": 2}, {}])
    assert table.to_pydict() == {"a": [1, 2, None], "b": [None, "x", None]}


def test_arrow_tables_and_batches():
    columns = {"a": [1.0, None], "b": ["x", None]}
    table = pa.table({"a": [1.0, float("nan")], "b": pa.array(["x", "NA"]).dictionary_encode()})
    assert as_table(table).to_pydict() == as_table(table.to_batches()[0]).to_pydict() == columns


def test_no_rows_are_a_table():
    assert as_table({"a": [], "b": np.array([])}).shape == (0, 2)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "i": pandas.array([1, None], dtype="Int64"),
            "f": [1.5, None],
            "s": ["x", "NA"],
            "c": pandas.Categorical(["u", None]),
            "t": pandas.to_datetime(["2020-01-01", None]),
            "m": pandas.Series([7, "?"], dtype=object),
        }
    )
    assert as_table(frame.set_index(pandas.Index([5, 6]))).to_pydict() == {
        "i": [1, None],
        "f": [1.5, None],
        "s": ["x", None],
        "c": ["u", None],
        "t": [datetime.datetime(2020, 1, 1), None],
        "m": [7, None],
    }
    repeated = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    assert (
        refused(as_table, repeated) == "data: columns 1 and 2 are both named 'a'; names must differ"
    )
    assert (
        refused(as_table, pandas.DataFrame([[1, 2]]))
        == "data: a column is named 0; expected a string"
    )


def test_polars():
    polars = pytest.importorskip("polars")
    columns = {"i": [1, None], "s": ["x", "NA"], "l": [[1.0], [2.0, 3.0]]}
    frame = polars.DataFrame(columns).with_columns(
        polars.Series("c", ["u", None], dtype=polars.Categorical)
    )
    expected = {"i": [1, None], "s": ["x", None], "l": [[1.0], [2.0, 3.0]], "c": ["u", None]}
    series = {name: frame[name] for name in frame.columns}
    assert as_table(frame).to_pydict() == as_table(series).to_pydict() == expected
    for table in (as_table(frame), as_table(pa.table(frame))):
        assert kinds(table) == ["int64", "string", "list<item: double>", "string"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": [1, 2], "b": [1, 2, 3]}, "data: column 'b' has 3 rows, column 'a' has 2"),
        ({"a": 5}, "data: column 'a' is one int; expected a list"),
        ({"a": "text"}, "data: column 'a' is one str; expected a list"),
        ({"a": np.array(5)}, "data: column 'a' is one ndarray; expected a list"),
        ({"a": {1, 2}}, "data: column 'a' is one set; expected a list"),
        ({"a": [1, "x"]}, "data: column 'a' is not of one kind"),
        ({"a": [2**70]}, "data: column 'a' is not of one kind"),
        ({1: [1]}, "data: a column is named 1; expected a string"),
        ({"": [1]}, "data: column 1 has no name"),
        ({}, "data: has no columns"),
        ([], "data: has no columns"),
        ([{"a": 1}, 5], "data: row 2 is no dict of columns but of type int"),
        ("x.csv", "data: cannot read type str; expected a dict of columns"),
        (np.ones((2, 2)), "data: cannot read type ndarray; expected a dict of columns"),
    ],
)
def test_other_data_is_refused(data, expected):
    assert refused(as_table, data).startswith(expected)


# Writing.

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
    read_back = read_table(tmp_path / name)
    assert read_back.equals(table), (read_back.to_pydict(), table.to_pydict())


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
    assert kinds(read_table(tmp_path / name)) == ["double"]


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
    assert read_table(tmp_path / "x.jsonl").column("t").to_pylist() == times.to_pylist()


def test_many_rows_and_none(tmp_path):
    table = pa.table({"a": np.arange(200_000), "b": ["x", "y,"] * 100_000})
    for name in ("x.csv", "x.jsonl"):
        write_table(table, tmp_path / name)
        assert read_table(tmp_path / name).equals(table)
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

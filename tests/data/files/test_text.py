"""Delimited text: kinds, gaps, delimiters, quotes, encodings; one line for every error."""

from __future__ import annotations

import csv
import datetime
import io
import re

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import kinds, refused

from train.config.data_options import MISSING
from train.data.files import delimited, dialect
from train.data.files.encoding import to_utf8
from train.data.files.found import left_out_notes
from train.data.files.read import read_table
from train.errors import UserError


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
    assert 4 < (dialect.SAMPLE_BYTES - len(header)) % len(line) < 125
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
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_encodings(load, mark, encoding, name):
    text = "é,b\n日一,1\n" if name == "x.csv" else '{"é": "日一", "b": 1}\n'  # 一 is U+4E00
    assert load(mark + text.encode(encoding), name).to_pydict() == {"é": ["日一"], "b": [1]}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_said(encoding):
    said: list[str] = []
    assert to_utf8("\ufeffa,b\n1,€\n".encode(encoding), "x.csv", said) == "a,b\n1,€\n".encode()
    assert not said
    assert to_utf8("a,b\n1,€\n".encode(encoding), "x.csv", said) == "a,b\n1,€\n".encode()
    assert said == [f"x.csv: is UTF-16 without a byte order mark, read as {encoding.upper()}"]


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
        (",a\nq,2\nq,3\n", "x.csv: column 1 has no name"),
        ("5.1,3.5\n4.9,3.0\n", "x.csv: the first line holds numbers; expected column names"),
        ("1,0,1\n1,1,0\n", "x.csv: the first line holds numbers; expected column names"),
        ('a,b\n1,2\n3,"4\n5,6\n', "x.csv, line 3: a quote is opened and never closed"),
        ('a\n"1\n2\n', "x.csv, line 2: a quote is opened and never closed"),
        ('a,b\n1,x"\n3,",4\n', "x.csv, line 3: a quote is opened and never closed"),
        ('a,b\n1,"x\n2,"y\n', "x.csv, line 2: there is text after a closing quote"),
        ('a,b\n1,2\n1,"x"y\n', "x.csv, line 3: there is text after a closing quote"),
        (b"a,b\n1,2\n3,\xe9t\xff\n", "x.csv, line 3: byte 10 is not UTF-8 text"),
        (b"\xff\xfea\x00,", "x.csv, line 1: byte 4 is not UTF-16 text"),
        (b"a,b\r1,2\r3,\x00\r", "x.csv, line 3: byte 10 is NUL"),
        ("a,b\n1,2".encode("utf-16-le")[1:], "x.csv, line 1: byte 0 is NUL"),
        (b"a,b\n1,\x00\x00\x00\x00\n2,3\n", "x.csv, line 2: byte 6 is NUL"),
    ],
)
def test_broken_text_is_refused_with_its_place(load, content, expected):
    assert refused(load, content).startswith(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04\x14\x00", "t.csv: holds a zip archive, as a workbook of Excel is; save its"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "t.csv: holds a workbook of Excel"),
        (b"PAR1\x15\x04", "t.csv: holds a Parquet file"),
        (b"\x1f\x8b\x08", "t.csv: holds a gzip archive"),
        (b"%PDF-1.4\n%\xe2\xe3", "t.csv: holds a PDF"),
        (b"SQLite format 3\0\x10", "t.csv: holds a database of SQLite"),
        (b"\n<HTML><table>\n<tr><td>a</td></tr>", "t.csv: holds a page of HTML or XML"),
        ("\ufeff<!DOCTYPE html>".encode(), "t.csv: holds a page of HTML or XML"),
        ("<table border=1>".encode("utf-16"), "t.csv: holds a page of HTML or XML"),
    ],
)
def test_other_formats_under_an_ending_of_text_are_named(content, expected):
    with pytest.raises(UserError, match=re.escape(expected)):
        to_utf8(content, "t.csv")


@pytest.mark.parametrize("name", ["PAR1", "<table_id>", "<table>", "<DATE>"])
def test_a_column_may_be_called_as_other_formats_begin(load, name):
    assert load(f"{name},b\n1,2\n").column_names == [name, "b"]


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
    # One field more than the header in every row: the last is empty, or the first is an index, as R
    # and pandas write it.
    is_longer = len(records) > 1 and all(len(record) == 3 for record in records[1:])
    has_index = is_longer and any(record[2] for record in records[1:])
    for at, column in enumerate(table.columns, int(has_index)):
        if pa.types.is_string(column.type):
            assert column.to_pylist() == [
                record[at] if record[at].strip() else None for record in records[1:]
            ]


@pytest.mark.parametrize("counts", ["0 1 0 1", "1 2 1 ", "a b a b"])
def test_an_index_that_counts_anew_is_left_out_and_said(load, counts):
    content = ",x\n" + "".join(f"{count},{7 * i}\n" for i, count in enumerate(counts.split(" ")))
    if "a" in counts:
        assert "column 1 has no name, which could be an index" in refused(load, content)
        return
    assert load(content).to_pylist() == [{"x": 7 * i} for i in range(4)]
    [note] = left_out_notes(read_table("x.csv"), "x.csv")
    assert "left out, as an index of the rows, though its cells repeat, or are missing" in note
    assert note.endswith("a name in the header has it read")


def test_names_in_apostrophes_lose_them_where_all_have_some(load):
    assert load("'x'\t'y z'\n1\t2\n").column_names == ["x", "y z"]
    assert load("'x',y\n1,2\n").column_names == ["'x'", "y"]


@pytest.mark.parametrize(
    ("content", "name", "row"),
    [
        ('"x","y"\n"1",2.5,3.5\n', "x.csv", {"x": 2.5, "y": 3.5}),
        ('"x";"y"\n"Ann Lee";2.5;3.5\n\n', "x.csv", {"x": 2.5, "y": 3.5}),
        ('"x" "y"\n"1" 2.5 "b c"\n', "x.txt", {"x": 2.5, "y": "b c"}),
        ("x y\n1 2.5 3.5\n", "x.txt", {"x": 2.5, "y": 3.5}),
        ("x;y\n0;2.5;3.5\n", "x.csv", {"x": 2.5, "y": 3.5}),
    ],
)
def test_the_name_of_an_only_row_is_an_index(load, content, name, row):
    assert load(content, name).to_pylist() == [row]
    assert "column 1 has no name" in left_out_notes(read_table(name), name)[0]


@pytest.mark.parametrize(
    "content",
    ["x,y\n1,2.5,3.5\n", 'x,y\n"1",2,3\n', '"x",y\n"a, b",2,3\n', "x;y\n7;2.5;3.5\n"],
)
def test_what_may_be_a_decimal_comma_is_no_index(load, content):
    assert "x.csv, line 2: fields: found 3, expected 2" in refused(load, content)


@pytest.mark.parametrize(
    ("code", "word"),
    [("cp1251", "Москва"), ("cp932", "東京"), ("cp936", "北京"), ("cp949", "서울")],
)
def test_a_code_page_is_named_that_the_file_is_of(code, word):
    data = f"x,{word}\n1,2\n".encode(code)
    message = refused(to_utf8, data, "x.csv", [])
    assert "not UTF-8 text; save it as UTF-8, as by iconv -f CODE -t UTF-8 OLD > NEW" in message
    assert f"{code.upper()} of" in message
    assert word in data.decode(code)


def test_text_taken_for_western_windows_says_how_else_to_read_it():
    said = []
    to_utf8("x,jméno\n1,Žižka\n".encode("cp1250"), "x.csv", said)
    assert "read as Windows-1252" in said[0] and "CP1250 of eastern" in said[0]


def test_a_tab_in_front_is_an_index_not_a_blank(load):
    assert "fields: found 2, expected 3" in refused(load, "\tamount\tflag\n0\t19\u200987\n")

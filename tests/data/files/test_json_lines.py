"""JSON lines: kinds, missing values, and one line for every error."""

from __future__ import annotations

import json

import pytest
from reading import kinds, refused


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


def test_json_strings_of_numbers_and_markers_stay_text(load):
    table = load(
        '{"a": "1", "b": "2.5", "c": "7", "d": "NA"}\n{"a": "NA", "b": "", "c": "8", "d": "?"}\n',
        "x.json",
    )
    assert table.to_pydict() == {
        "a": ["1", None],
        "b": ["2.5", None],
        "c": ["7", "8"],
        "d": [None, None],
    }
    assert kinds(table) == ["string", "string", "string", "null"]


def test_json_numbers_among_markers_are_numbers_and_other_columns_keep_their_kind(load):
    table = load('{"a": 1, "d": "2020-01-01"}\n{"a": "NA", "d": "2020-01-02"}\n', "x.ndjson")
    assert table.column("a").to_pylist() == [1, None]
    assert (
        kinds(table)
        == kinds(load('{"a": 1, "d": "2020-01-01"}\n', "y.ndjson"))
        == ["int64", "string"]
    )


def test_lists_that_begin_without_a_value_keep_all_they_hold(load):
    table = load('{"x": [null, 1.5]}\n{"x": [2, null]}\n', "x.jsonl")
    assert table.column("x").to_pylist() == [[None, 1.5], [2.0, None]]
    table = load('{"x": [[null, null]]}\n{"x": [[2, 1]]}\n', "y.jsonl")
    assert table.column("x").to_pylist() == [[[None, None]], [[2, 1]]]
    table = load('{"x": [null, null]}\n', "z.jsonl")
    assert table.column("x").to_pylist() == [[None, None]]


def test_words_that_look_like_dates_are_words_in_lists_too(load):
    table = load('{"words": ["2020-01-01", "2020-01-02"]}\n', "x.jsonl")
    assert table.column("words").to_pylist() == [["2020-01-01", "2020-01-02"]]


def test_an_array_numbers_among_texts_and_nested_objects(load):
    rows = [{"z": "02139", "o": {"p": 1, "q": {"r": "x"}}}, {"z": 2139.5, "o": None}, {"z": 3}]
    wanted = {"z": ["02139", "2139.5", "3"], "o.p": [1, None, None], "o.q.r": ["x", None, None]}
    for name, content in (
        ("x.json", json.dumps(rows, indent=1)),
        ("x.jsonl", "\n".join(map(json.dumps, rows))),
    ):
        assert load(content, name).to_pydict() == wanted


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
        ("[1, 2]\n", "x.jsonl: holds a JSON array, but not of objects, a row each"),
        ('[{"a": 1}\n', "x.jsonl: neither JSON lines nor a JSON array: Expecting ',' delimiter"),
        ('[{"a": 1}, {"a": true}]', "x.jsonl, object 2: column 'a' changes from number to boolean"),
        ('{"a": 1, "a": 2}\n', "x.jsonl, line 1: not a JSON object: 'a' is given twice"),
        (
            '{"a": ["x", 1]}',
            "x.jsonl, line 1: column 'a' within its lists changes from string to number; expected",
        ),
        ('{"a": 1}\n\n{"a": [2]}\n', "x.jsonl, line 3: column 'a' changes from number to array"),
        ('{"a": ' + "[" * 100_000, "x.jsonl, line 1: not a JSON object: "),
        ('{"a": "\\ud800"}\n', "x.jsonl: JSON parse error"),
        ("{}\n{}\n", "x.jsonl: has no columns"),
        ('{"": 1}\n', "x.jsonl: column 1 has no name"),
    ],
)
def test_broken_json_lines_are_refused_with_their_place(load, content, expected):
    assert refused(load, content, "x.jsonl").startswith(expected)

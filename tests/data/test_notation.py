"""Marks, units, codes, dates and layouts of a few cells, each by the rule that decides it."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from train.data.columns import get_column
from train.data.dates import parse_date
from train.data.files.dialect import find_dialect
from train.data.hint import Hint, find_hint
from train.data.infer import Inferred, infer
from train.data.infer_notation import infer_notation
from train.data.marks import choose_marks, find_marks
from train.data.notation import Notation, parse

PLAIN = (".", "", True)


def inferred(cells: list[str], **hint: str) -> Inferred:
    return infer(get_column(pa.table({"c": cells}), "c", "", ()), Hint(**hint))  # type: ignore[arg-type]


def test_three_digits_behind_a_zero_are_decimals():
    assert find_marks(["0.125"], [7]).decimal == {".": 7}
    assert find_marks(["1.125"], [7]).either == {".": 7}
    assert find_marks(["1.125e3"], [7]).decimal == {".": 7}


@pytest.mark.parametrize(
    ("count", "delimiter", "marks"),
    [
        (10, ";", (",", ".", False)),
        (9, ";", (".", "", False)),  # too few to be taken for thousands
        (10, ",", (".", "", False)),  # read as programs write it, and said
    ],
)
def test_points_are_thousands_where_many_have_them(count, delimiter, marks):
    assert choose_marks(find_marks(["1.250", "7"], [count, 3]), Counter(), delimiter) == marks


@pytest.mark.parametrize(("ending", "field"), [("mg", "unit"), ("K", "scaled")])
def test_letters_behind_few_numbers_are_codes(ending, field):
    few, many = (infer_notation([f"{i}{ending}" for i in range(n)], [1] * n, PLAIN) for n in (4, 5))
    assert (few.read, many.read) == (0, 5)
    assert not getattr(few.notation, field) and getattr(many.notation, field)


def test_a_clock_may_run_backwards():
    found = parse(["-01:30", "00:00:30", "25:00", "1:75"], Notation(clock=True))
    assert found.numbers.tolist()[:3] == [-5400, 30, 90_000]
    assert found.valid.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("01/02/69", "mdy", "1969-01-02T00:00:00"),  # the two centuries of POSIX
        ("01/02/68", "mdy", "2068-01-02T00:00:00"),
        ("01.02.2020 12:00 +02:00", "dmy", "2020-02-01T10:00:00"),
        ("01.02.2020 12:00 -0530", "dmy", "2020-02-01T17:30:00"),
        ("01.02.2020 12:00 UTC", "dmy", "2020-02-01T12:00:00"),
        ("2020-02-01T12:00:00+02:00", "", "2020-02-01T10:00:00"),
        ("01/02/2020 12:30 am", "mdy", "2020-01-02T00:30:00"),
        ("01/02/2020 12:30:01,5 p.m.", "mdy", "2020-01-02T12:30:01.500000"),
        ("2020-03", "", "2020-03-01T00:00:00"),
    ],
)
def test_a_date_is_a_moment_in_utc(text, order, moment):
    found = parse_date(text, order)
    assert found is not None and found.isoformat() == moment


def test_a_hundredth_of_cells_that_begin_with_zeros_makes_codes():
    others = [str(i) for i in range(10, 110)]
    assert inferred(["07", *others[:99]]).kind == "category"
    assert inferred(["07", *others]).kind == "number"


def test_what_points_say_of_plain_numbers_is_said_where_they_may_be_thousands():
    cells = ["1.500", "12.004", "7.250"]
    found = inferred(cells, delimiter=";")
    assert "'1.500' is read as 1.5, which its cells do not prove" in found.note
    assert inferred(cells, delimiter=",").note == ""
    found = inferred(cells, thousands=".")
    assert "'1.500' is read as 1500 (decimal commas" in found.note


def test_a_category_of_many_numbers_is_said():
    cells = [f"word{i}" if i % 4 == 0 else str(i) for i in range(40)]
    found = inferred(cells)
    assert found.kind == "category"
    assert found.note.startswith("30 of 40 cells are numbers, but others are as 'word0'")
    assert inferred(cells[::4] + cells[1::4]).note == ""  # no more than half


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x,y\n1,2,\n3,4,\n", ("x", "y", "")),  # a comma ends each row
        ("x,y\n3,5,1\n8,5,2\n", ("x", "y")),  # a decimal comma: refused for its length
        ("x,y\nr3,5,1\nr8,5,2\n", ("", "x", "y")),  # the names of rows
        ("x,y\n0,5,1\n1,5,2\n", ("", "x", "y")),  # their numbers
        ("who  n\nan  1\nbo  2\n", ("who", "n")),
        ("who  what\nan  apple\nbo  tree\n", ("who  what",)),  # words, which blanks may be part of
        ('"who" "what"\n"an b" "red"\n"bo" "tree"\n', ("who", "what")),  # R: its texts are quoted
        ('"who" "n"\n"1" "an b" 1\n"2" "bo" 2\n', ("", "who", "n")),  # beside names of rows
        ("m n\n1 5 7\n2 5 8\n", ("", "m", "n")),  # which may stand without quotes
        ("who  age\nan b 5\nbo c 6\n", ("who  age",)),  # a word more, not a name of the row
    ],
)
def test_names_are_those_of_the_fields_that_rows_have(text, names):
    assert find_dialect(text.encode(), b",").names == names


@pytest.mark.parametrize(
    ("proof", "marks"),
    [
        ("1.234,5", (",", "", True)),
        ("1,234.5", (".", ",", True)),
        ("0,5", (",", "", True)),
        ("1.234.567", (",", "", True)),
        ("1,234,567", (".", ",", True)),
        ("7", (",", "", False)),  # which proves nothing: then as a file with semicolons has them
    ],
)
def test_what_one_column_proves_holds_for_another(proof, marks):
    table = pa.table({"a": [proof, "7"], "b": ["71,586", "1234"]})
    hint = find_hint(table, ("a", "b"), None, ())
    assert choose_marks(hint.marks["b"], hint.pooled, ";") == marks


@pytest.mark.parametrize(
    ("n_odd", "n_words", "kind"),
    [(6, 6, "number"), (7, 7, "category"), (12, 2, "number"), (12, 3, "category")],
)
def test_a_tenth_of_cells_may_be_odd_or_a_fifth_of_one_or_two_words(n_odd, n_words, kind):
    words = [f"odd{'abcdefg'[i % n_words]}" for i in range(n_odd)]
    assert inferred([*words, *(str(i) for i in range(60 - n_odd))]).kind == kind

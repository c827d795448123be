"""Rows that are none: units and questions below the names, sums and means among the others."""

from __future__ import annotations

import numpy as np
import pytest

from train.config.data_options import Table
from train.data.table.load import load_table

N = 40
ROWS = [f"{i * 1.5},{'ab'[i % 2]},{i * 7 % 13}" for i in range(N)]


def notes_of(folder, lines: list[str], header: str = "x,kind,y", **options) -> list[str]:
    (folder / "train.csv").write_text("\n".join([header, *lines]) + "\n")
    options = {"target": "y", "valid": 0, "test": 0} | options
    return list(load_table(Table(str(folder / "train.csv"), **options), "auto").notes)


def said(notes: list[str], word: str) -> list[str]:
    return [note.partition("train.csv: ")[2] for note in notes if word in note]


@pytest.mark.parametrize(
    ("heads", "found"),
    [
        (["[m],[-],[s]"], "row 1 looks like a line of names or of units ('[s]', '[m]', '[-]')"),
        (["m,,s"], "row 1 looks like a line of names or of units ('s', 'm')"),
        (["How far?,Which?,When?", "Q1,Q2,Q3"], "rows 1 to 2 look like lines of names"),
        (["---,---,---"], "row 1 looks"),
        (["broken,a,3"], ""),  # one odd cell
        ([",,s"], ""),
        (["broken,a,odd"], ""),  # of a category that others have too
        (["-,new,-"], ""),  # no value, of a category of its own
        ([], ""),
    ],
)
def test_a_line_of_units_or_names_is_said(tmp_path, heads, found):
    lines = said(notes_of(tmp_path, [*heads, *ROWS]), "look")
    assert len(lines) == bool(found)
    assert not found or lines[0].startswith(found)


def test_a_line_of_names_above_categories_alone_is_said(tmp_path):
    rows = [",".join("ab"[i // k % 2] for k in (1, 2, 3, 5)) for i in range(N)]
    for first, n in (("Colour,Taste,Size,Bought", 1), ("Colour,a,b,Bought", 0)):
        assert len(said(notes_of(tmp_path, [first, *rows], "p,q,r,y"), "row 1 looks")) == n
    names = [f"u{i},v{i},w{i},{'ab'[i % 2] if i else 'c'}" for i in range(N)]  # each row has names
    assert not said(notes_of(tmp_path, names, "p,q,r,y"), "look")


def with_blocks(name: str, what) -> list[str]:
    """ROWS, and behind each ten of them a row of that name: sums or means of their numbers."""
    lines = []
    for start in range(0, N, 10):
        block = ROWS[start : start + 10]
        x, y = (what([float(row.split(",")[i]) for row in block]) for i in (0, 2))
        lines += [*block, f"{x},{name},{y}"]
    return lines


def test_rows_that_are_called_sums_and_are_such_are_said(tmp_path):
    subtotals = with_blocks("Subtotal", np.sum)
    [line] = said(notes_of(tmp_path, subtotals), "sum up")
    assert line.startswith("column 'kind': rows of 'Subtotal' sum up others, or are their means")
    [line] = said(notes_of(tmp_path, with_blocks("Average:", np.mean)), "sum up")
    assert line.startswith("column 'kind': rows of 'Average:' sum up others")
    x, y = (sum(float(row.split(",")[i]) for row in ROWS) for i in (0, 2))
    total = f"{x},Total,{y}"
    notes = notes_of(tmp_path, [*ROWS, total])
    assert len(said(notes, "is the sum of the rows above")) == 1 and not said(notes, "sum up")
    both = [*with_blocks("Total", np.sum), total, *ROWS[:1]]  # the whole, and its parts
    [line] = said(notes_of(tmp_path, both), "sum up")
    assert line.startswith("column 'kind': rows of 'Total' sum up others")
    assert not said(notes_of(tmp_path, ROWS), "sum up")


@pytest.mark.parametrize("name", ["Total", "Average", "sum"])
def test_categories_that_are_called_so_alone_are_none(tmp_path, name):
    rows = [row.replace(",a,", f",{name},") for row in ROWS]
    assert not said(notes_of(tmp_path, rows), "sum up")
    half = [*with_blocks(name, np.sum), f"0,{name},1000"]  # one of two columns
    assert len(said(notes_of(tmp_path, half), "sum up")) == 1
    neither = [*half, f"1000.5,{name},3"]
    assert not said(notes_of(tmp_path, neither), "sum up")


def test_words_for_no_value_among_categories_are_said(tmp_path):
    rows = [f"{i},{('a', 'b', chr(92) + 'N', '-', 'unknown')[i % 5]},{i % 7}" for i in range(N)]
    [note] = said(notes_of(tmp_path, rows), "column 'kind'") or [""]
    assert note == ""  # it is no line on the file
    [note] = [note for note in notes_of(tmp_path, rows) if "column 'kind'" in note]
    assert "'\\\\N' (8), '-' (8) among categories" in note and "unknown" not in note
    words = [row.replace("unknown", "missing").replace(",-,", ",not available,") for row in rows]
    [note] = [note for note in notes_of(tmp_path, words) if "column 'kind'" in note]
    assert "'\\\\N' (8) among categories" in note  # a state of a person, or of a product
    notes = notes_of(tmp_path, rows, target="kind")
    assert any(note.startswith("target 'kind': '\\\\N' (8), '-' (8) among") for note in notes)
    notes = notes_of(tmp_path, rows, missing=("-", "\\N"))
    assert not [note for note in notes if "among categories" in note]


@pytest.mark.parametrize(
    ("day", "n", "is_said"),
    [
        ("9999-12-31", 3, True),
        ("1900-01-01", 1, True),
        ("0001-01-01", 1, True),
        ("2031-12-31", 3, False),
        ("1990-01-02", 1, False),
    ],
)
def test_days_that_stand_for_none_are_said(tmp_path, day, n, is_said):
    days = [str(np.datetime64("2023-01-01") + i) for i in range(N)] + [day] * n
    notes = notes_of(tmp_path, [f"{d},{i % 7},{i % 5}" for i, d in enumerate(days)])
    found = [note for note in notes if f"{day} stands in {n} of {N + n} cells, far from" in note]
    assert len(found) == is_said


@pytest.mark.parametrize(("first", "is_said"), [(2560, True), (1402, True), (1950, False)])
def test_years_of_another_calendar_are_said(tmp_path, first, is_said):
    rows = [f"{first + i % 5}-02-{i % 28 + 1:02d},{i % 7},{i % 5}" for i in range(N)]
    found = [note for note in notes_of(tmp_path, rows) if "dates are of years such as" in note]
    assert len(found) == is_said


def test_decades_of_days_may_begin_in_1970(tmp_path):
    days = [str(np.datetime64("1970-01-01") + 400 * i) for i in range(N)]
    notes = notes_of(tmp_path, [f"{d},{i % 7},{i % 5}" for i, d in enumerate(days)])
    assert not [note for note in notes if "stands in" in note]

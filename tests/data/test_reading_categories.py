"""Categories as people write them: one writing, found in training rows and kept."""

from __future__ import annotations

import pyarrow as pa
import pytest
from written_tables import N, Y, column, cycled, rows

from train.data.files.arrow import as_table


def test_codes_stay_codes_where_a_later_file_has_digits_alone(train, ask):
    encoder, notes = train(rows(cycled("01", "02", "1A", "10"), Y, header="code,y"))
    assert "codes such as '01' begin with zeros" in notes[0]
    assert ask(encoder, "code\n02\n01\n").inputs["codes"].tolist() == [[2], [1]]
    typed = encoder.read(pa.table({"code": ["02", "01"]}), "data")
    assert typed.inputs["codes"].tolist() == [[2], [1]]
    for wrong in ({"code": [2, 1]}, {"code": ["2", "x"]}):
        found = encoder.read(as_table(wrong), "data")
        assert found.inputs["codes"].tolist() == [[0], [0]]
        assert (
            "2 of 2 cells are categories that no training row has: '2' in row 1" in found.notes[0]
        )


@pytest.mark.parametrize(
    ("cells", "later", "codes"),
    [
        (("True", "False", "Unknown"), "c\nTrue\nFalse\n", [2, 1]),
        (("1.10", "1.1", "x"), "c\n1.10\n1.1\n", [2, 1]),
        (("1E5", "2B", "3C"), "c\n1E5\n", [1]),
        (("2020-01-01 09:00", "x"), "c\n2020-01-01 09:00\n", [1]),
        (("0x10", "0x1F"), "c\n0x1F\n", [2]),
        (("True", "False"), "c\nTRUE\nfalse\n", [2, 1]),
        (("yes", "no"), "c\nno\n", [1]),
    ],
)
def test_categories_keep_their_writing(train, ask, cells, later, codes):
    encoder, _ = train(rows(cycled(*cells), Y, header="c,y"))
    found = ask(encoder, later)
    assert found.inputs["codes"][:, 0].tolist() == codes and not found.notes


def test_true_and_false_of_any_format_are_one_category(train):
    encoder, _ = train(rows(cycled("True", "False", "Unknown"), Y, header="c,y"))
    found = encoder.read(pa.table({"c": [True, False, None]}), "data")
    assert found.inputs["codes"][:, 0].tolist() == [2, 1, 0]


def test_blanks_after_the_commas_are_no_part_of_a_category(train):
    encoder, _ = train(
        rows(cycled("30", "40"), cycled("Gov", "Private"), Y, header="a, w, y").replace(",", ", ")
    )
    assert column(encoder, "w").vocabulary == ("Gov", "Private")
    for text in ("Private", " Private "):
        found = encoder.read(as_table([{"a": 30, "w": text}]), "data")
        assert found.inputs["codes"].tolist() == [[2]] and not found.notes


def test_words_that_are_read_as_missing_are_said(train):
    content = rows(cycled("NA", "b", " None"), cycled(1, "n/a", 2.5), Y, header="c,x,y")
    _, notes = train(content)
    expected = "read as missing: 'NA' (20), 'None' (20) in 'c'; 'n/a' (20) in 'x'; a word that is a"
    assert any(expected in note for note in notes)
    encoder, notes = train(content, missing=("", "n/a"))
    assert column(encoder, "c").vocabulary == ("NA", "None", "b")
    assert not any("'NA'" in note for note in notes)


def test_cells_that_only_a_later_file_lacks_are_said(train, ask) -> None:
    encoder, _ = train(rows(cycled("1.5", "2", "7"), cycled("a", "b"), Y, header="x,c,y"))
    said = ask(encoder, "x,c\n" + "1,a\nNA,\n2,b\n" * 10).notes
    assert said == (
        "new.csv: column 'x': 10 of 30 cells are missing, first row 2, and no training row lacks "
        "one; read as the training median",
        "new.csv: column 'c': 10 of 30 cells are missing, first row 2, and no training row lacks "
        "one; read as none of its categories",
    )
    typed = pa.table({"x": [1.0, None] * 10, "c": ["a", "b"] * 10})
    assert len(encoder.read(typed, "new").notes) == 1
    assert ask(encoder, "x,c\nNA,a\n").notes == ()  # who asks for one row knows it
    with_gaps, _ = train(rows(cycled("1.5", "NA", "7"), Y, header="x,y"))
    assert ask(with_gaps, "x\n" + "NA\n" * 30).notes == ()


def test_a_class_that_is_read_as_missing_is_named(train) -> None:
    labels = ["None", "mild", "bad", ""] * (N // 4)
    _, notes = train(rows(Y, labels, header="x,y"))
    [line] = [note for note in notes if "lack a target" in note]
    assert "30 of 60 rows lack a target, left out; read as missing: 'None' (15); if it" in line
    _, notes = train(rows(Y, labels, header="x,y"), missing=("",))
    [line] = [note for note in notes if "lack a target" in note]
    assert line.endswith("15 of 60 rows lack a target, left out")


def test_what_differs_in_case_or_blanks_alone_is_said(train):
    x = cycled("red", "Red", "new  york", "new york", "blue\u200b", "blue")
    _, notes = train(rows(x, Y, header="x,y"))
    assert "column 'x': 'Red' and 'red' differ in case or blanks alone, and 2 more" in notes[0]
    _, notes = train(rows(Y, cycled("Low", "high", "low"), header="x,y"))
    assert notes[0].startswith("target 'y': 'Low' and 'low' differ in case or blanks alone, and")
    assert train(rows(cycled("a", "b", "c"), Y, header="x,y"))[1] == ()

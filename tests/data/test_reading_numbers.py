"""Numbers as people write them: one notation, found in training rows and kept with the schema."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from written_tables import N, Y, column, cycled, raw, rows

from train.config.data_options import Table
from train.data.table.load import load_table
from train.data.table.roles import row_weights
from train.errors import UserError


def test_thousands_of_a_tsv_and_of_a_german_file(train, ask):
    salary = cycled("71,586", "987", "8,135", "12,000")
    content = rows(salary, range(N), header="s\ty", delimiter="\t")
    encoder, notes = train(content, "x.tsv")
    assert raw(ask(encoder, "s\n71,586\n987\n", "n.tsv"), encoder, "s") == [71586, 987]
    assert "config.data.decimal" in notes[0] and "71586" in notes[0]
    encoder, notes = train(
        rows(cycled("1.500,00", "2,5", "7"), cycled("0,5", "1,25"), header="a;y", delimiter=";")
    )
    assert raw(ask(encoder, "a;b\n1.500;1\n"), encoder, "a") == [1500]
    assert column(encoder, "y").notation.decimal == ","
    with pytest.raises(UserError, match=r"'1.5' in row 1: expected a number as in the training"):
        ask(encoder, "a;b\n1.5;1\n")


def test_an_option_settles_what_a_file_leaves_open(train, ask):
    content = rows(cycled("71,586", "12,004"), range(N), header="s;y", delimiter=";")
    encoder, notes = train(content)
    assert raw(ask(encoder, content), encoder, "s")[0] == pytest.approx(71.586)
    assert "'71,586' is read as 71.586, which its cells do not prove" in notes[0]
    encoder, notes = train(content, decimal=".")
    assert raw(ask(encoder, content), encoder, "s")[0] == 71586
    encoder, _ = train(content, thousands=",")
    assert raw(ask(encoder, content), encoder, "s")[0] == 71586


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("0,13", "1,5E-05", ",5", "-2", "0,7"), [0.13, 1.5e-05, 0.5, -2, 0.7]),
        (("71 586,50", "1\u00a0200,00", "3,1"), [71586.5, 1200, 3.1]),
        (("1'200.5", "3", "7"), [1200.5, 3, 7]),
        (("$1,200.00", "$13.00", "($5.00)", "-$3.00", "$(7.00)"), [1200, 13, -5, -3, -7]),
        (("13%", "2.5 %", "-3%"), [13, 2.5, -3]),
        (("19M", "3.5M", "201k", "7M", "1.2B"), [19e6, 3.5e6, 201e3, 7e6, 1.2e9]),
        (("12 kg", "7.5 kg", "3 kg"), [12, 7.5, 3]),
        (("09:30", "23:15:30", "1:00 PM"), [34200, 83730, 46800]),
        (("1 days 02:03:04", "0 days 00:00:01"), [93784, 1]),
        (("5-", "7.25", "3-"), [-5, 7.25, -3]),
        (("1,23,456", "12,34,567.5"), [123456, 1234567.5]),
    ],
)
def test_notations_of_numbers(train, ask, cells, numbers):
    content = rows(cycled(*cells), Y, header="a\ty", delimiter="\t")
    encoder, notes = train(content, "x.tsv")
    assert raw(ask(encoder, content, "n.tsv"), encoder, "a")[: len(cells)] == pytest.approx(
        numbers, rel=1e-6, abs=1e-6
    )
    if column(encoder, "a").notation.shown():
        assert any("column 'a'" in note and "is read as" in note for note in notes)


@pytest.mark.parametrize("odd", ["unknown", "#DIV/0!", ".", "-", "n.a.", "Varies with device"])
@pytest.mark.parametrize("marked", [False, True])
def test_a_few_odd_cells_are_missing_and_named(train, ask, odd, marked):
    cells = [odd if i % 6 == 1 else f"{i},5" if marked else str(i * i) for i in range(N)]
    encoder, notes = train(rows(cells, Y, header="a;y", delimiter=";"))
    assert column(encoder, "a").kind == "number" and column(encoder, "a").missing
    assert any(
        f"10 of 60 cells, such as {odd!r} in row 2: no number; read as missing" in n for n in notes
    )
    found = ask(encoder, f"a\n{odd}\n7\n")
    assert np.isnan(found.inputs["numbers"][0, 0]) and len(found.notes) == 1


def test_a_censored_number_is_its_limit_and_said(train, ask):
    cells = ["<0.5" if i % 5 == 0 else f"{i / 8 + 1}" for i in range(N)]
    encoder, notes = train(rows(cells, Y, header="a,y"))
    assert raw(ask(encoder, "a\n<0.5\n"), encoder, "a") == [0.5]
    assert any("12 of 60 cells, such as '<0.5' in row 1: is read as 0.5" in note for note in notes)


def test_a_target_that_cannot_be_read_leaves_its_row_out(train):
    y = ["pending" if i % 10 == 0 else str(Y[i]) for i in range(N)]
    encoder, notes = train(rows(Y, y, header="x,y"))
    assert column(encoder, "y").kind == "number"
    assert any("6 rows whose target is no number are left out" in note for note in notes)


def test_weights_are_read_as_the_training_rows_wrote_them(train, ask, tmp_path):
    content = rows(Y * 2, Y, cycled('"1,500"', 7, '"2,000.5"'), header="x,y,w")
    encoder, notes = train(content, weight="w")
    assert any(note.startswith("weight 'w': ") and "1500" in note for note in notes)
    options = Table(weight="w")

    def weights(*cells):
        return row_weights(pa.table({"w": cells}), options, "data", encoder.weight_reading).tolist()

    assert weights("1,500", "7") == [1500, 7] and weights("2,500") == [2500]
    assert weights("1e-40", "1") == [0, 1]  # as devices have it
    with pytest.raises(UserError, match="expected a number as in the training"):
        weights("5%", "6%")
    with pytest.raises(UserError, match=r"weight of row 2 is 1e\+30, too large to add up"):
        weights("1", "1e30")


def test_numbers_without_the_unit_of_training_are_said(train) -> None:
    encoder, _ = train(rows([f"{y}%" for y in Y], Y, header="x,y"))
    said = encoder.read(pa.table({"x": [0.5, 0.25]}), "new").notes
    [line] = said
    assert line.startswith("new: column 'x': numbers without '%', which those of training have")
    assert encoder.read(pa.table({"x": ["0.5%", "1%"]}), "new").notes == ()


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("x\ty\n62.696\t1\n55\t2\n", "'62.696' is read as 62.696, which its cells do not prove"),
        ("x,y\n-1.666,1\n14,2\n", "'-1.666' is read as -1.666, which its cells do not prove"),
        ("x;y\n1.500,25;1\n7;2\n", "'1.500,25' is read as 1500.25, which the training rows"),
        ("x,y\n1.25,1\n-1.666,2\n", None),
    ],
)
def test_texts_that_no_training_row_explains_are_said_where_they_are_a_guess(
    tmp_path, ask, content, shown
):
    path = tmp_path / "typed.parquet"
    pq.write_table(pa.table({"x": Y, "y": Y * 2}), path)
    encoder = load_table(Table(path=str(path), target="y", valid=0), "auto").encoder
    name = "new.tsv" if "\t" in content else "new.csv"
    said = ask(encoder, content, name).notes
    assert (shown is None and not said) or shown in said[0]


def test_numbers_that_could_all_have_thousands_are_said(train):
    _, notes = train(rows(cycled("71.586", "987", "8.135"), Y, header="s,y"))
    assert "'71.586' is read as 71.586, which its cells do not prove" in notes[0]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("-999", "12", "15.5", "17", "22"), "-999"),
        (("99", "12", "15", "17", "20"), "99"),
        (("-9", "12", "15", "-7", "20"), None),
        (("9", "8", "7", "6", "5"), None),
        (("99", "12", "150", "17", "20"), None),
    ],
)
def test_numbers_that_may_stand_for_none_are_said(train, cells, code):
    _, notes = train(rows(cycled(*cells), Y, header="x,y"))
    if code is None:
        assert notes == ()
    else:
        assert f": {code} stands in 1" in notes[0] and "far from all others" in notes[0]
        assert f"config.data.missing takes '{code}'" in notes[0]
        assert train(rows(cycled(*cells), Y, header="x,y"), missing=(code,))[1] == ()

"""Tables as people lay them out: delimiters, indexes, repeated names, lines above the names."""

from __future__ import annotations

import datetime
import gzip

import pytest
from written_tables import N, Y, cycled, raw, rows

from train.data.files.read import read_table
from train.errors import UserError


def test_layouts_that_programs_write(train, ask):
    x = cycled("1.5", "2.25", "7")
    for content in (
        "sep=;\n" + rows(x, Y, header="x;y", delimiter=";"),
        rows(range(1, N + 1), x, Y, header="x,y"),
        rows([f'"r{i}"' for i in range(N)], x, Y, header='"x","y"'),
        rows(range(N), x, Y, header=",x,y"),
        rows(x, Y, header="x;y;;", delimiter=";").replace("\n", ";;\n").replace(";;;;\n", ";;\n"),
        rows(x, Y, header="x,y,"),
        rows(range(1, N + 1), x, Y, [""] * N, header="x;y;", delimiter=";"),
        rows(x, Y, header="x   y", delimiter="  "),
    ):
        encoder, _ = train(content)
        assert [c.name for c in encoder.columns] == ["x"], content[:40]
        assert raw(ask(encoder, "x,z\n1.5,1\n"), encoder, "x") == [1.5]


def test_a_row_that_is_longer_than_the_header_by_a_decimal_comma_is_refused(train):
    with pytest.raises(UserError, match="fields: found 3, expected 2 as in the header"):
        train(rows(cycled("1,5", "7,2"), Y, header="x,y"))


def test_packed_empty_and_repeated(train, ask, tmp_path):
    encoder, _ = train(rows(cycled(1, 2, 4), Y, header="x,y"))
    assert ask(encoder, "x\n").inputs["numbers"].shape == (0, 1)
    (tmp_path / "n.csv.gz").write_bytes(gzip.compress(b"x\n4\n"))
    packed = encoder.read(read_table(tmp_path / "n.csv.gz"), "n")
    assert raw(packed, encoder, "x") == [4]
    assert raw(ask(encoder, "x,a,a\n2,3,4\n"), encoder, "x") == [2]
    with pytest.raises(UserError, match="2 columns are called 'x'"):
        ask(encoder, "x,x\n2,3\n")


def test_wavelengths_are_names(train, ask):
    names = [f"{900 + 2.5 * i:g}" for i in range(4)]
    values = [cycled(1.5, 2, 3.5)] * 4
    encoder, _ = train(rows(Y, *values, header=",".join(["y", *names])))
    assert ask(encoder, rows(*values, header=",".join(names))).inputs["numbers"].shape == (N, 4)


@pytest.mark.parametrize("header", ["x,y", ",x,y"])
def test_an_index_that_is_left_out_is_said(train, header: str) -> None:
    _, notes = train(rows(range(N), Y * 2, Y, header=header))
    [line] = [note for note in notes if "column 1 has no name and is left out" in note]
    assert line.endswith("train.csv: column 1 has no name and is left out, as an index of the rows")
    _, notes = train(rows(Y * 2, Y, header="x,y"))
    assert not any("left out" in note for note in notes)


def test_an_index_of_days_that_is_left_out_says_how_it_would_be_read(train) -> None:
    days = [str(datetime.date(2024, 1, 1) + datetime.timedelta(days=i)) for i in range(N)]
    content = rows(days, Y * 2, Y, header=",x,y")
    _, notes = train(content)
    said = "as an index of the rows, from '2024-01-01' on; a name in the header has it read"
    assert any(note.endswith(said) for note in notes)
    _, notes = train(rows([""] * N, Y * 2, Y, header=",x,y"))
    assert not any(", from" in note for note in notes)
    with pytest.raises(UserError, match="no rows"):
        train(",x,y\n")
    with pytest.raises(UserError, match=r"no column 'day'.*; column 1 has no name: give it one in"):
        train(content, features=("day", "x"))


def test_columns_of_one_name_that_are_not_used_are_said(train) -> None:
    _, notes = train(rows(Y * 2, Y, Y, Y, header="x,y,z,z"), features=("x",))
    [line] = [note for note in notes if "called" in note]
    assert line.endswith("train.csv: 2 columns are called 'z'; none of them is used")


def test_rows_with_a_delimiter_more_could_begin_with_names_of_theirs(train, ask):
    content = rows(range(1, N + 1), Y, [""] * N, header="x;y", delimiter=";")
    encoder, notes = train(content, numeric=("x",))
    assert any("so their first cell is 'x'; if it is a name of the row" in note for note in notes)
    # Of a header with the same delimiter at its end it is one: no column is shifted.
    found = ask(encoder, "x;y;\n1;2.5;3;\n2;3.5;4;\n")
    assert raw(found, encoder, "x") == [2.5, 3.5]

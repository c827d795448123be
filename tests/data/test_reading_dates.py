"""Dates as people write them: one order, found in training rows and kept with the schema."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from written_tables import N, Y, column, cycled, rows

from train.errors import UserError


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ("%d-%m-%Y", "dmy"),
        ("%m/%d/%Y", "mdy"),
        ("%d.%m.%Y", "dmy"),
        ("%Y/%m/%d", "ymd"),
        ("%d %b %Y", "dmy"),
        ("%B %d, %Y", "mdy"),
        ("%m/%d/%Y %I:%M %p", "mdy"),
        ("%Y-%m-%d", ""),
    ],
)
def test_dates_have_one_order_for_all(train, ask, form, order):
    days = np.datetime64("2020-01-01") + np.arange(N)
    written = [day.item().strftime(form) for day in days]
    encoder, notes = train("x;y\n" + "".join(f"{d};{y}\n" for d, y in zip(written, Y, strict=True)))
    assert (column(encoder, "x").kind, column(encoder, "x").date_order) == ("time", order)
    text = ask(encoder, f"x;z\n{written[1]};1\n").inputs["numbers"]
    typed = encoder.read(pa.table({"x": pa.array(days[1:2])}), "data").inputs["numbers"]
    assert text.tolist() == typed.tolist()
    in_json = ask(encoder, json.dumps({"x": str(days[1])}), "new.jsonl").inputs["numbers"]
    assert in_json.tolist() == typed.tolist()
    assert not any("fits them too" in note for note in notes)


def test_dates_of_two_orders_are_said_and_settled(train):
    content = rows(cycled("01/02/2020", "03/04/2020", "05/06/2021"), Y, header="d,y")
    encoder, notes = train(content)
    assert column(encoder, "d").date_order == "mdy"
    assert "dates are read mdy, and dmy fits them too; config.data.date_format settles" in notes[0]
    assert column(train(content, date_format="dmy")[0], "d").date_order == "dmy"
    content = rows(cycled("20200102", "20210304", "20190506"), Y, header="d,y")
    assert column(train(content)[0], "d").kind == "number"
    assert column(train(content, dates=("d",))[0], "d").kind == "time"


def test_hints_for_what_is_a_guess_or_stands_elsewhere(train):
    _, notes = train(rows(cycled(20200102, 20210304, 20190506), Y, header="d,y"))
    assert "column 'd': 20190506 could be a date, and is read as a number" in notes[0]
    _, notes = train(rows(cycled(20200132, 20210304, 20190506), Y, header="d,y"))
    assert not notes
    days = [800100 + day for day in range(1, 9)]
    _, notes = train(rows(cycled(*days), Y, header="d,y"))
    assert "800101 could be a date, and is read as a number" in notes[0]
    assert "config.data.date_format=%y%m%d" in notes[0]
    for others in (days[:7], [*days, 800132], [*days, 801301], [*days, 88888]):
        assert not train(rows(cycled(*others), Y, header="d,y"))[1]
    table = rows(Y * 2, Y, header="x,y")
    with pytest.raises(UserError, match="if line 4 holds the names, delete what stands above"):
        train("Report of 2024\nby me\n\n" + table)
    assert [c.name for c in train("# Report of 2024, v2\n# by me\n\n" + table)[0].columns] == ["x"]
    with pytest.raises(UserError, match="no column 'yy'; there is 'x'"):
        train(table, features=("yy",))


def test_years_of_two_digits_are_said(train):
    days = [f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/{i % 90:02d}" for i in range(N)]
    encoder, notes = train(rows(days, Y, header="d,y"))
    assert column(encoder, "d").date_order == "dmy"
    assert "years of two digits are of 1969 to 2068: '01/01/00' is of 2000" in notes[0]

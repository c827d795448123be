"""Dates in the words of other languages, and times with zones by name: pandas is the truth."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from train.config.data_options import Table
from train.data.columns import RawColumn, Text
from train.data.dates import ISO, PERIOD, infer_order, parse_date, parse_dates
from train.data.hint import Hint
from train.data.infer import infer
from train.data.months import month_of
from train.data.series.local_time import to_local
from train.data.table.column import Column
from train.data.table.encode_column import encode_input
from train.data.table.load import load_table
from train.data.unread_numbers import unread_note
from train.data.zones import find_zones, zones_note
from train.errors import UserError

# As the Common Locale Data Repository writes them, long and short.
MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "de short": "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "fr short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
    "dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro "
    "dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "en": "January February March April May June July August September October November December",
}


@pytest.mark.parametrize("language", MONTHS)
def test_months_of_a_language_are_read(language):
    names = MONTHS[language].split()
    texts = [f"{3 + i} {name} 2021" for i, name in enumerate(names)]
    order = infer_order(texts, np.ones(12))
    assert order.read == 12 and not order.rival
    wanted = [datetime.datetime(2021, i + 1, 3 + i) for i in range(12)]
    assert [parse_date(text, order.order) for text in texts] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "lundi 2 mars 2020",
        "Montag, 2. März 2020",
        "2 de marzo de 2020",
        "Mon 2 Mar 2020",
        "lunedì 2 marzo 2020",
        "2.Mrz 2020",
    ],
)
def test_weekdays_and_little_words_are_passed_over(text):
    assert parse_date(text, "dmy") == datetime.datetime(2020, 3, 2)


@pytest.mark.parametrize("word", ["marble", "jui", "ma", "mayor", "octopus", ""])
def test_other_words_are_no_months(word):
    assert month_of(word) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2020-01-05 10:30 CET", "Europe/Berlin"),
        ("2020-07-05 10:30 CEST", "Europe/Berlin"),
        ("2020-07-05T10:30:00 Europe/Paris", "Europe/Paris"),
        ("2020-01-05T10:30:00+01:00[Europe/Paris]", "Europe/Paris"),
        ("2020-07-05 10:30:00 PDT", "America/Los_Angeles"),
        ("05.07.2020 10:30 MESZ", "Europe/Berlin"),
    ],
)
def test_zones_by_name_are_what_pandas_has(text, zone):
    order = "" if text[4] == "-" else "dmy"
    day = text[:10] if order == "" else "2020-07-05"
    wanted = pd.Timestamp(f"{day} 10:30", tz=zone).tz_convert("UTC").tz_localize(None)
    assert parse_date(text, order) == wanted.to_pydatetime()
    stamps, valid = parse_dates([text], order)
    assert valid.all() and to_local(stamps, zone)[0] % 3.6e9 == 1.8e9


def test_letters_that_stand_for_a_zone_are_said_and_those_of_several_are_not_read():
    assert zones_note(["2020-01-05 10:30 CET", "2020-01-05 10:30 EST"]) == (
        "'CET' is +01:00, 'EST' is -05:00"
    )
    assert parse_date("2020-07-01 10:00 IST", "") is None
    assert parse_date("2020-07-01 10:00 No/Where", "") is None


@pytest.mark.parametrize(
    ("text", "order", "offset"),
    [
        ("2024/01/05 3:04:05 PM GMT+2", "ymd", "+02:00"),
        ("2024/01/05 15:04:05 UTC-05:30", "ymd", "-05:30"),
        ("Fri Jan 05 2024 15:04:05 GMT+0100 (Central European Standard Time)", "mdy", "+01:00"),
        ("2024-01-05 15:04:05 GMT", "ymd", "+00:00"),
    ],
)
def test_offsets_are_read_as_forms_and_browsers_write_them(text, order, offset):
    wanted = pd.Timestamp(f"2024-01-05 15:04:05{offset}").tz_convert("UTC").tz_localize(None)
    assert parse_date(text, order) == wanted.to_pydatetime()
    assert find_zones([text]).offsets == {offset}


@pytest.mark.parametrize("dash", "\u2212\u2010\u2011\u2013\u2014\ufe63\uff0d")
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-05 10:00 UTC-05:00", "2024-01-05 10:00-05:00"),
        ("2024-01-05T10:00:30-0530", "2024-01-05 10:00:30-05:30"),
        ("05.01.2024 10:00 GMT-5", "2024-01-05 10:00-05:00"),
        ("2024-01-05 10:00 (UTC-05:00)", "2024-01-05 10:00-05:00"),
        ("2024-01-05", "2024-01-05 00:00+00:00"),
        ("2024-01-05 10:00 - 2024-01-05 11:00", "2024-01-05 10:00+00:00"),
    ],
)
def test_dashes_of_type_setters_are_those_of_programs(text, moment, dash):
    written = text.replace("-", dash)
    order = "dmy" if text[2] == "." else ISO
    truth = pd.Timestamp(moment)
    assert parse_date(written, order) == truth.tz_convert(None)
    has_offset = moment[-6:] != "+00:00"
    assert find_zones([written]).only == (moment[-6:] if has_offset else None)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("1/5/2024, 3:04:05\u202fPM", "mdy"),  # as browsers write since 2023
        ("\u200e1/\u200e5/\u200e2024\u00a03:04:05 PM", "mdy"),  # of Windows' properties
        ("\uff12\uff10\uff12\uff14\uff0f\uff10\uff11\uff0f\uff10\uff15 15\uff1a04:05", "ymd"),
        ("\u0662\u0660\u0662\u0664-01-05 15:04:05", ISO),
    ],
)
def test_blanks_digits_and_slashes_of_other_scripts_are_in_dates(text, order):
    assert parse_date(text, order) == datetime.datetime(2024, 1, 5, 15, 4, 5)


@pytest.mark.parametrize("text", ["2024-01-05+02:00", "2024-01-05 GMT-5", "2024-01-05Z"])
def test_an_offset_behind_a_day_alone_leaves_the_day(text):
    for order in (ISO, "ymd"):
        assert parse_date(text, order) == datetime.datetime(2024, 1, 5)


def test_a_span_has_the_offset_behind_its_end_and_no_offset_is_a_whole_day():
    span = "2024-01-05 10:00 - 2024-01-05 11:00 UTC+1"
    assert parse_date(span, ISO) == datetime.datetime(2024, 1, 5, 9)
    assert parse_date("2024-01-05 10:00 GMT+25", "ymd") is None


def test_months_by_name_in_front_are_said_to_be_there_whatever_offset_follows():
    texts = [f"Jan {day:02d} 2024 15:04:05 GMT+0100 (CET)" for day in range(1, 29)]
    assert infer_order(texts, np.ones(28)).order == "mdy"


@pytest.mark.parametrize(
    ("trained", "later", "said"),
    [
        ("2021-01-0{} 10:30+02:00", "2021-01-05 10:30", "times without a zone, which those of"),
        ("2021-01-0{} 10:30", "2021-01-05 10:30 CET", "times with a zone, which those of"),
        ("2021-01-0{} 10:30", "2021-01-05 10:30", ""),
    ],
)
def test_a_column_whose_times_gain_or_lose_their_zone_is_said(tmp_path, trained, later, said):
    cells = [trained.format(1 + i % 9) for i in range(40)]
    rows = "".join(f"{cell},{i}.5\n" for i, cell in enumerate(cells))
    (tmp_path / "t.csv").write_text(f"when,y\n{rows}")
    encoder = load_table(Table(path=str(tmp_path / "t.csv"), target="y", valid=0), "auto").encoder
    found = encoder.read(pa.table({"when": [later]}), "new").notes
    assert len(found) == bool(said) and all(said in line for line in found)


def test_cells_that_are_no_times_are_not_said_to_lack_a_zone(tmp_path):
    cells = ["2021-01-05 10:30+02:00", "0000-00-00 00:00:00", "unknown", "2021-01-06 10:30+02:00"]
    rows = "".join(f"{cells[i % 4]},{i}.5\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"when,y\n{rows}")
    dataset = load_table(Table(path=str(tmp_path / "t.csv"), target="y", valid=0), "auto")
    assert dataset.encoder.columns[0].missing
    assert not any("without a zone" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["2020-07-01 10:00 IST", "2020-07-02 10:00 IST"], "looks like a date, but is read as a"),
        (["3 tammikuu 2020", "4 tammikuu 2020"], "looks like a date, but is read as a category"),
        (["2020-07-01 10:00 CET", "2020-07-02 10:00 CET"], "'CET' is +01:00"),
        (["red", "green"], ""),
        (["3 tammikuu 2020", "red"], ""),  # no more than half of the cells
    ],
)
def test_what_looks_like_a_date_and_is_none_is_said(cells, said):
    raw = RawColumn("when", "data", pa.chunked_array([pa.array(cells)]), (), None)
    note = infer(raw, Hint()).note
    assert said in note if said else not note


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("W05 2024", "2024-01-29"),
        ("KW 5/2024", "2024-01-29"),
        ("2024 week 5", "2024-01-29"),
        ("2024-W05", "2024-01-29"),
        ("3Q24", "2024-07-01"),
        ("Q3'98", "1998-07-01"),
        ("Q3/24", "2024-07-01"),
        ("H2 2024", "2024-07-01"),
        ("2024S1", "2024-01-01"),
        ("Dez '99", "1999-12-01"),
        ("KW 54/2024", None),
        ("5Q24", None),
        ("H3 2024", None),
        ("Abc-24", None),
        ("Jan 24", None),  # the day, or the year
        ("Jan-24", None),
    ],
)
def test_periods_begin_with_their_first_day(text, day):
    [moment], [is_period] = parse_dates([text], PERIOD)
    assert is_period == (day is not None)
    assert day is None or moment == np.datetime64(day, "us").astype(int)


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("2024-02-29 24:00", ISO, "2024-03-01T00:00"),
        ("2024-12-31T24:00:00Z", ISO, "2025-01-01T00:00"),
        ("31.12.2024 24:00", "dmy", "2025-01-01T00:00"),
        ("2024-12-31T24:00+01:00", ISO, "2024-12-31T23:00"),
        ("20240131T1030", ISO, "2024-01-31T10:30"),
        ("2024-12-31 24:01", ISO, None),
        ("1.1.2024 24:01", "dmy", None),
        ("31.12.9999 24:00", "dmy", None),
        ("9999-12-31 24:00", ISO, None),
    ],
)
def test_midnight_at_the_end_of_a_day(text, order, moment):
    [found], [is_time] = parse_dates([text], order)
    assert is_time == (moment is not None)
    assert moment is None or found == np.datetime64(moment, "us").astype(int)


def test_iso_dates_stand_beside_those_of_an_order():
    texts = ["2024-01-02", "03.01.2024", "2024-01-04", "25.01.2024"]
    assert infer_order(texts, [1] * 4)[:3] == ("dmy", 4, 4)
    assert infer_order(texts[::2], [1] * 2).order == ISO


def test_each_time_without_a_zone_is_counted():
    said: list[str] = []
    times = ["2024-01-01 10:00Z", "2024-01-02 10:00", "2024-01-03 10:00 CET", "2024-01-04 10:00"]
    data = pa.chunked_array([pa.array(times)])
    raw = RawColumn("c", "new.csv", data, (), None, notes=said)
    column = Column("c", "time", clock=True, zoned=True)
    encode_input(raw, column)
    assert said == [
        "new.csv: column 'c': 2 of 4 times without a zone, which those of training rows have; "
        "read as UTC"
    ]


@pytest.mark.parametrize("cells", ["{} Feb", "Feb {}", "Feb-{}"])
def test_months_without_a_year_are_said(cells):
    texts = [cells.format(day) for day in range(1, 13)]
    assert "looks like a date" in unread_note(Text(np.arange(12), texts))


def date_of(i: int, form: str) -> str:
    return (datetime.date(2023, 1, 1) + datetime.timedelta(days=3 * i)).strftime(form)


def test_a_column_of_two_orders_is_said_with_rows_that_contradict_each_other(tmp_path):
    def notes_of(n_other: int, n: int = 60) -> tuple[str, list[str]]:
        forms = ["%m-%d-%Y" if n - i <= n_other else "%d-%m-%Y" for i in range(n)]
        lines = [f"{date_of(i, form)},{i % 7}\n" for i, form in enumerate(forms)]
        (tmp_path / "train.csv").write_text("d,y\n" + "".join(lines))
        options = Table(path=str(tmp_path / "train.csv"), target="y", valid=0, test=0)
        try:
            dataset = load_table(options, "auto")
        except UserError as error:  # of one column, which is left out
            return "", [str(error)]
        return dataset.encoder.columns[0].date_order, list(dataset.notes)

    # 16-01-2023 is the 6th date; of the last ones, 05-28-2023 the 50th.
    for n_other in (12, 3):
        order, notes = notes_of(n_other)
        first = next(i for i in range(60 - n_other, 60) if int(date_of(i, "%d")) > 12)
        there = f"{date_of(first, '%m-%d-%Y')!r} in row {first + 1} is mdy alone"
        assert order == ("dmy" if n_other == 3 else "")
        [note] = [note for note in notes if "dates have no one order" in note]
        assert "'13-01-2023' in row 5 is dmy alone" in note and there in note
        assert ("all are read dmy" in note) == (n_other == 3)
        assert ("no dates; write all in one order" in note) == (n_other == 12)
    order, notes = notes_of(0)
    assert order == "dmy" and not any("no one order" in note for note in notes)

"""Further writings of dates, of laps, of negative numbers, and of quotes in texts."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from train.config.data_options import Table
from train.data.clock import seconds_of
from train.data.columns import get_column
from train.data.dates import Order, infer_order, parse_date
from train.data.files.read import read_table
from train.data.number_doubts import version_note
from train.data.table.dataset import TableDataset
from train.data.table.load import load_table
from train.errors import UserError

N = 40


def load(folder, cells: list[str], **options) -> TableDataset:
    rows = [f'"{cells[i % len(cells)]}"|{i % 17}.5|{i * 7 % 13}.25' for i in range(N)]
    (folder / "train.csv").write_text("\n".join(["c|z|y", *rows]) + "\n")
    given = {"target": "y", "valid": 0, "test": 0} | options
    return load_table(Table(str(folder / "train.csv"), **given), "auto")


def ask(folder, dataset: TableDataset, cells: list[str]) -> tuple[list[float], tuple[str, ...]]:
    (folder / "new.csv").write_text("c|z\n" + "".join(f'"{cell}"|1.5\n' for cell in cells))
    rows = dataset.encoder.read(read_table(folder / "new.csv"), "new.csv")
    column = dataset.encoder.columns[0]
    found = rows.inputs["numbers"][:, 0].astype(float) * column.unit + column.shift
    return [round(float(value), 3) for value in found], rows.notes


def notes_on(dataset: TableDataset) -> str:
    return "\n".join(note for note in dataset.notes if "column 'c'" in note)


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("2024年1月5日", "ymd", "2024-01-05"),
        ("2024年01月05日 9時30分", "ymd", "2024-01-05T09:30"),
        ("2024년 1월 5일", "ymd", "2024-01-05"),
        ("2024年13月5日", "ymd", None),
        ("2024年1月5日", "dmy", None),
        ("2024年1月", "period", "2024-01-01"),
        ("05/Jan/2024:10:00:07 +0100", "dmy", "2024-01-05T09:00:07"),
        ("05-JAN-24 10.00.07.250000 PM", "dmy", "2024-01-05T22:00:07.250000"),
        ("2024-01-05-10.00.07.250000", "ymd", "2024-01-05T10:00:07.250000"),
        ("5.1.2024 10.30", "dmy", "2024-01-05T10:30"),
        ("5.1.2024 10.75", "dmy", None),
        ("5.1.2024 10:30.15", "dmy", None),
    ],
)
def test_a_date_is_a_moment(text, order, moment):
    wanted = None if moment is None else datetime.datetime.fromisoformat(moment)
    assert parse_date(text, order) == wanted


def test_a_day_in_front_of_a_named_month_says_the_order():
    texts = ["05/Jan/2024", "06/Feb/2024"]
    assert infer_order(texts, [1, 1]) == Order("dmy", 2, 2)
    assert infer_order(["05/06/2024", "06/07/2024"], [1, 1]) == Order("mdy", 2, 2, "dmy")
    assert infer_order(["January 5, 2024", "Feb 6, 2024"], [1, 1]) == Order("mdy", 2, 2)
    assert infer_order(["5. März 2024", "6. Mai 2024"], [1, 1]) == Order("dmy", 2, 2)


def test_years_of_two_digits_are_said_though_a_fraction_has_four(tmp_path):
    dataset = load(tmp_path, [f"{i:02d}-JAN-24 10.00.00.000000 AM" for i in range(1, 25)])
    assert "years of two digits are of 1969 to 2068: '01-JAN-24 10.00.00" in notes_on(dataset)
    dataset = load(tmp_path, [f"{i:02d}-JAN-2024 10.00.00.000000 AM" for i in range(1, 25)])
    assert "years of two digits" not in notes_on(dataset)


@pytest.mark.parametrize(
    ("text", "minutes", "seconds"),
    [
        ("1:23.456", False, 83.456),
        ("1:23,5", False, 83.5),
        ("-0:59.5", False, -59.5),
        ("1:63.5", False, None),
        ("1:23", False, 4980),
        ("1:23", True, 83),
        ("1:02:03", True, 3723),
        ("1:23 PM", True, 48_180),
    ],
)
def test_laps_are_minutes_and_seconds(text, minutes, seconds):
    assert seconds_of(text, minutes=minutes) == seconds


def test_a_column_with_fractions_of_seconds_has_minutes_in_later_files_too(tmp_path):
    dataset = load(tmp_path, [f"{i}:{i:02d}.{i % 10}" for i in range(30)])
    assert "minutes:seconds, in seconds" in notes_on(dataset)
    assert ask(tmp_path, dataset, ["1:02.5", "1:02", "1:00:02"]) == ([62.5, 62.0, 3602.0], ())


def test_seconds_beside_laps_are_read_and_beside_hours_are_not(tmp_path):
    dataset = load(tmp_path, ["1:23.4", "59.9", "2:10.5"])
    assert ask(tmp_path, dataset, ["58.5", "1:00.0"])[0] == [58.5, 60]
    dataset = load(tmp_path, ["9:30", "59", "10:45", "unknown", "8:15"])
    assert dataset.encoder.columns[0].kind == "category"
    assert "24 of 32 cells are numbers, but others are as '59': a category" in notes_on(dataset)


def test_what_is_no_lap_is_shown_and_no_seconds_that_are_read(tmp_path):
    dataset = load(tmp_path, ["59.9", "1:23.4", "1:24.5", "1:25.5", "1:26.5", "DNF", "DNS"])
    assert dataset.encoder.columns[0].kind == "category"
    assert "others are as 'DNF': a category" in notes_on(dataset)


def test_hours_without_seconds_beside_some_with_them_are_said(tmp_path):
    dataset = load(tmp_path, [*(f"{i}:{i + 10}" for i in range(15, 40)), "1:02:03"])
    assert ": each is read as hours:minutes, though others have seconds" in notes_on(dataset)
    dataset = load(tmp_path, [f"{i}:{i + 10}" for i in range(10, 20)])
    found, said = ask(tmp_path, dataset, ["9:30", "9:30:15"])
    assert found == [34_200, 34_215] and "is read as hours:minutes, though" in said[0]
    assert not ask(tmp_path, dataset, ["9:30:10", "9:30:15"])[1]


@pytest.mark.parametrize("cells", [["15", "12-", "7"], ["15", "(12)"]])
def test_negative_numbers_of_accounts_are_said_and_kept(tmp_path, cells):
    dataset = load(tmp_path, cells)
    assert f"{cells[1]!r} is read as -12 (12- or (12) below 0)" in notes_on(dataset)
    assert ask(tmp_path, dataset, ["(13)", "14-", "-15"]) == ([-13, -14, -15], ())
    dataset = load(tmp_path, ["-12", "15", "7"])
    found, said = ask(tmp_path, dataset, ["(13)", "14-", "-15"])
    assert found == [-13, -14, -15]
    assert len(said) == 1 and "2 of 3 cells, such as '(13)' in row 1" in said[0]


def test_quotes_behind_a_backslash_belong_to_their_text(tmp_path):
    path = tmp_path / "spark.csv"
    path.write_text('a,b\n"he said \\"yes, no\\"",1\n"x \\\\",2\n')
    assert read_table(path).to_pydict() == {"a": ['he said "yes, no"', "x \\\\"], "b": ["1", "2"]}
    dataset = load_table(Table(str(path), target="b", valid=0, test=0), "mse")
    assert any("quotes behind a backslash belong to" in note for note in dataset.notes)
    # Quotes within a text that has none around it are its own, behind a backslash too.
    path.write_text('a,b\n5" pipe,1\nx\\"y,2\n')
    assert read_table(path).to_pydict() == {"a": ['5" pipe', 'x\\"y'], "b": ["1", "2"]}
    # A text may end in a backslash, where quotes agree without it.
    path.write_text('a,b\n"C:\\",1\n"say ""yes""",2\n')
    assert read_table(path).to_pydict() == {"a": ["C:\\", 'say "yes"'], "b": ["1", "2"]}
    path.write_text('a,b\n"C:\\",1\n"say \\"yes\\"",2\n')
    with pytest.raises(UserError, match="there is text after a closing quote"):
        read_table(path)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1.10", "1.9", "1.2"], "'1.10' is read as 1.1; if these are versions"),
        (["1.10", "1.90", "1.25"], ""),
        (["1.1", "1.95", "10.0"], ""),
        (["1700000000", "1700086400"], "1700000000 could be seconds since 1970 (2023-11-14)"),
        (["1700000000000", "1700086400000"], "milliseconds since 1970 (2023-11-14)"),
        (["1700000000.5", "1700086400"], "1700000000.5 could be seconds since 1970"),
        (["1.500", "2500", "375"], "'1.500' is read as 1.5 beside 2500; config.data.thousands=."),
        (["1.503", "2500", "375"], ""),  # a program writes no zeros at the end, or always
        (["1.500", "2500", "3.75"], ""),
        (["1.5", "2,5", "3.25", "4,75"], "points as in '1.5', and decimal commas as in '2,5'"),
        (["1,234.5", "2.345,5", "x"], "points as in '1,234.5', and decimal commas as in '2.345,5'"),
        (["1.5", "2,5", "x", "y", "z", "v"], ""),
        (["2125551234", "1700086400"], ""),
        (["20230101100000Z", "20230205101500Z"], "'20230101100000Z' looks like a date"),
        (["20230101100000X", "20230205101500X"], ""),
        (["1700000000", "170008640"], ""),
    ],
)
def test_numbers_that_may_be_versions_or_moments_are_said(tmp_path, cells, said):
    rows = [f'"{cells[i % len(cells)]}",{i * 7 % 13}\n' for i in range(N)]
    (tmp_path / "train.csv").write_text("c,y\n" + "".join(rows))
    options = Table(str(tmp_path / "train.csv"), target="y", valid=0, test=0)
    note = notes_on(load_table(options, "auto"))
    assert said in note and bool(said) == bool(note)


def test_moments_since_1970_are_dates_where_an_option_says_so(tmp_path):
    cells = [str(1_700_000_000_000 + 86_400_000 * i) for i in range(N)]
    dataset = load(tmp_path, cells, dates=("c",))
    assert dataset.encoder.columns[0].date_order == "milliseconds since 1970"
    [day], _ = ask(tmp_path, dataset, ["1700000000000"])
    assert day == pytest.approx(1_700_000_000 / 86_400, abs=0.1)
    with pytest.raises(UserError, match="expected a date or time written in milliseconds"):
        ask(tmp_path, dataset, ["1700000000"])


def test_weeks_are_read_however_a_later_file_writes_them(tmp_path):
    dataset = load(tmp_path, ["2024-W01", "2024-W05", "2023-W52"])
    assert "'2024-W01' is read as its first day, 2024-01-01" in notes_on(dataset)
    monday = (datetime.date(2024, 3, 4) - datetime.date(1970, 1, 1)).days
    found, said = ask(tmp_path, dataset, ["2024-W10", "2024W10", "W10 2024"])
    assert found == pytest.approx([monday] * 3, abs=0.1) and not said


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["0,0", "1,0"], ("0", "1")),
        (["1 €", "2 €", "3 €"], ("1", "2", "3")),
        (["1,23,456", "99,000"], ("99000", "123456")),
        (["15", "(15)"], ("-15", "15")),
    ],
)
def test_classes_are_whole_numbers_however_they_are_written(tmp_path, cells, classes):
    rows = [f'"{cells[i % len(cells)]}"|{i % 17}.5' for i in range(N)]
    (tmp_path / "train.csv").write_text("\n".join(["y|x", *rows]) + "\n")
    options = Table(str(tmp_path / "train.csv"), target="y", valid=0, test=0)
    dataset = load_table(options, "auto")
    [head] = dataset.encoder.heads
    assert head.classes == classes
    places = [classes.index(str(round(parse_number(cell)))) for cell in cells]
    assert dataset.target["y"].tolist() == [places[i % len(cells)] for i in range(N)]
    assert not any("in no training row" in note for note in dataset.notes)


def parse_number(cell: str) -> float:
    """A number as a person reads the cells above."""
    digits = cell.strip("()").removesuffix(" €")
    value = float(digits.replace(",", "." if digits.endswith(",0") else ""))
    return -value if cell.startswith("(") else value


def test_truths_where_training_has_numbers_are_said(tmp_path):
    dataset = load(tmp_path, ["1", "0"])
    for name, text in (("new.jsonl", '{"c": true, "z": 1}\n'), ("new.csv", "c|z\ntrue|1\n")):
        (tmp_path / name).write_text(text)
        rows = dataset.encoder.read(read_table(tmp_path / name), name)
        assert rows.notes == (
            f"{name}: column 'c': holds true and false, which are read as 1 and 0",
        )


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["a;b", "a", "b;c", "c;a"], "'a;b' lists several answers of 3, and each combination is a"),
        (["a, b", "b, a", "a, b, c"], ""),  # as many answers as texts
        (["a, b", "b, a", "a, b, c", "c"], "of its own, as are 'a,b' and 'b,a'; a column of yes"),
        (["Bonn, NW", "Kiel, SH", "Köln, NW", "Trier, RP"], ""),
        (["a;b", "b;a", "c", "d", "e"], ""),  # two cells alone
        (["Bonn, Ost", "Bonn, West", "Kiel, Ost", "Kiel, West", "Bonn"], ""),  # places
        (["a;b", "a;c", "b;c", "a;b;c"], "'a;b' lists several answers of 3"),  # in one order
        (["a;b", "b;a", "c", "a", "b"], ""),
        (["a;;b", "b;a", "b;c", "c;a", "c"], ""),
        (["red", "blue", "green", "black"], ""),
    ],
)
def test_cells_that_list_several_answers_are_said(tmp_path, cells, said):
    note = notes_on(load(tmp_path, cells))
    assert said in note and bool(said) == bool(note)


def test_blank_lines_behind_comments_are_no_names(tmp_path):
    (tmp_path / "ga.csv").write_text("# ---\n# all, of it\n\n\na,b,y\n1,x,2\n3,y,4\n")
    assert read_table(tmp_path / "ga.csv").to_pydict() == {
        "a": ["1", "3"],
        "b": ["x", "y"],
        "y": ["2", "4"],
    }


@pytest.mark.parametrize(
    ("cells", "later", "read", "is_said"),
    [
        (["1.234,50", "987,25"], ["1,234", "2,345"], [1.234, 2.345], True),
        (["1.234,50", "987,25"], ["1.234", "2.345"], [1234, 2345], False),
        (["1,234.50", "987.25"], ["1.234"], [1.234], True),
        (["1234.5", "987.25"], ["1.234", "12.345"], [1.234, 12.345], True),
        (["1234.5", "987.25"], ["1.234"] * 40, [1.234] * 40, True),
        (["1234.5", "987.25"], ["1.234", "2.5"], [1.234, 2.5], False),  # which proves the point
        (["1234.5", "987.251"], ["1.234"] * 40, [1.234] * 40, False),
        (["1234.5678", "987.2512"], ["1.234"] * 40, [1.234] * 40, True),
        (["1234.5", "987.25"], ["0.125"], [0.125], False),
        (["14", "87", "45"], ["1.234"], [1.234], True),
        (["9:30", "8:15"], ["9:20"], [33_600], False),
    ],
)
def test_three_decimals_that_training_never_has_may_be_thousands(
    tmp_path, cells, later, read, is_said
):
    found, said = ask(tmp_path, load(tmp_path, cells), later)
    assert found == pytest.approx(read, abs=0.01)
    lines = [line for line in said if "though training rows never have three decimals" in line]
    assert len(lines) == is_said


@pytest.mark.parametrize(("last", "is_said"), [("2.5", False), ("2.555", True)])
def test_one_text_among_thousands_proves_the_point(tmp_path, last, is_said):
    dataset = load(tmp_path, ["1234.5", "987.25"])
    cells = [f"1.{i % 1000:03d}" if i < 1000 else f"3.{i % 1000:03d}" for i in range(2000)]
    found, said = ask(tmp_path, dataset, [*cells, last])
    assert found[-1] == pytest.approx(float(last), abs=0.001)
    assert bool(said) == is_said
    assert not is_said or "2,001 of 2,001 cells, such as '1.000' in row 1" in said[0]


def test_groups_of_digits_that_are_no_number_are_not_doubted_as_one(tmp_path):
    said = ask(tmp_path, load(tmp_path, ["1234.5", "987.25"]), ["1.234.567", *["5"] * 19])[1]
    assert len(said) == 1 and "no number; read as missing" in said[0]


def test_of_many_different_numbers_none_is_called_a_version():
    for n, is_said in ((40, True), (60, False)):
        cells = [f"{i}.10" for i in range(n - 1)] + ["1.9"]
        note = version_note(get_column(pa.table({"c": cells}), "c", "data", ()))
        assert bool(note) == is_said


def test_ordinals_are_numbers_of_one_unit(tmp_path):
    ends = {1: "st", 2: "nd", 3: "rd"}
    dataset = load(tmp_path, [f"{i}{ends.get(i % 10, 'th')}" for i in range(20, 60)])
    assert ask(tmp_path, dataset, ["21st", "52nd", "53rd"])[0] == [21, 52, 53]

"""Further writings of tables: each is read as a person reads it, or said."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import refused

from train.config.data_options import Table
from train.data.clock import seconds_of
from train.data.dates import parse_date
from train.data.files.read import read_table
from train.data.notation import Notation, parse
from train.data.table.dataset import TableDataset
from train.data.table.load import load_table

N = 40
Y = np.random.default_rng(0).normal(size=N).round(3)


@pytest.fixture
def train(tmp_path):
    """Trains a schema on a column c with these cells and a target; gives what asks it."""

    def trained(cells: list[str], **options) -> TableDataset:
        text = "".join(f'"{cell}"|{y}\n' for cell, y in zip(cells, Y, strict=False))
        (tmp_path / "train.csv").write_text(f"c|y\n{text}")
        path = str(tmp_path / "train.csv")
        return load_table(Table(path=path, target="y", valid=0, test=0, **options), "auto")

    return trained


@pytest.fixture
def ask(tmp_path):
    """What a schema makes of cells: numbers as they are, or categories; and what it says."""

    def asked(dataset: TableDataset, cells: list[str]):
        (tmp_path / "new.csv").write_text("c|n\n" + "".join(f'"{cell}"|1\n' for cell in cells))
        [column] = dataset.encoder.columns
        rows = dataset.encoder.read(read_table(tmp_path / "new.csv"), "new.csv")
        if column.kind == "category":
            names = [None, *column.vocabulary]
            return [names[code] for code in rows.inputs["codes"][:, 0]], rows.notes
        found = rows.inputs["numbers"][:, 0].astype(float) * column.unit + column.shift
        return [None if np.isnan(x) else round(float(x), 2) for x in found], rows.notes

    return asked


def test_a_dash_behind_the_mark_is_no_minus():
    found = parse(["12.\u2013", "CHF 12.-", "12.50-", "12.-- CHF"], Notation(unit="CHF"))
    assert found.numbers.tolist() == [12, 12, -12.5, 12]
    found = parse(["12,- €", "EUR 3,50"], Notation(decimal=",", unit="€"))
    assert found.numbers.tolist() == [12, 3.5] and not found.remarks


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("9h05", 32_700),
        ("21.35 Uhr", 77_700),
        ("1h 30m", 5400),
        ("8 min 31.5 s", 511.5),
        ("2 days, 3 hours", 183_600),
        ("PT1H30M", 5400),
        ("P2DT1S", 172_801),
        ("45m", 2700),
        ("P", None),
        ("", None),
        ("9h75", None),
    ],
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("cells", "later", "numbers"),
    [
        (["8h05", "21h30", "9h00"], ["10h01"], [36_060.0]),
        (["1h 30m", "45m", "2h"], ["1h 1m", "3m"], [3660.0, 180.0]),
        (["₹ 1,23,456.50", "₹ 99,000.00", "₹ 12,34,567.00"], ["Rs. 1,00,000.00"], [100_000.0]),
        (["$1.50", "$ -", "$2,000.00", "$3.25"], ["$-", "$4", "-"], [0.0, 4.0, None]),
        (["1,50 €", "-   €", "2.000,00 €"], ["- €", "4 €", "-"], [0.0, 4.0, None]),
        (["1.5", "k.A.", "2.5", "k.A.", "k.A."], ["3.5", "k.A."], [3.5, None]),
    ],
)
def test_numbers(train, ask, cells, later, numbers):
    found, _ = ask(train([cells[i % len(cells)] for i in range(N)]), later)
    assert found == numbers


def test_a_dash_behind_a_currency_is_zero_and_said(train):
    dataset = train(["$ 1.50", "$ -   ", "$ 2.00", "-", "$-"] * (N // 5))
    [column] = dataset.encoder.columns
    numbers = dataset.arrays.inputs["numbers"][:, 0] * column.unit + column.shift
    assert numbers[[0, 1, 2, 4]].tolist() == [1.5, 0, 2, 0] and np.isnan(numbers[3])
    said = "'$ -' in row 2, '$-' in row 5: each is read as 0"
    assert any(said in note for note in dataset.notes)


@pytest.mark.parametrize("share", [4, 40])  # of $ - among days, and of days among $ -
def test_a_dash_behind_a_currency_is_no_day(train, ask, share):
    days = [f"2024-01-{i % 28 + 1:02d}" for i in range(N)]
    cells = [day if i % 4 else "$ -" for i, day in enumerate(days)]
    dataset = train(cells if share == 4 else [*["$ -"] * (N - 10), *days[:10]])
    [column] = dataset.encoder.columns
    assert column.kind == "time"
    assert any("'$ -' in row 1: no ISO date or time; read as missing" in n for n in dataset.notes)
    found, said = ask(dataset, ["2024-01-05", "$ -", "- €"])
    assert found == [np.datetime64("2024-01-05", "D").astype(int), None, None]
    assert any("'$ -' in row 2, '- €' in row 3: no ISO date" in note for note in said)


def test_a_dash_behind_a_currency_among_categories_is_said(train):
    dataset = train(["$ -", "red", "blue", "red"] * (N // 4))
    [column] = dataset.encoder.columns
    assert column.vocabulary == ("$ -", "blue", "red")
    said = "'$ -' (10) among categories, read as such; config.data.missing"
    assert any(said in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("cells", "later", "day"),
    [
        (["03/2020", "11/2021"], "07/2020", "2020-07-01"),
        (["Q1 2020", "Q3 2021"], "Q4 2020", "2020-10-01"),
        (["Mar 2020", "Mai 2021"], "Dezember 2020", "2020-12-01"),
    ],
)
def test_months_and_quarters_are_times_and_said(train, ask, cells, later, day):
    dataset = train([cells[i % 2] for i in range(N)])
    [column] = dataset.encoder.columns
    assert column.kind == "time"
    assert any("is read as its first day" in note for note in dataset.notes)
    [found], said = ask(dataset, [later])
    assert not said
    assert found == pytest.approx(np.datetime64(day, "D").astype(int), abs=0.1)


@pytest.mark.parametrize(
    ("zero", "day"),
    [
        ("0000-00-00", "2020-05-0{}"),
        ("0000-00-00 00:00:00.000000", "2020-05-0{} 10:00"),
        ("0000-00-00T00:00:00Z", "2020-05-0{}T10:00:00Z"),
        ("0000/00/00", "2020/05/0{}"),
        ("00.00.0000", "0{}.05.2020"),
        ("00.00.0000 00:00", "0{}.05.2020 10:00"),
    ],
)
def test_days_that_databases_write_for_none_are_missing(train, zero, day):
    dataset = train([zero if i % 3 else day.format(1 + i % 9) for i in range(N)])
    [column] = dataset.encoder.columns
    assert column.kind == "time"
    assert any(f"such as '{zero}' in row 2" in note for note in dataset.notes)


@pytest.mark.parametrize("cells", [["2009/10", "2010/11", "2011/12"], ["2010-11", "2011-12"]])
def test_seasons_are_categories_and_no_months(train, ask, cells):
    dataset = train([cells[i % len(cells)] for i in range(N)])
    [column] = dataset.encoder.columns
    assert (column.kind, column.vocabulary) == ("category", tuple(cells))
    assert f"column 'c': {cells[0]!r} is read as a season that ends in another year" in "\n".join(
        dataset.notes
    )
    found, said = ask(dataset, [cells[1], "2012/13"])
    assert found == [cells[1], None] and "2012/13" in said[0]
    # A month more, which begins no season, and all are months again.
    [column] = train([[*cells, "2011-05"][i % (len(cells) + 1)] for i in range(N)]).encoder.columns
    assert column.kind == "time"


def test_a_date_as_c_writes_it():
    assert str(parse_date("Mon Jan  6 10:00:05 2020", "dmy")) == "2020-01-06 10:00:05"
    assert str(parse_date("Mon Jan 06 10:00:00 +0200 2020", "mdy")) == "2020-01-06 08:00:00"


def test_yes_and_no_by_any_name(train, ask):
    dataset = train(["Yes", "No"] * 20)
    found, said = ask(dataset, ["yes", "NO", "Y", "false", "ja", "maybe"])
    assert found == ["Yes", "No", "Yes", "No", "Yes", None]
    assert "1 of 6 cells are categories that no training row has: 'maybe'" in said[0]
    found, _ = ask(train(["Yes", "No", "Both"] * 13), ["yes", "No"])
    assert found == [None, "No"]


@pytest.mark.parametrize("form", ["{}-{}", "{}.5±{}", "{}'{}", "{} \u00d7 10^{}", "{} ½{}"])
def test_numbers_in_a_form_that_nobody_knows_are_said(train, form):
    dataset = train([form.format(i % 20 + 1, i % 7 + 1) for i in range(N)])
    assert any("begins with a number, but is read as a category" in n for n in dataset.notes)


def test_exponents_that_may_be_codes_are_said(train):
    [note] = train(["1E5", "2E3", "7E1"] * 13).notes
    assert "'1E5' is read as 100000; config.data.categorical keeps it as a code" in note


def test_points_where_training_rows_had_whole_numbers_are_said(train, ask):
    dataset = train([str(80_000 + 37 * i) for i in range(N)])
    _, said = ask(dataset, ["84.441", "987"])
    assert "the first is read as 84.441, though training rows have whole numbers alone" in said[0]
    [line] = ask(dataset, ["84.441", "98.7"])[1]
    assert "times as far out" in line and ask(dataset, ["84441"])[1] == ()
    fractions = train([f"{80 + 0.037 * i:.3f}" for i in range(N)])
    assert ask(fractions, ["84.441"])[1] == ()


def test_encodings_packed_files_and_what_stands_around_a_table(train, tmp_path):
    text = "größe;y\nklein;1\nü;2\n"
    (tmp_path / "w.csv").write_bytes(text.encode("cp1252"))
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("__MACOSX/x", "")
        archive.writestr("inner.csv", text)
    wanted = {"größe": ["klein", "ü"], "y": ["1", "2"]}
    assert read_table(tmp_path / "w.csv").to_pydict() == wanted
    assert read_table(tmp_path / "z.zip").to_pydict() == wanted
    for name, content in (
        ("cyrillic.csv", b"\xf6\xe5\xed\xe0;y\n1;2\n"),
        ("spoiled.csv", "größe;y\n".encode() + b"\xe9;1\n"),
        ("none.zip", b"PK"),
    ):
        (tmp_path / name).write_bytes(content)
        assert refused(read_table, tmp_path / name)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", text)
        archive.writestr("b.csv", text)
    assert "holds 2 files: a.csv, b.csv; expected one" in refused(read_table, tmp_path / "two.zip")
    (tmp_path / "around.csv").write_text('# by, me\n# 2020\na,,b\n"=""007""",,1\n8,,2\n')
    assert read_table(tmp_path / "around.csv").to_pydict() == {"a": ["007", "8"], "b": ["1", "2"]}
    notes = load_table(
        Table(path=str(tmp_path / "w.csv"), target="y", valid=0, test=0), "auto"
    ).notes
    assert any("read as Windows-1252, as in 'größe'" in note for note in notes)
    (tmp_path / "title.csv").write_text("Report,,\na,b,c\n1,2,3\n4,5,6\n")
    assert "if line 2 holds the names, delete what stands above" in refused(
        read_table, tmp_path / "title.csv"
    )


def test_an_index_that_pandas_keeps_is_not_learned_from(tmp_path):
    columns = {"x": Y, "y": Y + 1, "__index_level_0__": np.arange(N) * 2}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    dataset = load_table(Table(path=str(tmp_path / "x.parquet"), target="y"), "auto")
    assert [column.name for column in dataset.encoder.columns] == ["x"]
    assert any("it is an index that pandas wrote" in note for note in dataset.notes)


def test_a_name_that_no_object_has_is_missing_where_it_was(tmp_path):
    rows = [{"a": float(y), "y": float(y), **({"b": i} if i % 3 else {})} for i, y in enumerate(Y)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = load_table(Table(path=str(tmp_path / "train.jsonl"), target="y", valid=0), "auto")
    (tmp_path / "new.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "new.csv").write_text("a\n1\n")
    rows = dataset.encoder.read(read_table(tmp_path / "new.jsonl"), "new.jsonl")
    assert rows.notes == ("new.jsonl: no row has 'b'; read as missing",)
    assert np.isnan(rows.inputs["numbers"][0, 1])
    assert "no column 'b'" in refused(dataset.encoder.read, read_table(tmp_path / "new.csv"), "new")
    (tmp_path / "new.jsonl").write_text('{"b": 1}\n')
    assert "no column 'a'" in refused(
        dataset.encoder.read, read_table(tmp_path / "new.jsonl"), "new"
    )


def test_odd_cells_are_counted_as_missing_where_the_reading_is_shown(train):
    reading = train(["unknown" if i % 8 == 0 else f"{i}.5" for i in range(N)]).reading
    assert [c.missing for c in reading.columns if c.name == "c"] == [5]


@pytest.mark.parametrize("text", ["# a b\n1 2\n3 4\n", "# made by hand\na b\n1 2\n3 4\n"])
def test_names_that_numpy_wrote_and_comments_above_names_are_told_apart(tmp_path, text):
    path = tmp_path / "table.txt"
    path.write_text(text)
    assert read_table(path).to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}

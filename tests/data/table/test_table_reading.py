"""How the columns of a table are read, as it is shown."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config, flags, inspect
from train.config.data_options import Sequences, Series, Table
from train.data.reading_of_steps import list_in_words
from train.data.sequences.load import load_sequences
from train.data.series.load import load_series
from train.data.table.load import load_table
from train.data.table.reading import (
    SHOWN,
    ColumnReading,
    Reading,
    config_lines,
    reading_lines,
    use_lines,
)
from train.errors import UserError

HEADER = "when,amount,code,note,same,y"


def write(path, n=60, header=HEADER):
    lines = [header]
    for i in range(n):
        amount = "" if i % 10 == 0 else f'"{i + 1},{i % 100:02d}"'
        code = f"{i % 3 + 1:03d}"
        lines.append(f"{i % 28 + 1:02d}.02.2025,{amount},{code},word {i},1,{i}.5")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_each_column_is_shown_with_its_kind_its_gaps_and_what_is_done_with_it(tmp_path):
    path = write(tmp_path / "a.csv")
    reading = load_table(Table(path=str(path), target="y", valid=0, test=0), "auto").reading
    shown = {column.name: column for column in reading.columns}
    assert list(shown) == ["y", "when", "amount", "code", "note", "same"]
    assert shown["y"].use == "target" and shown["y"].kind == "number"
    assert shown["when"].kind == "time (dmy)" and shown["when"].distinct == 28
    assert shown["amount"][1:4] == ("number (decimal commas)", 6, 54)
    assert shown["amount"].example == "2,01"
    assert (shown["code"].kind, shown["code"].use) == ("category", "3 categories")
    assert shown["same"].use == "left out: all training rows have 1"
    assert (shown["same"].kind, shown["note"].kind) == ("number", "text")
    assert shown["note"].use.startswith("left out: 60 different texts")
    lines = reading_lines(reading)
    assert (
        len(lines) == 7
        and len(
            {
                line.index(word)
                for line, word in zip(lines, ("kind", "number", "time"), strict=False)
            }
        )
        == 1
    )


def test_a_kind_is_shown_whole_and_names_and_examples_in_part():
    kind = "number (decimal commas, thousands set apart by points, 'kg' dropped)"
    column = ColumnReading("n" * 40, kind, 0, 7, "e" * 40, "scaled")
    _, line = reading_lines(Reading((column,)))
    assert line.split() == ["n" * 25 + "...", *kind.split(), "0", "7", "e" * 25 + "...", "scaled"]


def test_of_very_many_columns_some_are_shown_and_the_others_counted(tmp_path):
    names = [f"c{i}" for i in range(60)]
    rows = [",".join(str((i * k) % 7) for k in range(1, 61)) for i in range(30)]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join([",".join(names), *rows]) + "\n")
    reading = load_table(Table(path=str(path), target="c59", valid=0, test=0), "auto").reading
    assert len(reading.columns) == SHOWN and reading.n_more == 20
    assert reading.columns[0].name == "c59" and reading_lines(reading)[-1] == "and 20 more"


def test_a_screen_that_is_too_low_for_all_columns_has_a_line_for_each_thing_that_is_done():
    columns = [ColumnReading("y", "number", 0, 7, "1", "target")]
    columns += [ColumnReading(f"c{i}", "number", 0, 7, "1", "scaled") for i in range(39)]
    target, scaled, more = use_lines(Reading(tuple(columns), 20), 40)
    assert (target, more) == ("columns  target  y", "         and 20 more")
    assert scaled == "         scaled  c0, c1, c2 and 36 more" and len(scaled) <= 40


def test_inspect_prints_the_reading_its_doubts_and_the_options_and_trains_nothing(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "a.csv")
    assert inspect.main([f"--data={path}", "--target=y", "--config.data.categorical=amount"]) == 0
    printed = capsys.readouterr().out
    assert "time (dmy)" in printed and "dates are written dmy" in printed
    assert "--config.data.numeric=" in printed and "what would change it:" in printed
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    for wrong in (["--data=absent.csv"], [f"--data={path}", "--target=z"], ["--target=y"]):
        with pytest.raises(UserError) as error:
            inspect.main(wrong)
        assert len(str(error.value).splitlines()) == 1


def test_inspect_splits_rows_as_the_config_of_tables_does(tmp_path, capsys):
    path = write(tmp_path / "a.csv")
    assert inspect.main([f"--data={path}", "--target=y", "--config=configs/table.py"]) == 0
    (of_target,) = [line for line in capsys.readouterr().out.splitlines() if line[:2] == "y "]
    assert of_target.split()[:4] == ["y", "number", "0", "42"]  # 9 of 60 validate, 9 test


def test_verbose_is_on_unless_it_is_turned_off():
    argv = ["--config=configs/diabetes.py"]
    assert flags.parse_train(argv, "").verbose
    assert not flags.parse_train([*argv, "--verbose=false"], "").verbose
    assert not flags.parse_train(argv, "").restart


def test_columns_of_lists_are_told_how_to_be_read(tmp_path, capsys):
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join('{"x": [1.0, 2], "n": 3, "y": "a"}' for _ in range(4)))
    assert inspect.main([f"--data={path}", "--target=y"]) == 0
    printed = capsys.readouterr().out
    assert "list of numbers" in printed
    assert "--config=configs/sequences.py --config.data.inputs=x --config.data.target=y" in printed


def test_columns_of_one_name_are_not_shown(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("x,x,z,y\n" + "".join(f"{i % 7},{i % 5},{i % 3},{i}\n" for i in range(40)))
    given = [f"--data={path}", "--target=y", "--config.data.ignore=x"]
    assert inspect.main(given) == 0
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert shown[:3] == ["column", "y", "z"] and "x" not in shown
    with pytest.raises(UserError, match="2 columns are called 'x'"):
        inspect.main(given[:2])


def test_series_and_sequences_are_shown_as_well(tmp_path, capsys):
    series = tmp_path / "s.csv"
    rows = [f"{i % 28 + 1:02d}/{i // 28 + 1:02d}/2020;{i % 9},5;z" for i in range(300)]
    series.write_text("when;load;note\n" + "\n".join(rows) + "\n")
    options = Series(str(series), target="load", time="when", lookback=9, horizon=2)
    dataset = load_series(options)
    shown = {column.name: column for column in dataset.reading.columns}
    assert (shown["load"].kind, shown["load"].use) == ("number (decimal commas)", "target")
    assert (shown["when"].kind, shown["when"].use) == ("time (dmy)", "time")
    assert shown["note"].use == "not read"
    given = ["--config=series", "--config.data.time=when", "--config.data.lookback=9"]
    assert inspect.main([f"--data={series}", "--target=load", *given]) == 0
    assert "--config.data.observed=note  (read up to now" in capsys.readouterr().out
    # What is guessed of the rows of a series is said.
    assert "column 'when': dates are written dmy" in dataset.notes
    assert any("'0,5' is read as 0.5 (decimal commas)" in note for note in dataset.notes)
    steps = tmp_path / "s.jsonl"
    lines = [json.dumps({"x": [1.0 * i, 2.0], "n": 3, "y": "ab"[i % 2]}) for i in range(20)]
    steps.write_text("\n".join(lines))
    reading = load_sequences(Sequences(str(steps), inputs="x", target="y"), "auto").reading
    assert [(c.name, c.use) for c in reading.columns] == [
        ("y", "target"),
        ("x", "numbers of steps"),
        ("n", "not read"),
    ]
    assert reading.columns[1].kind == "list of numbers"
    assert reading.columns[1].cells()[3] == ""  # lists are not told apart


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (pa.list_(pa.list_(pa.float64())), "list of lists of numbers"),
        (pa.large_list(pa.string()), "list of texts"),
        (pa.list_(pa.bool_()), "list of bool"),
    ],
)
def test_types_of_lists_are_told_in_words(kind, words):
    assert list_in_words(kind) == words


def test_the_order_of_times_that_split_is_said(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{i % 12 + 1}/{i % 11 + 1}/{2000 + i % 9},{i % 7},{i}" for i in range(60)]
    path.write_text("when,x,y\n" + "\n".join(rows) + "\n")
    dataset = load_table(Table(path=str(path), target="y", time="when", split="time"), "auto")
    assert any("mdy, and dmy fits them too" in note for note in dataset.notes)


def test_bytes_that_nothing_reads_are_shown_by_their_type(tmp_path):
    n = 40
    path = tmp_path / "a.parquet"
    table = {"photo": [b"\x00\xff"] * n, "x": [i % 7 for i in range(n)], "y": [*range(n)]}
    pq.write_table(pa.table(table), path)
    options = Table(path=str(path), target="y", valid=0, test=0, ignore=("photo",))
    shown = {c.name: c for c in load_table(options, "auto").reading.columns}
    assert shown["photo"][1:4] == ("binary", 0, None)
    with pytest.raises(UserError, match="holds binary, expected"):
        load_table(replace(options, ignore=()), "auto")


def test_a_series_beside_bytes_and_a_column_of_nulls_is_shown(tmp_path):
    path = tmp_path / "a.parquet"
    days = [f"2024-02-{1 + i:02}" for i in range(28)]
    table = {"day": days, "photo": [b"\xff"] * 28, "none": pa.nulls(28), "y": [*range(28)]}
    pq.write_table(pa.table(table), path)
    options = Series(path=str(path), target="y", time="day", horizon=1, lookback=2)
    shown = {c.name: c for c in load_series(options).reading.columns}
    assert shown["photo"][1:4] == ("binary", 0, None)
    assert shown["none"][1:4] == ("empty", 28, 0)


@pytest.mark.parametrize(
    "names",
    [["a b", "it's", "x"], ["c, d", "y"], ["(x)"], ["none"], ['"q"', " z "], ["a,", "", "$HOME"]],
)
def test_flags_are_written_for_a_shell_whatever_columns_are_called(names):
    columns = [ColumnReading(name, "number", 0, 9, "1", "scaled") for name in names]
    lines = config_lines(Reading(tuple(columns)))
    [categorical], [ignored] = (shlex.split(line.partition("  (")[0]) for line in lines[:2])
    read = flags_as_options(["--config.data.path=t.csv", categorical, ignored])
    assert read.categorical == tuple(names) and read.ignore == (names[-1],)


def flags_as_options(words: list[str]) -> Table:
    overrides = dict(word.removeprefix("--config.").split("=", 1) for word in words)
    read = config.override(config.Config(data=Table()), overrides).data
    assert isinstance(read, Table)
    return read


def test_an_order_of_dates_is_offered_where_it_changes_anything():
    kinds = {"iso": "time", "typed": "time", "written": "time (dmy)"}
    for name, kind in kinds.items():
        column = ColumnReading(name, kind, 0, 9, "1", "scaled")
        offered = any("date_format" in line for line in config_lines(Reading((column,))))
        assert offered == (name == "written")

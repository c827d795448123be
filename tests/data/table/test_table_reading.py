"""How the columns of a table are read, as it is shown."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from train import flags, inspect
from train.config.data_options import Sequences, Series, Table
from train.data.reading_of_steps import list_in_words
from train.data.sequences.load import load_sequences
from train.data.series.load import load_series
from train.data.table.load import load_table
from train.data.table.reading import SHOWN, ColumnReading, Reading, reading_lines, use_lines
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

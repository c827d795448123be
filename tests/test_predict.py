"""A saved network's answers: one row or many, any order of columns, any kind of table."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from reading import as_kinds

from train import evaluate, loop, predict
from train.config import Config, Dense, Optim, Table, Train
from train.errors import ReadingWarning, UserError
from train.inference.evaluate import evaluate as evaluate_table

COLOURS = ("red", "green", "blue")


def make_table(n: int, seed: int) -> pa.Table:
    """Numbers with gaps, a category with gaps, a date, a flag; a target at 1e6 +- 1 and a class."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 10, n)
    colour = random.integers(0, 3, n)
    value = 1e6 + 0.05 * (age - 40) + (colour == 1) + 0.1 * random.normal(size=n)
    days = np.datetime64("2020-01-01") + random.integers(0, 900, n)
    return pa.table(
        {
            "age": pa.array(age, mask=random.random(n) < 0.1),
            "colour": pa.array([COLOURS[c] for c in colour], mask=random.random(n) < 0.1),
            "day": pa.array(days.astype("datetime64[D]")),
            "flag": pa.array(random.random(n) < 0.5),
            "value": value,
            "kind": pa.array(np.where(colour == 2, "cold", "warm")),
        }
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Runs with one numeric target, one class, and both at once."""
    root = tmp_path_factory.mktemp("runs")
    pq.write_table(make_table(300, 0), root / "data.parquet")
    made = {}
    for name, target in (("value", "value"), ("kind", "kind"), ("both", ("value", "kind"))):
        ignore = tuple({"value", "kind"} - set((target,) if isinstance(target, str) else target))
        data = Table(path=str(root / "data.parquet"), target=target, ignore=ignore)
        net = Dense(hidden=(16,), dropout=0.1)
        optim = Optim(name="adam", learning_rate=1e-2)
        made[name] = root / name
        loop.fit(
            Config(name=name, data=data, net=net, optim=optim, train=Train(epochs=20)), made[name]
        )
    return made


@pytest.mark.parametrize("name", ["value", "kind", "both"])
@pytest.mark.parametrize("place", [0, 1, 7, 254, 255, 256, 299])
def test_a_row_alone_has_the_bits_of_the_row_in_a_crowd(folders, name, place):
    model = predict.load(folders[name])
    table = make_table(300, 1)
    crowd = model.columns(table)
    alone = model.columns(table.slice(place, 1))
    for column, values in crowd.items():
        assert values[place] == alone[column][0], column


def test_many_rows_and_few_share_one_compilation(folders):
    model = predict.load(folders["value"])
    for n in (1, 3, 256, 257, 300):
        assert len(model(make_table(n, 2))) == n
    assert model.ensemble.apply._cache_size() == 1


def test_no_rows_give_no_answers(folders):
    assert len(predict.load(folders["value"])(make_table(4, 0).slice(0, 0))) == 0


def test_columns_may_come_in_any_order_and_more_than_needed(folders):
    model = predict.load(folders["value"])
    table = make_table(20, 3)
    shuffled = table.select(["flag", "day", "colour", "age"]).append_column(
        "extra", pa.array(range(20))
    )
    assert (model(shuffled) == model(table)).all()


def test_dicts_and_tables_are_answered_alike(folders):
    model = predict.load(folders["value"])
    table = make_table(20, 3)
    expected = model(table)
    assert (model(table.to_pydict()) == expected).all()
    pandas = pytest.importorskip("pandas")
    assert (model(pandas.DataFrame(table.to_pydict())) == expected).all()


def test_a_missing_column_is_named_with_the_nearest_present(folders):
    table = make_table(3, 0).rename_columns(["agee", "colour", "day", "flag", "value", "kind"])
    with pytest.raises(UserError, match="no column 'age'; did you mean 'agee'"):
        predict.load(folders["value"])(table)


def test_unseen_and_missing_categories_are_answered(folders):
    table = make_table(3, 0).set_column(1, "colour", pa.array(["violet", None, "red"]))
    with pytest.warns(ReadingWarning, match="'colour': 1 of 2 cells .* 'violet' in row 1"):
        answers = predict.load(folders["value"])(table)
    assert np.isfinite(answers).all()
    assert abs(answers - 1e6).max() < 10


def test_an_answer_beyond_float32_is_said(folders):
    model = predict.load(folders["both"])
    ages = {
        "age": [4e39, 40.0],
        "colour": ["red", "red"],
        "day": [None, None],
        "flag": [True, True],
    }
    with (
        pytest.warns(
            ReadingWarning, match="'age': 1 of 2 cells, such as .* in row 1, lie more than"
        ),
        pytest.warns(ReadingWarning, match="1 of 2 answers to '.*' are no numbers, .* row 1: "),
    ):
        answers = model(ages)
    assert not np.isfinite(answers["value"][0]) and np.isfinite(answers["value"][1])
    table = pa.table({**ages, "value": [1e6, 1e6], "kind": ["warm", "cold"]})
    said = evaluate_table(model, table, echo=print)["notes"]
    assert any("are no numbers, first that of row 1" in line for line in said)


def test_numbers_come_back_in_their_own_units_without_loss(folders):
    table = make_table(200, 4)
    error = predict.load(folders["value"])(table) - table["value"].to_numpy()
    # The target's own standard deviation is .7, its size a million.
    assert np.sqrt((error**2).mean()) < 0.35


def test_several_targets_come_back_by_name(folders):
    answers = predict.load(folders["both"])(make_table(200, 5))
    assert set(answers) == {"value", "kind"}
    assert set(answers["kind"]) <= {"cold", "warm"}
    assert (answers["kind"] == np.array(make_table(200, 5)["kind"].to_pylist())).mean() > 0.85


def test_probabilities_sum_to_one_and_agree_with_the_label(folders):
    columns = predict.load(folders["kind"]).columns(make_table(50, 6))
    cold = columns["probability_cold"]
    warm = columns["probability_warm"]
    np.testing.assert_allclose(cold + warm, 1, rtol=1e-6)
    assert (columns["prediction"] == np.where(warm > 0.5, "warm", "cold")).all()


def test_evaluate_of_a_file_gives_the_figures_of_result_json(folders, tmp_path):
    stated = json.loads((folders["value"] / "result.json").read_text())["metrics"]["test"]
    rows = pq.read_table(folders["value"] / "predictions.parquet")["row"].to_numpy()
    table = pq.read_table(folders["value"].parent / "data.parquet").take(pa.array(rows))
    assert evaluate.evaluate(predict.load(folders["value"]), table) == {"rows": len(rows), **stated}


@pytest.mark.parametrize(("name", "undefined"), [("kind", "auc"), ("value", "r2")])
def test_a_metric_that_is_not_defined_is_null_in_what_evaluate_prints(
    folders, tmp_path, capsys, name, undefined
):
    table = make_table(20, 8)
    row = table["kind"].to_pylist().index("warm")
    pq.write_table(table.slice(row, 1), tmp_path / "one.parquet")
    evaluate.main([f"--workdir={folders[name]}", f"--data={tmp_path / 'one.parquet'}"])

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    printed = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert printed["rows"] == 1 and printed[undefined] is None


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_the_command_keeps_order_and_count(folders, tmp_path, ending):
    from train.data.files.read import read_table
    from train.data.files.write import write_table

    table = make_table(30, 7)
    write_table(table, tmp_path / f"in.{ending}")
    source = tmp_path / f"in.{ending}"
    out = tmp_path / f"out.{ending}"
    assert predict.main([f"--workdir={folders['kind']}", f"--data={source}", f"--out={out}"]) == 0
    written = as_kinds(read_table(str(out)))
    assert written["row"].to_pylist() == list(range(30))
    assert written["prediction"].to_pylist() == predict.load(folders["kind"])(table).tolist()


@pytest.mark.slow
def test_a_saved_network_answers_in_a_new_process_without_its_config_file(folders, tmp_path):
    table = make_table(10, 8)
    pyarrow.csv.write_csv(table, tmp_path / "in.csv")
    flags = [f"--workdir={folders['value']}", f"--data={tmp_path / 'in.csv'}"]
    # As a user has it: with XLA's own log level, and in the second process with a kept program.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    said = []
    for name in ("predict", "evaluate"):
        command = [sys.executable, "-m", f"train.{name}", *flags]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.stderr == ""
        said.append(done.stdout)
    assert json.loads(said[1])["rows"] == len(table)
    lines = said[0].splitlines()
    assert lines[0] == "row,prediction"
    expected = predict.load(folders["value"])(table)
    np.testing.assert_array_equal([float(line.split(",")[1]) for line in lines[1:]], expected)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"holds no config\.json"):
        predict.load(tmp_path)


def test_a_net_travels_as_its_folder_and_says_what_a_fork_cannot(folders, monkeypatch):
    model = predict.load(folders["value"])
    table = make_table(3, 1)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again(table), model(table))
    model.loader = None
    with pytest.raises(UserError, match="was not loaded from a run's folder, by which it could"):
        pickle.dumps(model)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(UserError, match="'spawn'"):
        model(table)

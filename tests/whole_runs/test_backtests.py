"""Backtests as a whole: what nets forecast at an origin is what files that end there would give."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from series_tables import shops

from train import backtest, predict
from train.config import LSTM, Config, Optim, Population, Series, Train
from train.config.plan import Plan
from train.data.series.origins import find_origins

pytestmark = pytest.mark.slow
PLAN = Plan(origins=4, step=10, check_leaks=True, interval=0.8)


def config(path: str, **changes) -> Config:
    base = {"target": "sales", "time": "when", "group": "shop", "lookback": 24, "horizon": 12}
    data = Series(path=path, **base | {"valid": 40, "test": 77, "known": ("promotion",)} | changes)
    net = LSTM(hidden=(8,), patch="auto", window="last", columns="independent", shortcut=True)
    optim = Optim(name="adam", learning_rate=1e-2)
    return Config(name="shops", data=data, net=net, optim=optim, train=Train(epochs=3))


def spoiled(table: pa.Table, rows: np.ndarray) -> pa.Table:
    for name in ("sales", "visits", "promotion"):
        values = np.where(rows, -7.0, table[name].to_numpy())
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table


@pytest.fixture(
    scope="module",
    params=[{}, {"known": (), "calendar": True, "observed": None, "scaling": "group"}],
)
def run(request, tmp_path_factory) -> tuple[Path, Config, dict]:
    root = tmp_path_factory.mktemp("backtest")
    pa.csv.write_csv(shops(300), root / "shops.csv")
    asked = config(str(root / "shops.csv"), **request.param)
    return root / "out", asked, backtest.backtest(asked, root / "out", PLAN)


def test_origins_give_what_predict_gives_of_files_that_end_there(run):
    folder, asked, found = run
    assert found["leaks"]["origins"] == []
    rows = pq.read_table(folder / "forecasts.parquet").to_pandas()
    model = predict.load(folder / "nets" / "01")
    table = shops(300)
    assert isinstance(asked.data, Series)
    origins = find_origins(table, asked.data, PLAN.origins, PLAN.step)
    for origin in range(PLAN.origins):
        before = origins.before(origin)
        as_it_was = table.filter(before)
        if asked.data.known:
            sales = pa.array(table["sales"].to_pylist(), mask=~before)
            as_it_was = table.set_column(3, "sales", sales).filter(~origins.after_horizon(origin))
        answers = model.columns(as_it_was, interval=0.8)
        own = rows[rows["origin"] == origin + 1]
        assert own["group"].tolist() == list(answers["group"])
        for name in ("sales", "lower", "upper"):
            np.testing.assert_allclose(own[name], np.asarray(answers[name]), rtol=1e-6)
        np.testing.assert_allclose(own["target"], table["sales"].to_numpy()[own["row"]], rtol=1e-6)


def test_no_bit_of_the_first_origin_depends_on_rows_after_it_nor_does_the_net(run, tmp_path):
    folder, asked, _ = run
    table = shops(300)
    assert isinstance(asked.data, Series)
    origins = find_origins(table, asked.data, PLAN.origins, PLAN.step)
    rows = origins.after_horizon(0) if asked.data.known else ~origins.before(0)
    pa.csv.write_csv(spoiled(table, rows), tmp_path / "shops.csv")
    other = dataclasses.replace(asked.data, path=str(tmp_path / "shops.csv"))
    backtest.backtest(dataclasses.replace(asked, data=other), tmp_path / "out", PLAN)
    one, two = (pq.read_table(path / "forecasts.parquet") for path in (folder, tmp_path / "out"))
    first = np.asarray(one["origin"]) == 1
    for name in ("sales", "lower", "upper", "last", "seasonal", "linear"):
        assert one[name].to_numpy()[first].tobytes() == two[name].to_numpy()[first].tobytes()


@pytest.mark.parametrize("refit", ["warm", "full"])
def test_refitted_nets_are_trained_at_each_origin_and_read_no_later_row(tmp_path, refit):
    pa.csv.write_csv(shops(200), tmp_path / "shops.csv")
    asked = config(str(tmp_path / "shops.csv"), valid=20)
    plan = dataclasses.replace(PLAN, origins=2, refit=refit)
    lines = []
    found = backtest.backtest(asked, tmp_path / "out", plan, echo=lines.append)
    assert found["leaks"]["origins"] == []
    assert sorted(path.name for path in (tmp_path / "out" / "nets").iterdir()) == ["01", "02"]
    assert any("origin 2 of 2: 376 rows before it" in line for line in lines)
    results = []
    for name in ("01", "02"):
        text = (tmp_path / "out" / "nets" / name / "result.json").read_text()
        results.append(json.loads(text))
    assert results[1]["rows"]["train"] == results[0]["rows"]["train"] + 2 * plan.step
    went_on = any("training goes on from" in note for note in results[1]["notes"])
    assert went_on == (refit == "warm")
    assert len(found["by_origin"]["net"]["mase"]) == 2
    again = backtest.backtest(asked, tmp_path / "out", plan)
    assert again["metrics"] == found["metrics"]


def test_a_population_answers_by_its_mean_of_rows_in_memory(tmp_path):
    asked = dataclasses.replace(config("rows", valid=20), population=Population(seeds=2))
    plan = dataclasses.replace(PLAN, origins=2)
    found = backtest.backtest(asked, tmp_path / "out", plan, data=shops(200))
    assert found["leaks"]["origins"] == [] and found["windows"] == 4
    columns = pq.read_table(tmp_path / "out" / "forecasts.parquet").column_names
    assert {"sales", "lower", "upper"} <= set(columns)


def test_a_backtest_that_was_begun_goes_on_with_its_window_where_auto_would_be_another(tmp_path):
    path = str(tmp_path / "shops.csv")
    pa.csv.write_csv(shops(200), path)
    asked = config(path, valid=0.15, lookback=20, horizon=5)
    plan = Plan(origins=2)
    begun = backtest.backtest(asked, tmp_path / "out", plan)
    said: list[str] = []
    asked = config(path, valid=0.15, lookback="auto", horizon="auto")
    again = backtest.backtest(asked, tmp_path / "out", plan, echo=said.append)
    assert again["metrics"] == begun["metrics"] and again["step"] == 5
    assert not [line for line in said if "few rows" in line]
    other = backtest.backtest(asked, tmp_path / "other", plan, echo=said.append)
    assert other["step"] == 23 and [line for line in said if "few rows" in line]


def test_the_command_says_what_it_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["--config=series", "--config.data.path=builtin:mackey_glass", "--origins=3"]
    fields = {"data.target": "x", "data.rows": "800", "data.lookback": "24", "train.epochs": "1"}
    arguments += [f"--config.{name}={value}" for name, value in fields.items()]
    assert backtest.main([*arguments, "--check_leaks", "--verbose=false"]) == 0
    said = capsys.readouterr().out
    assert "728 of 6,000 rows are before the first origin" in said
    assert "3 windows of 3 origins" in said and "no leak: with other values in the" in said
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "backtest.html").exists() and f"report: {'runs' / Path(folder.name)}" in said

"""Runs whose nets say how sure they are: densities, counts, samples, what never is below 0."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from exported import assert_same, load_script

from train import evaluate, export, loop, predict
from train.config import LSTM, Config, Dense, Optim, Population, Sequences, Series, Table, Train
from train.data.files.read import read_table
from train.data.files.write import write_table
from train.errors import UserError

ADAM = Optim(name="adam", learning_rate=1e-2)
BRIEF = Train(epochs=2)


def counts(n: int, seed: int) -> pa.Table:
    """Counts of a mean that grows with x, a fifth of them put to 0, and numbers with outliers."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    mean = np.exp(2 + 0.5 * x)
    y = random.negative_binomial(3, 3 / (3 + mean)) * (random.random(n) > 0.2)
    return pa.table({"x": x, "y": y, "z": x + random.standard_t(3, n) * (1 + x**2)})


def table_config(path: Path, loss: Any, train: Train = BRIEF, **fields: Any) -> Config:
    data = Table(path=str(path), target="z" if loss == "student_t" else "y", features=("x",))
    net = Dense(hidden=(16,), members=4 if loss == "student_t" else 1)
    config = Config(data=data, net=net, optim=ADAM, train=train, loss=loss)
    return dataclasses.replace(config, **fields)


def series(n: int = 260) -> pa.Table:
    """Hourly counts of two groups, of means of about 3 and 300."""
    random = np.random.default_rng(0)
    hour = np.arange(n)
    times = np.datetime64("2024-01-01", "us") + hour * np.timedelta64(1, "h")
    parts = []
    for name, size in (("a", 3), ("b", 300)):
        mean = size * (1.2 + np.sin(2 * np.pi * hour / 24))
        y = random.negative_binomial(5, 5 / (5 + mean))
        parts.append(pa.table({"time": times, "shop": [name] * n, "y": y}))
    return pa.concat_tables(parts)


def series_config(path: Path, loss: Any, **data: Any) -> Config:
    fields = {"target": "y", "time": "time", "group": "shop", "lookback": 24, "horizon": 6}
    options = Series(path=str(path), **(fields | data))
    return Config(data=options, net=LSTM(hidden=(8,)), optim=ADAM, train=BRIEF, loss=loss)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["negative_binomial", "zero_inflated", "student_t"])
def test_a_density_of_a_table_is_learned_told_and_exported(loss: str, tmp_path: Path):
    write_table(counts(600, 0), tmp_path / "data.parquet")
    folds = Population(folds=2) if loss == "zero_inflated" else Population()
    config = table_config(tmp_path / "data.parquet", loss, Train(epochs=25), population=folds)
    result = loop.fit(config, tmp_path / "run", verbose=False)
    test = result["metrics"]["test"]
    assert 0.8 <= test["coverage"] <= 1 and test["interval_score"] >= test["width"]
    assert 0 < test["crps"] < test["mae"]
    assert test["crps"] == pytest.approx(2 * test["pinball"], rel=0.15)
    model = predict.load(tmp_path / "run")
    fresh = counts(1500, 1)
    judged = evaluate.evaluate(model, fresh)
    # Counts have mass at the ends of their intervals, which hold more.
    assert 0.86 <= judged["coverage"] <= (0.95 if loss == "student_t" else 0.99)
    assert judged["nll"] < test["nll"] + 0.3
    columns = model.columns(fresh, interval=0.8, quantiles=(0.1, 0.5, 0.9), samples=50)
    parts = {
        "student_t": ["deviation", "freedom"],
        "negative_binomial": ["deviation", "dispersion"],
        "zero_inflated": ["deviation", "dispersion", "zeros"],
    }
    assert list(columns)[1 : 1 + len(parts[loss])] == parts[loss]
    truth = fresh["z" if loss == "student_t" else "y"].to_numpy()
    below = {level: (truth <= columns[f"quantile_{level}"]).mean() for level in (0.1, 0.5, 0.9)}
    assert 0.86 <= below[0.9] <= 0.98 and below[0.5] >= 0.44
    drawn = np.stack([columns[f"sample_{i + 1}"] for i in range(50)])
    assert 0.88 <= (drawn <= columns["quantile_0.9"]).mean() <= 0.95
    if loss != "student_t":
        assert columns["lower"].min() >= 0 and drawn.min() == 0 and (drawn % 1 == 0).all()
        zeros = columns.get("zeros", 0.0)
        mean = columns["prediction"]
        variance = mean + mean**2 * (columns["dispersion"] + zeros) / (1 - zeros)
        np.testing.assert_allclose(columns["deviation"], np.sqrt(variance), rtol=1e-3)
    export.export(tmp_path / "run", tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    assert_same(net({"x": fresh["x"].to_numpy()}), model.columns(fresh.select(["x"])))
    assert "90% interval" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["joint", "independent"])
def test_counts_of_series_are_forecast_with_paths(columns: Any, tmp_path: Path):
    write_table(series(), tmp_path / "data.parquet")
    config = series_config(tmp_path / "data.parquet", "negative_binomial")
    config.net = dataclasses.replace(config.net, window="last", columns=columns, shortcut=True)
    config.train = Train(epochs=6)
    config.population = Population(seeds=2)
    result = loop.fit(config, tmp_path / "run", verbose=False)
    assert result["metrics"]["test"]["coverage"] > 0.6
    out = tmp_path / "paths.parquet"
    flags = [f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.parquet'}"]
    assert predict.main([*flags, f"--out={out}", "--samples=200", "--seed=3"]) == 0
    first = pq.read_table(out)
    assert predict.main([*flags, f"--out={out}", "--samples=200", "--seed=3"]) == 0
    assert pq.read_table(out) == first and first.num_rows == 12
    drawn = np.stack([first[f"sample_{i + 1}"].to_numpy() for i in range(200)])
    assert drawn.min() >= 0 and (drawn % 1 == 0).all()
    np.testing.assert_allclose(drawn.mean(0), first["y"].to_numpy(), rtol=0.3, atol=1.0)
    for name, least, most in (("a", 0.5, 15), ("b", 50, 1500)):
        mean = first.filter(pc.equal(first["group"], name))["y"].to_numpy()
        assert (mean > least).all() and (mean < most).all()


@pytest.mark.slow
def test_numbers_of_sequences_have_densities(tmp_path: Path):
    random = np.random.default_rng(0)
    steps = [random.normal(size=(5, 1)).tolist() for _ in range(120)]
    table = pa.table({"x": steps, "y": random.poisson(4, 120)})
    pq.write_table(table, tmp_path / "data.parquet")
    data = Sequences(path=str(tmp_path / "data.parquet"), inputs="x", target="y")
    config = Config(data=data, net=LSTM(hidden=(4,)), optim=ADAM, train=BRIEF, loss="zero_inflated")
    result = loop.fit(config, tmp_path / "run", verbose=False)
    # It starts at the mean count, so that two epochs do.
    assert result["metrics"]["test"]["mae"] < 3


@pytest.mark.slow
def test_what_never_was_below_0_is_not_answered_below_it(tmp_path: Path):
    rows = counts(200, 0)
    write_table(rows.set_column(1, "y", [pa.array(rows["x"].to_numpy() ** 2)]), tmp_path / "t.csv")
    config = table_config(tmp_path / "t.csv", "quantile", Train(epochs=5), quantiles=(0.9, 0.1))
    plain = loop.fit(config, tmp_path / "plain", verbose=False)
    config.data = dataclasses.replace(config.data, nonnegative=True)
    loop.fit(config, tmp_path / "held", verbose=False)
    fresh = pa.table({"x": np.linspace(-1, 1, 50)})
    names = ["prediction", "quantile_0.1", "quantile_0.9", "lower", "upper"]
    free = predict.load(tmp_path / "plain").columns(fresh, interval=0.8)
    held = predict.load(tmp_path / "held").columns(fresh, interval=0.8)
    assert list(held) == names and min(free[name].min() for name in names) < 0
    for name in names[:3]:
        np.testing.assert_allclose(held[name], np.maximum(free[name], 0), atol=1e-6)
    assert min(held[name].min() for name in names) == 0 and plain["metrics"]


@pytest.mark.slow
def test_a_run_with_the_levels_that_were_the_default_goes_on(tmp_path: Path):
    write_table(counts(100, 0), tmp_path / "t.csv")
    config = table_config(tmp_path / "t.csv", "quantile", quantiles=(0.05, 0.5, 0.95))
    loop.fit(config, tmp_path / "run", verbose=False)
    longer = dataclasses.replace(config, quantiles=Config.quantiles, train=Train(epochs=3))
    result = loop.fit(longer, tmp_path / "run", verbose=False)
    assert result["epochs"] == 3
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["config"]["quantiles"] == [0.05, 0.5, 0.95]
    names = pq.read_table(tmp_path / "run" / "predictions.parquet").column_names
    assert names[-2:] == ["quantile_0.05", "quantile_0.95"]


@pytest.mark.parametrize(
    ("value", "loss", "message"),
    [
        (
            -1.0,
            "negative_binomial",
            r"-1\.0 in row 4: config\.loss=negative_binomial is for counts",
        ),
        (2.5, "zero_inflated", r"2\.5 in row 4: config\.loss=zero_inflated is for counts: 0, 1, 2"),
    ],
)
def test_what_is_no_count_is_refused_with_its_row(
    value: float, loss: str, message: str, tmp_path: Path
):
    y = np.arange(120.0) % 7
    y[3] = value
    path = tmp_path / "data.csv"
    write_table(pa.table({"x": np.arange(120.0), "y": y}), path)
    table = table_config(path, loss)
    steps = Series(path=str(path), target="y", lookback=8, horizon=2)
    for config in (table, dataclasses.replace(table, data=steps, net=LSTM(hidden=(4,)))):
        config.data.valid = 0.1
        with pytest.raises(UserError, match=message):
            loop.fit(config, tmp_path / "run", verbose=False)
    assert read_table(str(path), ()).num_rows == 120


@pytest.mark.slow
def test_a_report_without_validation_rows_shows_the_interval_that_the_net_says(tmp_path: Path):
    write_table(counts(100, 0), tmp_path / "t.csv")
    config = table_config(tmp_path / "t.csv", "quantile", quantiles=(0.1, 0.9))
    config.data = dataclasses.replace(config.data, valid=0)
    loop.fit(config, tmp_path / "run", verbose=False)
    assert "80% interval" in (tmp_path / "run" / "report.html").read_text()
    model = predict.load(tmp_path / "run")
    fresh = counts(5, 1)
    with pytest.raises(UserError, match=r"^interval: the run in .* has no validation rows"):
        model.columns(fresh, interval=0.9)
    assert len(model.columns(fresh, samples=3)["sample_3"]) == 5

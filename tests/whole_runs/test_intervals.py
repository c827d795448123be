"""Intervals of trained nets: at any level, for every loss, and refused where none can be given."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import as_kinds

from train import evaluate, loop, predict
from train.config import LSTM, Config, Dense, Optim, Sequences, Series, Table, Train
from train.data.files.read import read_table
from train.data.files.write import write_table
from train.errors import ReadingWarning, UserError
from train.evaluation.conformal import (
    conformal_scores,
    needed_score,
)
from train.evaluation.interval_scores import conformal_metrics
from train.results.summary import summary
from train.run.calibration import read_scores

TRAIN = Train(epochs=15)
HIDDEN = Dense(hidden=(16,))


def noisy_rows(n: int, seed: int) -> pa.Table:
    """y = x + noise that grows with x, a second target in other units, a class."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 2, n)
    noise = random.normal(size=n) * (0.1 + x)
    return pa.table(
        {"x": x, "y": 1e4 + x + noise, "z": -5 * noise, "kind": np.where(noise > 0, "up", "down")}
    )


def make_config(path: Path, train: Train = TRAIN, net: Dense = HIDDEN, **data: Any) -> Config:
    fields = {"target": "y", "features": ("x",), "valid": 0.4, "test": 0.2} | data
    optim = Optim(name="adam", learning_rate=1e-2)
    return Config(data=Table(path=str(path), **fields), net=net, optim=optim, train=train)


def short(path: Path, **data: Any) -> Config:
    """For what does not depend on how well a net has learned."""
    return make_config(path, Train(epochs=1), Dense(hidden=()), **data)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    write_table(noisy_rows(1000, 0), root / "data.parquet")
    write_table(noisy_rows(2000, 1), root / "fresh.csv")
    made = {"fresh": root / "fresh.csv"}
    whole = make_config(root / "data.parquet")
    made["two"] = root / "two"
    loop.fit(short(root / "data.parquet", target=("y", "z"), valid=8), made["two"])
    for name, changes in (
        ("mse", {}),
        ("quantile", {"loss": "quantile", "quantiles": (0.1, 0.5, 0.8)}),
        ("gaussian", {"loss": "gaussian"}),
    ):
        loop.fit(dataclasses.replace(whole, **changes), root / name)
        made[name] = root / name
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mse", "quantile", "gaussian"])
def test_a_run_gives_intervals_at_any_level(runs, name):
    table = as_kinds(read_table(str(runs["fresh"]), ()))
    truth = table["y"].to_numpy()
    for level in (0.7, 0.9):
        out = runs["fresh"].parent / f"{name}.parquet"
        flags = [
            f"--workdir={runs[name]}",
            f"--data={runs['fresh']}",
            f"--out={out}",
            f"--interval={level}",
        ]
        assert predict.main(flags) == 0
        answers = pq.read_table(out).to_pydict()
        lower = np.array(answers["lower"])
        upper = np.array(answers["upper"])
        within = (lower <= truth) & (truth <= upper)
        assert within.mean() == pytest.approx(level, abs=0.06)
        assert ((lower <= answers["prediction"]) & (answers["prediction"] <= upper)).all()
        scores = evaluate.evaluate(predict.load(runs[name]), table, interval=level)
        assert scores["coverage"] == within.mean()
        assert scores["width"] == pytest.approx((upper - lower).mean())
        assert scores["rmse"] == evaluate.evaluate(predict.load(runs[name]), table)["rmse"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mse", "quantile", "gaussian"])
def test_a_trained_net_is_covered_on_fresh_rows_in_the_mean_of_20_draws(runs, name):
    """A draw has 400 rows that validate and 500 to judge; the net was trained on none of them."""
    model = predict.load(runs[name])
    covered = []
    for draw in range(20):
        parts = []
        for seed, n in ((100 + draw, 400), (200 + draw, 500)):
            table = noisy_rows(n, seed)
            truth, _ = model.encoder.encode_targets(table, "drawn")
            parts.append((model.answers(model.encoder.encode(table, "drawn")), truth))
        head = model.encoder.heads[0]
        needed = needed_score(conformal_scores(model.encoder, head, *parts[0], np.ones(400)), 0.9)
        covered.append(conformal_metrics(model.encoder, head, needed, *parts[1])["coverage"])
    assert len(covered) == 20 and 0.87 <= np.mean(covered) <= 0.93


@pytest.mark.slow
def test_quantiles_of_a_trained_net_never_cross_on_random_rows(runs):
    """10,000 rows, most of them far from any that the net was trained on."""
    table = pa.table({"x": np.random.default_rng(0).normal(scale=100, size=10_000)})
    columns = predict.load(runs["quantile"]).columns(table)
    assert (columns["quantile_0.1"] <= columns["prediction"]).all()
    assert (columns["prediction"] <= columns["quantile_0.8"]).all()
    # On the far side of the least noise the net goes on to less, which ends where float32 tells no
    # difference.
    assert (columns["quantile_0.1"] < columns["quantile_0.8"]).mean() > 0.4


@pytest.mark.slow
def test_answers_stand_beside_what_the_net_says_of_them(runs):
    wanted = {"mse": [], "quantile": ["quantile_0.1", "quantile_0.8"], "gaussian": ["deviation"]}
    for name, more in wanted.items():
        model = predict.load(runs[name])
        table = noisy_rows(500, 2)
        columns = model.columns(table)
        assert list(columns) == ["prediction", *more]
        assert (model(table) == columns["prediction"]).all()  # an array still
        kept = pq.read_table(runs[name] / "predictions.parquet")
        assert kept.column_names == ["row", "target", "prediction", *more]
        judged = json.loads((runs[name] / "result.json").read_text())
        assert (judged["interval"]["level"], judged["interval"]["rows"]) == (0.9, 400)
        assert judged["interval"]["coverage"] == pytest.approx(0.9, abs=0.07)
        share = f"90% hold {judged['interval']['coverage']:.1%} of the test rows"
        assert share in (runs[name] / "report.html").read_text()
        assert f"intervals: {share}" in summary(judged, runs[name])
        test = judged["metrics"]["test"]
        assert ("coverage" in test) == bool(more)
        if name == "quantile":
            low, high, target = (kept[column].to_numpy() for column in (*more, "target"))
            assert test["coverage"] == pytest.approx(
                np.mean((low <= target) & (target <= high)), abs=0.006
            )
            assert test["width"] == pytest.approx(np.mean(high - low), rel=1e-5)
            assert test["coverage"] == pytest.approx(0.7, abs=0.1)


@pytest.mark.slow
def test_what_a_net_says_grows_with_the_noise(runs):
    table = pa.table({"x": [0.1, 1.0, 1.9]})
    deviation = predict.load(runs["gaussian"]).columns(table)["deviation"]
    np.testing.assert_allclose(deviation, [0.2, 1.1, 2.0], rtol=0.4)
    assert (np.diff(deviation) > 0).all()
    columns = predict.load(runs["quantile"]).columns(table)
    assert (np.diff(columns["quantile_0.8"] - columns["quantile_0.1"]) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"target": "kind"}, "--interval: intervals are for numbers, .* this net answers 'kind'"),
        ({"valid": 0}, r"has no validation rows .* train with config\.data\.valid above 0"),
    ],
)
def test_runs_that_have_no_errors_to_go_by_are_refused(data, message, tmp_path):
    write_table(noisy_rows(60, 0), tmp_path / "data.parquet")
    loop.fit(short(tmp_path / "data.parquet", **data), tmp_path / "run")
    for module in (predict, evaluate):
        with pytest.raises(UserError, match=message):
            flags = [f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.parquet'}"]
            module.main([*flags, "--interval=0.9"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        (
            "two",
            ["--interval=0.9"],
            r"8 validation rows are too few for 0\.9; ask for less, or train with 9 ",
        ),
        (
            "mse",
            ["--interval=0.999"],
            r"400 validation rows are too few for 0\.999; .* train with 999 ",
        ),
        ("mse", ["--interval=1"], r"--interval: expected a number, above 0 and below 1, got '1'"),
        (
            "mse",
            ["--interval=high"],
            r"--interval: expected a number, above 0 and below 1, got 'high'",
        ),
    ],
)
def test_intervals_that_cannot_be_given_are_refused(runs, name, flags, message):
    for module in (predict, evaluate):
        with pytest.raises(UserError, match=message):
            module.main([f"--workdir={runs[name]}", f"--data={runs['fresh']}", *flags])


@pytest.mark.slow
def test_several_targets_have_columns_of_their_own(runs):
    columns = predict.load(runs["two"]).columns(noisy_rows(50, 3), interval=0.8)
    assert list(columns) == ["y", "z", "y_lower", "z_lower", "y_upper", "z_upper"]
    for name in "yz":
        assert (columns[f"{name}_lower"] < columns[name]).all() and (
            columns[name] < columns[f"{name}_upper"]
        ).all()


@pytest.mark.slow
def test_a_target_with_the_name_of_an_end_keeps_it(tmp_path):
    write_table(
        pa.table({"x": range(60), "y": range(60), "y_lower": range(60)}), tmp_path / "data.parquet"
    )
    data = Table(path=str(tmp_path / "data.parquet"), target=("y", "y_lower"), valid=20)
    loop.fit(
        Config(data=data, loss="mse", net=Dense(hidden=()), train=Train(epochs=1)), tmp_path / "run"
    )
    model = predict.load(tmp_path / "run")
    assert list(model.columns(pa.table({"x": [1]}))) == ["y", "y_lower"]
    with pytest.warns(ReadingWarning, match="'y_lower_2' stands for 'y_lower', which is a target"):
        columns = model.columns(pa.table({"x": [1]}), interval=0.5)
    assert columns["y_lower_2"] <= columns["y"]
    ends = ["y_lower_2", "y_lower_lower", "y_upper", "y_lower_upper"]
    assert list(columns) == ["y", "y_lower", *ends]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mse", "quantile", "gaussian"])
def test_forecasts_have_intervals_at_every_step(tmp_path, loss):
    random = np.random.default_rng(4)
    load = 100 + np.sin(np.arange(500) / 4) * 8 + random.normal(size=500)
    write_table(pa.table({"load": load}), tmp_path / "load.csv")
    data = Series(
        path=str(tmp_path / "load.csv"), target="load", lookback=12, horizon=3, valid=100, test=100
    )
    optim = Optim(name="adam", learning_rate=1e-2)
    config = Config(data=data, loss=loss, net=LSTM(hidden=(8,)), optim=optim, train=TRAIN)
    if loss == "quantile":
        config.quantiles = (0.05, 0.95)
    said = loop.fit(config, tmp_path / "run")
    more = {"mse": [], "quantile": ["quantile_0.05", "quantile_0.95"], "gaussian": ["deviation"]}[
        loss
    ]
    kept = pq.read_table(tmp_path / "run" / "predictions.parquet")
    assert kept.column_names == ["row", "step", "target", "load", *more]
    assert said["metrics"]["test"]["rmse"] < 2.5  # the wave alone has a deviation of 5.7
    assert said["interval"]["rows"] == 98
    assert said["interval"]["coverage"] == pytest.approx(0.9, abs=0.08)
    if loss == "gaussian":
        target, answer, deviation = (
            kept[name].to_numpy() for name in ("target", "load", "deviation")
        )
        within = np.abs(target - answer) < 1.645 * deviation
        assert said["metrics"]["test"]["coverage"] == pytest.approx(within.mean(), abs=0.006)
    out = tmp_path / "next.csv"
    flags = [
        f"--workdir={tmp_path / 'run'}",
        f"--data={tmp_path / 'load.csv'}",
        f"--out={out}",
        "--interval=0.8",
    ]
    assert predict.main(flags) == 0
    columns = as_kinds(read_table(str(out))).to_pydict()
    assert list(columns) == ["row", "load", *more, "lower", "upper"]
    assert columns["row"] == [500, 501, 502]
    scores = read_scores(tmp_path / "run", Config(data=data), said["steps"])
    if loss == "mse":
        np.testing.assert_allclose(
            np.subtract(columns["upper"], columns["load"]), scores.score[80 - 1], rtol=1e-5
        )
    assert (
        np.less(columns["lower"], columns["load"]).all()
        and np.less(columns["load"], columns["upper"]).all()
    )


@pytest.mark.slow
def test_labels_of_sequences_have_deviations_and_intervals(tmp_path):
    random = np.random.default_rng(6)
    rows = []
    for _ in range(300):
        x = random.normal(size=int(random.integers(3, 7)))
        rows.append({"x": x.tolist(), "height": 50 + float(x.sum() + random.normal() * 0.3)})
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = Sequences(path=str(tmp_path / "data.jsonl"), inputs="x", target="height", valid=80)
    optim = Optim(name="adam", learning_rate=1e-2)
    config = Config(data=data, loss="gaussian", net=LSTM(hidden=(8,)), optim=optim, train=TRAIN)
    said = loop.fit(config, tmp_path / "run")
    assert said["metrics"]["test"]["r2"] > 0.5
    assert {"coverage", "width"} <= set(said["metrics"]["test"])
    columns = predict.load(tmp_path / "run").columns(
        pa.table({"x": [[0.5, 0.5, 0.5]]}), interval=0.9
    )
    assert list(columns) == ["prediction", "deviation", "lower", "upper"]
    half = (columns["upper"] - columns["lower"]) / 2
    needed = read_scores(tmp_path / "run", config, said["steps"]).score[73 - 1]  # ceil(81 * .9)
    np.testing.assert_allclose(half, needed * columns["deviation"], rtol=1e-5)

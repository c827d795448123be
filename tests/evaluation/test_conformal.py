"""Intervals: what they hold of rows to come, in which units and under which names; and what is
refused.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import evaluate, loop, predict
from train.config import LSTM, Config, Dense, Optim, Sequences, Series, Table, Train
from train.data.dataset import Batch, Head
from train.data.files.read import read_table
from train.data.files.write import write_table
from train.data.series.columns import SeriesColumn
from train.data.series.encoder import SeriesEncoder
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.evaluation.conformal import (
    base_of,
    bounds,
    conformal_metrics,
    conformal_scores,
    interval_columns,
    judge_intervals,
    least_rows,
    needed_score,
)
from train.evaluation.spread import spread_columns
from train.results.summary import summary
from train.run.calibration import NAME, read_scores, write_scores

ONE = Head("value", "regression", ("y",), (), 1)
TRAIN = Train(epochs=15)
TWO = Head("value", "regression", ("a", "b"), (), 2)
Arrays = dict[str, np.ndarray]


def encoder_of(head: Head, *classes: Head) -> TableEncoder:
    """Targets about 100 in steps of 10."""
    numbers = tuple(Column(name, "number", shift=100.0, unit=10.0) for name in head.columns)
    named = tuple(Column(other.name, "category", vocabulary=other.classes) for other in classes)
    return TableEncoder((), (*numbers, *named), (head, *classes))


def test_the_score_has_the_rank_that_covers_one_row_more():
    scores = np.arange(1.0, 10.0)[:, None]
    assert needed_score(scores, 0.9) == 9  # 9 of the 10 places that a tenth row may take
    assert needed_score(scores, 0.7) == 7  # though 10 * .7 is 7.000000000000001
    assert needed_score(scores, 0.71) == 8
    assert needed_score(scores, 0.01) == 1
    assert [least_rows(level) for level in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]


def test_too_few_rows_for_a_level_are_refused():
    for level, n in ((0.9, 9), (0.95, 19), (0.99, 99)):
        assert needed_score(np.ones((n, 1)), level) == 1
        with pytest.raises(
            UserError, match=rf"--interval: {n - 1} .* too few for {level:g}; .* with {n} \(config"
        ):
            needed_score(np.ones((n - 1, 1)), level)
    for level in (0.0, 1.0, 90.0):
        with pytest.raises(
            UserError, match=rf"--interval: expected a number, above 0 and below 1, got {level}"
        ):
            needed_score(np.ones((99, 1)), level)


def test_uniform_scores_are_covered_as_often_as_the_rank_says():
    """The k-th of n uniform numbers is k / (n + 1) in the mean; the 18th of 20, which is 90 %,
    would be .857.
    """
    random = np.random.default_rng(0)
    needed = [needed_score(np.sort(random.random((20, 1)), axis=0), 0.9)[0] for _ in range(4000)]
    assert np.mean(needed) == pytest.approx(19 / 21, abs=0.004)


def test_scores_by_hand():
    encoder = encoder_of(ONE)
    targets = {"value": np.array([[1.0], [4.0], [9.0]])}
    weight = np.array([1.0, 2.0, 0.0])
    answers: Arrays = {"value": np.array([[2.0], [1.0], [0.0]])}
    plain = conformal_scores(encoder, ONE, answers, targets, weight)
    np.testing.assert_allclose(plain, [[10], [30]])  # raw units; the row of weight 0 does not count
    deviation = answers | {"value.deviation": np.array([[0.5], [2.0], [1.0]])}
    np.testing.assert_allclose(
        conformal_scores(encoder, ONE, deviation, targets, weight), [[1.5], [2]]
    )
    quantiles = answers | {
        "value.quantiles": np.array([[[0.0, 2.0, 3.0]], [[0.0, 1.0, 2.5]], [[0.0, 0.0, 0.0]]])
    }
    np.testing.assert_allclose(
        conformal_scores(encoder, ONE, quantiles, targets, weight), [[-10], [15]]
    )


def test_ends_by_hand():
    encoder = encoder_of(ONE)
    answers: Arrays = {"value": np.array([[2.0]])}
    for beside, score, wanted in (
        ({}, 7.0, (113, 127)),
        ({"value.deviation": np.array([[0.5]])}, 2.0, (110, 130)),
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, 5.0, (95, 135)),
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, -5.0, (105, 125)),
        # Not beyond the prediction.
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, -15.0, (115, 120)),
    ):
        lower, upper = bounds(base_of(encoder, ONE, answers | beside), np.array([score]))
        np.testing.assert_allclose((lower.item(), upper.item()), wanted)


def drawn(random: np.random.Generator, n: int, kind: str) -> tuple[Arrays, Arrays]:
    """Answers to, and targets of, n rows whose noise grows with x: of a net wrong in its mean and
    its spread.
    """
    x = random.uniform(0.2, 2, (n, 1))
    answers: Arrays = {"value": 0.8 * x}
    if kind == "gaussian":
        answers["value.deviation"] = 0.3 * x
    elif kind == "quantile":
        answers["value.quantiles"] = np.stack([-1.5 * x, 0.8 * x, 2.5 * x], axis=-1)
    return answers, {"value": x + x * random.standard_t(4, (n, 1))}


@pytest.mark.parametrize("kind", ["mse", "quantile", "gaussian"])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_their_share_of_fresh_rows(kind: str, level: float):
    """Mean of 20 draws of 200 validation rows and 500 fresh ones."""
    encoder = encoder_of(ONE)
    random = np.random.default_rng(5)
    covered = []
    steady = []
    for _ in range(20):
        validation, fresh = (drawn(random, n, kind) for n in (200, 500))
        needed = needed_score(conformal_scores(encoder, ONE, *validation, np.ones(200)), level)
        covered.append(conformal_metrics(encoder, ONE, needed, *fresh)["coverage"])
        noisy = fresh[0]["value"][:, 0] > 1.2
        halves = [
            {name: array[rows] for name, array in fresh[i].items()}
            for rows in (noisy, ~noisy)
            for i in (0, 1)
        ]
        parts = [
            conformal_metrics(encoder, ONE, needed, *halves[i : i + 2])["coverage"] for i in (0, 2)
        ]
        steady.append(parts[0] - parts[1])
    assert np.mean(covered) == pytest.approx(level, abs=0.03)
    # Rows of much noise are covered as often as the others only by intervals that grow with it.
    if kind == "mse":
        assert np.mean(steady) < -0.1
    elif kind == "gaussian" or level == 0.9:  # which is about what the quantiles were made for
        assert abs(np.mean(steady)) < 0.05


def test_each_target_has_a_score_and_columns_of_its_own():
    kind = Head("kind", "binary", ("kind",), ("x", "y"), 1)
    encoder = encoder_of(TWO, kind)
    random = np.random.default_rng(1)
    answers = {"value": random.normal(size=(50, 2)), "kind": random.random(50)}
    targets = {
        "value": answers["value"] + random.normal(size=(50, 2)) * [1, 100],
        "kind": np.zeros(50, np.int32),
    }
    scores = conformal_scores(encoder, TWO, answers, targets, np.ones(50))
    columns = interval_columns(encoder, TWO, needed_score(scores, 0.8), answers)
    assert list(columns) == ["a_lower", "b_lower", "a_upper", "b_upper"]
    raw = 100 + 10 * answers["value"]
    for i, name in enumerate("ab"):
        # 41 of 51 places.
        needed = np.sort(np.abs(targets["value"] - answers["value"])[:, i])[41 - 1] * 10
        np.testing.assert_allclose(columns[f"{name}_upper"], raw[:, i] + needed)
        np.testing.assert_allclose(columns[f"{name}_lower"], raw[:, i] - needed)
    batch = Batch({}, targets, np.ones(50))
    judged = judge_intervals(encoder, scores, answers, batch)
    assert set(judged) == {"level", "rows", "a.coverage", "a.width", "b.coverage", "b.width"}
    assert judged["a.coverage"] == np.mean(
        np.abs(targets["value"] - answers["value"])[:, 0] * 10 <= scores[45, 0]
    )
    assert judge_intervals(encoder, scores[:8], answers, batch) == {}
    assert judge_intervals(encoder, None, answers, batch) == {}


def test_each_step_of_a_forecast_has_a_score_of_its_own():
    columns = tuple(
        SeriesColumn(name, 0.0, unit, 0.0, 1.0) for name, unit in (("load", 2.0), ("heat", 1.0))
    )
    encoder = SeriesEncoder(columns, 2, 0, lookback=4, horizon=3)
    random = np.random.default_rng(2)
    # That grow along the horizon.
    error = random.normal(size=(60, 3, 2)) * np.array([1, 5, 25])[:, None]
    answers = {"value": np.zeros((60, 6))}
    targets = {"value": error.reshape(60, 6)}
    scores = conformal_scores(encoder, encoder.heads[0], answers, targets, np.ones(60))
    made = interval_columns(
        encoder, encoder.heads[0], needed_score(scores, 0.9), {"value": np.zeros((2, 6))}
    )
    assert list(made) == ["load_lower", "heat_lower", "load_upper", "heat_upper"]
    for i, (name, unit) in enumerate((("load", 2), ("heat", 1))):
        needed = np.sort(np.abs(error[:, :, i]), axis=0)[55 - 1] * unit  # ceil(61 * .9)
        np.testing.assert_allclose(made[f"{name}_upper"], np.tile(needed, 2))
    metrics = conformal_metrics(
        encoder, encoder.heads[0], needed_score(scores, 0.9), answers, targets
    )
    assert metrics["load.coverage"] == pytest.approx(55 / 60)
    assert metrics["heat.width"] == pytest.approx(made["heat_upper"].mean() * 2)


def test_what_a_net_says_by_itself_has_columns():
    kind = Head("kind", "multiclass", ("kind",), ("x", "y", "z"), 3)
    encoder = encoder_of(ONE, kind)
    random = np.random.default_rng(3)
    quantiles = np.sort(random.normal(size=(4, 1, 3)), axis=-1)
    deviation = random.random((4, 1))
    answers = {"value": quantiles[..., 1], "kind": random.random((4, 3))}
    made = spread_columns(encoder, answers | {"value.quantiles": quantiles}, (0.05, 0.5, 0.9))
    assert list(made) == ["y_quantile_0.05", "y_quantile_0.9"]
    np.testing.assert_allclose(made["y_quantile_0.9"], 100 + 10 * quantiles[:, 0, 2])
    made = spread_columns(
        encoder, answers | {"value.deviation": deviation, "kind.deviation": answers["kind"]}, ()
    )
    assert list(made) == ["y_deviation", "kind_deviation_x", "kind_deviation_y", "kind_deviation_z"]
    np.testing.assert_allclose(made["y_deviation"], 10 * deviation[:, 0])
    np.testing.assert_allclose(made["kind_deviation_z"], answers["kind"][:, 2])
    assert spread_columns(encoder, answers, (0.05, 0.5, 0.9)) == {}


def test_scores_are_read_back_with_the_state_they_belong_to(tmp_path):
    config = Config(data=Table(valid=0.1))
    scores = np.sort(np.random.default_rng(0).normal(size=(20, 2)), axis=0)
    write_scores(tmp_path, TWO, scores, 7)
    np.testing.assert_array_equal(read_scores(tmp_path, config, 7), scores)
    assert pq.read_table(tmp_path / NAME).column_names == ["a", "b"]
    with pytest.raises(
        UserError, match=r"went on after calibration\.parquet was written; let it finish"
    ):
        read_scores(tmp_path, config, 8)
    with pytest.raises(
        UserError, match=r"holds no calibration\.parquet, which a run writes when it finishes"
    ):
        read_scores(tmp_path / "elsewhere", config, 7)
    with pytest.raises(
        UserError, match=r"no validation rows .* train with config\.data\.valid above 0"
    ):
        read_scores(tmp_path, Config(data=Table(valid=0)), 7)


def noisy_rows(n: int, seed: int) -> pa.Table:
    """y = x + noise that grows with x, a second target in other units, a class."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 2, n)
    noise = random.normal(size=n) * (0.1 + x)
    return pa.table(
        {"x": x, "y": 1e4 + x + noise, "z": -5 * noise, "kind": np.where(noise > 0, "up", "down")}
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    write_table(noisy_rows(1000, 0), root / "data.parquet")
    write_table(noisy_rows(2000, 1), root / "fresh.csv")
    made = {"fresh": root / "fresh.csv"}
    data = Table(path=str(root / "data.parquet"), target="y", features=("x",), valid=0.4, test=0.2)
    whole = Config(
        data=data,
        net=Dense(hidden=(16,)),
        optim=Optim(name="adam", learning_rate=1e-2),
        train=TRAIN,
    )
    for name, changes, of_data in (
        ("mse", {}, {}),
        ("quantile", {"loss": "quantile", "quantiles": (0.1, 0.5, 0.8)}, {}),
        ("gaussian", {"loss": "gaussian"}, {}),
        ("two", {}, {"target": ("y", "z"), "valid": 8}),
        ("class", {}, {"target": "kind"}),
        ("blind", {}, {"valid": 0}),
    ):
        loop.fit(
            dataclasses.replace(whole, **changes, data=dataclasses.replace(data, **of_data)),
            root / name,
        )
        made[name] = root / name
    return made


@pytest.mark.parametrize("name", ["mse", "quantile", "gaussian"])
def test_a_run_gives_intervals_at_any_level(runs, name):
    table = read_table(str(runs["fresh"]), ())
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


@pytest.mark.parametrize("name", ["mse", "quantile", "gaussian"])
def test_a_trained_net_is_covered_on_fresh_rows_in_the_mean_of_20_draws(runs, name):
    """Each of 400 validation rows and 500 more of the same kind, none of which the net was trained
    on.
    """
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


def test_quantiles_of_a_trained_net_never_cross_on_random_rows(runs):
    """10,000 rows, most of them far from any that the net was trained on."""
    table = pa.table({"x": np.random.default_rng(0).normal(scale=100, size=10_000)})
    columns = predict.load(runs["quantile"]).columns(table)
    assert (columns["quantile_0.1"] <= columns["prediction"]).all()
    assert (columns["prediction"] <= columns["quantile_0.8"]).all()
    # On the far side of the least noise the net goes on to less, which ends where float32 tells no
    # difference.
    assert (columns["quantile_0.1"] < columns["quantile_0.8"]).mean() > 0.4


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


def test_what_a_net_says_grows_with_the_noise(runs):
    table = pa.table({"x": [0.1, 1.0, 1.9]})
    deviation = predict.load(runs["gaussian"]).columns(table)["deviation"]
    np.testing.assert_allclose(deviation, [0.2, 1.1, 2.0], rtol=0.4)
    assert (np.diff(deviation) > 0).all()
    columns = predict.load(runs["quantile"]).columns(table)
    assert (np.diff(columns["quantile_0.8"] - columns["quantile_0.1"]) > 0).all()


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        (
            "class",
            ["--interval=0.9"],
            r"--interval: intervals are for numbers, .* this net answers 'kind'",
        ),
        (
            "blind",
            ["--interval=0.9"],
            r"has no validation rows .* train with config\.data\.valid above 0",
        ),
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


def test_several_targets_have_columns_of_their_own(runs):
    columns = predict.load(runs["two"]).columns(noisy_rows(50, 3), interval=0.8)
    assert list(columns) == ["y", "z", "y_lower", "z_lower", "y_upper", "z_upper"]
    for name in "yz":
        assert (columns[f"{name}_lower"] < columns[name]).all() and (
            columns[name] < columns[f"{name}_upper"]
        ).all()


def test_a_target_with_the_name_of_an_end_is_refused(tmp_path):
    write_table(
        pa.table({"x": range(60), "y": range(60), "y_lower": range(60)}), tmp_path / "data.parquet"
    )
    data = Table(path=str(tmp_path / "data.parquet"), target=("y", "y_lower"), valid=20)
    loop.fit(
        Config(data=data, loss="mse", net=Dense(hidden=()), train=Train(epochs=1)), tmp_path / "run"
    )
    model = predict.load(tmp_path / "run")
    assert list(model.columns(pa.table({"x": [1]}))) == ["y", "y_lower"]
    with pytest.raises(
        UserError,
        match="'y_lower' is a target and the name of another column of the answers; rename",
    ):
        model.columns(pa.table({"x": [1]}), interval=0.5)


@pytest.mark.parametrize("loss", ["mse", "quantile", "gaussian"])
def test_forecasts_have_intervals_at_every_step(tmp_path, loss):
    random = np.random.default_rng(4)
    load = 100 + np.sin(np.arange(500) / 4) * 8 + random.normal(size=500)
    write_table(pa.table({"load": load}), tmp_path / "load.csv")
    data = Series(
        path=str(tmp_path / "load.csv"), target="load", lookback=12, horizon=3, valid=100, test=100
    )
    optim = Optim(name="adam", learning_rate=1e-2)
    said = loop.fit(
        Config(data=data, loss=loss, net=LSTM(hidden=(8,)), optim=optim, train=TRAIN),
        tmp_path / "run",
    )
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
    columns = read_table(str(out)).to_pydict()
    assert list(columns) == ["row", "load", *more, "lower", "upper"]
    assert columns["row"] == [500, 501, 502]
    scores = read_scores(tmp_path / "run", Config(data=data), said["steps"])
    if loss == "mse":
        np.testing.assert_allclose(
            np.subtract(columns["upper"], columns["load"]), scores[80 - 1], rtol=1e-5
        )
    assert (
        np.less(columns["lower"], columns["load"]).all()
        and np.less(columns["load"], columns["upper"]).all()
    )


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
    needed = read_scores(tmp_path / "run", config, said["steps"])[73 - 1]  # ceil(81 * .9)
    np.testing.assert_allclose(half, needed * columns["deviation"], rtol=1e-5)

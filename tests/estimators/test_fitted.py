"""Fitted estimators: the same net as a command's, its answers in scikit-learn's shapes, pickled."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import callback as sklearn_callback
from sklearn.base import clone

from train import config as configs
from train import loop, predict
from train.estimators import DenseClassifier, DenseRegressor, Forecaster, SequenceClassifier

CONFIG = configs.Config(
    data=configs.Table(valid=0.2),
    net=configs.Dense(hidden=(8,)),
    optim=configs.Optim(name="adam", learning_rate=1e-2),
    train=configs.Train(epochs=3, batch_size=32),
)

FILES = [
    "calibration.parquet",
    "config.json",
    "encoder.json",
    "errors.parquet",
    "manifest.json",
    "metrics.jsonl",
]
FILES += ["result.json"]


def frame(n: int = 120) -> pd.DataFrame:
    """Rows with numbers, gaps, words and dates."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "count": np.arange(n),  # a file's rows would be taken to be numbered by it
            "kind": rng.choice(["a", "b", "c"], n),
            "day": pd.date_range("2024-01-01", periods=n),
        }
    )
    rows.loc[::9, "size"] = np.nan
    return rows


def numbers(rows: pd.DataFrame) -> pd.Series:
    """A number of each row."""
    return (rows["size"].fillna(0) * 3 + (rows["kind"] == "a") * 5).rename("price")


@pytest.mark.slow
def test_a_regressor_answers_rows_of_any_library_and_is_pickled(tmp_path):
    rows = frame()
    price = numbers(rows)
    model = DenseRegressor(CONFIG).fit(rows, price)
    folder = model.folder_
    assert model.model_.encoder.number_names[:2] == ("size", "count")
    assert sorted(path.name for path in folder.glob("[a-z]*.*")) == FILES
    answers = model.predict(rows)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.folder_ != folder and copy.get_params() == model.get_params()
    np.testing.assert_array_equal(copy.predict(pl.from_pandas(rows)), answers)
    lower, upper = model.predict_interval(rows, 0.8).T
    assert (lower < answers).all() and (answers < upper).all()
    mean = price.mean()
    error = ((price - answers) ** 2).sum()
    assert model.score(rows, price) == pytest.approx(1 - error / ((price - mean) ** 2).sum())
    del model
    gc.collect()
    assert not folder.exists()


@pytest.mark.slow
def test_a_regressor_of_few_rows_trains_one_net():
    rows = frame()
    model = DenseRegressor(net__hidden=(4,), train__epochs=1).fit(rows, numbers(rows))
    assert len(model.result_["per_member"]) == 1
    more = clone(model).set_params(population__folds=2).fit(rows, numbers(rows))
    assert len(more.result_["per_member"]) == 2


@pytest.mark.slow
def test_a_regressor_is_the_net_of_a_run_on_a_file(tmp_path):
    rows = frame()
    price = numbers(rows)
    model = DenseRegressor(CONFIG, workdir=tmp_path / "runs").fit(rows, price)
    assert (model.folder_ / "report.html").exists() and model.folder_.parent == tmp_path / "runs"
    path = str(tmp_path / "rows.parquet")
    rows.assign(price=price).to_parquet(path)
    named = ("size", "count", "price")
    options = configs.Table(path=path, target=("price",), numeric=named, valid=0.2, test=0)
    loop.fit(configs.Config(**{**vars(CONFIG), "data": options}), tmp_path / "file")
    np.testing.assert_array_equal(model.predict(rows), predict.load(tmp_path / "file")(rows))


@pytest.mark.slow
def test_several_targets_and_weights():
    rows = frame()
    both = pd.DataFrame({"a": numbers(rows), "b": -2 * numbers(rows)})
    model = DenseRegressor(CONFIG, train__epochs=40).fit(rows, both, np.linspace(0.5, 2, len(rows)))
    assert model.predict(rows).shape == (120, 2) and model.score(rows, both) > 0.5
    assert model.predict_interval(rows).shape == (120, 2, 2)
    ends = model.predict_interval(rows)
    assert (ends[:, :, 0] < model.predict(rows)).all() and (
        ends[:, :, 1] > model.predict(rows)
    ).all()
    assert model.model_.config.data.weight == "sample_weight"


@pytest.mark.slow
@pytest.mark.parametrize("labels", [["no", "yes", "NA"], [3, 10, -1], [False, True]], ids=str)
def test_classes_are_of_the_type_they_came_in(labels: list[Any]):
    rows = frame(150)
    y = np.array(labels)[np.arange(150) % len(labels)]
    rows["sign"] = np.arange(150) % len(labels)
    model = DenseClassifier(CONFIG, train__epochs=60).fit(rows, y)
    assert model.predict(rows).dtype == y.dtype
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    share = model.predict_proba(rows)
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.classes_[share.argmax(axis=1)], model.predict(rows))
    assert model.score(rows, y) > 0.9
    heavy = clone(model).set_params(class_weight={labels[0]: 50.0}, train__epochs=20).fit(rows, y)
    place = list(model.classes_).index(labels[0])
    assert heavy.predict_proba(rows)[:, place].mean() > share[:, place].mean()


@pytest.mark.slow
def test_a_warm_start_goes_on_with_new_rows():
    rows = frame()
    price = numbers(rows)
    model = DenseRegressor(CONFIG, train__epochs=60, warm_start=True).fit(rows, price)
    before = [column.shift for column in model.model_.encoder.columns]
    other = rows.assign(size=rows["size"] + 1)
    error = {}
    for warm in (True, False):
        again = pickle.loads(pickle.dumps(model)).set_params(warm_start=warm, train__epochs=1)
        again.fit(other, numbers(other))
        error[warm] = 1 - again.score(other, numbers(other))
        shifts = [column.shift for column in again.model_.encoder.columns]
        assert (shifts == before) is warm
    assert error[True] < error[False] / 2
    with pytest.raises(ValueError, match=r"config.loss: mae, but the net was trained on mse"):
        model.set_params(loss="mae").fit(rows, price)
    model.set_params(loss="mse").fit(rows, price)


@pytest.mark.slow
def test_populations_and_their_intervals():
    rows = frame()
    model = DenseRegressor(CONFIG, population__seeds=2, population__folds=2)
    answers = model.fit(rows, numbers(rows)).predict(rows)
    assert model.result_["members"] == 4 and answers.shape == (120,)
    assert (np.diff(model.predict_interval(rows), axis=1) > 0).all()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(rows), answers)


@pytest.mark.slow
def test_callbacks_see_every_evaluation(capfd):
    monitor = sklearn_callback.ScoringMonitor(scoring="r2")
    model = DenseRegressor(CONFIG).set_callbacks(sklearn_callback.ProgressBar(), monitor)
    rows = frame()
    model.fit(rows, numbers(rows))
    scores = monitor.get_logs().data
    assert len(scores) == 1  # of the fit; an evaluation has no estimator yet
    assert scores[0]["r2"] == pytest.approx(model.score(rows, numbers(rows)))
    assert "DenseRegressor - fit" in capfd.readouterr().out


def waves(n: int, rng: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences of many lengths that rise or fall."""
    falls = rng.random(n) < 0.5
    sequences = []
    for fall in falls:
        steps = rng.integers(5, 12)
        slope = np.linspace(0, -1 if fall else 1, steps) + rng.normal(0, 0.05, steps)
        sequences.append(np.stack([slope, rng.normal(size=steps)], axis=1))
    return sequences, np.where(falls, "falls", "rises")


@pytest.mark.slow
def test_sequences_of_any_length():
    sequences, labels = waves(80, np.random.default_rng(0))
    model = SequenceClassifier(train__epochs=15, net__hidden=(16,)).fit(sequences, labels)
    assert model.score(sequences, labels) > 0.9
    assert len(model.result_["per_member"]) == 1
    share = model.predict_proba(sequences)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(sequences), share)
    copy.set_params(warm_start=True, train__epochs=1, optim__learning_rate=1e-9)
    copy.fit(sequences[::2], labels[::2])  # which goes on from the weights, and scales, it has
    np.testing.assert_allclose(copy.predict_proba(sequences), share, atol=1e-4)


@pytest.mark.slow
def test_a_forecaster_goes_on_from_the_end():
    steps = np.arange(400)
    hours = pd.DataFrame({"load": np.sin(steps / 24 * 2 * np.pi), "sun": np.cos(steps / 24)})
    model = Forecaster(
        data__target="load", data__lookback=48, data__horizon=6, train__epochs=20, net__hidden=(16,)
    ).fit(hours[:380])
    truth = hours["load"].to_numpy()[380:386]
    assert model.predict(hours[:380]).shape == (6,)
    np.testing.assert_array_equal(model.predict(hours["load"][:380]), model.predict(hours[:380]))
    assert np.abs(model.predict(hours[:380]) - truth).max() < 0.3
    assert model.predict_interval(hours[:380]).shape == (6, 2)
    assert model.score(hours) > 0.8
    alone = Forecaster(data__lookback=48, data__horizon=6, train__epochs=2).fit(hours["load"])
    assert alone.predict(hours["load"]).shape == (6,)


def test_a_forecaster_that_lacks_its_targets_says_what_to_give():
    hours = pd.DataFrame({"sun": np.cos(np.arange(60) / 9)})
    load = pd.Series(np.sin(np.arange(60) / 7), name="load")
    model = Forecaster(data__lookback=6, data__horizon=2, train__epochs=1, net__hidden=(2,))
    model.fit(hours, load)
    with pytest.raises(ValueError, match="X has no column 'load', whose last values forecasts go"):
        model.predict(hours)
    assert model.predict(hours.assign(load=load)).shape == (2,)

"""train.evaluation.kinds: every kind of data has its score, baselines and predictions."""

from __future__ import annotations

import numpy as np
import pytest

from train.config import LSTM, Config, Series, Table
from train.data.dataset import Head
from train.data.load import load_dataset
from train.data.series.columns import SeriesColumn
from train.data.series.encoder import SeriesEncoder
from train.data.table.clusters import ClusterEncoder
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.evaluation import kinds
from train.evaluation.baselines import logistic
from train.evaluation.baselines.table import Seconds
from train.evaluation.kinds import SplitPredictions, kind_of, score
from train.evaluation.metrics.forecasts import forecast_metrics
from train.evaluation.score import score_heads
from train.results.sample import part_in_words

SECONDS = Seconds(linear=10)

VALUE = Head("value", "regression", ("y",), (), 1)
TABLE = TableEncoder((Column("x", "number"),), (Column("y", "number", 5.0, 10.0),), (VALUE,))
SERIES = SeriesEncoder((SeriesColumn("y", 5.0, 10.0, 5.0, 2.0),), 1, 0, lookback=4, horizon=3)


def test_a_table_is_scored_by_its_heads_in_raw_units():
    targets = {"value": np.zeros((4, 1), np.float32)}
    predictions = {"value": np.full((4, 1), 0.5, np.float32)}
    found = score(TABLE, predictions, targets)
    assert found["rmse"] == 5
    assert found == score_heads((VALUE,), predictions, targets, None, TABLE.units)


def test_a_series_is_scored_over_all_steps_and_in_deviations():
    targets = {"value": np.zeros((2, 3), np.float32)}
    predictions = {"value": np.full((2, 3), 0.5, np.float32)}
    found = score(SERIES, predictions, targets, np.array([1.0, 0.0]))
    assert found["mae_scaled"] == pytest.approx(2.5)
    assert found == forecast_metrics(SERIES, predictions, targets, np.array([1.0, 0.0]))


def test_a_column_is_shuffled_only_where_rows_stand_alone_and_have_a_target():
    clusters = ClusterEncoder(TABLE.columns, (), (Head("cluster", "cluster", ("x",), (), 1),))
    nothing = kind_of(SERIES).importance
    assert kind_of(clusters).importance is nothing
    assert kind_of(TABLE).importance is not nothing


def test_what_is_no_schema_has_no_kind():
    with pytest.raises(TypeError, match="no evaluation for a str"):
        kind_of("table")  # type: ignore[arg-type]


def judged(config: Config, n_rows: int | None = None) -> SplitPredictions:
    """The test rows, or the first of them, with targets as predictions."""
    dataset = load_dataset(config)
    rows = dataset.splits["test"][:n_rows]
    batch = dataset.take(dataset.arrays, rows)
    predictions = {name: target.astype(float) for name, target in batch.target.items()}
    return SplitPredictions(dataset, "test", rows, batch, predictions, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        Config(data=Table(path="builtin:diabetes", target="progression")),
        Config(
            data=Series(path="builtin:mackey_glass", target="x", lookback=8, horizon=4), net=LSTM()
        ),
    ],
)
def test_some_rows_of_a_split_are_judged_and_told_alone(config: Config) -> None:
    some = judged(config, 5)
    kind = kind_of(some.dataset.encoder)
    found = kind.baselines(some, SECONDS).baselines
    naive = "last" if isinstance(config.data, Series) else "mean"
    whole = kind.baselines(judged(config), SECONDS).baselines
    assert found[naive]["mae"] > 0 and found[naive]["mae"] != whole[naive]["mae"]
    table = kind.table(some, (0.5,))
    assert len(table) == 5 * (4 if isinstance(config.data, Series) else 1)


@pytest.mark.slow
def test_baselines_of_a_part_of_the_training_rows_say_of_how_many(monkeypatch):
    iris = judged(Config(data=Table(path="builtin:iris", target="species")))
    n_train = iris.dataset.n_train
    assert kind_of(iris.dataset.encoder).baselines(iris, SECONDS).fitted_on == {}
    monkeypatch.setattr(logistic, "LOGISTIC_ROWS", 40)
    found = kind_of(iris.dataset.encoder).baselines(iris, SECONDS).fitted_on
    assert found == {"linear": 40} and n_train > 50
    monkeypatch.setattr(kinds, "BASELINE_ROWS", 50)
    found = kind_of(iris.dataset.encoder).baselines(iris, SECONDS).fitted_on
    assert found == {"majority": 50, "linear": 40}
    diabetes = judged(Config(data=Table(path="builtin:diabetes", target="progression")))
    beside = kind_of(diabetes.dataset.encoder).baselines(diabetes, SECONDS)
    assert beside.fitted_on == {"mean": 50, "linear": 50}
    line = part_in_words(beside.fitted_on, 288)
    assert line.endswith("some of the 288 training rows: mean on 50, linear on 50")

"""train.evaluation.kinds: every kind of data has its score, baselines and predictions."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.dataset import Head
from train.data.series.columns import SeriesColumn
from train.data.series.encoder import SeriesEncoder
from train.data.table.clusters import ClusterEncoder
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.evaluation.kinds import kind_of, score
from train.evaluation.metrics.forecasts import forecast_metrics
from train.evaluation.score import score_heads

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

"""A net that forecasts series."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
import pyarrow as pa
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from train.config.data_options import Series
from train.config.net_options import LSTM
from train.config.options import DECILES
from train.data.files.arrow import as_table
from train.estimators.base import Estimator, value_errors
from train.estimators.callbacks import with_callbacks
from train.estimators.index import name_levels, with_levels
from train.estimators.rows import Rows, columns_at, is_table, names_of_targets, with_columns
from train.inference.evaluate import evaluate


class Forecaster(Estimator):
    """An LSTM that forecasts the steps after the end of a series, or of many.

    X is a table in time order that holds its targets, which data__target names, and what is read
    beside them (data__known, data__observed, data__time, data__group); or one series, [steps]. An
    index of pandas that holds times, or periods, is data__time unless another is named, and the
    other level of one that has two data__group. Its parameters are those of `Estimator`, as
    data__horizon.
    """

    base_config = "series"
    kinds = (Series, LSTM)
    names = ("target",)

    @with_callbacks
    def fit(self, X: Rows, y: Rows = None) -> Self:
        """Trains on a table X that holds its targets, or beside which they stand as y."""
        with value_errors():
            config = self._config()
            assert isinstance(config.data, Series)
            table, targets = series_table(X, y)
            if targets:
                config.data = dataclasses.replace(config.data, target=tuple(targets))
            name_levels(config.data, table, X)
            self._train(config, with_levels(table, X, config.data), X, y)
        return self

    def predict(self, X: Rows, horizon: int | None = None) -> np.ndarray:
        """The steps after the end of X [horizon], or [horizon, targets]; many series in turn.

        Rows of X without a target are steps to come, of which what is known ahead is read. Beyond
        data__horizon, the net's own, blocks of it read the forecasts before them as values.
        """
        return self._columns(X, None, horizon)

    def predict_interval(self, X: Rows, level: float = 0.9) -> np.ndarray:
        """The two ends that hold a step to come with the probability `level`.

        They are [horizon, 2], or [horizon, targets, 2].
        """
        ends = self._columns(X, level)
        by_target = ends.reshape(len(ends), 2, -1).transpose(0, 2, 1)
        return by_target[:, 0] if by_target.shape[1] == 1 else by_target

    def predict_quantiles(self, X: Rows, levels: float | Sequence[float] = DECILES) -> np.ndarray:
        """What these shares of steps to come lie below [horizon, q], or [horizon, targets, q].

        Of a net whose loss says how sure it is: quantile, or that of a density.
        """
        check_is_fitted(self)
        with value_errors():
            own_levels = tuple(np.ravel(levels).tolist())
            columns = self.model_.columns(self._table(X), quantiles=own_levels)
            names = self.model_.encoder.heads[0].columns
            found = columns_at(columns, names, own_levels)
        return found[:, 0] if len(names) == 1 else found

    def _columns(self, X: Rows, level: float | None, horizon: int | None = None) -> np.ndarray:
        """The columns of answers side by side, or of intervals; a single one alone."""
        check_is_fitted(self)
        with value_errors():
            table = self._table(X)
            columns = self.model_.columns(table, horizon=horizon)
            wanted = list(self.model_.encoder.answer_names.targets)
            if level is not None:
                with_ends = self.model_.columns(table, interval=level)
                wanted = [name for name in with_ends if name not in columns]
                columns = with_ends
        answers = np.stack([np.asarray(columns[name]) for name in wanted], axis=1)
        return answers[:, 0] if answers.shape[1] == 1 else answers

    def _table(self, X: Rows, y: Rows = None) -> pa.Table:
        """What is to be forecast from, with its times."""
        data = self.model_.config.data
        assert isinstance(data, Series)
        (name, *others) = self.model_.encoder.heads[0].columns
        table, _ = series_table(X, y, "target" if others else name)
        lacking = [each for each in (name, *others) if each not in table.column_names]
        if lacking:
            shown = " and ".join(map(repr, lacking))
            raise ValueError(
                f"X has no column {shown}, whose last values forecasts go on from: "
                "give X the targets too, also those that stood in y as the net was fitted"
            )
        return with_levels(table, X, data)

    def score(self, X: Rows, y: None = None) -> float:
        """The share of variance that forecasts explain, over all windows of X."""
        check_is_fitted(self)
        with value_errors():
            table = self._table(X, y)
            found = evaluate(self.model_, table, "X", echo=self.model_.tell)["r2"]
        assert isinstance(found, float)
        return found


def series_table(X: Rows, y: Rows, name: str = "target") -> tuple[pa.Table, list[str]]:
    """Series as a table, with y beside them, and the names of targets that were not in it.

    `name` is that of the column of a single series [steps].
    """
    if not is_table(X) and y is None:
        if np.ndim(X) != 1:
            raise ValueError(
                f"X is an array of shape {np.shape(X)}, whose columns have no names: give one "
                "series [steps], a table with data__target, or the targets as y"
            )
        return as_table({name: np.asarray(X)}, ()), [name]
    table = as_table(X, ()) if is_table(X) else as_table(_numbered(np.asarray(X)), ())
    if y is None:
        return table, []
    check_consistent_length(table, y)
    values = np.asarray(y)
    columns = values.reshape(len(values), -1).T
    names = names_of_targets(y, len(columns), table.column_names)
    return with_columns(table, dict(zip(names, columns, strict=True))), names


def _numbered(values_tc: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of an array by their numbers."""
    return {f"x{i}": column for i, column in enumerate(values_tc.T)}

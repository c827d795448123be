"""Dense nets on rows with numbers, categories, flags, dates and gaps. n rows, k classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags

from train.config.data_options import Table
from train.config.net_options import Dense
from train.config.options import DECILES, Config
from train.data.answer_names import free_names
from train.data.files.tables import with_categories
from train.estimators.base import Estimator, value_errors
from train.estimators.callbacks import with_callbacks
from train.estimators.classes import class_texts, labels_of, named_weights, probabilities
from train.estimators.rows import (
    Rows,
    checks,
    columns_at,
    features_of,
    names_of_targets,
    number_names,
    numbers_of,
    tell_order,
    weights_of,
    with_columns,
)
from train.inference.predictor import Predictor


class Fitting(NamedTuple):
    """What is fitted on: features X as a table, the columns of y, and what rows count for."""

    X: Rows
    y: Rows
    table: pa.Table
    targets: Mapping[str, np.ndarray]
    weight_n: np.ndarray | None
    are_classes: bool


class DenseEstimator(Estimator):
    """What regressors and classifiers of rows share."""

    def _fit_rows(self, config: Config, fitting: Fitting) -> None:
        """Trains on features with targets, and weights, beside them. Raises UserError."""
        table = fitting.table
        if table.num_rows == 1:
            raise ValueError("n_samples=1: one row trains, and one validates")
        columns = dict(fitting.targets)
        assert isinstance(config.data, Table)
        data = dataclasses.replace(config.data, target=tuple(columns))
        if fitting.weight_n is not None:
            (name,) = free_names(["sample_weight"], [*table.column_names, *columns])
            data.weight = name
            columns[name] = fitting.weight_n
        data = with_categories(data, fitting.X)
        named = {*(data.categorical or ()), *data.dates, *data.ignore, *data.numeric}
        named |= {name for name in (data.group, data.time) if name}
        data.numeric += tuple(name for name in number_names(table) if name not in named)
        if fitting.are_classes:
            data.categorical = (*(data.categorical or ()), *fitting.targets)
        else:
            data.numeric += tuple(fitting.targets)
        whole = with_columns(table, columns)
        self._train(dataclasses.replace(config, data=data), whole, fitting.X, fitting.y)

    def _answers(self, X: Rows) -> tuple[Predictor, pa.Table]:
        """What answers, and the rows to be answered. Raises ValueError."""
        checks.check_is_fitted(self)
        return self.model_, features_of(self, X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags


class DenseRegressor(RegressorMixin, DenseEstimator):
    """A dense net that predicts a number, or several, of each row.

    Its parameters are those of `Estimator`: every field of the config, as net__hidden.
    """

    base_config = "table"
    kinds = (Table, Dense)

    @with_callbacks
    def fit(self, X: Rows, y: Rows, sample_weight: Rows = None) -> Self:
        """Trains on rows X and numbers y, [n] or [n, targets]; a row counts for its weight."""
        with value_errors():
            config = self._config()
            table = features_of(self, X, y=y)
            tell_order(X, y=y, sample_weight=sample_weight)
            y_n = numbers_of(self, y)
            checks.check_consistent_length(table, y_n)
            if sample_weight is not None:
                sample_weight = weights_of(sample_weight, len(y_n))
            columns = y_n.reshape(len(y_n), -1)
            names = names_of_targets(y, columns.shape[1], table.column_names)
            targets = dict(zip(names, columns.T, strict=True))
            self._is_flat = y_n.ndim == 1
            self._fit_rows(config, Fitting(X, y, table, targets, sample_weight, False))
        return self

    def predict(self, X: Rows) -> np.ndarray:
        """The numbers [n], or [n, targets] where y was so."""
        with value_errors():
            model, table = self._answers(X)
            columns = model.columns(table)
            names = model.encoder.answer_names.targets
            answers = np.stack([np.asarray(columns[name]) for name in names], axis=1)
        return answers[:, 0] if self._is_flat else answers

    def predict_interval(self, X: Rows, level: float = 0.9) -> np.ndarray:
        """The two ends [n, 2] (several targets: [n, targets, 2]) that hold the number.

        It lies between them in a share `level` of new rows like those that validated.
        """
        with value_errors():
            model, table = self._answers(X)
            before = len(model.columns(table))
            columns = [
                np.asarray(column) for column in model.columns(table, interval=level).values()
            ]
        ends = np.stack(columns[before:], axis=1).reshape(table.num_rows, 2, -1)
        return ends[:, :, 0] if self._is_flat else ends.transpose(0, 2, 1)

    def predict_quantiles(self, X: Rows, levels: float | Sequence[float] = DECILES) -> np.ndarray:
        """Numbers [n, q] (several targets: [n, targets, q]) that these shares lie below.

        Of a net whose loss says how sure it is: quantile, or that of a density.
        """
        with value_errors():
            model, table = self._answers(X)
            own_levels = tuple(np.ravel(levels).tolist())
            columns = model.columns(table, quantiles=own_levels)
            names = model.encoder.heads[0].columns
            found = columns_at(columns, names, own_levels)
        return found[:, 0] if self._is_flat else found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class DenseClassifier(ClassifierMixin, DenseEstimator):
    """A dense net that predicts the class of each row.

    Its parameters are those of `Estimator`: every field of the config, as net__hidden.
    `class_weight` is "balanced", or a number for a class.
    """

    base_config = "table"
    kinds = (Table, Dense)
    classes_: np.ndarray

    @with_callbacks
    def fit(self, X: Rows, y: Rows, sample_weight: Rows = None) -> Self:
        """Trains on rows X and classes y [n], of any type; a row counts for its weight."""
        with value_errors():
            table = features_of(self, X, y=y)
            tell_order(X, y=y, sample_weight=sample_weight)
            config = self._config()
            labels = labels_of(self, y, config.data.missing)
            checks.check_consistent_length(table, labels.text_n)
            if sample_weight is not None:
                sample_weight = weights_of(sample_weight, len(labels.text_n))
            config.class_weight = named_weights(config.class_weight, labels)
            (name,) = names_of_targets(y, 1, table.column_names)
            targets = {name: labels.text_n}
            self.classes_ = labels.classes
            self._fit_rows(config, Fitting(X, y, table, targets, sample_weight, True))
        return self

    def predict_proba(self, X: Rows) -> np.ndarray:
        """The probabilities of `classes_` [n, k]."""
        with value_errors():
            model, table = self._answers(X)
            texts = class_texts(self.classes_, model.config.data.missing)
            return probabilities(model, table, texts)

    def predict(self, X: Rows) -> np.ndarray:
        """The likeliest class of each row [n]."""
        share_nk = self.predict_proba(X)
        return self.classes_[share_nk.argmax(axis=1)]

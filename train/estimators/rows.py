"""Rows of users -> tables: features of any library, targets and weights beside them. n rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import validation

from train.data.answer_names import free_names
from train.data.dataset import Columns
from train.data.files.arrow import Foreign, as_table, check_names
from train.errors import warn_reader

# scikit-learn has no types, and those of its defaults are too narrow.
checks: Foreign = validation
Rows: TypeAlias = Foreign  # pandas, polars, arrow, a dict of columns, or an array [n, f]


def is_table(X: Rows) -> bool:
    """Whether rows have named columns; else they are an array, or become one."""
    if issparse(X):  # some of them are dicts
        return False
    if isinstance(X, list | tuple) and X and isinstance(X[0], Mapping):
        return True
    return isinstance(X, pa.Table | pa.RecordBatch | Mapping) or hasattr(X, "columns")


def features_of(estimator: BaseEstimator, X: Rows, *, y: object = "no_validation") -> pa.Table:
    """The columns of X; `y` is given where the estimator is fitted, whose columns they become.

    Raises ValueError where scikit-learn would.
    """
    reset = not (isinstance(y, str) and y == "no_validation")
    if hasattr(X, "iloc") and is_table(X):
        check_names(list(map(str, X.columns)), "X")  # before scikit-learn does, in several lines
    elif is_table(X):
        return _named_columns(estimator, X, y, reset=reset)
    if not is_table(X):
        X = checks.check_array(X, dtype=None, ensure_all_finite="allow-nan", estimator=estimator)
    checks.validate_data(estimator, X, y, reset=reset, skip_check_array=True)
    if is_table(X):
        return as_table(X, ())
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(X.shape[1])]
    return as_table(dict(zip(names, X.T, strict=True)), ())


def weights_of(sample_weight: Rows, n_rows: int) -> np.ndarray:
    """The weight of each row; one number is that of all. Raises ValueError."""
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_rows, sample_weight, np.float64)
    weight_n = checks.check_array(
        sample_weight,
        ensure_2d=False,
        dtype=[np.float64, np.float32],
        input_name="sample_weight",
    )
    if weight_n.shape != (n_rows,):
        raise ValueError(
            f"sample_weight: expected a number for each of {n_rows} rows, "
            f"got an array of shape {weight_n.shape}"
        )
    if not weight_n.any():
        raise ValueError(f"sample_weight: all {n_rows} weights are zero; at least one must not be")
    return weight_n


def _named_columns(estimator: Foreign, X: Rows, y: object, *, reset: bool) -> pa.Table:
    """The columns of a table of polars or Arrow, in any order where names are known."""
    table = as_table(X, ())
    if reset:
        if y is None:
            kind = type(estimator).__name__
            raise ValueError(f"{kind} requires y to be passed, but the target y is None")
        estimator.n_features_in_ = table.num_columns
        estimator.feature_names_in_ = np.array(table.column_names, object)
        return table
    checks.check_is_fitted(estimator)
    names = list(getattr(estimator, "feature_names_in_", table.column_names))
    lacking = [name for name in names if name not in table.column_names]
    if lacking or table.num_columns < estimator.n_features_in_:
        raise ValueError(f"X has no column {lacking[:1] or ''}; fitted with {names}")
    return table.select(names)


def names_of_targets(y: Rows, n_targets: int, taken: Sequence[str]) -> list[str]:
    """The names of target columns: those of y where it has some, all of them free."""
    names: list[object] = []
    if hasattr(y, "columns"):
        names = list(y.columns)
    elif getattr(y, "name", None) is not None:
        names = [y.name]
    if len(names) != n_targets or not all(isinstance(name, str) and name for name in names):
        names = ["target"] if n_targets == 1 else [f"target_{i + 1}" for i in range(n_targets)]
    return free_names(map(str, names), taken)


def numbers_of(estimator: BaseEstimator, y: Rows) -> np.ndarray:
    """Targets as float64; ValueError for what is no number, times among it."""
    for kind in getattr(y, "dtypes", ()) if hasattr(y, "columns") else (getattr(y, "dtype", None),):
        if getattr(kind, "kind", "") in ("m", "M"):
            raise ValueError(f"y holds {kind}, a time; give a number, such as days from a date")
    try:
        return checks.check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=estimator
        )
    except ValueError as error:
        if "could not convert string to float" not in str(error):
            raise
        raise ValueError(f"y: {error}; classes are for DenseClassifier") from None


def tell_order(X: Rows, **beside: Rows) -> None:
    """Warns where what stands beside X has the same labels of rows in another order."""
    for name, rows in beside.items():
        index = getattr(X, "index", None)
        other = getattr(rows, "index", None)
        if index is None or other is None or callable(index) or callable(other):
            continue
        if len(index) == len(other) and not index.equals(other) and set(index) == set(other):
            warn_reader(
                f"X and {name} have one index in two orders: rows are matched by their place, not "
                f"by index; give {name}.loc[X.index] to match them"
            )


def with_columns(table: pa.Table, columns: Mapping[str, np.ndarray]) -> pa.Table:
    """The table with more columns behind its own."""
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table


def number_names(table: pa.Table) -> list[str]:
    """The columns that hold numbers by their type, none of which is taken for something else."""
    types = pa.types
    names = []
    for field in table.schema:
        if types.is_integer(field.type) or types.is_floating(field.type):
            names.append(field.name)
    return names


def columns_at(columns: Columns, names: Sequence[str], levels: Sequence[float]) -> np.ndarray:
    """The quantiles [n, targets, q] of targets of these names among columns of answers."""
    by_target = []
    for name in names:
        prefix = f"{name}_" if len(names) > 1 else ""
        own = [np.asarray(columns[f"{prefix}quantile_{level:g}"]) for level in levels]
        by_target.append(np.stack(own, axis=1))
    return np.stack(by_target, axis=1)

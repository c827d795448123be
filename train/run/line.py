"""The ridge regression that a net of numbers starts from (`nets/line.py`). n rows, d features."""

from __future__ import annotations

import numpy as np

from train.data.dataset import HostArrays, Pool
from train.evaluation.baselines.linear import DENSE_FEATURES
from train.evaluation.baselines.ridge import fit_ridge

HEAD = "value"  # of all the numbers among the targets of a table
ROWS_PER_FEATURE = 15  # of fewer rows a line fits so well that it leaves a net nothing to learn
ROWS = 50_000  # that a line is fitted on at most


def fit_line(arrays: Pool, train_rows: np.ndarray) -> HostArrays | None:
    """The line of the scaled training rows; None where no target is a number.

    Of few rows, or of very many features, it is level at 0, the mean of the targets.
    """
    if HEAD not in arrays.target or np.ndim(arrays.target[HEAD]) != 2:
        return None
    if len(train_rows) > ROWS:
        train_rows = np.sort(np.random.default_rng(0).choice(train_rows, ROWS, replace=False))
    n_outputs = np.shape(arrays.target[HEAD])[1]
    line = _level(arrays, n_outputs)
    weight_n = np.asarray(arrays.weight)[train_rows].astype(np.float64)
    counted = train_rows[weight_n > 0]
    codes = _codes(arrays, counted)
    numbers = [name for name in ("numbers", "missing") if name in line]
    n_features = len(codes) + sum(len(line[name]) for name in numbers)
    if n_features > min(DENSE_FEATURES, len(counted) / ROWS_PER_FEATURE):
        return line
    parts = [np.asarray(arrays.inputs[name])[counted] for name in numbers]
    for column, code in codes:
        code_n = np.asarray(arrays.inputs["codes"])[counted, column]
        parts.append((code_n == code).astype(np.float32)[:, None])
    target_no = np.asarray(arrays.target[HEAD])[counted]
    weight_n = weight_n[weight_n > 0]
    fitted = fit_ridge(np.concatenate(parts, 1), target_no, weight_n, in_sample=False)
    start = 0
    for name in numbers:
        line[name][:] = fitted.coefficients[start : start + len(line[name])]
        start += len(line[name])
    for column, code in codes:
        line["codes"][column, code] = fitted.coefficients[start]
        start += 1
    line["bias"][:] = fitted.intercept
    return line


def _level(arrays: Pool, n_outputs: int) -> HostArrays:
    """A line without slopes."""
    line: HostArrays = {"bias": np.zeros(n_outputs, np.float32)}
    for name in ("numbers", "missing"):
        if name in arrays.inputs:
            n_columns = np.shape(arrays.inputs[name])[1]
            line[name] = np.zeros((n_columns, n_outputs), np.float32)
    if "codes" in arrays.inputs:
        code_nc = np.asarray(arrays.inputs["codes"])
        size = int(code_nc.max(initial=0)) + 1
        line["codes"] = np.zeros((code_nc.shape[1], size, n_outputs), np.float32)
    return line


def _codes(arrays: Pool, rows: np.ndarray) -> list[tuple[int, int]]:
    """(column, code) of each category that these rows hold."""
    found: list[tuple[int, int]] = []
    if "codes" in arrays.inputs:
        for column, code_n in enumerate(np.asarray(arrays.inputs["codes"])[rows].T):
            found += [(column, int(code)) for code in np.unique(code_n)]
    return found

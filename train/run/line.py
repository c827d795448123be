"""The line that a net starts from (`nets/line.py`): ridge, or logistic, regression.

n rows, d features, o outputs of all heads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.data.blocks import sample_rows
from train.data.dataset import Head, HostArrays, Pool
from train.evaluation.baselines.linear import DENSE_FEATURES, Fitting, Linear
from train.evaluation.baselines.logistic import fit_logistic
from train.evaluation.baselines.ridge import fit_ridge

ROWS_PER_FEATURE = 15  # of fewer rows a line fits so well that it leaves a net nothing to learn
MAX_LOGIT = 6.0  # of classes that a line parts
MAX_ROWS = 50_000  # that a line is fitted on at most


def fit_line(
    arrays: Pool, train_rows: np.ndarray, heads: Sequence[Head], *, by_logs: bool = False
) -> HostArrays:
    """The line of the scaled training rows, for the outputs of all heads one after the other.

    Of few rows, or of very many features, it is level at 0. With `by_logs` it is that of the
    logarithms of numbers, which are counted from the logarithm of their mean.
    """
    train_rows = sample_rows(train_rows, MAX_ROWS)
    line = _zero_line(arrays, sum(head.size for head in heads))
    weight_n = np.asarray(arrays.weight)[train_rows].astype(np.float64)
    counted = train_rows[weight_n > 0]
    weight_n = weight_n[weight_n > 0]
    codes = _seen_codes(arrays, counted)
    numbers = [name for name in ("numbers", "missing") if name in line]
    n_features = len(codes) + sum(len(line[name]) for name in numbers)
    if n_features > min(DENSE_FEATURES, len(counted) / ROWS_PER_FEATURE):
        return line
    parts = [np.asarray(arrays.inputs[name])[counted] for name in numbers]
    for column, code in codes:
        code_n = np.asarray(arrays.inputs["codes"])[counted, column]
        parts.append((code_n == code).astype(np.float32)[:, None])
    features_nd = np.concatenate(parts, 1)
    fitted = []
    for head in heads:
        target = np.asarray(arrays.target[head.name])[counted]
        if by_logs and head.kind == "regression":
            target = np.log(target / target.mean(0))
        fitted.append(_fit(features_nd, target, weight_n, head))
    slopes_do = np.concatenate([part.coefficients for part in fitted], 1)
    line["bias"][:] = np.concatenate([part.intercept for part in fitted])
    start = 0
    for name in numbers:
        line[name][:] = slopes_do[start : start + len(line[name])]
        start += len(line[name])
    for column, code in codes:
        line["codes"][column, code] = slopes_do[start]
        start += 1
    return line


def _fit(features_nd: np.ndarray, target: np.ndarray, weight_n: np.ndarray, head: Head) -> Linear:
    """The linear model of one head; of classes without logits that a net could not turn round."""
    if head.kind == "regression":
        return fit_ridge(features_nd, target, weight_n, Fitting())
    if len(np.unique(target)) < max(head.size, 2):
        return Linear(np.zeros((features_nd.shape[1], head.size)), np.zeros(head.size))
    fitted = fit_logistic(features_nd, target, weight_n, head, Fitting())
    logits_no = features_nd @ fitted.coefficients + fitted.intercept
    shrink = min(1.0, MAX_LOGIT / np.abs(logits_no).max())
    return Linear(shrink * fitted.coefficients, shrink * fitted.intercept)


def _zero_line(arrays: Pool, n_outputs: int) -> HostArrays:
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


def _seen_codes(arrays: Pool, rows: np.ndarray) -> list[tuple[int, int]]:
    """(column, code) of each category that these rows hold."""
    found: list[tuple[int, int]] = []
    if "codes" in arrays.inputs:
        for column, code_n in enumerate(np.asarray(arrays.inputs["codes"])[rows].T):
            found += [(column, int(code)) for code in np.unique(code_n)]
    return found

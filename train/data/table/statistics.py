"""What is fitted on training rows: the arrays that a network scales columns and targets with.

n rows, f number inputs, c category inputs, v codes, k knots or classes, o regression outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from train.data.dataset import Head, HostArrays
from train.data.units import QUANTILE_ROWS

if TYPE_CHECKING:
    from nets.base import Statistics

# Standard deviations; spreads ties over neighbouring knots (Gorishniy et al. 2021, "Revisiting").
NOISE = 1e-3
ROWS_PER_KNOT = 30
MIN_KNOTS = 10
MAX_KNOTS = 1000


def fit_statistics(
    inputs: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    rows: np.ndarray,
    heads: Sequence[Head],
    category_sizes: Sequence[int],
    scaling: str,
    target_scaling: str,
) -> Statistics:
    """The collection `statistics`, float32, from the rows `rows` of encoded arrays alone.

    {"inputs": {"fill" [f]: training median, 0 if a column has no value; for scaling "standard"
    "center" and "scale" [f]: mean and standard deviation; "robust": median and interquartile range
    (half the range where that is 0, as in RealMLP, Holzmueller et al. 2024); "quantile": "knots"
    [f, k], k = n/30 within 10..1000; "seen" [c, v]: 1 where a code occurs}, "targets": {"value":
    {"center", "scale", "low", "high"} [o], class head: {"rate" [k]}}}. No scale is 0: a column
    without spread has scale 1. `scaling` must not be "auto" any more.
    """
    if scaling == "auto":
        raise ValueError('fit_statistics: scaling="auto" must be resolved first')
    fitted: HostArrays = {}
    if "numbers" in inputs:
        fitted |= _fit_numbers(inputs["numbers"], rows, scaling)
    if "codes" in inputs:
        seen_cv = np.zeros((len(category_sizes), max(category_sizes) + 1), np.float32)
        for column, codes_n in enumerate(inputs["codes"].T):
            seen_cv[column, codes_n[rows]] = 1
        fitted["seen"] = seen_cv
    by_head = {}
    for head in heads:
        if head.kind in ("cluster", "reconstruction"):
            continue
        target = targets[head.name][rows]
        if head.kind == "regression":
            by_head[head.name] = _fit_target(target.astype(np.float64), target_scaling)
        else:
            counts_k = np.bincount(target, minlength=len(head.classes))
            by_head[head.name] = {"rate": (counts_k / max(len(target), 1)).astype(np.float32)}
    return {"inputs": fitted, "targets": by_head}


def _fit_numbers(numbers_nf: np.ndarray, rows: np.ndarray, scaling: str) -> HostArrays:
    """What a network scales number inputs with, [f, ...] each."""
    random = np.random.default_rng(0)
    sample = (
        random.choice(rows, QUANTILE_ROWS, replace=False) if len(rows) > QUANTILE_ROWS else rows
    )
    n_knots = int(np.clip(len(rows) // ROWS_PER_KNOT, MIN_KNOTS, MAX_KNOTS))
    columns = []
    for column_n in numbers_nf.T:
        sample_n = _known(column_n, sample)
        median = float(np.median(sample_n)) if len(sample_n) else 0.0
        fitted = {"fill": median}
        if scaling == "standard":
            fitted |= _center_and_scale(_known(column_n, rows))
        elif scaling == "robust":
            fitted |= {"center": median, "scale": _robust_scale(sample_n)}
        elif scaling == "quantile":
            fitted |= {"knots": _knots(sample_n, n_knots, random)}
        columns.append(fitted)
    return _stacked(columns)


def _known(column_n: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The values of these rows, float64, without those that are missing."""
    values = column_n[rows].astype(np.float64)
    return values[~np.isnan(values)]


def _center_and_scale(values: np.ndarray) -> dict[str, float]:
    # A mean of equal numbers may differ from them in its last bit, so "no spread" is asked of the
    # range.
    if not len(values) or values.min() == values.max():
        return {"center": float(values[0]) if len(values) else 0.0, "scale": 1.0}
    return {"center": float(values.mean()), "scale": float(values.std())}


def _robust_scale(values: np.ndarray) -> float:
    if not len(values):
        return 1.0
    low, high = np.percentile(values, (25, 75))
    return float(high - low or (values.max() - values.min()) / 2 or 1.0)


def _knots(values: np.ndarray, n_knots: int, random: np.random.Generator) -> np.ndarray:
    if not len(values):
        return np.linspace(-1, 1, n_knots)
    noise = random.standard_normal(len(values)) * NOISE * (values.std() or 1.0)
    return np.quantile(values + noise, np.linspace(0, 1, n_knots))


def _fit_target(target_no: np.ndarray, scaling: str) -> HostArrays:
    """What a network scales and limits numeric targets with, [o] each."""
    columns = [_center_and_scale(target_n) for target_n in target_no.T]
    if scaling == "none":
        columns = [{"center": 0.0, "scale": 1.0} for _ in columns]
    fitted = _stacked(columns)
    fitted["low"] = target_no.min(0).astype(np.float32)
    fitted["high"] = target_no.max(0).astype(np.float32)
    return fitted


def _stacked(columns: list[dict[str, float]] | list[dict[str, np.ndarray]]) -> HostArrays:
    """{name: what was fitted of each column, float32}."""
    stacked = {}
    for name in columns[0]:
        stacked[name] = np.array([fitted[name] for fitted in columns], np.float32)
    return stacked

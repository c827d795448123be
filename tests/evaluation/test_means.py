"""Means over rows that come in parts, against those of all rows at once."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from train.evaluation.metrics.means import Means, merge, merge_all
from train.evaluation.metrics.numbers import (
    interval_means,
    interval_of,
    regression_means,
    regression_of,
)

PARTS = (slice(0, 1), slice(1, 40), slice(40, 41), slice(41, 300))  # that of 40 has no target


def test_parts_of_rows_are_judged_as_all_of_them() -> None:
    """Parts of other sizes, levels and weights; in one of them no row counts."""
    random = np.random.default_rng(0)
    target = random.normal(size=300) + 50 * (np.arange(300) > 40)
    target[40] = np.nan
    prediction = target + random.normal(size=300)
    weight = random.uniform(0.1, 3, 300)
    parts = [regression_means(prediction[own], target[own], weight[own]) for own in PARTS]
    assert [part.n for part in parts] == [1, 39, 0, 259]
    found = regression_of(reduce(merge, parts), unit=2.0)
    counts = ~np.isnan(target)
    given = (2 * target[counts], 2 * prediction[counts])
    assert found == pytest.approx(
        {
            "rmse": mean_squared_error(*given, sample_weight=weight[counts]) ** 0.5,
            "mse": mean_squared_error(*given, sample_weight=weight[counts]),
            "mae": mean_absolute_error(*given, sample_weight=weight[counts]),
            "r2": r2_score(*given, sample_weight=weight[counts]),
        },
        rel=1e-12,
    )


def test_a_constant_in_parts_has_no_variance() -> None:
    target = np.full(7, 0.1)
    parts = [regression_means(target[own], target[own]) for own in (slice(3), slice(3, 7))]
    assert reduce(merge, parts).values["variance"] == 0
    assert merge(Means(0, 0.0, {}), parts[0]) == parts[0] == merge(parts[0], Means(0, 0.0, {}))
    assert regression_of(reduce(merge, parts))["r2"] == 1


def test_intervals_in_parts_are_those_of_all_rows() -> None:
    random = np.random.default_rng(1)
    target = random.normal(size=300)
    lower, upper = target - random.normal(1, 1, 300), target + random.normal(1, 1, 300)
    parts = [interval_means(lower[own], upper[own], target[own]) for own in PARTS]
    off = np.maximum(np.maximum(lower - target, target - upper), 0)
    found = interval_of(reduce(merge, parts), unit=3.0, level=0.8)
    assert found == pytest.approx(
        {
            "coverage": ((lower <= target) & (target <= upper)).mean(),
            "width": 3 * (upper - lower).mean(),
            "interval_score": 3 * (upper - lower + 10 * off).mean(),
        },
        rel=1e-12,
    )
    assert 0.5 < found["coverage"] < 1


def test_the_first_part_is_merged_with_nothing() -> None:
    part = {("error", "a"): Means(2, 2.0, {"mse": 3.0})}
    assert merge_all({}, part) == part == merge_all(part, {})
    both = merge_all(part, {("error", "a"): Means(1, 6.0, {"mse": 7.0})})
    assert both == {("error", "a"): Means(3, 8.0, {"mse": 6.0})}

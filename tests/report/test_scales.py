"""Axes: round ticks, plain numbers on logarithmic ones, dates where there are dates."""

from __future__ import annotations

import numpy as np
import pytest

from train.report import scales
from train.report.draw import sample

NEW_YEAR = float(np.datetime64("2024-01-01", "us").astype(np.int64))


def texts(scale):
    return [tick.text for tick in scale.ticks]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0, 53.2], ["0", "10", "20", "30", "40", "50"]),
        ([-1.5e5, 3e6], ["0", "1M", "2M", "3M"]),
        ([1e-5, 5e-5], ["1e-5", "2e-5", "3e-5", "4e-5", "5e-5"]),
        ([1_000_001, 1_000_003], ["1,000,001.0", "1,000,002.0", "1,000,003.0"]),
        ([0.2, 0.9], ["0.2", "0.4", "0.6", "0.8"]),
    ],
)
def test_ticks_are_round(values, shown):
    found = [text for text in texts(scales.linear(values)) if not text.endswith(".5")]
    assert set(shown) <= set(found)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1e-3, 1e-2], ["0.001", "0.002", "0.005", "0.01"]),
        ([1e-6, 1], ["1e-6", "0.0001", "0.01", "1"]),
        ([3, 3], ["3", "3"]),
        ([1e-300, 1], ["1e-255", "1e-204", "1e-153", "1e-102", "1e-51", "1"]),
        ([0, np.nan, 10, 1000], ["10", "30", "100", "300", "1,000"]),
    ],
)
def test_logarithmic_ticks_are_plain_numbers(values, shown):
    assert texts(scales.logarithmic(values)) == shown


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        (5, ["1 Jan", "02:00", "04:00"]),
        (72, ["1 Jan", "2 Jan", "3 Jan", "4 Jan"]),
        (24 * 42, ["4 Jan", "18 Jan", "1 Feb"]),
        (24 * 150, ["Jan 2024", "Mar 2024", "May 2024"]),
        (24 * 1100, ["2024", "2025", "2026", "2027"]),
    ],
)
def test_dates_are_dates(hours, shown):
    found = texts(scales.dates([NEW_YEAR, NEW_YEAR + hours * 3.6e9]))
    assert set(shown) & set(found) and found[0] == shown[0]


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.0, 0.0], [np.nan], [], [-2.0, -2.0]])
def test_an_axis_of_one_value_or_none_has_a_length(values):
    for make in (scales.linear, scales.fitting, scales.whole, scales.dates, scales.logarithmic):
        scale = make(values)
        assert scale.high > scale.low
        shares = scale.share(values)
        assert np.isnan(shares[~np.isfinite(values)]).all() if len(values) else not len(shares)


def test_epochs_bear_whole_numbers():
    assert texts(scales.whole([1, 5])) == ["1", "2", "3", "4", "5"]
    assert all(text.isdigit() for text in texts(scales.whole([1, 2])))


def test_the_sample_of_many_points_is_of_all_of_them_and_always_the_same():
    shown = sample(20_000)
    assert len(np.unique(shown)) == 2_500 and shown.max() > 19_000 and shown.min() < 1_000
    np.testing.assert_array_equal(sample(20_000), shown)
    np.testing.assert_array_equal(sample(2_500), np.arange(2_500))

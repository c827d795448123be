"""Bins of histograms: increasing ends that hold all numbers, however large or alike these are."""

from __future__ import annotations

import numpy as np
import pytest

from train.report.bins import bin_edges


@pytest.mark.parametrize(
    "values",
    [
        *([0.0], [0.0, 1.0], [-3.0, 5.0, 5.0], [7.0, 7.0]),
        *([1e30, np.nextafter(1e30, np.inf)], [-1e308, 1e308], [1e-300, 2e-300]),
    ],
)
def test_bins_hold_all_numbers(values: list[float]) -> None:
    edges = bin_edges(np.array(values), 30)
    assert len(edges) == 31 and (np.diff(edges) > 0).all()
    counts, _ = np.histogram(values, edges)
    assert counts.sum() == len(values)

"""The pictures of forecasts: windows of the targets that are drawn, and the error by step."""

from __future__ import annotations

import numpy as np
from report_pages import make_data, make_predictions, make_result

from train.report.data import MAX_TARGETS, Forecast, Forecasts
from train.report.series import forecast_sections

COLUMNS = [f"t{i}" for i in range(MAX_TARGETS + 1)]
WINDOW = Forecast("north, from 2024-01-01", np.arange(6.0), np.arange(3.0), np.ones(3))
ERRORS = {"net": np.array([0.1, 0.2, 0.3]), "last": np.array([0.2, 0.4, 0.6])}


def sections(forecasts):
    predictions = make_predictions("regression", None, None, COLUMNS)
    result = make_result({"t0.rmse": 1.0}, {})
    return list(forecast_sections(make_data(result, predictions, forecasts=forecasts)))


def test_each_drawn_target_has_its_windows():
    windows_of = {column: [WINDOW, WINDOW] for column in COLUMNS}
    by_step, *windows = sections(Forecasts(windows_of, ERRORS))
    assert len(windows) == MAX_TARGETS
    assert windows[1].startswith("<h2>t1: some forecasts</h2>")
    assert windows[1].count("north, from 2024-01-01") == 2
    assert "of test windows in units of the training variance, mean over targets" in by_step
    assert ">the net</text>" in by_step and ">last value</text>" in by_step


def test_other_data_has_no_forecasts():
    assert sections(None) == []

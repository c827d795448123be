"""The pictures of forecasts: windows of the targets that are drawn, and the error by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from report_pages import make_data, make_predictions, make_result

from train.report.answers import answer_sections
from train.report.data import MAX_TARGETS, Forecast, Forecasts

COLUMNS = [f"t{i}" for i in range(MAX_TARGETS + 1)]
HOUR = 3.6e9
STAMPS = 1.7e15 + HOUR * np.arange(9)
WINDOW = Forecast(
    "north, from 2024-01-01",
    np.arange(6.0),
    np.arange(3.0),
    np.ones(3),
    STAMPS[:6],
    STAMPS[6:],
    is_dated=True,
    rival_h=np.zeros(3),
    low_h=np.zeros(3),
    high_h=np.full(3, 2.0),
)
ERRORS = {"net": np.array([0.1, 0.2, 0.3]), "last": np.array([0.2, 0.4, 0.6])}
ROWS = np.arange(20.0)[:, None].repeat(len(COLUMNS), 1)


def sections(forecasts):
    predictions = make_predictions("regression", ROWS, ROWS + 0.1, COLUMNS)
    result = make_result({"t0.rmse": 1.0}, {})
    return list(answer_sections(make_data(result, predictions, forecasts=forecasts)))


def test_each_drawn_target_has_its_windows():
    windows_of = {column: [WINDOW, WINDOW] for column in COLUMNS}
    forecasts = Forecasts(windows_of, ERRORS, "1 hour", "seasonal", 0.9)
    first, *others = sections(forecasts)
    assert len(others) == MAX_TARGETS - 1
    assert "<h2>t1: answers to 20 test rows</h2>" in others[0]
    for page in (first, others[0]):
        assert page.count("<span>north, from 2024-01-01</span>") == 2
        assert ">90% interval<" in page and ">last season<" in page and ">truth<" in page
    assert "of test windows in units of the training variance, mean over targets" in first
    assert "Error by step" not in others[0]
    assert "step of the horizon, 1 hour each" in first and ">the net<" in first
    assert ">14 Nov" in first or ">15 Nov" in first  # dates, not steps
    assert "mathdefault" not in first


def test_without_dates_steps_are_counted():
    steps = np.arange(-5.0, 4.0)
    window = replace(WINDOW, stamp_l=steps[:6], stamp_h=steps[6:], is_dated=False, low_h=None)
    forecasts = Forecasts({column: [window] for column in COLUMNS}, ERRORS)
    first, *_ = sections(forecasts)
    assert ">steps ahead</text>" in first and "interval<" not in first


def test_other_data_has_no_forecasts():
    assert "Error by step" not in "".join(sections(None))

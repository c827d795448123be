"""backtest.html: what is marked as best, which series are told, and which curves are drawn."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from train.report import backtest
from train.report.backtest import BacktestPage, verdict, write_backtest
from train.report.data import Forecasts
from train.report.series import steps_in_words

NAN = np.nan
PAGE = BacktestPage(
    title="y",
    facts={"file": "a.csv", "command": "denseq backtest --config.data.target=y"},
    metric="mae",
    targets=["y"],
    overall={"net": {"mae": 1.25, "coverage": 0.5}, "last": {"mae": 2.5, "coverage": 0.25}},
    by_origin={"net": {"mae": np.array([1.0, 1.5])}, "last": {"mae": np.array([2.0, 3.0])}},
    by_step={"net": {"mae": np.array([1.25])}, "last": {"mae": np.array([2.5])}},
    by_group={"net": {"mae": np.array([3.0, NAN, 7.0])}, "last": {"mae": np.array([4.0, NAN, 5])}},
    groups=["small", "unknown", "<large>"],
    forecasts=Forecasts(windows={"y": []}, error_by_step={}, step="", rival="last"),
    notes=["one & two"],
    cutoffs={0: "2024-01-31", 1: "2024-02-07"},
)


def drawn(path, monkeypatch, **changes) -> tuple[str, dict[str, dict[str, list[float]]]]:
    """The page, and the curves by their titles."""
    curves = {}

    def record(title, note, found, **labels):
        curves[title] = {name: values.tolist() for name, values in found.items()}
        return ""

    monkeypatch.setattr(backtest, "curves_figure", record)
    write_backtest(path / "backtest.html", replace(PAGE, **changes))
    return (path / "backtest.html").read_text(), curves


def test_the_lowest_error_is_marked_and_no_coverage(tmp_path, monkeypatch):
    page, curves = drawn(tmp_path, monkeypatch)
    marked = re.findall(r"<td><b>([^<]*)</b></td>", page)
    assert marked == ["1.250"]
    assert "MAE 1.250 against 2.500 for" in page and verdict("y.mae", {"net": {}}) == "MAE n/a."
    assert "one &amp; two" in page
    # A command breaks between its arguments, and an origin says when it was.
    assert "<code><span>denseq</span> <span>backtest</span> <span>--config.data.target=y" in page
    assert '<th scope="row">2, to 2024-02-07</th><td>1.500</td>' in page
    # One step is no curve.
    assert curves.keys() == {"By origin", "By series"}
    assert curves["By origin"] == {"net": [1.0, 1.5], "last": [2.0, 3.0]}


def test_series_stand_in_the_order_of_their_errors(tmp_path, monkeypatch):
    page, curves = drawn(tmp_path, monkeypatch)
    names = re.findall(r'<th scope="row">(.*?)</th>', page)
    assert [name for name in names if name in ("&lt;large&gt;", "small", "unknown")] == [
        "&lt;large&gt;",
        "small",
    ]
    assert len(curves["By series"]["net"]) == 100 and curves["By series"]["net"][-1] == 7
    assert curves["By series"]["last"][49] == 4.5
    page, curves = drawn(tmp_path, monkeypatch, groups=["small"])
    assert "By series" not in curves and "Forecast worst" not in page


def test_scores_stand_below_the_headline_as_far_as_there_is_room(tmp_path, monkeypatch):
    page, _ = drawn(tmp_path, monkeypatch)
    head = page.partition("</header>")[0]
    assert '<th scope="row">mae</th><td><b>1.250</b></td><td>2.500</td>' in head
    many = {name: dict.fromkeys([f"m{i}" for i in range(13)], 1.0) for name in ("net", "last")}
    page, _ = drawn(tmp_path, monkeypatch, overall={**many, "net": many["net"] | {"mae": 1.0}})
    assert "<h2>Scores</h2>" in page and "<h2>Scores</h2>" not in page.partition("</header>")[0]
    assert '<th scope="row">m0</th>' not in page


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("1 hour", "step of the horizon, 1 hour each"),
        ("1", "step of the horizon"),
        ("5", "step of the horizon, 5 of depth each"),
        ("", "step of the horizon"),
    ],
)
def test_a_step_says_how_far_it_reaches(step, words):
    forecasts = Forecasts(windows={}, error_by_step={}, step=step, axis="depth")
    assert steps_in_words(forecasts) == words

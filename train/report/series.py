"""Pictures of forecasts: some windows against the truth, and the error by step of the horizon.

l steps shown before a forecast, h horizon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from train.report import draw, scales
from train.report.data import Arrays, Forecast, Forecasts, ReportData
from train.report.marks import Band, Line, Mark, Rule
from train.report.page import Key, figure

NET = "net"
NAMES = {
    NET: "the net",
    "last": "last value",
    "seasonal": "last season",
    "linear": "linear model",
    "ets": "ETS",
    "theta": "Theta",
    "arima": "ARIMA",
}
COLOURS = {
    **{NET: "blue", "last": "c9", "seasonal": "c1", "linear": "c4"},
    **{"ets": "c2", "theta": "c5", "arima": "c6"},
}
DASHES = {"last": "dot", "seasonal": "dash", "linear": "dash"}


def forecast_pictures(data: ReportData, name: str) -> Iterator[str]:
    """Some windows of a target, and after those of the first the error by step of the horizon."""
    forecasts = data.forecasts
    if forecasts is None:
        return
    yield from window_figures(name, forecasts)
    if name == data.columns[0].name:
        note = f"squared error of {data.split} windows in units of the training variance"
        if len(forecasts.windows) > 1:
            note += ", mean over targets"
        yield _error_by_step(forecasts, note)


def window_figures(name: str, forecasts: Forecasts) -> Iterator[str]:
    """A figure for each window of a target."""
    windows = forecasts.windows[name]
    keys = [Key("truth", "grey"), Key("forecast", "blue")]
    if any(window.low_h is not None for window in windows):
        said = "interval" if forecasts.level is None else f"{forecasts.level:.0%} interval"
        keys.append(Key(said, "blue", "area"))
    if any(window.rival_h is not None for window in windows):
        keys.append(Key(NAMES.get(forecasts.rival, forecasts.rival), "c1", "dash"))
    for window in windows:
        yield _window(name, window, keys, forecasts.axis)


def _window(name: str, window: Forecast, keys: Sequence[Key], axis: str) -> str:
    """A forecast in blue over the truth in grey, the last of the past before both."""
    now = window.stamp_l[-1]
    ahead = np.append(now, window.stamp_h)
    # All go on from the last known value.
    last = window.past_l[-1]
    marks: list[Mark] = [Rule(x=float(now))]
    values = [window.past_l, window.target_h, window.forecast_h]
    if window.low_h is not None and window.high_h is not None:
        marks.append(Band(window.stamp_h, window.low_h, window.high_h))
        values += [window.low_h, window.high_h]
    marks += [
        Line(window.stamp_l, window.past_l, "grey"),
        Line(ahead, np.append(last, window.target_h), "grey"),
    ]
    if window.rival_h is not None:
        marks.append(Line(ahead, np.append(last, window.rival_h), "c1", "dash"))
        values.append(window.rival_h)
    marks.append(Line(ahead, np.append(last, window.forecast_h)))
    stamps = (window.stamp_l, window.stamp_h)
    x = scales.dates(*stamps) if window.is_dated else scales.linear(*stamps)
    xlabel = "" if window.is_dated else axis
    title = f"Forecast of {name} against the truth, {window.about}"
    svg = draw.draw(title, x, scales.linear(*values), marks, xlabel=xlabel, ylabel=name)
    return figure("Forecast", window.about, svg, keys=keys)


def _error_by_step(forecasts: Forecasts, note: str) -> str:
    """Squared error by step, the net in blue over its rivals."""
    curves: Arrays = forecasts.error_by_step
    xlabel = steps_in_words(forecasts)
    return curves_figure("Error by step", note, curves, xlabel=xlabel, ylabel="mse_scaled")


def steps_in_words(forecasts: Forecasts) -> str:
    """What stands below the axis of steps, with how far one of them reaches."""
    words = "step of the horizon"
    if forecasts.step.isdecimal():
        far = f", {forecasts.step} of {forecasts.axis} each"
        return words if forecasts.step == "1" else words + far
    return f"{words}, {forecasts.step} each" if forecasts.step else words


def curves_figure(title: str, note: str, curves: Arrays, *, xlabel: str, ylabel: str) -> str:
    """Scores by a number from 1 on, {the net or a baseline: scores}, the net in blue over all."""
    marks = []
    keys = []
    for name in sorted(curves, key=lambda name: name == NET):
        steps = np.arange(1, len(curves[name]) + 1)
        colour = COLOURS.get(name, "c5")
        marks.append(Line(steps, curves[name], colour, DASHES.get(name, "")))
        kind = {"dash": "dash", "dot": "dots"}.get(DASHES.get(name, ""), "line")
        keys.insert(0, Key(NAMES.get(name, name), colour, kind))
    steps = [np.arange(1, len(curve) + 1) for curve in curves.values()]
    x = scales.whole(*steps, n=7)
    y = scales.fitting(*curves.values())
    svg = draw.draw(f"{title}: {note}", x, y, marks, xlabel=xlabel, ylabel=ylabel)
    return figure(title, note, svg, keys=keys)

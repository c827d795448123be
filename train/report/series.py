"""Pictures of forecasts: some windows against the truth, and the error by step of the horizon.

l steps shown before a forecast, h horizon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.data import Arrays, Forecast, ReportData
from train.report.page import figure, panels, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NET = "net"
NAMES = {
    NET: "the net",
    "last": "last value",
    "seasonal": "last season",
    "linear": "linear model",
}
LINES = {"last": ":", "seasonal": "--", "linear": "-."}


def forecast_sections(data: ReportData) -> Iterator[str]:
    """The error by step of the horizon, and some windows of each target that is drawn."""
    if data.forecasts is None:
        return
    windows = data.forecasts.windows
    paint = partial(_error_by_step, curves=data.forecasts.error_by_step)
    svg = draw.draw(paint, "Error by step", width=1.6 * draw.WIDTH)
    note = f"squared error of {data.split} windows in units of the training variance"
    if len(windows) > 1:
        note += ", mean over targets"
    picture = figure("Error by step", note, svg, wide=True)
    yield section("Error by step of the horizon", panels([picture]))
    for target in data.drawn:
        yield section(f"{target.name}: some forecasts", panels(_pictures(windows[target.name])))


def _pictures(windows: Sequence[Forecast]) -> Iterator[str]:
    for window in windows:
        svg = draw.draw(partial(_window, window=window), "Forecast against truth")
        yield figure("Forecast", window.about, svg)


def _window(axes: Axes, window: Forecast) -> None:
    """A forecast in blue over the truth in grey, the last of the past before both."""
    past_l = window.past_l
    # Both go on from the last known value.
    ahead = np.arange(len(window.target_h) + 1)
    axes.plot(np.arange(1 - len(past_l), 1), past_l, color=draw.GREY)
    axes.plot(ahead, np.append(past_l[-1], window.target_h), color=draw.GREY, label="truth")
    axes.plot(ahead, np.append(past_l[-1], window.forecast_h), color=draw.BLUE, label="forecast")
    axes.axvline(0, color=draw.LINE, linewidth=1)
    axes.locator_params(nbins=6)
    axes.set(xlabel="steps ahead")
    axes.legend(loc="best")


def _error_by_step(axes: Axes, curves: Arrays) -> None:
    """Squared error by step, the net in blue over its rivals."""
    for name in sorted(curves, key=lambda name: name == NET):
        steps = np.arange(1, len(curves[name]) + 1)
        axes.plot(
            steps,
            curves[name],
            LINES.get(name, "-"),
            color=draw.BLUE if name == NET else draw.GREY,
            label=NAMES.get(name, name),
            marker="o" if len(steps) == 1 else None,
        )
    axes.set(xlabel="step", ylabel="mse_scaled")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")

"""Figures of forecasts for a report: some windows against the truth, and the error by step of the
horizon.

n windows, l steps shown before a forecast, h horizon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.stamps import show_stamp
from train.report import draw
from train.report import plots as figures
from train.report.page import figure, panels, section

EXAMPLES = 3
HORIZONS_BEFORE = 3  # of the past that is drawn before a forecast
NAMES = {
    "net": "the net",
    "last": "last value",
    "seasonal": "last season",
    "linear": "linear model",
}
LINES = {"last": ":", "seasonal": "--", "linear": "-."}

Json = Mapping[str, Any]


def pick_forecasts(
    dataset: SeriesDataset,
    split: str,
    targets: Mapping[str, np.ndarray],
    answers: Mapping[str, np.ndarray],
) -> dict[str, list[dict[str, Any]]]:
    """{target: windows to draw, evenly spread over the split}, in the targets' units."""
    encoder = dataset.encoder
    flat = dataset.flat
    windows = dataset.splits[split]
    chosen = np.unique(np.linspace(0, len(windows) - 1, 2 * EXAMPLES + 1).astype(int)[1::2])
    truth, forecast = (
        encoder.decode({"value": arrays["value"][chosen]}) for arrays in (targets, answers)
    )
    examples: dict[str, list[dict[str, Any]]] = {column.name: [] for column in encoder.targets}
    shown = min(encoder.lookback, HORIZONS_BEFORE * encoder.horizon)
    for place, start in enumerate(dataset.starts[windows[chosen]]):
        now = start + encoder.lookback
        about = (
            []
            if flat.names is None
            else [str(flat.names[np.searchsorted(flat.firsts, now - 1, "right") - 1])]
        )
        if flat.stamps is not None and encoder.time is not None:
            about.append(f"from {show_stamp(float(flat.stamps[now]), encoder.time.kind)}")
        for i, column in enumerate(encoder.targets):
            past_l = (
                dataset.values[now - shown : now, i].astype(np.float64) * column.unit + column.shift
            )
            window = {
                "past": past_l,
                "truth": truth[column.name][place],
                "forecast": forecast[column.name][place],
            }
            examples[column.name].append(
                {"about": ", ".join(about) or f"from row {flat.rows[now] + 1}", **window}
            )
    return examples


def forecast_sections(
    examples: Mapping[str, Sequence[Json]],
    by_step: Mapping[str, Json],
    drawn: Sequence[str],
    split: str,
) -> list[str]:
    """The report's sections on forecasts of the targets `drawn`; `by_step` {"net" or baseline:
    metrics by step}.
    """
    curves = {
        name: np.asarray(metrics["mse_scaled"], np.float64) for name, metrics in by_step.items()
    }
    svg = draw.draw(
        partial(_error_by_step, curves=curves), "Error by step", width=1.6 * figures.WIDTH
    )
    note = f"squared error of {split} windows in units of the training variance" + (
        ", mean over targets" if len(examples) > 1 else "")  # fmt: skip
    sections = [
        section(
            "Error by step of the horizon", panels([figure("Error by step", note, svg, wide=True)])
        )
    ]
    return [
        *sections,
        *(section(f"{name}: some forecasts", panels(_windows(examples[name]))) for name in drawn),
    ]


def _windows(examples: Sequence[Json]) -> Iterator[str]:
    for example in examples:
        svg = draw.draw(partial(_window, example=example), "Forecast against truth")
        yield figure("Forecast", example["about"], svg)


def _window(axes: Any, example: Json) -> None:
    """A forecast in blue over the truth in grey, the last of the past before both."""
    past_l, truth_h, forecast_h = (
        np.asarray(example[name], np.float64) for name in ("past", "truth", "forecast")
    )
    # Both go on from the last known value.
    ahead = np.arange(len(truth_h) + 1)
    axes.plot(np.arange(1 - len(past_l), 1), past_l, color=draw.GREY)
    axes.plot(ahead, np.append(past_l[-1], truth_h), color=draw.GREY, label="truth")
    axes.plot(ahead, np.append(past_l[-1], forecast_h), color=draw.BLUE, label="forecast")
    axes.axvline(0, color=draw.LINE, linewidth=1)
    axes.locator_params(nbins=6)
    axes.set(xlabel="steps ahead")
    axes.legend(loc="best")


def _error_by_step(axes: Any, curves: Mapping[str, np.ndarray]) -> None:
    """Squared error by step, the net in blue over its rivals."""
    for name in sorted(curves, key=lambda name: name == "net"):
        steps = np.arange(1, len(curves[name]) + 1)
        style = LINES.get(name, "-")
        colour = draw.BLUE if name == "net" else draw.GREY
        marker = "o" if len(steps) == 1 else None
        axes.plot(
            steps, curves[name], style, color=colour, label=NAMES.get(name, name), marker=marker
        )
    axes.set(xlabel="step", ylabel="mse_scaled")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")

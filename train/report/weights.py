"""What becomes of a net's weights: how large they are, and the gradients of its layers.

w weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.data import Array, ReportData
from train.report.page import figure, panels, section
from train.report.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NORM = "gradient_norm."  # before the layer's name, in metrics.jsonl


def weight_sections(data: ReportData) -> Iterator[str]:
    """The weights of all kernels."""
    yield section("Weights", panels(weight_pictures(data.kernels_w)))


def weight_pictures(weights_w: Array | None) -> Iterator[str]:
    """How large the weights are, and how many of them are exactly 0."""
    if weights_w is None or not len(weights_w) or not np.isfinite(weights_w).all():
        return
    n_zero = int((weights_w == 0).sum())
    note = f"{n_zero:,} of {len(weights_w):,} are exactly 0"
    svg = draw.draw(partial(_histogram, weights_w=weights_w), "Weights")
    yield figure("Weights of all kernels", note, svg)


def _histogram(axes: Axes, weights_w: Array) -> None:
    bins = int(np.clip(np.sqrt(len(weights_w)), 8, 60))
    axes.hist(weights_w, bins=bins, color=draw.BLUE, alpha=0.75)
    axes.locator_params(axis="x", nbins=6)
    axes.grid(False, axis="x")
    axes.set(xlabel="weight", ylabel="weights")


def gradient_pictures(history: Sequence[Evaluation]) -> Iterator[str]:
    """The norm of each layer's gradient at the first and the last evaluation that have it."""
    logged = [line for line in history if _layers(line)]
    if not logged:
        return
    names = by_depth(_layers(logged[0]))
    paint = partial(_norms, first=logged[0], last=logged[-1], names=names)
    between = f"{names[0].removeprefix(NORM)} to {names[-1].removeprefix(NORM)}"
    note = f"mean over the updates before; {between}"
    yield figure("Gradients by layer", note, draw.draw(paint, "Gradient norm by layer"))


def _layers(line: Evaluation) -> list[str]:
    """The names of the norms of an evaluation, one for each layer."""
    return [name for name in line.scores if name.startswith(NORM)]


def _norms(axes: Axes, first: Evaluation, last: Evaluation, names: Sequence[str]) -> None:
    places = np.arange(1, len(names) + 1)
    for line, colour in ((first, draw.PALE), (last, draw.BLUE)):
        values = np.array([line.scores[name] for name in names], np.float64)  # None is nan
        # A norm of 0 has no place on this axis.
        values[values <= 0] = np.nan
        label = f"epoch {line.epoch:g}"
        axes.plot(places, values, color=colour, marker="o", markersize=4, label=label)
    axes.set_yscale("log")
    draw.label_with_numbers(axes.yaxis)
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="layer, from the inputs on", ylabel="gradient norm")
    axes.legend(loc="best")


def by_depth(names: Sequence[str]) -> list[str]:
    """Names of layers from the inputs to the outputs: layer_10 after layer_9, and outputs last."""
    return sorted(names, key=_depth)


def _depth(name: str) -> list[tuple[int, int, str]]:
    parts = name.removeprefix(NORM).replace("_", ".").split(".")
    return [
        (part in ("output", "head"), int(part) if part.isdigit() else -1, part) for part in parts
    ]

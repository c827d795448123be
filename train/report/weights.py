"""What becomes of a net's weights: how large they are, and the gradients of its layers.

w weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from train.report import draw, scales
from train.report.bins import bin_edges
from train.report.data import Array, ReportData
from train.report.marks import Bars, Line
from train.report.page import Key, figure, fold, panels
from train.report.population import best_member
from train.report.result import Evaluation

NORM = "gradient_norm."  # before the layer's name, in metrics.jsonl


def diagnostic_sections(data: ReportData) -> Iterator[str]:
    """The weights of all kernels and the norms of gradients, folded away."""
    number = best_member(data.result)
    history = [line for line in data.history if line.member == number]
    pictures = [*gradient_pictures(history), *weight_pictures(data.kernels_w)]
    yield fold("Diagnostics: gradients and weights", panels(pictures))


def weight_pictures(weights_w: Array | None) -> Iterator[str]:
    """How large the weights are, and how many of them are exactly 0."""
    if weights_w is None or not len(weights_w) or not np.isfinite(weights_w).all():
        return
    n_zero = int((weights_w == 0).sum())
    note = f"{n_zero:,} of {len(weights_w):,} are exactly 0"
    bins = int(np.clip(np.sqrt(len(weights_w)), 8, 60))
    edges = bin_edges(weights_w, bins)
    counts, _ = np.histogram(np.asarray(weights_w, np.float64), edges)
    x = scales.linear(edges)
    y = scales.linear(counts, zero=True)
    svg = draw.draw("Weights", x, y, [Bars(edges, counts)], xlabel="weight", ylabel="weights")
    yield figure("Weights of all kernels", note, svg)


def gradient_pictures(history: Sequence[Evaluation]) -> Iterator[str]:
    """The norm of each layer's gradient at the first and the last evaluation that have it."""
    logged = [line for line in history if _layers(line)]
    if not logged:
        return
    names = by_depth(_layers(logged[0]))
    places = np.arange(1, len(names) + 1)
    marks = []
    keys = []
    norms = []
    for line, colour in ((logged[0], "pale"), (logged[-1], "blue")):
        values = np.array([line.scores[name] for name in names], np.float64)  # None is nan
        # A norm of 0 has no place on this axis.
        values[values <= 0] = np.nan
        norms.append(values)
        marks.append(Line(places, values, colour, dots=True))
        keys.append(Key(f"epoch {line.epoch:g}", colour))
    between = f"{names[0].removeprefix(NORM)} to {names[-1].removeprefix(NORM)}"
    note = f"mean over the updates before; {between}"
    svg = draw.draw(
        "Gradient norm by layer",
        scales.whole(places),
        scales.logarithmic(*norms),
        marks,
        xlabel="layer, from the inputs on",
        ylabel="gradient norm",
    )
    yield figure("Gradients by layer", note, svg, keys=keys)


def _layers(line: Evaluation) -> list[str]:
    """The names of the norms of an evaluation, one for each layer."""
    return [name for name in line.scores if name.startswith(NORM)]


def by_depth(names: Sequence[str]) -> list[str]:
    """Names of layers from the inputs to the outputs: layer_10 after layer_9, and outputs last."""
    return sorted(names, key=_depth)


def _depth(name: str) -> list[tuple[int, int, str]]:
    parts = name.removeprefix(NORM).replace("_", ".").split(".")
    return [
        (part in ("output", "head"), int(part) if part.isdigit() else -1, part) for part in parts
    ]

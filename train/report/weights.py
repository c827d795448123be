"""What becomes of a net's weights: the gradients of its layers, and how many weights are exactly 0.
w weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from train.report import draw
from train.report.page import figure

NORM = "gradient_norm."  # before the layer's name, in metrics.jsonl


def weight_pictures(weights_w: np.ndarray | None) -> Iterator[str]:
    """How large the weights are."""
    if weights_w is None or not len(weights_w) or not np.isfinite(weights_w).all():
        return
    n_zero = int((weights_w == 0).sum())

    def paint(axes: Any) -> None:
        axes.hist(
            weights_w,
            bins=int(np.clip(np.sqrt(len(weights_w)), 8, 60)),
            color=draw.BLUE,
            alpha=0.75,
        )
        axes.locator_params(axis="x", nbins=6)
        axes.grid(False, axis="x")
        axes.set(xlabel="weight", ylabel="weights")

    note = f"{n_zero:,} of {len(weights_w):,} are exactly 0"
    yield figure("Weights of all kernels", note, draw.draw(paint, "Weights"))


def gradient_pictures(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The norm of each layer's gradient, from the inputs to the outputs, at the first and the last
    evaluation.
    """
    lines = [line for line in history if any(name.startswith(NORM) for name in line)]
    if not lines:
        return
    names = by_depth([name for name in lines[0] if name.startswith(NORM)])

    def paint(axes: Any) -> None:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        for line, colour in ((lines[0], draw.PALE), (lines[-1], draw.BLUE)):
            values = np.array(
                [np.nan if line[name] is None else line[name] for name in names], np.float64
            )
            # A norm of 0 has no place on this axis.
            values[values <= 0] = np.nan
            axes.plot(
                np.arange(1, len(names) + 1),
                values,
                color=colour,
                marker="o",
                markersize=4,
                label=f"epoch {line['epoch']:g}",
            )
        axes.set_yscale("log")
        # matplotlib's own labels of powers are formulas, which a report does not set.
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.locator_params(axis="x", integer=True)
        axes.set(xlabel="layer, from the inputs on", ylabel="gradient norm")
        axes.legend(loc="best")

    note = f"mean over the updates before; {names[0].removeprefix(NORM)} to {names[-1].removeprefix(NORM)}"
    yield figure("Gradients by layer", note, draw.draw(paint, "Gradient norm by layer"))


def by_depth(names: Sequence[str]) -> list[str]:
    """Names of layers with their numbers counted: layer_10 after layer_9, and outputs last."""

    def place(name: str) -> list[tuple[int, int, str]]:
        parts = name.removeprefix(NORM).replace("_", ".").split(".")
        return [
            (part in ("output", "head"), int(part) if part.isdigit() else -1, part)
            for part in parts
        ]

    return sorted(names, key=place)

"""How much worse the answers become when one column is shuffled: bars of the largest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.data import Array, ReportData, Target
from train.report.page import figure, panels, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_BARS = 20


def importance_sections(data: ReportData) -> Iterator[str]:
    """One picture, where importance was measured."""
    if data.importance:
        picture = _importance_picture(data.importance, data.columns)
        yield section("Importance", panels([picture]))


def _importance_picture(
    importance: Mapping[str, Mapping[str, float]], targets: Sequence[Target]
) -> str:
    ranked = sorted(importance, key=lambda name: -importance[name]["mean"])[:MAX_BARS]
    means = np.array([importance[name]["mean"] for name in ranked])
    deviations = np.array([importance[name]["sd"] for name in ranked])
    note = "by how much the error grows when one column is shuffled"
    if len(importance) > MAX_BARS:
        note += f"; the {MAX_BARS} largest of {len(importance)} columns"
    title = "Permutation importance"
    svg = importance_bars(ranked, means, deviations, f"rise in {_error_name(targets)}", title)
    return figure(title, note, svg, wide=True)


def _error_name(targets: Sequence[Target]) -> str:
    """What `train.evaluation.importance.prediction_error` measures of these targets."""
    if len(targets) > 1:
        return "error"
    return "rmse" if targets[0].kind == "regression" else "share of wrong answers"


def importance_bars(
    names: Sequence[str], means: Array, deviations: Array, unit: str, title: str
) -> str:
    """Bars with one standard deviation either side, the first at the top. `<svg>`, as `draw`."""
    labels = [draw.label(name, 28) for name in names]

    def paint(axes: Axes) -> None:
        rows = np.arange(len(labels))
        axes.barh(rows, means, height=0.62, color=draw.BLUE, alpha=0.85)
        axes.errorbar(means, rows, xerr=deviations, fmt="none", ecolor=draw.INK, elinewidth=0.8)
        axes.set_yticks(rows, labels)
        axes.set(ylim=(len(labels) - 0.4, -0.6), xlabel=unit)
        axes.locator_params(axis="x", nbins=6)
        axes.grid(False, axis="y")

    left = max(map(draw.text_width, labels)) + 8
    height = 16 * len(labels) + 48
    return draw.draw(paint, title, width=1.35 * draw.WIDTH, height=height, left=left)

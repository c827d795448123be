"""Which class a net answers at every place of a plane, where a table has just two number columns.

n rows, k classes, p places of the plane.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.data import Array, Plane, ReportData, ReportHead
from train.report.page import figure, panels, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def decision_sections(data: ReportData) -> Iterator[str]:
    """A picture for every class among the targets."""
    if data.plane is not None:
        yield section("Decisions", panels(_pictures(data, data.plane)))


def _pictures(data: ReportData, plane: Plane) -> Iterator[str]:
    note = f"what is answered at each place, and the {data.split} rows"
    for head in data.heads:
        if head.kind in ("binary", "multiclass"):
            target_n = np.asarray(data.targets[head.name])
            paint = partial(_decisions, plane=plane, head=head, target_n=target_n)
            svg = draw.draw(paint, f"Decisions on {head.name}")
            yield figure(draw.label(head.name, 28), note, svg)


def _decisions(axes: Axes, plane: Plane, head: ReportHead, target_n: Array) -> None:
    """Regions in pale colours with their borders, rows as points of their true class."""
    is_binary = head.kind == "binary"
    colours = [draw.GREY, draw.BLUE] if is_binary else list(draw.CATEGORIES)
    answer = np.asarray(plane.answers[head.name])
    choice = (answer > 0.5).astype(int) if is_binary else answer.argmax(-1)
    choice = choice.reshape(len(plane.y_axis), len(plane.x_axis))
    for k, name in enumerate(head.classes):
        colour = colours[k % len(colours)]
        if (choice == k).any():
            where = plane.x_axis, plane.y_axis, choice == k
            axes.contourf(*where, levels=[0.5, 1.5], colors=[colour], alpha=0.16)
        rows_n2 = plane.rows_n2[target_n == k][: draw.MAX_POINTS]
        axes.scatter(
            *rows_n2.T,
            s=9,
            color=colour,
            linewidths=0,
            rasterized=len(rows_n2) > 200,
            label=name,
            zorder=3,
        )
    borders = np.arange(len(head.classes)) - 0.5
    axes.contour(plane.x_axis, plane.y_axis, choice, levels=borders, colors=draw.INK, linewidths=1)
    axes.grid(False)
    axes.set(xlabel=draw.label(plane.names[0], 28), ylabel=draw.label(plane.names[1], 28))
    if len(head.classes) <= len(colours):
        axes.legend(loc="best", markerscale=1.5, handletextpad=0.1)

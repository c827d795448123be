"""Which class a net answers at every place of a plane, where a table has just two number columns.

n rows, k classes, p places of the plane.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from train.report import draw, scales
from train.report.contours import borders, regions
from train.report.data import Array, Plane, ReportData, ReportHead
from train.report.marks import Area, Line, Mark, Points
from train.report.page import Key, figure


def decision_pictures(data: ReportData, head: ReportHead) -> Iterator[str]:
    """The picture of a class, where the table has a plane."""
    if data.plane is not None:
        note = f"what is answered at each place, and the {data.split} rows"
        yield _decisions(data.plane, head, np.asarray(data.targets[head.name]), note)


def _decisions(plane: Plane, head: ReportHead, target_n: Array, note: str) -> str:
    """Regions in pale colours with their borders, rows as points of their true class."""
    answer = np.asarray(plane.answers[head.name], np.float64)
    if head.kind == "binary":
        answer = np.stack([1 - answer, answer], -1)
    shape = len(plane.y_axis), len(plane.x_axis)
    probability_yxk = answer.reshape(*shape, -1)
    choice_yx = probability_yxk.argmax(-1)
    marks: list[Mark] = []
    keys = []
    for k, name in enumerate(head.classes):
        colour = draw.category(k)
        outlines = regions(choice_yx == k, plane.x_axis, plane.y_axis)
        marks.append(Area(outlines, colour, 0.2))
        if k < draw.CATEGORIES:
            keys.append(Key(str(name), colour, "dot"))
    border_p2 = borders(probability_yxk, plane.x_axis, plane.y_axis)
    if len(border_p2):
        marks.append(Line(border_p2[:, 0], border_p2[:, 1], "ink"))
        keys.append(Key("border", "ink"))
    for k in range(len(head.classes)):
        rows_n2 = plane.rows_n2[target_n == k][: draw.MAX_POINTS]
        marks.append(Points(rows_n2[:, 0], rows_n2[:, 1], draw.category(k), _kind(len(target_n))))
    across, up = plane.names
    svg = draw.draw(
        f"Decisions on {head.name}: {note}",
        scales.linear(limits=(float(plane.x_axis[0]), float(plane.x_axis[-1]))),
        scales.linear(limits=(float(plane.y_axis[0]), float(plane.y_axis[-1]))),
        marks,
        xlabel=across,
        ylabel=up,
        height=320,
    )
    return figure("Decisions", note, svg, keys=keys)


def _kind(n: int) -> str:
    """How large points are: rows that can be counted are large."""
    return "big" if n <= 20 else "few"

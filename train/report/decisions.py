"""Which class a net answers at every place of a plane, where a table has just two number columns.

n rows, k classes, p places of the plane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from train.data.table.encoder import TableEncoder
from train.report import draw
from train.report import plots as figures
from train.report.page import figure, panels, section

Arrays = Mapping[str, np.ndarray]
SIDE = 121  # places along each axis
MARGIN = 0.12  # of the plane around the rows


def decision_plane(
    encoder: TableEncoder, inputs: Arrays, answers: Callable[[Arrays], Arrays]
) -> dict[str, Any] | None:
    """What the net answers around these rows: {"names" of the two columns, "rows" [n, 2] and "axes"
    (two [SIDE]), both in raw units, "answers": {head: [p, ...]}}, or None unless the table has just
    two columns, of numbers, and a class.
    """
    columns = encoder.columns
    if [column.kind for column in columns] != ["number"] * 2 or all(
        h.kind == "regression" for h in encoder.heads
    ):
        return None
    rows_n2 = np.asarray(inputs["numbers"], np.float64)
    rows_n2 = rows_n2[np.isfinite(rows_n2).all(1)]
    if not len(rows_n2):
        return None
    low = rows_n2.min(0)
    high = rows_n2.max(0)
    margin = MARGIN * np.where(high > low, high - low, 1)
    axes = [np.linspace(a, b, SIDE) for a, b in zip(low - margin, high + margin, strict=True)]
    places_p2 = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2).astype(np.float32)
    raw = [(column.shift, column.unit) for column in columns]
    return {
        "names": [column.name for column in columns],
        "rows": np.asarray(inputs["numbers"], np.float64) * [unit for _, unit in raw]
        + [shift for shift, _ in raw],
        "axes": [axis * unit + shift for axis, (shift, unit) in zip(axes, raw, strict=True)],
        "answers": answers({"numbers": places_p2}),
    }


def decision_sections(
    plane: Mapping[str, Any], heads: list[dict], targets: Arrays, split: str
) -> list[str]:
    """A picture for every class among the targets."""
    pictures = panels(_pictures(plane, heads, targets, split))
    return [section("Decisions", pictures)] if pictures else []


def _pictures(
    plane: Mapping[str, Any], heads: list[dict], targets: Arrays, split: str
) -> Iterator[str]:
    for head in heads:
        if head["kind"] in ("binary", "multiclass"):
            paint = partial(
                _decisions, plane=plane, head=head, truth_n=np.asarray(targets[head["name"]])
            )
            note = f"what is answered at each place, and the {split} rows"
            yield figure(
                draw.label(head["name"], 28), note, draw.draw(paint, f"Decisions on {head['name']}")
            )


def _decisions(axes: Any, plane: Mapping[str, Any], head: dict, truth_n: np.ndarray) -> None:
    """Regions in pale colours with their borders, rows as points of their true class."""
    answer = np.asarray(plane["answers"][head["name"]])
    binary = head["kind"] == "binary"
    (x_axis, y_axis) = plane["axes"]
    choice = (answer > 0.5).astype(int) if binary else answer.argmax(-1)
    choice = choice.reshape(len(y_axis), len(x_axis))
    colours = [draw.GREY, draw.BLUE] if binary else list(draw.CATEGORIES)
    for k, name in enumerate(head["classes"]):
        colour = colours[k % len(colours)]
        if (choice == k).any():
            axes.contourf(
                x_axis, y_axis, choice == k, levels=[0.5, 1.5], colors=[colour], alpha=0.16
            )
        rows_n2 = plane["rows"][truth_n == k][: figures.MAX_POINTS]
        axes.scatter(
            *rows_n2.T,
            s=9,
            color=colour,
            linewidths=0,
            rasterized=len(rows_n2) > 200,
            label=name,
            zorder=3,
        )
    axes.contour(
        x_axis,
        y_axis,
        choice,
        levels=np.arange(len(head["classes"])) - 0.5,
        colors=draw.INK,
        linewidths=1,
    )
    axes.grid(False)
    axes.set(xlabel=draw.label(plane["names"][0], 28), ylabel=draw.label(plane["names"][1], 28))
    if len(head["classes"]) <= len(colours):
        axes.legend(loc="best", markerscale=1.5, handletextpad=0.1)

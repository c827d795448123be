"""Pictures of an autoencoder: its codes, and how much of each column comes back.

n rows, k numbers of a code, f number columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from train.report import draw
from train.report import plots as figures
from train.report.clusters import components
from train.report.page import figure, panels, section

Json = Mapping[str, Any]
MAX_LABELS = 10
MAX_BARS = 20


def reconstruction_sections(found: Json, split: str) -> list[str]:
    """Sections of a report. `found`: {"code" [n, k], "error" [n], "label": codes [n] or None,
    "classes": names of labels, "columns": names [f], "r2" [f]}.
    """
    return [
        section("Codes", panels(_codes(found, split))),
        section("What comes back", panels(_losses(found))),
    ]


def _codes(found: Json, split: str) -> Iterator[str]:
    n, k = found["code"].shape
    what = {1: "by their code", 2: "by the two numbers of their code"}.get(
        k, f"on the first two principal components of their codes of {k} numbers"
    )
    note = f"{n:,} {split} rows {what}"
    yield figure("Codes", note, draw.draw(partial(_scatter, found=found), "Codes"), wide=True)


def _scatter(axes: Any, found: Json) -> None:
    shown = figures.sample(len(found["code"]))
    code_nk = np.asarray(found["code"], np.float64)
    if code_nk.shape[1] > 2:
        code_nk, _ = components(code_nk, code_nk[:1])
    elif code_nk.shape[1] == 1:
        code_nk = np.concatenate([code_nk, np.asarray(found["error"])[:, None]], 1)
    label_n = np.full(len(code_nk), -1) if found["label"] is None else np.asarray(found["label"])
    area = 9 if len(shown) < 500 else 4
    for code in np.unique(label_n[shown]):
        rows = shown[label_n[shown] == code]
        named = 0 <= code < MAX_LABELS
        colour = draw.CATEGORIES[code % len(draw.CATEGORIES)] if named else draw.BLUE
        text = str(found["classes"][code]) if named else None
        axes.scatter(
            *code_nk[rows].T,
            s=area,
            color=colour,
            alpha=0.75,
            linewidths=0,
            rasterized=True,
            label=text,
        )
        if named:  # the name stands where its rows are: a legend would be looked up ten times
            x, y = np.median(code_nk[rows], 0)
            axes.text(x, y, text, ha="center", va="center", fontsize=9, color=draw.INK)
    axes.locator_params(nbins=6)
    names = {1: ("code_1", "error"), 2: ("code_1", "code_2")}.get(
        found["code"].shape[1], ("first component", "second component")
    )
    axes.set(xlabel=names[0], ylabel=names[1])


def _losses(found: Json) -> Iterator[str]:
    def paint_errors(axes: Any) -> None:
        axes.hist(np.asarray(found["error"], np.float64), bins=40, color=draw.BLUE, alpha=0.85)
        axes.set(xlabel="error of a row", ylabel="rows")

    known = [
        (name, value)
        for name, value in zip(found["columns"], found["r2"], strict=True)
        if np.isfinite(value)
    ]
    worst = sorted(known, key=lambda pair: pair[1])[:MAX_BARS]
    names = [draw.label(name, 28) for name, _ in worst]
    if worst:

        def paint_columns(axes: Any) -> None:
            place = np.arange(len(worst))
            axes.barh(
                place,
                [max(value, 0) for _, value in worst],
                height=0.62,
                color=draw.BLUE,
                alpha=0.85,
            )
            axes.set_yticks(place, names)
            axes.set(
                xlim=(0, 1),
                ylim=(len(worst) - 0.4, -0.6),
                xlabel="share of the variance that comes back",
            )
            axes.grid(False, axis="y")

        size = {"height": 16 * len(worst) + 48, "left": max(map(draw.text_width, names)) + 8}
        few = f"; the {MAX_BARS} worst of {len(known)} columns" if len(known) > MAX_BARS else ""
        yield figure(
            "By column",
            f"r2, the worst first{few}",
            draw.draw(paint_columns, "r2 by column", **size),
        )
    yield figure(
        "Errors",
        "a row far to the right is unlike those of training",
        draw.draw(paint_errors, "Errors"),
    )

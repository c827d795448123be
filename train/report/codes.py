"""Pictures of an autoencoder: its codes, and how much of each column comes back.

n rows, k numbers of a code, f number columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.clusters import components
from train.report.data import Array, Codes, ReportData
from train.report.page import figure, panels, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LABELS = 10
MAX_BARS = 20


def code_sections(data: ReportData) -> Iterator[str]:
    """Codes on a plane, the worst columns, and the errors of rows."""
    if data.codes is None:
        return
    yield section("Codes", panels([_code_picture(data.codes, data.split)]))
    yield section("What comes back", panels([*_column_picture(data.codes), _errors(data.codes)]))


def _code_picture(codes: Codes, split: str) -> str:
    n, k = codes.code_nk.shape
    what = {1: "by their code", 2: "by the two numbers of their code"}.get(
        k, f"on the first two principal components of their codes of {k} numbers"
    )
    svg = draw.draw(partial(_scatter, codes=codes), "Codes")
    return figure("Codes", f"{n:,} {split} rows {what}", svg, wide=True)


def _scatter(axes: Axes, codes: Codes) -> None:
    place_n2, names = _places(codes)
    shown = draw.sample(len(place_n2))
    label_n = np.full(len(place_n2), -1) if codes.label_n is None else codes.label_n
    area = 9 if len(shown) < 500 else 4
    for label in np.unique(label_n[shown]):
        rows = shown[label_n[shown] == label]
        is_named = 0 <= label < MAX_LABELS
        text = str(codes.classes[label]) if is_named else None
        axes.scatter(
            *place_n2[rows].T,
            s=area,
            color=draw.CATEGORIES[label % len(draw.CATEGORIES)] if is_named else draw.BLUE,
            alpha=0.75,
            linewidths=0,
            rasterized=True,
            label=text,
        )
        if text is not None:
            # The name stands where its rows are: a legend would be looked up ten times.
            x, y = np.median(place_n2[rows], 0)
            axes.text(x, y, text, ha="center", va="center", fontsize=9, color=draw.INK)
    axes.locator_params(nbins=6)
    axes.set(xlabel=names[0], ylabel=names[1])


def _places(codes: Codes) -> tuple[Array, tuple[str, str]]:
    """Where rows stand on a plane [n, 2], and the names of its axes."""
    code_nk = np.asarray(codes.code_nk, np.float64)
    if code_nk.shape[1] > 2:
        return components(code_nk, code_nk[:1])[0], ("first component", "second component")
    if code_nk.shape[1] == 2:
        return code_nk, ("code_1", "code_2")
    return np.concatenate([code_nk, codes.error_n[:, None]], 1), ("code_1", "error")


def _column_picture(codes: Codes) -> Iterator[str]:
    """The columns that come back worst; nothing where no column's share is known."""
    known = np.flatnonzero(np.isfinite(codes.r2_f))
    if not len(known):
        return
    worst = known[np.argsort(codes.r2_f[known], kind="stable")][:MAX_BARS]
    names = [draw.label(codes.columns[int(i)], 28) for i in worst]
    paint = partial(_bars, names=names, shares=np.maximum(codes.r2_f[worst], 0))
    left = max(map(draw.text_width, names)) + 8
    svg = draw.draw(paint, "r2 by column", height=16 * len(worst) + 48, left=left)
    few = f"; the {MAX_BARS} worst of {len(known)} columns" if len(known) > MAX_BARS else ""
    yield figure("By column", f"r2, the worst first{few}", svg)


def _bars(axes: Axes, names: list[str], shares: Array) -> None:
    place = np.arange(len(names))
    axes.barh(place, shares, height=0.62, color=draw.BLUE, alpha=0.85)
    axes.set_yticks(place, names)
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6))
    axes.set(xlabel="share of the variance that comes back")
    axes.grid(False, axis="y")


def _errors(codes: Codes) -> str:
    def paint(axes: Axes) -> None:
        axes.hist(np.asarray(codes.error_n, np.float64), bins=40, color=draw.BLUE, alpha=0.85)
        axes.set(xlabel="error of a row", ylabel="rows")

    note = "a row far to the right is unlike those of training"
    return figure("Errors", note, draw.draw(paint, "Errors"))

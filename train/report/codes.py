"""Pictures of an autoencoder: its codes, and how much of each column comes back.

n rows, k numbers of a code, f number columns.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from train.report import draw, scales
from train.report.bins import bin_edges
from train.report.clusters import components
from train.report.data import Array, Codes, ReportData
from train.report.marks import Bars, Mark, Points, Words
from train.report.page import Key, bar, figure, group, heading, number, table
from train.report.reconstructions import reconstruction_pictures

MAX_LABELS = 10
MAX_BARS = 10
MAX_ROWS = 0.98  # whose errors are drawn at any rate
FAR = 1.5  # times the largest of these, up to which errors are drawn


def code_sections(data: ReportData) -> Iterator[str]:
    """Rows beside what comes back of them, codes on a plane, the worst columns, errors of rows."""
    if data.codes is None:
        return
    yield group("Rows, and what comes back", reconstruction_pictures(data.codes))
    pictures = [_code_picture(data.codes, data.split), *_columns(data.codes), _errors(data.codes)]
    yield group("Codes", pictures)


def _code_picture(codes: Codes, split: str) -> str:
    n, k = codes.code_nk.shape
    what = {1: "by their code", 2: "by the two numbers of their code"}.get(
        k, f"on the first two principal components of their codes of {k} numbers"
    )
    svg, keys = _scatter(codes)
    return figure("Codes", f"{n:,} {split} rows {what}", svg, keys=keys)


def _scatter(codes: Codes) -> tuple[str, list[Key]]:
    place_n2, axes = _places(codes)
    shown = draw.sample(len(place_n2))
    label_n = np.full(len(place_n2), -1) if codes.label_n is None else codes.label_n
    kind = "few" if len(shown) < 500 else "many"
    marks: list[Mark] = []
    keys = []
    middles = []
    names = []
    for label in np.unique(label_n[shown]):
        rows = shown[label_n[shown] == label]
        is_named = 0 <= label < MAX_LABELS
        colour = draw.category(label) if is_named else "grey"
        marks.append(Points(place_n2[rows, 0], place_n2[rows, 1], colour, kind))
        if is_named:
            keys.append(Key(str(codes.classes[label]), colour, "dot"))
            middles.append(np.median(place_n2[rows], 0))
            names.append(draw.label(str(codes.classes[label]), 12))
    if middles:
        # The name stands where its rows are, too: a legend would be looked up ten times.
        middle_l2 = np.array(middles)
        marks.append(Words(middle_l2[:, 0], middle_l2[:, 1], names))
    x = scales.linear(place_n2[:, 0])
    y = scales.linear(place_n2[:, 1])
    svg = draw.draw("Codes of rows", x, y, marks, xlabel=axes[0], ylabel=axes[1], height=320)
    return svg, keys


def _places(codes: Codes) -> tuple[Array, tuple[str, str]]:
    """Where rows stand on a plane [n, 2], and the names of its axes."""
    code_nk = np.asarray(codes.code_nk, np.float64)
    if code_nk.shape[1] > 2:
        return components(code_nk, code_nk[:1])[0], ("first component", "second component")
    if code_nk.shape[1] == 2:
        return code_nk, ("code_1", "code_2")
    return np.concatenate([code_nk, codes.error_n[:, None]], 1), ("code_1", "error")


def _columns(codes: Codes) -> Iterator[str]:
    """The columns that come back worst; nothing where no column's share is known."""
    known = np.flatnonzero(np.isfinite(codes.r2_f))
    if not len(known):
        return
    worst = known[np.argsort(codes.r2_f[known], kind="stable")][:MAX_BARS]
    rows = []
    for i in worst:
        share = float(codes.r2_f[i])
        name = heading(draw.label(codes.columns[int(i)], 28))
        rows.append([name, f"{share:.3f}", bar(min(max(share, 0.0), 1.0))])
    few = f"; the {MAX_BARS} worst of {len(known)} columns" if len(known) > MAX_BARS else ""
    note = f"r2, the share of the variance that comes back, the worst first{few}"
    yield figure("By column", note, table(rows, ["column", "r2", ""]))


def _errors(codes: Codes) -> str:
    error_n = np.asarray(codes.error_n, np.float64)
    error_n = error_n[np.isfinite(error_n)]
    note = "a row far to the right is unlike those of training"
    # A few rows that are far from all others would leave these a single bar.
    end = FAR * float(np.quantile(error_n, MAX_ROWS))
    beyond = int((error_n > end).sum())
    if beyond and error_n.max() > 2 * end:
        note += f"; {beyond:,} more up to {number(float(error_n.max()), 3)}"
        error_n = error_n[error_n <= end]
    edges = bin_edges(error_n, 40)
    counts, _ = np.histogram(error_n, edges)
    x = scales.linear(edges)
    y = scales.linear(counts, zero=True)
    xlabel = "error of a row, in scaled units"
    bars = [Bars(edges, counts)]
    svg = draw.draw("Errors of rows", x, y, bars, xlabel=xlabel, ylabel="rows")
    return figure("Errors", note, svg)

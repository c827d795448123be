"""Sections on the answers to a target: residuals of numbers; confusion and calibration of classes.

n rows, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from train.report import curves, plots
from train.report.data import Array, ReportData, ReportHead
from train.report.draw import MAX_POINTS, draw
from train.report.page import figure, number, panels, section

KINDS = ("regression", "binary", "multiclass")


def answer_sections(data: ReportData) -> Iterator[str]:
    """A section for each number or class that is drawn."""
    drawn = {target.name for target in data.drawn}
    for head in data.heads:
        if head.kind in KINDS and head.name in data.targets:
            for i, column in enumerate(head.columns):
                if column in drawn:
                    yield _section(data, head, i)


def _section(data: ReportData, head: ReportHead, i: int) -> str:
    """The section of a head's column `i`; a class has one column."""
    target_n = np.asarray(data.targets[head.name])
    answer = np.asarray(data.answers[head.name])
    if head.kind == "regression":
        target_n = target_n.reshape(len(target_n), -1)[:, i]
        answer = answer.reshape(len(answer), -1)[:, i]
    finite_n = np.isfinite(target_n) & np.isfinite(answer.reshape(len(answer), -1)).all(-1)
    title = f"{head.columns[i]}: answers to {finite_n.sum():,} {data.split} rows"
    missing_n = np.isnan(target_n)
    if missing_n.any():
        title += f"; {missing_n.sum():,} more have no known target"
    if not (finite_n | missing_n).all():
        title += f"; {(~finite_n & ~missing_n).sum():,} more are not finite"
    if head.classes and head.kind != "regression":
        unseen_n = target_n >= len(head.classes)
        finite_n &= ~unseen_n
        if unseen_n.any():
            title += f"; {unseen_n.sum():,} of them are of a class that no training row has"
    weight_n = None if data.weight_n is None else data.weight_n[finite_n]
    if not finite_n.any():
        return section(title, "<p>There is nothing to draw.</p>")
    if head.kind == "regression":
        return section(
            title, panels(_number_pictures(target_n[finite_n], answer[finite_n], weight_n))
        )
    return section(
        title, panels(_class_pictures(head, target_n[finite_n], answer[finite_n], weight_n))
    )


def _number_pictures(target_n: Array, answer_n: Array, weight_n: Array | None) -> Iterator[str]:
    n = len(target_n)
    histogram = partial(plots.residual_histogram, weight_n=weight_n)
    note = f"{MAX_POINTS:,} of {n:,} rows, at random" if n > MAX_POINTS else ""
    for title, plot, words in (
        ("Predicted against true", plots.predicted_against_true, note),
        ("Residuals", histogram, ""),
        ("Residuals against predicted", plots.residuals_against_predicted, note),
    ):
        paint = partial(plot, target_n=target_n, answer_n=answer_n)
        yield figure(title, words, draw(paint, title))


def _class_pictures(
    head: ReportHead, target_n: Array, probability: Array, weight_n: Array | None
) -> Iterator[str]:
    """`probability` of the second class [n], or of each class [n, k]."""
    target_n = target_n.astype(int)
    if head.kind == "binary":
        yield _confusion(head, target_n, (probability > 0.5).astype(int), weight_n)
        happened = target_n == 1
        counted = target_n if weight_n is None else target_n[weight_n > 0]
        if len(np.unique(counted)) == 2:
            yield _roc(head, happened, probability, weight_n)
        note = f"of P({head.classes[1]})"
    else:
        yield _confusion(head, target_n, probability.argmax(-1), weight_n)
        happened = np.eye(len(head.classes), dtype=bool)[target_n]
        note = "each class against the rest"
    weight_m = None if weight_n is None else weight_n.repeat(happened.size // len(happened))
    curve = curves.calibration(happened.ravel(), probability.ravel(), weight_m)
    paint = partial(plots.calibration_curve, curve=curve)
    yield figure("Calibration", note, draw(paint, "Calibration"))


def _confusion(head: ReportHead, target_n: Array, answer_n: Array, weight_n: Array | None) -> str:
    k = len(head.classes)
    counts_kk, names = curves.gather_rare(
        curves.confusion(target_n, answer_n, k, weight_n), list(head.classes)
    )
    note = "number of rows" if weight_n is None else "weight of rows"
    if len(names) < k:
        note += f"; the {len(names) - 1} largest of {k} classes"
    title = "Confusion"
    svg, is_wide = plots.confusion_matrix(counts_kk, names, title)
    return figure(title, note, svg, wide=is_wide)


def _roc(head: ReportHead, positive_n: Array, probability_n: Array, weight_n: Array | None) -> str:
    false_rate, true_rate, area = curves.roc_curve(positive_n, probability_n, weight_n)
    paint = partial(plots.roc, false_rate=false_rate, true_rate=true_rate)
    return figure("ROC", f"of {head.classes[1]}; area {number(area, 3)}", draw(paint, "ROC curve"))

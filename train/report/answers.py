"""Sections on the answers to a target: numbers against the truth, classes by their confusion.

n rows, k classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from train.report.class_answers import class_pictures
from train.report.data import Array, Interval, ReportData, ReportHead
from train.report.decisions import decision_pictures
from train.report.number_answers import number_pictures
from train.report.page import group, section
from train.report.series import forecast_pictures

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
    target_n = target_n[finite_n]
    answer = answer[finite_n]
    if head.kind == "regression":
        interval = _column_of(data.intervals.get(head.name), i, finite_n)
        name = head.columns[i]
        is_table = data.forecasts is None
        pictures = number_pictures(
            name, target_n, answer, weight_n, interval, over_predicted=is_table
        )
        if not is_table:
            pictures = itertools.chain(forecast_pictures(data, name), pictures)
    else:
        pictures = class_pictures(head, target_n.astype(int), answer, weight_n)
        pictures = itertools.chain(decision_pictures(data, head), pictures)
    return group(title, pictures)


def _column_of(interval: Interval | None, i: int, shown_n: Array) -> Interval | None:
    """The ends of one column's intervals [n], of these rows."""
    if interval is None:
        return None
    low_n = interval.low.reshape(len(shown_n), -1)[shown_n, i]
    high_n = interval.high.reshape(len(shown_n), -1)[shown_n, i]
    return Interval(low_n, high_n, interval.level)

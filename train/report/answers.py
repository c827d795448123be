"""The sections of a report on the answers of regression and classes, and on the importance of
columns.

n rows, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from train.report import curves, draw
from train.report import plots as figures
from train.report.page import figure, number, panels, section

Json = Mapping[str, Any]

MAX_BARS = 20


def answer_sections(
    head: Json, target: np.ndarray, answer: np.ndarray, columns: set[str], split: str
) -> list[str]:
    """The sections of one head: one for each of its columns that is to be drawn."""
    sections = []
    for i, column in enumerate(head["columns"]):
        if column not in columns:
            continue
        if head["kind"] == "regression":
            truth = target.reshape(len(target), -1)[:, i]
            said = answer.reshape(len(answer), -1)[:, i]
        else:
            truth = target
            said = answer
        finite_n = np.isfinite(truth) & np.isfinite(said.reshape(len(said), -1)).all(-1)
        draw = _numbers if head["kind"] == "regression" else _classes
        pictures = panels(draw(head, truth[finite_n], said[finite_n])) if finite_n.any() else ""
        title = f"{column}: answers to {finite_n.sum():,} {split} rows"
        if not finite_n.all():
            title += f"; {(~finite_n).sum():,} more are not finite"
        sections.append(section(title, pictures or "<p>There is nothing to draw.</p>"))
    return sections


def _numbers(head: Json, truth_n: np.ndarray, said_n: np.ndarray) -> Iterator[str]:
    n = len(truth_n)
    note = f"{figures.MAX_POINTS:,} of {n:,} rows, at random" if n > figures.MAX_POINTS else ""
    for title, paint, words in (
        ("Predicted against true", figures.predicted_against_true, note),
        ("Residuals", figures.residual_histogram, ""),
        ("Residuals against predicted", figures.residuals_against_predicted, note),
    ):
        yield figure(
            title, words, draw.draw(partial(paint, truth_n=truth_n, answer_n=said_n), title)
        )


def _classes(head: Json, truth_n: np.ndarray, probability: np.ndarray) -> Iterator[str]:
    classes = [str(name) for name in head["classes"]]
    truth_n = truth_n.astype(int)
    k = len(classes)
    binary = head["kind"] == "binary"
    said_n = (probability > 0.5).astype(int) if binary else probability.argmax(-1)
    counts, names = curves.gather_rare(curves.confusion(truth_n, said_n, k), classes)
    note = "number of rows" + (
        f"; the {len(names) - 1} largest of {k} classes" if len(names) < k else ""
    )
    title = "Confusion"
    svg, wide = figures.confusion_matrix(counts, names, title)
    yield figure(title, note, svg, wide=wide)
    if binary and len(np.unique(truth_n)) == 2:
        false_rate, true_rate, area = curves.roc_curve(truth_n == 1, probability)
        svg = draw.draw(
            partial(figures.roc, false_rate=false_rate, true_rate=true_rate), "ROC curve"
        )
        yield figure("ROC", f"of {classes[1]}; area {number(area, 3)}", svg)
    happened = truth_n == 1 if binary else np.eye(k, dtype=bool)[truth_n]
    curve = curves.calibration(happened.ravel(), probability.ravel())
    note = f"of P({classes[1]})" if binary else "each class against the rest"
    yield figure(
        "Calibration",
        note,
        draw.draw(partial(figures.calibration_curve, curve=curve), "Calibration"),
    )


def importance_section(
    importance: Mapping[str, Mapping[str, float]], targets: Sequence[tuple[str, str]]
) -> str:
    if not importance:
        return ""
    ranked = sorted(importance, key=lambda name: -importance[name]["mean"])[:MAX_BARS]
    unit = (
        "error"
        if len(targets) > 1
        else "rmse"
        if targets[0][1] == "regression"
        else "share of wrong answers"
    )
    note = "by how much the error grows when one column is shuffled" + (
        f"; the {MAX_BARS} largest of {len(importance)} columns"
        if len(importance) > MAX_BARS
        else ""
    )
    means, deviations = (
        np.array([importance[name][key] for name in ranked]) for key in ("mean", "sd")
    )
    svg = figures.importance_bars(
        ranked, means, deviations, f"rise in {unit}", "Permutation importance"
    )
    return panels([figure("Permutation importance", note, svg, wide=True)])

"""Plots of answers against the truth: numbers as points, classes as curves and a matrix.

n rows, k classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report.curves import wilson_interval
from train.report.data import Array
from train.report.draw import (
    BLUE,
    GREY,
    HEIGHT,
    INK,
    ON_BLUE,
    PALE,
    WIDTH,
    draw,
    label,
    sample,
    text_width,
)
from train.report.page import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNIT_LIMITS = (-0.02, 1.02)  # of an axis from 0 to 1


def predicted_against_true(axes: Axes, target_n: Array, answer_n: Array) -> None:
    """Predictions over targets, with the diagonal on which a perfect model lies."""
    low = min(target_n.min(), answer_n.min())
    high = max(target_n.max(), answer_n.max())
    axes.plot([low, high], [low, high], color=GREY, linewidth=1, zorder=3)
    _scatter(axes, target_n, answer_n)
    axes.set(xlabel="true", ylabel="predicted")


def residuals_against_predicted(axes: Axes, target_n: Array, answer_n: Array) -> None:
    """What is left, target less prediction, over the prediction."""
    axes.axhline(0, color=GREY, linewidth=1, zorder=3)
    _scatter(axes, answer_n, target_n - answer_n)
    axes.set(xlabel="predicted", ylabel="true \N{MINUS SIGN} predicted")


def residual_histogram(
    axes: Axes, target_n: Array, answer_n: Array, weight_n: Array | None = None
) -> None:
    """How often each residual occurs; bins by the square root of the number of rows, at most 40."""
    bins = int(np.clip(np.sqrt(len(target_n)), 5, 40))
    residual_n = target_n - answer_n
    axes.hist(residual_n, bins=bins, weights=weight_n, color=BLUE, alpha=0.75, rwidth=0.94)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.grid(False, axis="x")
    axes.locator_params(axis="x", nbins=6)
    axes.locator_params(axis="y", integer=weight_n is None)
    what = "rows" if weight_n is None else "weight of rows"
    axes.set(xlabel="true \N{MINUS SIGN} predicted", ylabel=what)


def roc(axes: Axes, false_rate: Array, true_rate: Array) -> None:
    """The ROC curve over the diagonal of a coin toss."""
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.plot(false_rate, true_rate, color=BLUE)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    axes.set(xlim=UNIT_LIMITS, ylim=UNIT_LIMITS)


def calibration_curve(axes: Axes, curve: tuple[Array, Array, Array]) -> None:
    """How often it happened over the predicted probability, with 95 % intervals.

    Truthful answers are on the diagonal.
    """
    mean, share, count = curve
    low, high = wilson_interval(share, count)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.vlines(mean, low, high, color=PALE, linewidth=1.2)
    axes.plot(mean, share, color=BLUE, marker="o", markersize=4, linewidth=1.2)
    axes.set(xlabel="predicted probability", ylabel="share that happened")
    axes.set(xlim=UNIT_LIMITS, ylim=UNIT_LIMITS)


def confusion_matrix(counts_kk: Array, classes: Sequence[str], title: str) -> tuple[str, bool]:
    """The `<svg>` of a confusion matrix, and whether it is wider than a panel."""
    k = len(classes)
    names = [label(name, 18) for name in classes]
    longest = max(map(text_width, names))
    cell = max(17.0, (WIDTH - 34 - longest) / k)
    is_upright = longest >= cell  # the names below the columns
    left = longest + 26
    width = cell * k + left + 8
    bottom = 24 + (longest if is_upright else 10)
    height = max(HEIGHT, 13 * k + bottom + 14)
    paint = partial(
        _counts,
        counts_kk=counts_kk,
        names=names,
        fontsize=min(10.0, 1.3 * cell / max(map(len, map(_shown, counts_kk.ravel().tolist())))),
        rotation=90 if is_upright else 0,
    )
    svg = draw(paint, title, width=width, height=height, left=left, bottom=bottom)
    return svg, width > WIDTH + 1


def _counts(
    axes: Axes, counts_kk: Array, names: Sequence[str], fontsize: float, rotation: int
) -> None:
    """Counts of true class by predicted class; the darker, the larger the share of the row."""
    k = len(names)
    share_kk = counts_kk / np.where(counts_kk.any(1), counts_kk.sum(1), 1)[:, None]
    axes.grid(False)
    mesh = axes.pcolormesh(np.zeros((k, k)), linewidth=0)
    mesh.set_array(None)
    mesh.set_facecolor([(BLUE, 0.06 + 0.94 * share) for share in share_kk.ravel()])
    for i, j in zip(*np.nonzero(counts_kk), strict=True):
        axes.text(
            j + 0.5,
            i + 0.5,
            _shown(counts_kk[i, j].item()),
            ha="center",
            va="center_baseline",
            fontsize=fontsize,
            color=ON_BLUE if share_kk[i, j] > 0.5 else INK,
        )
    axes.set_xticks(np.arange(k) + 0.5, names, rotation=rotation)
    axes.set_yticks(np.arange(k) + 0.5, names)
    axes.set(xlabel="predicted", ylabel="true", ylim=(k, 0))
    axes.spines[:].set_visible(False)


def _shown(count: float) -> str:
    """A number of rows, or their weight, which need not be whole."""
    return str(count) if isinstance(count, int) else number(count, 3)


def _scatter(axes: Axes, x_n: Array, y_n: Array) -> None:
    shown = sample(len(x_n))
    is_few = len(shown) < 500
    # Points are pixels, the rest is vectors: 5,000 circles would make a page that scrolls badly.
    axes.scatter(
        x_n[shown],
        y_n[shown],
        s=9 if is_few else 4,
        color=BLUE,
        alpha=0.7 if is_few else 0.3,
        linewidths=0,
        rasterized=True,
    )
    axes.locator_params(nbins=6)

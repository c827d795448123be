"""Figures of a report: inline SVG drawn by matplotlib, and the numbers behind them in numpy.

Blue is the model, grey is the truth or what chance would do. Colours leave as CSS variables of the
page, so that one drawing serves its light and its dark scheme. matplotlib is imported when the
first figure is drawn. Shapes: n rows, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from train.report.curves import wilson_interval
from train.report.draw import (
    BLUE,
    GREY,
    HEIGHT,
    INK,
    MUTED,
    ON_BLUE,
    PALE,
    WIDTH,
    draw,
    label,
    text_width,
)

Array = np.ndarray

MAX_POINTS = 5_000


def sample(n: int) -> Array:
    """Which of n points to draw: all, or `MAX_POINTS` of them, the same ones every time."""
    return (
        np.arange(n)
        if n <= MAX_POINTS
        else np.sort(np.random.default_rng(0).choice(n, MAX_POINTS, replace=False))
    )


def learning_curve(
    axes: Any, curves: Mapping[str, Sequence[Array]], best_epoch: float | None
) -> None:
    """A score by epoch: (epochs, values) of each split. The y axis is logarithmic where values span
    a factor of 30.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    finite = np.concatenate([values[np.isfinite(values)] for _, values in curves.values()])
    for split, (epochs, values) in curves.items():
        colour = PALE if split == "train" else BLUE
        axes.plot(
            epochs,
            values,
            color=colour,
            label=split,
            marker="o" if len(epochs) == 1 else None,
            markersize=4,
        )
    if finite.size and finite.min() > 0 and finite.max() > 30 * finite.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    if best_epoch is not None:
        axes.axvline(best_epoch, color=GREY, linewidth=0.8)
        place = np.interp(best_epoch, axes.get_xlim(), (0, 1))
        side = "left" if place < 0.15 else "right" if place > 0.85 else "center"
        axes.text(
            place,
            1.02,
            f"best: {best_epoch:g}",
            color=MUTED,
            fontsize=8.5,
            ha=side,
            transform=axes.transAxes,
        )
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set(xlabel="epoch")
    axes.legend(loc="best")


def _scatter(axes: Any, x_n: Array, y_n: Array) -> None:
    shown = sample(len(x_n))
    alpha, area = (0.7, 9) if len(shown) < 500 else (0.3, 4)
    # Points are pixels, the rest is vectors: 5,000 circles would make a page that scrolls badly.
    axes.scatter(
        x_n[shown], y_n[shown], s=area, color=BLUE, alpha=alpha, linewidths=0, rasterized=True
    )
    axes.locator_params(nbins=6)


def predicted_against_true(axes: Any, truth_n: Array, answer_n: Array) -> None:
    """Predictions over truth, with the diagonal on which a perfect model lies."""
    low = min(truth_n.min(), answer_n.min())
    high = max(truth_n.max(), answer_n.max())
    axes.plot([low, high], [low, high], color=GREY, linewidth=1, zorder=3)
    _scatter(axes, truth_n, answer_n)
    axes.set(xlabel="true", ylabel="predicted")


def residuals_against_predicted(axes: Any, truth_n: Array, answer_n: Array) -> None:
    """What is left, truth less prediction, over the prediction."""
    axes.axhline(0, color=GREY, linewidth=1, zorder=3)
    _scatter(axes, answer_n, truth_n - answer_n)
    axes.set(xlabel="predicted", ylabel="true \N{MINUS SIGN} predicted")


def residual_histogram(axes: Any, truth_n: Array, answer_n: Array) -> None:
    """How often each residual occurs; bins by the square root of the number of rows, at most 40."""
    axes.hist(
        truth_n - answer_n,
        bins=int(np.clip(np.sqrt(len(truth_n)), 5, 40)),
        color=BLUE,
        alpha=0.75,
        rwidth=0.94,
    )
    axes.axvline(0, color=GREY, linewidth=1)
    axes.grid(False, axis="x")
    axes.locator_params(axis="x", nbins=6)
    axes.locator_params(axis="y", integer=True)
    axes.set(xlabel="true \N{MINUS SIGN} predicted", ylabel="rows")


def roc(axes: Any, false_rate: Array, true_rate: Array) -> None:
    """The ROC curve over the diagonal of a coin toss."""
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.plot(false_rate, true_rate, color=BLUE)
    axes.set(
        xlabel="false positive rate",
        ylabel="true positive rate",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )


def calibration_curve(axes: Any, curve: tuple[Array, Array, Array]) -> None:
    """How often it happened over how likely it was said to be, with 95 % intervals; truthful
    answers are diagonal.
    """
    mean, share, count = curve
    low, high = wilson_interval(share, count)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.vlines(mean, low, high, color=PALE, linewidth=1.2)
    axes.plot(mean, share, color=BLUE, marker="o", markersize=4, linewidth=1.2)
    axes.set(
        xlabel="predicted probability",
        ylabel="share that happened",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )


def confusion_matrix(counts_kk: Array, classes: Sequence[str], title: str) -> tuple[str, bool]:
    """Counts of true class by predicted class; the darker, the larger the share of the row.

    The `<svg>`, and whether it is wider than a panel.
    """
    k = len(classes)
    names = [label(name, 18) for name in classes]
    longest = max(text_width(name) for name in names)
    cell = max(17.0, (WIDTH - 34 - longest) / k)
    left = longest + 26
    width = cell * k + left + 8
    bottom = 24 + (10 if longest < cell else longest)
    size = min(10.0, 1.3 * cell / len(str(counts_kk.max())))
    share_kk = counts_kk / np.maximum(counts_kk.sum(1, keepdims=True), 1)

    def paint(axes: Any) -> None:
        from matplotlib.colors import to_rgba_array

        axes.grid(False)
        mesh = axes.pcolormesh(np.zeros((k, k)), linewidth=0)
        mesh.set_array(None)
        mesh.set_facecolor(to_rgba_array([BLUE] * k * k, 0.06 + 0.94 * share_kk.ravel()))
        for i, j in zip(*np.nonzero(counts_kk), strict=True):
            axes.text(
                j + 0.5,
                i + 0.5,
                str(counts_kk[i, j]),
                ha="center",
                va="center_baseline",
                fontsize=size,
                color=ON_BLUE if share_kk[i, j] > 0.5 else INK,
            )
        axes.set_xticks(np.arange(k) + 0.5, names, rotation=0 if longest < cell else 90)
        axes.set_yticks(np.arange(k) + 0.5, names)
        axes.set(xlabel="predicted", ylabel="true", ylim=(k, 0))
        axes.spines[:].set_visible(False)

    height = max(HEIGHT, 13 * k + bottom + 14)
    return draw(
        paint, title, width=width, height=height, left=left, bottom=bottom
    ), width > WIDTH + 1


def importance_bars(names: Sequence[str], means: Array, stds: Array, unit: str, title: str) -> str:
    """Bars with one standard deviation either side, the first at the top. `<svg>`, as `draw`."""
    names = [label(name, 28) for name in names]

    def paint(axes: Any) -> None:
        rows = np.arange(len(names))
        axes.barh(rows, means, height=0.62, color=BLUE, alpha=0.85)
        axes.errorbar(means, rows, xerr=stds, fmt="none", ecolor=INK, elinewidth=0.8)
        axes.set_yticks(rows, names)
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel=unit)
        axes.locator_params(axis="x", nbins=6)
        axes.grid(False, axis="y")

    height = 16 * len(names) + 48
    return draw(
        paint, title, width=1.35 * WIDTH, height=height, left=max(map(text_width, names)) + 8
    )

"""How a net learned: its loss and first metrics by epoch, and the gradients of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.data import Array, ReportData, Target
from train.report.page import figure, panels, section
from train.report.population import best_member
from train.report.result import Evaluation
from train.report.scores import HEADLINE
from train.report.weights import gradient_pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Mapping[str, tuple[Array, Array]]  # epochs and values of each split


def learning_sections(data: ReportData) -> Iterator[str]:
    """The learning of a single net, or of the best member of a population."""
    number = best_member(data.result)
    history = [evaluation for evaluation in data.history if evaluation.member == number]
    pictures = [
        *_learning_pictures(history, data.drawn, data.result["best_step"]),
        *gradient_pictures(history),
    ]
    yield section("Learning", panels(pictures))


def _learning_pictures(
    history: Sequence[Evaluation], targets: Sequence[Target], best_step: int
) -> Iterator[str]:
    """The loss by epoch, and each target's first metric, with the epoch of the best weights."""
    best_epoch = next((line.epoch for line in history if line.step == best_step), None)
    logged = {name for line in history for name in line.scores}
    names = ["loss"]
    for target in targets:
        long = f"{target.name}.{HEADLINE[target.kind]}"
        names.append(long if long in logged else HEADLINE[target.kind])
    for name in names:
        curves = _curves(history, name)
        if curves:
            title = "Loss" if name == "loss" else name
            paint = partial(learning_curve, curves=curves, best_epoch=best_epoch)
            yield figure(title, "by epoch", draw.draw(paint, f"{title} by epoch"))


def _curves(history: Sequence[Evaluation], name: str) -> Curves:
    """The curve of a score on the training and the validation rows, where there is one."""
    curves = {}
    for split in ("train", "valid"):
        lines = [line for line in history if line.split == split and name in line.scores]
        values = np.array([line.scores[name] for line in lines], np.float64)  # None is nan
        epochs = np.array([line.epoch for line in lines], np.float64)
        if not np.isnan(values).all():
            curves[split] = epochs, values
    return curves


def learning_curve(axes: Axes, curves: Curves, best_epoch: float | None) -> None:
    """A score by epoch; its axis is logarithmic where values span a factor of 30."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    finite = np.concatenate([values[np.isfinite(values)] for _, values in curves.values()])
    for split, (epochs, values) in curves.items():
        colour = draw.PALE if split == "train" else draw.BLUE
        marker = "o" if len(epochs) == 1 else None
        axes.plot(epochs, values, color=colour, label=split, marker=marker, markersize=4)
    if finite.size and finite.min() > 0 and finite.max() > 30 * finite.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    if best_epoch is not None:
        _mark_best(axes, best_epoch)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set(xlabel="epoch")
    axes.legend(loc="best")


def _mark_best(axes: Axes, epoch: float) -> None:
    """A line at the epoch of the best weights, and its number above, within the axes."""
    axes.axvline(epoch, color=draw.GREY, linewidth=0.8)
    place = float(np.interp(epoch, axes.get_xlim(), (0, 1)))
    side = "center"
    if place < 0.15:
        side = "left"
    elif place > 0.85:
        side = "right"
    axes.text(
        place,
        1.02,
        f"best: {epoch:g}",
        color=draw.MUTED,
        fontsize=8.5,
        ha=side,
        transform=axes.transAxes,
    )

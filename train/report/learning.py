"""How a net learned: its loss and first metrics by epoch, and the gradients of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report import draw
from train.report.data import Array, ReportData, Target
from train.report.monitor import mark_in_words
from train.report.page import figure, panels, section
from train.report.population import best_member
from train.report.result import Evaluation, Result, has_members
from train.report.scores import headline_metric
from train.report.weights import gradient_pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Mapping[str, tuple[Array, Array]]  # epochs and values of each split


def learning_sections(data: ReportData) -> Iterator[str]:
    """The learning of a single net, or of the best member of a population."""
    number = best_member(data.result)
    history = [evaluation for evaluation in data.history if evaluation.member == number]
    pictures = [
        *_learning_pictures(history, data.drawn, data.result, number),
        *gradient_pictures(history),
    ]
    yield section("Learning", panels(pictures))


def _learning_pictures(
    history: Sequence[Evaluation], targets: Sequence[Target], result: Result, number: int
) -> Iterator[str]:
    """The loss by epoch, and each target's first metric, with the epoch of the kept weights."""
    step = _weights_step(result, number)
    epoch = next((line.epoch for line in history if line.step == step), None)
    words = mark_in_words(result.get("monitor"))
    mark = None if epoch is None else (epoch, f"{words}: {epoch:g}")
    logged = {name for line in history for name in line.scores}
    names = ["loss"]
    for target in targets:
        metric = headline_metric(result, target)
        long = f"{target.name}.{metric}"
        names.append(long if long in logged else metric)
    for name in names:
        curves = _curves(history, name)
        if curves:
            title = "Loss" if name == "loss" else name
            higher = name.rpartition(".")[2] in HIGHER_IS_BETTER
            paint = partial(learning_curve, curves=curves, mark=mark, higher=higher)
            yield figure(title, "by epoch", draw.draw(paint, f"{title} by epoch"))


def _weights_step(result: Result, number: int) -> int:
    """Of which step the weights of a net are that were kept."""
    if has_members(result):
        for net in result["per_member"]:
            if net["member"] == number and "weights_step" in net:
                return net["weights_step"]
    return result.get("weights_step", result["best_step"])


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


def learning_curve(
    axes: Axes, curves: Curves, mark: tuple[float, str] | None, *, higher: bool = False
) -> None:
    """A score by epoch; its axis is logarithmic where values span a factor of 30.

    A dot stands at the best value of the validation rows, or without any of the training rows; a
    line, `mark`, at the epoch of the weights that were kept.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator

    finite = np.concatenate([values[np.isfinite(values)] for _, values in curves.values()])
    for split, (epochs, values) in curves.items():
        colour = draw.PALE if split == "train" else draw.BLUE
        marker = "o" if len(epochs) == 1 else None
        axes.plot(epochs, values, color=colour, label=split, marker=marker, markersize=4)
    if curves:
        _mark_extreme(axes, *curves.get("valid", next(iter(curves.values()))), higher=higher)
    if finite.size and finite.min() > 0 and finite.max() > 30 * finite.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        draw.label_with_numbers(axes.yaxis)
    if mark is not None:
        _mark_kept(axes, *mark)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set(xlabel="epoch")
    axes.legend(loc="best")


def _mark_extreme(axes: Axes, epochs: Array, values: Array, *, higher: bool) -> None:
    """A dot at the lowest value of a curve, or the highest; of equal ones the latest."""
    signed = np.where(np.isfinite(values), -values if higher else values, np.inf)
    place = len(signed) - 1 - int(np.argmin(signed[::-1]))
    if np.isfinite(signed[place]):
        words = f"{'highest' if higher else 'lowest'}: {epochs[place]:g}"
        axes.plot(epochs[place], values[place], "o", color=draw.BLUE, markersize=5, label=words)


def _mark_kept(axes: Axes, epoch: float, words: str) -> None:
    """A line at the epoch of the kept weights, and words above, within the axes."""
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
        words,
        color=draw.MUTED,
        fontsize=8.5,
        ha=side,
        transform=axes.transAxes,
    )

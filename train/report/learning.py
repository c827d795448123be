"""How a net learned: its loss and first metrics by epoch, beside what columns are worth.

Where series have names, how their scores spread stands there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report import draw, scales
from train.report.data import Array, ReportData, Target
from train.report.groups import group_pictures
from train.report.importance import importance_pictures
from train.report.marks import Line, Mark, Points, Rule
from train.report.monitor import mark_in_words
from train.report.page import Key, figure, group
from train.report.population import best_member
from train.report.result import Evaluation, Result, has_members
from train.report.scores import headline_metric

Curves = Mapping[str, tuple[Array, Array]]  # epochs and values of each split
NAMES = {"train": "training rows", "valid": "validation rows"}


def learning_sections(data: ReportData) -> Iterator[str]:
    """What columns are worth, and the learning of a single net, or of a population's best."""
    number = best_member(data.result)
    history = [evaluation for evaluation in data.history if evaluation.member == number]
    pictures = list(_learning_pictures(history, data.drawn, data.result, number))
    title = "Learning"
    if has_members(data.result):
        title = f"Learning of net {number}, the best"
    importance = list(importance_pictures(data))
    groups = list(group_pictures(data))
    for pictured, words in ((groups, "Groups"), (importance, "Importance of columns")):
        if pictured:
            title = f"{words}; {title[:1].lower()}{title[1:]}"
    yield group(title, [*importance, *pictures, *groups])


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
    for name in dict.fromkeys(names):
        curves = _curves(history, name)
        if curves:
            title = "Loss" if name == "loss" else name
            note = "by epoch"
            if name == "loss":
                note += f"; {_what_is_lost(result)}"
            yield learning_curve(title, note, curves, mark, higher=_is_higher_better(name))


def _is_higher_better(name: str) -> bool:
    return name.rpartition(".")[2] in HIGHER_IS_BETTER


def _what_is_lost(result: Result) -> str:
    """What the loss is of, and that of numbers it is in scaled units."""
    losses = []
    for head in result.get("task", {}).values():
        scaled = head["kind"] in ("regression", "next_numbers", "reconstruction")
        losses.append(f"{head['loss']}{' of scaled numbers' if scaled else ''}")
    return " and ".join(dict.fromkeys(losses)) or "what training lowers"


def _weights_step(result: Result, number: int) -> int:
    """The step that the kept weights of a net are of."""
    if has_members(result):
        for net in result["per_member"]:
            if net.get("member") == number and "weights_step" in net:
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
    title: str,
    note: str,
    curves: Curves,
    mark: tuple[float, str] | None,
    *,
    higher: bool = False,
) -> str:
    """A score by epoch, a figure; its axis is logarithmic where values span a factor of 30.

    A dot stands at the best value of the validation rows, or without any of the training rows; a
    line, `mark`, at the epoch of the weights that were kept.
    """
    marks: list[Mark] = []
    keys = []
    if mark is not None:
        marks.append(Rule(x=mark[0]))
    for split, (epochs, values) in curves.items():
        colour = "pale" if split == "train" else "blue"
        marks.append(Line(epochs, values, colour))
        keys.append(Key(NAMES[split], colour))
    judged = curves.get("valid", next(iter(curves.values())))
    extreme = _extreme(*judged, higher=higher)
    if extreme is not None:
        epoch, value = extreme
        marks.append(Points([epoch], [value], kind="big"))
        keys.append(Key(f"{'highest' if higher else 'lowest'}: {epoch:g}", "blue", "dot"))
    if mark is not None:
        keys.append(Key(mark[1], "grey"))
    x = scales.whole(*(epochs for epochs, _ in curves.values()))
    y = scales.fitting(*(values for _, values in curves.values()))
    svg = draw.draw(f"{title} {note}", x, y, marks, xlabel="epoch")
    return figure(title, note, svg, keys=keys)


def _extreme(epochs: Array, values: Array, *, higher: bool) -> tuple[float, float] | None:
    """Epoch and value of the lowest value of a curve, or the highest; of equal ones the latest."""
    signed = np.where(np.isfinite(values), -values if higher else values, np.inf)
    place = len(signed) - 1 - int(np.argmin(signed[::-1]))
    return (float(epochs[place]), float(values[place])) if np.isfinite(signed[place]) else None

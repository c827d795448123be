"""The members of a population: their spread, the settings compared, a score by what varies.

k members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from train.report import draw
from train.report.data import Array, ReportData
from train.report.monitor import measure_of
from train.report.page import escape, figure, number, panels, section, table
from train.report.result import MemberRecord, PopulationResult, Result, SettingRecord, has_members
from train.report.scores import first_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_SETTINGS = 20  # of which the table tells; the figures show all


def best_member(result: Result) -> int:
    """The number of the member with the lowest monitored value; 0 of a single net."""
    if not has_members(result):
        return 0
    finite = [member for member in result["per_member"] if np.isfinite(member["value"])]
    return min(finite, key=lambda member: member["value"])["member"] if finite else 0


def who_answers(result: PopulationResult) -> str:
    """Which of the nets of a population, or of one trained after them."""
    if "refit" in result:
        refit = result["refit"]
        again = f"trained again on {refit['rows']:,} rows for {refit['epochs']} epochs"
        return f"one of the best setting, {again}, answers"
    n_kept = len(result["kept"])
    return "the best one answers" if n_kept == 1 else f"the mean of {n_kept} answers"


def halving_in_words(result: PopulationResult) -> str:
    """After which epochs halving stopped how many settings; "" without it."""
    stops = []
    for rung in result.get("halving", ()):
        least, most = min(rung["epochs"]), max(rung["epochs"])
        after = f"epoch {least}" if least == most else f"epochs {least} to {most}"
        stops.append(f"{len(rung['stopped'])} of {rung['settings']} settings after {after}")
    return f"halving stopped {', '.join(stops)}" if stops else ""


def population_sections(data: ReportData) -> Iterator[str]:
    """The members and the settings; nothing of a single net."""
    result = data.result
    if not has_members(result):
        return
    about = f"{result['members']} nets; {who_answers(result)} from now on."
    about += f" Spread over the nets of the best setting, {data.split} rows:"
    parts = [
        f'<p class="muted">{escape(about)}</p>',
        _spread_table(result["spread"]),
        panels(_score_pictures(result["per_member"], first_metric(data))),
    ]
    yield section("Members", "\n".join(parts))
    halved = halving_in_words(result)
    said = f'<p class="muted">{halved}</p>' if halved else ""
    yield section("Settings", _setting_table(result["settings"], measure_of(result)) + said)


def _spread_table(spread: Mapping[str, Mapping[str, float]]) -> str:
    rows = []
    for name, values in spread.items():
        limits = f"{number(values['low'])} to {number(values['high'])}"
        cells = [number(values[key]) for key in ("mean", "deviation", "standard_error")]
        rows.append([escape(name), *cells, limits])
    head = ["", "mean", "deviation", "standard error", "95 % of the mean"]
    return table(rows, head) if rows else ""


def _setting_table(settings: Sequence[SettingRecord], measure: str) -> str:
    if len(settings) == 1:
        return ""
    fields = list(settings[0]["values"])
    rows = []
    for place, setting in enumerate(settings[:MAX_SETTINGS], 1):
        values = [escape(_text(setting["values"][field])) for field in fields]
        scores = [number(setting["value"]), number(setting["deviation"]), str(setting["epochs"])]
        rows.append([str(place), *values, *scores])
    note = f"The first {MAX_SETTINGS} of {len(settings)}. " if len(settings) > MAX_SETTINGS else ""
    note += f"Ranked by the {measure} of the weights that were kept, a mean over a setting's nets;"
    note += " the lowest is first."
    head = ["", *map(escape, fields), "value", "deviation", "epochs"]
    return table(rows, head) + f'<p class="muted">{note}</p>'


def _text(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _score_pictures(members: Sequence[MemberRecord], metric: str) -> Iterator[str]:
    """The score of each net by every field that varies and by fold; by seed where nothing does."""
    scored = [member for member in members if member["metrics"].get(metric) is not None]
    score_k = np.array([member["metrics"][metric] for member in scored], np.float64)
    for field, values in _varied(scored).items():
        paint = partial(scores_by, values=values, score_k=score_k)
        yield figure(metric, f"by {field}", draw.draw(paint, f"{metric} by {field}"))


def _varied(members: Sequence[MemberRecord]) -> dict[str, list[object]]:
    """By name what the members differ in, a value for each."""
    if not members:
        return {}
    varied: dict[str, list[object]] = {}
    for field in members[0].get("values", {}):
        varied[field] = [member.get("values", {})[field] for member in members]
    if "fold" in members[0]:
        varied["fold"] = [member.get("fold") for member in members]
    return varied or {"seed": [member["seed"] for member in members]}


def scores_by(axes: Axes, values: Sequence[object], score_k: Array) -> None:
    """A dot for each net, and a line through the means at each value where these are few."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        x_k = np.array(numbers, np.float64)
        n_values = len(set(numbers))
        if x_k.min() > 0 and x_k.max() >= 10 * x_k.min():
            axes.set_xscale("log")
            draw.label_with_numbers(axes.xaxis)
    else:
        names = sorted(set(map(str, values)))
        x_k = np.array([names.index(str(value)) for value in values], np.float64)
        n_values = len(names)
        axes.set_xticks(range(len(names)), [draw.label(name, 12) for name in names])
    axes.scatter(x_k, score_k, s=12, color=draw.PALE, linewidths=0)
    if n_values <= 12:
        at = np.unique(x_k)
        means = [score_k[x_k == x].mean() for x in at]
        axes.plot(at, means, color=draw.BLUE, marker="o", markersize=4)

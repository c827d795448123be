"""The part of a report that is about the members of a population: their spread, the settings
compared, a score by each field that varies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from train.report import draw
from train.report.page import escape, figure, number, panels, section, table

MAX_SETTINGS = 20  # of which the table tells; the figures show all
Json = Mapping[str, Any]


def best_member(result: Json) -> int:
    """The number of the member with the lowest monitored value; 0 of a single net."""
    if result.get("members", 1) == 1:
        return 0
    told = [member for member in result["per_member"] if np.isfinite(member["value"])]
    return min(told, key=lambda member: member["value"])["member"] if told else 0


def who_answers(result: Json) -> str:
    """Which of the nets of a population, or of one trained after them."""
    if "refit" in result:
        again = result["refit"]
        return f"one of the best setting, trained again on {again['rows']:,} rows for {again['epochs']} epochs, answers"
    n_kept = len(result["kept"])
    return "the best one answers" if n_kept == 1 else f"the mean of {n_kept} answers"


def population_sections(result: Json, metric: str, split: str) -> list[str]:
    """The sections of a report; none of a single net. `metric` is the score that is drawn, of the
    rows of `split`.
    """
    if result.get("members", 1) == 1:
        return []
    said = f"{result['members']} nets; {who_answers(result)} from now on."
    said += f" Spread over the nets of the best setting, {split} rows:"
    parts = [f'<p class="muted">{escape(said)}</p>', _spread(result["spread"])]
    drawn = panels(_figures(result["per_member"], metric))
    return [
        section("Members", "\n".join([*parts, drawn])),
        section("Settings", _settings(result["settings"])),
    ]


def _spread(spread: Json) -> str:
    head = ["", "mean", "deviation", "standard error", "95 % of the mean"]
    rows = [
        [escape(name), number(s["mean"]), number(s["deviation"]), number(s["standard_error"]),
         f"{number(s['low'])} to {number(s['high'])}"]
        for name, s in spread.items()
    ]  # fmt: skip
    return table(rows, head) if rows else ""


def _settings(settings: Sequence[Json]) -> str:
    if len(settings) == 1:
        return ""
    fields = list(settings[0]["values"])
    rows = [
        [
            str(place),
            *(escape(_text(setting["values"][field])) for field in fields),
            number(setting["value"]),
            number(setting["deviation"]),
            str(setting["epochs"]),
        ]
        for place, setting in enumerate(settings[:MAX_SETTINGS], 1)
    ]
    note = f"The first {MAX_SETTINGS} of {len(settings)}. " if len(settings) > MAX_SETTINGS else ""
    note += "Ranked by the monitored value on validation rows, a mean over the nets of a setting; the lowest is first."
    head = ["", *map(escape, fields), "value", "deviation", "epochs"]
    return table(rows, head) + f'<p class="muted">{note}</p>'


def _text(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _figures(members: Sequence[Json], metric: str) -> Iterator[str]:
    """The score of each net by every field that varies, and by fold or, where nothing else does, by
    seed.
    """
    told = [member for member in members if member["metrics"].get(metric) is not None]
    score_k = np.array([member["metrics"][metric] for member in told], np.float64)
    if not told:
        return
    columns = {
        field: [member["values"][field] for member in told] for field in told[0].get("values", {})
    }
    if "fold" in told[0]:
        columns["fold"] = [member["fold"] for member in told]
    if not columns:
        columns["seed"] = [member["seed"] for member in told]
    for field, values in columns.items():
        paint = partial(scores_by, values=values, score_k=score_k)
        yield figure(metric, f"by {field}", draw.draw(paint, f"{metric} by {field}"))


def scores_by(axes: Any, values: Sequence[Any], score_k: np.ndarray) -> None:
    """A dot for each net, and a line through the means at each value where these are few."""
    numeric = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
    names = sorted(set(values)) if numeric else sorted(set(map(str, values)))
    if numeric:
        x_k = np.array(values, np.float64)
        if x_k.min() > 0 and x_k.max() >= 10 * x_k.min():
            axes.set_xscale("log")
    else:
        x_k = np.array([names.index(str(value)) for value in values], np.float64)
        axes.set_xticks(range(len(names)), [draw.label(name, 12) for name in names])
    axes.scatter(x_k, score_k, s=12, color=draw.PALE, linewidths=0)
    if len(names) <= 12:
        at = np.unique(x_k)
        axes.plot(
            at, [score_k[x_k == x].mean() for x in at], color=draw.BLUE, marker="o", markersize=4
        )

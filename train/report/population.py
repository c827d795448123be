"""The members of a population: their spread, and the settings that were compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from train.report.data import ReportData
from train.report.member_pictures import score_pictures
from train.report.monitor import measure_of
from train.report.page import bar, figure, group, heading, number, table
from train.report.result import (
    PopulationResult,
    Result,
    Scores,
    SettingRecord,
    has_members,
    is_finite,
)
from train.report.scales import plain
from train.report.scores import first_metric

MAX_SETTINGS = 20  # of which the table tells; the figures show all


def best_member(result: Result) -> int:
    """The number of the member with the lowest monitored value; 0 of a single net."""
    if not has_members(result):
        return 0
    values = {}
    for member in result["per_member"]:
        if is_finite(member["value"]):
            values[member.get("member", 0)] = member["value"]
    return min(values, key=lambda number: values[number], default=0)


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
    metric = first_metric(data)
    pictures = list(score_pictures(result["per_member"], metric))
    if result["spread"]:
        pictures.insert(0, _spread_table(result["spread"], data.split))
    yield group(f"{result['members']} nets; {who_answers(result)} from now on", pictures)
    halved = halving_in_words(result)
    ranking = _setting_table(result["settings"], measure_of(result), halved)
    yield group("Settings", [ranking])


def _spread_table(spread: Mapping[str, Scores], split: str) -> str:
    rows = []
    for name, values in spread.items():
        ends = f"{number(values['low'])} to {number(values['high'])}"
        limits = f'<span class="wrap">{ends}</span>'
        cells = [number(values[key]) for key in ("mean", "deviation", "standard_error")]
        rows.append([heading(name), *cells, limits])
    head = ["", "mean", "deviation", "standard error", "95 % of the mean"]
    note = f"over the nets of the best setting, each alone, {split} rows"
    return figure("Scores", note, table(rows, head), kind="wide")


def _setting_table(settings: Sequence[SettingRecord], measure: str, halved: str) -> str:
    """The ranking; the bar is how much worse than the best a setting is, the worst one's is full.

    Of diverged settings there is none.
    """
    if len(settings) == 1:
        return ""
    fields = list(settings[0]["values"])
    finite = [setting["value"] for setting in settings if is_finite(setting["value"])]
    best = min(finite, default=0.0)
    span = (max(finite, default=0.0) - best) or 1.0
    rows = []
    for setting in settings[:MAX_SETTINGS]:
        values = [f"{field} {_text(setting['values'][field])}" for field in fields]
        scores = [number(setting["value"]), number(setting["deviation"]), str(setting["epochs"])]
        worse = (setting["value"] - best) / span if is_finite(setting["value"]) else 1.0
        rows.append([heading("; ".join(values)), *scores, bar(worse)])
    note = f"The first {MAX_SETTINGS} of {len(settings)}. " if len(settings) > MAX_SETTINGS else ""
    note += f"Ranked by the {measure} of the weights that were kept, a mean over a setting's nets;"
    note += " the lowest is first."
    note += f" {halved[:1].upper()}{halved[1:]}." if halved else ""
    head = ["setting", "value", "deviation", "epochs", "behind"]
    return figure("Ranking", note, table(rows, head), kind="wide")


def _text(value: object) -> str:
    return plain(float(f"{value:.4g}")) if isinstance(value, float) else str(value)

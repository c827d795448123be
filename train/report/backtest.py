"""backtest.html: how well forecasts were at rolling origins, beside baselines, on one page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from train.report.data import MAX_TARGETS, Arrays, Forecasts
from train.report.page import (
    escape,
    facts,
    figure,
    fold,
    group,
    heading,
    number,
    section,
    table,
    typed,
    write_document,
)
from train.report.result import is_finite
from train.report.scores import BASELINE_NAMES
from train.report.series import NAMES, NET, curves_figure, steps_in_words, window_figures

NO_ERRORS = ("coverage", "width")  # of which less is not better
MAX_IN_HEAD = 12  # metrics that stand below the headline
MAX_GROUPS = 10  # in the table of those that are forecast worst


@dataclass(frozen=True)
class BacktestPage:
    """What the page shows; scores are {the net or a baseline: {metric: ...}}.

    `metric` is the one that is drawn, `targets` are the columns that are forecast, `groups` the
    names that scores by group go by; `forecasts` some windows; `cutoffs` the latest stamp that is
    read at each origin, of a file with stamps.
    """

    title: str
    facts: Mapping[str, str]
    metric: str
    targets: Sequence[str]
    overall: Mapping[str, Mapping[str, float]]
    by_origin: Mapping[str, Arrays]
    by_step: Mapping[str, Arrays]
    by_group: Mapping[str, Arrays]
    groups: Sequence[str]
    forecasts: Forecasts
    notes: Sequence[str]
    cutoffs: Mapping[int, str] = field(default_factory=dict)


def write_backtest(path: Path, page: BacktestPage) -> None:
    """Writes the page, whole or not at all. Raises StorageError."""
    write_document(path, page.title, _sections(page))


def _sections(page: BacktestPage) -> Iterator[str]:
    shown = {}
    for name, value in page.facts.items():
        shown[name] = typed(value) if name == "command" else escape(value)
    headline = f'<p class="headline">{escape(verdict(page.metric, page.overall))}</p>'
    is_short = len(page.overall[NET]) <= MAX_IN_HEAD
    if is_short:
        headline += figure("Scores", "the best in bold", _score_table(page, is_upright=True))
    top = f'<div class="top"><div>{headline}</div>{facts(shown)}</div>'
    yield f"<header><h1>{escape(page.title)}</h1>{top}</header>"
    yield "" if is_short else section("Scores", _score_table(page, is_upright=False))
    yield group("By origin and step", _curves(page))
    for name in page.targets[:MAX_TARGETS]:
        yield group(f"Forecasts of {name}", window_figures(name, page.forecasts))
    yield group("By series", _of_groups(page))
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in page.notes)
    yield section("Notes on the data", f"<ul>{notes}</ul>" if notes else "")
    yield fold("All scores by origin", _origin_table(page))


def verdict(metric: str, overall: Mapping[str, Mapping[str, float]]) -> str:
    """A sentence on the net's score beside that of each baseline."""
    score = overall[NET].get(metric, math.nan)
    parts = []
    for name, scores in overall.items():
        if name != NET:
            words = BASELINE_NAMES.get(name, NAMES.get(name, name))
            parts.append(f"{number(scores.get(metric))} for {words}")
    against = f" against {', '.join(parts)}" if parts else ""
    return f"{metric.rpartition('.')[2].upper()} {number(score)}{against}."


def _score_table(page: BacktestPage, *, is_upright: bool) -> str:
    """A line for the net and each baseline, or one for each metric if it is upright."""
    metrics = list(page.overall[NET])
    rows: list[Sequence[str]] = [["", *map(heading, metrics)]]
    for name, scores in page.overall.items():
        cells = []
        for metric in metrics:
            text = number(scores[metric]) if metric in scores else ""
            is_best = metric in scores and scores[metric] == _best(metric, page.overall)
            cells.append(f"<b>{text}</b>" if is_best else text)
        rows.append([escape(NAMES.get(name, name)), *cells])
    if is_upright:
        rows = list(zip(*rows, strict=True))
    return table(rows[1:], rows[0], many=True)


def _best(metric: str, overall: Mapping[str, Mapping[str, float]]) -> float | None:
    """The lowest error; None of what is no error, and where there is none beside it."""
    known = []
    for scores in overall.values():
        value = scores.get(metric)
        if is_finite(value):
            known.append(value)
    short = metric.rpartition(".")[2]
    return None if len(known) < 2 or short in NO_ERRORS else min(known)


def _curves(page: BacktestPage) -> Iterator[str]:
    by_step = steps_in_words(page.forecasts)
    pairs = (("By origin", page.by_origin, "origin"), ("By step", page.by_step, by_step))
    for title, scores, xlabel in pairs:
        curves = {name: values[page.metric] for name, values in scores.items()}
        others = "steps" if title == "By origin" else "origins"
        if len(next(iter(curves.values()))) > 1:
            note = f"over all {others} and series"
            yield curves_figure(title, note, curves, xlabel=xlabel, ylabel=page.metric)
    short = page.metric.rpartition(".")[2]
    coverage = page.metric.removesuffix(short) + "coverage"
    values = page.by_origin[NET].get(coverage)
    if values is not None and len(values) > 1 and page.forecasts.level is not None:
        note = f"the share of values within the {page.forecasts.level:.0%} intervals"
        curves = {NET: values}
        yield curves_figure("Coverage", note, curves, xlabel="origin", ylabel=coverage)


def _of_groups(page: BacktestPage) -> Iterator[str]:
    """How the score spreads over the series, and those that are forecast worst."""
    if len(page.groups) < 2:
        return
    curves = {}
    for name, metrics in page.by_group.items():
        known = metrics[page.metric][np.isfinite(metrics[page.metric])]
        if len(known):
            curves[name] = np.quantile(known, np.arange(1, 101) / 100)
    if curves:
        note = "what so many percent of the series do not exceed, each line by itself"
        xlabel = "percent of series"
        yield curves_figure("By series", note, curves, xlabel=xlabel, ylabel=page.metric)
    score_g = page.by_group[NET][page.metric]
    order = [g for g in np.argsort(-np.nan_to_num(score_g, nan=-np.inf)) if np.isfinite(score_g[g])]
    rows = []
    for g in order[:MAX_GROUPS]:
        cells = [number(float(metrics[page.metric][g])) for metrics in page.by_group.values()]
        rows.append([escape(page.groups[g]), *cells])
    head = ["", *(escape(NAMES.get(name, name)) for name in page.by_group)]
    note = f"{page.metric}; all are in groups.csv"
    yield figure("Forecast worst", note, table(rows, head))


def _origin_table(page: BacktestPage) -> str:
    """The scores of the net at each origin."""
    metrics = page.by_origin[NET]
    n_origins = len(next(iter(metrics.values())))
    rows = []
    for origin in range(n_origins):
        cells = [number(float(values[origin])) for values in metrics.values()]
        name = str(origin + 1)
        if origin in page.cutoffs:
            name += f", to {page.cutoffs[origin]}"
        rows.append([escape(name), *cells])
    return table(rows, ["origin", *map(escape, metrics)], many=True)

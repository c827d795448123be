"""Tables of all metrics: the net beside every baseline on the shown split, then on the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.data import MAX_TARGETS, ReportData
from train.report.page import escape, figure, fold, heading, number, panels, section, table
from train.report.result import Result, Scores, is_finite
from train.report.scores import SPLIT_NAMES, baseline_in_words, baselines_of

COUNTS = ("clusters",)  # metrics that are whole numbers
MAX_METRICS = 4  # side by side in a table that fits a phone
MAX_ROWS = 8  # metrics below one another, in one table
MAX_LETTERS = 30  # of their names, or of their values where these are longer
IN_HEAD = 2  # tables that the head has room for: below the headline, and below the facts


def head_tables(data: ReportData) -> list[str]:
    """The tables of all metrics where they are few; none where they have a section."""
    figures = score_tables(data)
    has_room = len(figures) <= IN_HEAD and len(data.columns) <= MAX_TARGETS
    return figures if has_room else []


def score_sections(data: ReportData) -> Iterator[str]:
    """Tables of all metrics, of the net and of every baseline; a few are in the head."""
    figures = score_tables(data)
    if figures and not head_tables(data):
        yield section("Scores", panels(figures) + _all_targets(data), columns=len(figures))


def score_tables(data: ReportData) -> list[str]:
    """A figure for each target: metrics side by side where they fit, else below one another."""
    figures = []
    scores = data.result["metrics"][data.split]
    groups: dict[str, list[str]] = {}
    for metric in scores:
        groups.setdefault(metric.rpartition(".")[0], []).append(metric)
    kinds = {target.name: target.kind for target in data.drawn}
    for target, metrics in groups.items():
        if target and target not in kinds:
            continue
        kind = kinds[target or data.drawn[0].name]
        parts = list(_side_by_side(data.result, data.split, metrics))
        is_upright = len(parts) > 1
        if is_upright:
            parts = _halves(metrics) if len(groups) == 1 else [metrics]
        for i, few in enumerate(parts):
            title = target or "Scores"
            note = "continued" if i else f"on the {data.split} rows, the best in bold"
            rows = _contest(data.result, data.split, few, kind)
            if is_upright:
                rows = list(zip(*rows, strict=True))
            figures.append(figure(title, note, table(rows[1:], rows[0], many=is_upright)))
    return figures


def _halves(metrics: list[str]) -> list[list[str]]:
    """One part of what stands below one another, or two alike where that would be long."""
    if len(metrics) <= MAX_ROWS:
        return [metrics]
    middle = (len(metrics) + 1) // 2
    return [metrics[:middle], metrics[middle:]]


def _side_by_side(result: Result, split: str, metrics: Sequence[str]) -> Iterator[list[str]]:
    """The metrics in groups that fit side by side in a column of the page."""
    contest = [*result["metrics"].values(), *baselines_of(result, split).values()]
    few: list[str] = []
    width = 0
    for metric in metrics:
        texts = metric.rpartition(".")[2].split("_")
        texts += [_score_text(metric, scores[metric]) for scores in contest if metric in scores]
        longest = max(map(len, texts))
        if few and (len(few) == MAX_METRICS or width + longest > MAX_LETTERS):
            yield few
            few = []
            width = 0
        few.append(metric)
        width += longest
    yield few


def _contest(result: Result, split: str, metrics: Sequence[str], kind: str) -> list[Sequence[str]]:
    """The metrics' names, then the net and the baselines on the split, and the net on the others.

    A row each, whose first cell is its name; `kind` is the target's.
    """
    baselines = baselines_of(result, split)
    contest = {"this net": result["metrics"][split]}
    for name, scores in baselines.items():
        contest[baseline_in_words(name, kind)] = scores
    rows: list[Sequence[str]] = []
    for name, scores in contest.items():
        cells = []
        for metric in metrics:
            text = _score_text(metric, scores[metric]) if metric in scores else ""
            is_best = scores.get(metric) in _best(metric, contest.values())
            cells.append(f"<b>{text}</b>" if is_best else text)
        rows.append([escape(name), *cells])
    for other in ("valid", "train"):
        scores = result["metrics"].get(other)
        if scores and other != split:
            cells = [_score_text(name, scores[name]) if name in scores else "" for name in metrics]
            rows.append([f"this net, {SPLIT_NAMES[other].lower()}", *cells])
    names = [heading(metric.rpartition(".")[2]) for metric in metrics]
    return [["", *names], *rows]


def _all_targets(data: ReportData) -> str:
    """A table of all targets, folded away; "" where they are few."""
    if len(data.columns) <= MAX_TARGETS:
        return ""
    scores = data.result["metrics"][data.split]
    names: list[str] = []
    for metric in scores:
        target, _, name = metric.rpartition(".")
        if target and name not in names:
            names.append(name)
    rows = []
    for target in data.columns:
        cells = []
        for name in names:
            metric = f"{target.name}.{name}"
            cells.append(_score_text(metric, scores[metric]) if metric in scores else "")
        rows.append([escape(target.name), *cells])
    return fold(f"All {len(rows)} targets", table(rows, ["", *map(heading, names)]))


def _best(metric: str, contest: Iterable[Scores]) -> list[float]:
    """The finite scores that no other one beats; none where there is no other."""
    known = []
    for scores in contest:
        score = scores.get(metric)
        if is_finite(score):
            known.append(score)
    if len(known) < 2:
        return []
    higher = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    return [max(known) if higher else min(known)]


def _score_text(metric: str, value: float | None) -> str:
    """Four digits; of what is at most 1, four decimals: the r2 of a mean is 0, not -2.262e-04."""
    is_share = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    if is_share and is_finite(value):
        text = f"{value:.4f}"
        return text.removeprefix("-") if text == "-0.0000" else text
    if metric.rpartition(".")[2] in COUNTS and value is not None:
        return f"{value:,.0f}"
    return number(value)

"""Scores of a run: in a sentence for each target, in a table beside the baselines, of intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.data import MAX_TARGETS, ReportData, Target
from train.report.page import escape, figure, fold, heading, number, panels, section, table
from train.report.result import Result, Scores

COUNTS = ("clusters",)  # metrics that are whole numbers
MOST_LETTERS = 30
MOST_METRICS = 4  # side by side in a table that fits a phone
SPLIT_NAMES = {"test": "Test", "valid": "Validation", "train": "Training"}
# The metric that is told first, by the kind of head.
HEADLINE = {
    "regression": "rmse",
    "binary": "accuracy",
    "multiclass": "accuracy",
    "tags": "token_accuracy",
    "entities": "f1",
    "cluster": "quantisation_error",
    "reconstruction": "rmse",
    "reconstructed_categories": "accuracy",
    "step_numbers": "rmse",
    "next_numbers": "rmse",
    "next_binary": "nll",
}
BASELINE_NAMES = {
    "mean": "the mean",
    "majority": "the most frequent class",
    "linear": "a linear model",
    "trees": "gradient-boosted trees",
    "pca": "PCA",
    "one_unit": "a single unit",
    "last": "the last value",
    "seasonal": "the last season",
}


def headlines(data: ReportData) -> Iterator[str]:
    """A sentence on the score of each target that is drawn, one on the best baseline, warnings."""
    for target in data.drawn:
        yield _headline(data.result, data.split, target)
    for line in data.result.get("warnings", ()):
        yield f'<p class="warning">{escape(line[:1].upper() + line[1:])}.</p>'


def score_sections(data: ReportData) -> Iterator[str]:
    """Tables of all metrics, of the net and of every baseline; a single one is in the head."""
    figures = score_tables(data)
    if len(figures) > 1:
        yield section("Scores", panels(figures) + _all_targets(data), columns=len(figures))


def first_metric(data: ReportData) -> str:
    """The name of the first target's first metric among the scores of the shown split."""
    target = data.drawn[0]
    metric = headline_metric(data.result, target)
    long = f"{target.name}.{metric}"
    return long if long in data.result["metrics"][data.split] else metric


def headline_metric(result: Result, target: Target) -> str:
    """The metric of a target that is told first: the one that counts, or that of its kind."""
    for task in result.get("task", {}).values():
        if target.name in task["columns"]:
            return task.get("metric", HEADLINE[target.kind])
    return HEADLINE[target.kind]


def intervals_in_words(interval: Mapping[str, float]) -> str:
    """What result.json says of a run's intervals, on a line.

    Such as "90% hold 89.1% of the test rows, mean width 165".
    """
    parts = []
    for name, share in interval.items():
        if name.endswith("coverage"):
            target = name.rpartition("coverage")[0]  # with a dot, or ""
            what = f" for {target[:-1]}" if target else ""
            width = number(interval[f"{target}width"], 4)
            parts.append(f"{share:.1%} of the test rows{what}, mean width {width}")
    return f"{interval['level']:.0%} hold {'; '.join(parts)}"


def _headline(result: Result, split: str, target: Target) -> str:
    """The score in words beside every baseline's, and whether it beats the best of them."""
    metric = headline_metric(result, target)
    scores = result["metrics"][split]
    score = _score(scores, target.name, metric)
    of = "" if metric in scores else f" of {target.name}"
    what = f"{SPLIT_NAMES[split]} {metric}{of}"
    if score is None:
        return f'<p class="headline">{escape(what)} is not a finite number.</p>'
    rivals = _rivals(result, split, target.name, metric)
    ranked = sorted(rivals, key=lambda name: rivals[name], reverse=metric in HIGHER_IS_BETTER)
    digits = _digits({score, *rivals.values()})
    against = [f"{number(rivals[name], digits)} for {escape(name)}" for name in ranked]
    line = f"{escape(what)} <b>{number(score, digits)}</b>"
    line += f" against {' and '.join(against)}." if against else "."
    verdict = "No baseline was measured."
    if ranked:
        verdict = _verdict(metric, score, ranked[0], rivals[ranked[0]])
    return f'<p class="headline">{line}</p>\n<p class="muted">{escape(verdict)}</p>'


def _score(scores: Scores, target: str, metric: str) -> float | None:
    """A target's metric, which bears the target's name where there are several.

    None if it is absent or not finite.
    """
    value = scores.get(f"{target}.{metric}", scores.get(metric))
    return value if value is not None and math.isfinite(value) else None


def _rivals(result: Result, split: str, target: str, metric: str) -> dict[str, float]:
    """The finite scores of the baselines, by their names in words."""
    rivals = {}
    for name, scores in _baselines(result, split).items():
        score = _score(scores, target, metric)
        if score is not None:
            rivals[BASELINE_NAMES.get(name, name)] = score
    return rivals


def _baselines(result: Result, split: str) -> Mapping[str, Scores]:
    return result["baselines"].get(split, {})


def _digits(values: set[float]) -> int:
    """How many significant digits tell these values apart: from 3, at most 6."""
    for digits in (3, 4, 5):
        if len({number(value, digits) for value in values}) == len(values):
            return digits
    return 6


def _verdict(metric: str, score: float, name: str, rival: float) -> str:
    """One sentence on a score and the best baseline's.

    Shares differ by points, errors by a part of the rival's.
    """
    gap = abs(score - rival)
    if metric in HIGHER_IS_BETTER:
        by = f"{number(100 * gap, 2)} points"
    elif rival:
        by = f"{number(100 * gap / rival, 2)}%"
    else:
        by = number(gap, 2)
    if _is_better(metric, score, rival):
        return f"The net is {by} better than the best baseline, {name}."
    return f"The net does not beat {name}: it is " + (f"{by} worse." if gap else "the same.")


def _is_better(metric: str, score: float, other: float) -> bool:
    higher = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    return score > other if higher else score < other


def score_tables(data: ReportData) -> list[str]:
    """A figure for each target with its metrics, at most `MOST_METRICS` of them side by side."""
    figures = []
    scores = data.result["metrics"][data.split]
    groups: dict[str, list[str]] = {}
    for metric in scores:
        groups.setdefault(metric.rpartition(".")[0], []).append(metric)
    drawn = {target.name for target in data.drawn}
    for target, metrics in groups.items():
        if target and target not in drawn:
            continue
        for i, few in enumerate(_side_by_side(data.result, data.split, metrics)):
            title = target or "Scores"
            note = "continued" if i else f"on the {data.split} rows, the best in bold"
            figures.append(figure(title, note, _contest(data.result, data.split, few)))
    return figures


def _side_by_side(result: Result, split: str, metrics: Sequence[str]) -> Iterator[list[str]]:
    """As many metrics at a time as fit a column of the page."""
    contest = [*result["metrics"].values(), *_baselines(result, split).values()]
    few: list[str] = []
    width = 0
    for metric in metrics:
        texts = metric.rpartition(".")[2].split("_")
        texts += [_score_text(metric, scores[metric]) for scores in contest if metric in scores]
        longest = max(map(len, texts))
        if few and (len(few) == MOST_METRICS or width + longest > MOST_LETTERS):
            yield few
            few = []
            width = 0
        few.append(metric)
        width += longest
    yield few


def _contest(result: Result, split: str, metrics: Sequence[str]) -> str:
    """The net and the baselines on the shown split, then the net on the others; a line each."""
    baselines = _baselines(result, split)
    contest = {"this net": result["metrics"][split]}
    for name, scores in baselines.items():
        contest[BASELINE_NAMES.get(name, name)] = scores
    rows = []
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
            rows.append([f"{SPLIT_NAMES[other].lower()} rows", *cells])
    names = [heading(metric.rpartition(".")[2]) for metric in metrics]
    return table(rows, ["", *names])


def _all_targets(data: ReportData) -> str:
    """Of more targets than are drawn a line each, folded away."""
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
        if score is not None and math.isfinite(score):
            known.append(score)
    if len(known) < 2:
        return []
    higher = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    return [max(known) if higher else min(known)]


def _score_text(metric: str, value: float | None) -> str:
    """Four digits; of what is at most 1, four decimals: the r2 of a mean is 0, not -2.262e-04."""
    is_share = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    if is_share and value is not None and math.isfinite(value):
        text = f"{value:.4f}"
        return text.removeprefix("-") if text == "-0.0000" else text
    if metric.rpartition(".")[2] in COUNTS and value is not None:
        return f"{value:,.0f}"
    return number(value)

"""Scores of a run in words: a sentence for each target, its baselines beside it; intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.data import ReportData, Target
from train.report.page import escape, number
from train.report.result import Result, Scores, is_finite

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


def baseline_in_words(name: str, kind: str) -> str:
    """A baseline's name for a kind of target: tags are guessed by their word."""
    if name == "majority" and kind in ("tags", "entities"):
        return "each word's most frequent tag"
    return BASELINE_NAMES.get(name, name)


def headlines(data: ReportData) -> Iterator[str]:
    """A sentence on the score of each target that is drawn, one on the best baseline, warnings."""
    for target in data.drawn:
        yield _headline(data.result, data.split, target)
    for line in data.result.get("warnings", ()):
        yield f'<p class="warning">{escape(line[:1].upper() + line[1:])}.</p>'


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
    rivals = _rivals(result, split, target, metric)
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
    """A target's metric, under its own name where there are several; None unless it is finite."""
    value = scores.get(f"{target}.{metric}", scores.get(metric))
    return value if is_finite(value) else None


def _rivals(result: Result, split: str, target: Target, metric: str) -> dict[str, float]:
    """The finite scores of the baselines, by their names in words."""
    rivals = {}
    for name, scores in baselines_of(result, split).items():
        score = _score(scores, target.name, metric)
        if score is not None:
            rivals[baseline_in_words(name, target.kind)] = score
    return rivals


def baselines_of(result: Result, split: str) -> Mapping[str, Scores]:
    """The scores of each baseline on the rows of a split."""
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

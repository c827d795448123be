"""The sections of a report on scores: the headline, and the table beside the baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.page import escape, number, table

MAX_TARGETS = 4  # of which there are pictures and a headline; the table has all
# On the first of these that a run has.
JUDGED = {"test": "Test", "valid": "Validation", "train": "Training"}
HEADLINE = {
    "regression": "rmse",
    "binary": "accuracy",
    "multiclass": "accuracy",
    "tags": "token_accuracy",
    "entities": "f1",
    "cluster": "quantisation_error",
    "reconstruction": "rmse",
    "reconstructed_categories": "accuracy",
    "next_numbers": "rmse",
    "next_binary": "nll",
}


IN_WORDS = {
    "mean": "the mean",
    "majority": "the most frequent class",
    "linear": "a linear model",
    "pca": "PCA",
    "one_unit": "a single unit",
    "last": "the last value",
    "seasonal": "the last season",
}


Json = Mapping[str, Any]


def _score(scores: Json, target: str, metric: str) -> float | None:
    """A target's metric, which bears the target's name where there are several; None if absent or
    not finite.
    """
    value = scores.get(f"{target}.{metric}", scores.get(metric))
    return value if value is not None and math.isfinite(value) else None


def drawn_score(result: Json, target: tuple[str, str], split: str) -> tuple[str, str]:
    """The name of the first target's first metric, and the split that it is of."""
    column, kind = target
    long = f"{column}.{HEADLINE[kind]}"
    return long if long in result["metrics"][split] else HEADLINE[kind], split


def _better(metric: str, a: float, b: float) -> bool:
    return a > b if metric.rpartition(".")[2] in HIGHER_IS_BETTER else a < b


def headline(result: Json, split: str, target: str, kind: str) -> str:
    """The score in words beside every baseline's, and whether it beats the best of them."""
    metric = HEADLINE[kind]
    scores = result["metrics"][split]
    score = _score(scores, target, metric)
    rivals = {
        IN_WORDS.get(name, name): _score(of, target, metric)
        for name, of in _baselines(result, split).items()
    }
    known = {name: value for name, value in rivals.items() if value is not None}
    what = f"{JUDGED[split]} {metric}" + (f" of {target}" if metric not in scores else "")
    if score is None:
        return f'<p class="headline">{escape(what)} is not a finite number.</p>'
    ranked = sorted(known, key=lambda name: known[name], reverse=metric in HIGHER_IS_BETTER)
    values = {score, *known.values()}
    digits = next(
        (d for d in (3, 4, 5) if len({number(value, d) for value in values}) == len(values)), 6
    )
    against = " and ".join(f"{number(known[name], digits)} for {escape(name)}" for name in ranked)
    line = f"{escape(what)} <b>{number(score, digits)}</b>" + (
        f" against {against}." if against else "."
    )
    verdict = (
        _verdict(metric, score, ranked[0], known[ranked[0]])
        if ranked
        else "No baseline was measured."
    )
    return f'<p class="headline">{line}</p>\n<p class="muted">{escape(verdict)}</p>'


def _verdict(metric: str, score: float, name: str, rival: float) -> str:
    """One sentence on a score and the best baseline's. Shares differ by points, errors by a part of
    the rival's.
    """
    gap = abs(score - rival)
    by = f"{number(100 * gap, 2)} points" if metric in HIGHER_IS_BETTER else (
        f"{number(100 * gap / rival, 2)}%" if rival else number(gap, 2))  # fmt: skip
    if _better(metric, score, rival):
        return f"The net is {by} better than the best baseline, {name}."
    return f"The net does not beat {name}: it is " + (f"{by} worse." if gap else "the same.")


def _score_text(metric: str, value: float | None) -> str:
    """Four digits; of what is at most 1, four decimals: the r2 of a mean is 0, not -2.262e-04."""
    share = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    return f"{value:.4f}" if share and value is not None and math.isfinite(value) else number(value)


def _baselines(result: Json, split: str) -> Json:
    return result["baselines"].get(split, {})


def score_table(result: Json, split: str) -> str:
    """Metrics by split, then the baselines; the best on the judged split in bold."""
    metrics = result["metrics"]
    baselines = _baselines(result, split)
    splits = [name for name in ("train", "valid", "test") if metrics.get(name)]
    rows = []
    group = ""
    for metric in metrics[split]:
        contest = {split: metrics[split], **baselines}
        known = [
            v
            for v in (of.get(metric) for of in contest.values())
            if v is not None and math.isfinite(v)
        ]
        best = (
            [v for v in known if not any(_better(metric, other, v) for other in known)]
            if len(known) > 1
            else []
        )
        cells = []
        for name, of in ({name: metrics[name] for name in splits} | contest).items():
            text = _score_text(metric, of[metric]) if metric in of else ""
            cells.append(f"<b>{text}</b>" if name in contest and of.get(metric) in best else text)
        target, _, name = metric.rpartition(".")
        if target and target != group:
            rows.append([escape(target)])
        group = target
        rows.append([escape(name), *cells])
    note = (
        f"Baselines are scored on the {split} rows; the best score there is bold."
        if baselines
        else ""
    )
    return table(rows, ["", *splits, *(escape(IN_WORDS.get(name, name)) for name in baselines)]) + (
        f'<p class="muted">{note}</p>'
    )


def intervals_in_words(interval: Json) -> str:
    """What result.json says of a run's intervals, on a line: "90% hold 89.1% of the test rows, mean
    width 165".
    """
    shares = {
        name.rpartition("coverage")[0]: share
        for name, share in interval.items()
        if name.endswith("coverage")
    }
    parts = [
        f"{share:.1%} of the test rows{f' for {of[:-1]}' if of else ''}, mean width {number(interval[f'{of}width'], 4)}"
        for of, share in shares.items()
    ]
    return f"{interval['level']:.0%} hold {'; '.join(parts)}"

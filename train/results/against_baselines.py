"""Whether a net loses to other models, said in a line for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from train.config.data_options import Data, Table
from train.config.table_options import METRICS
from train.data.dataset import Head
from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.page import number
from train.report.result import Scores
from train.report.scores import HEADLINE, baseline_in_words

MAX_SHOWN = 3  # targets that the line names
MAX_DIGITS = 17  # of a float64
ALIKE = 1e-6  # of a metric: what float32 rounds, as where a net answers the mean


def metric_that_counts(data: Data) -> dict[str, str]:
    """{kind of head: the metric that the config says counts}, of the kinds that have it."""
    metric = data.metric if isinstance(data, Table) else None
    return {} if metric is None else {k: metric for k, names in METRICS.items() if metric in names}


def losing_lines(
    heads: Sequence[Head],
    net: Scores,
    others: Mapping[str, Scores],
    options: Sequence[str],
    own: Mapping[str, str] = MappingProxyType({}),
    where: str = "validation",
) -> list[str]:
    """A line for each other model that has the better first metric of a target.

    All have the metrics of the rows of `where`. `own` {kind of head: the metric that counts} is
    what the config says of it; `options` are the flags to try.
    """
    lines = []
    for name, scores in others.items():
        lost = list(_lost(heads, net, scores, {**HEADLINE, **own}))
        if not lost:
            continue
        more = f" and {len(lost) - MAX_SHOWN} more" if len(lost) > MAX_SHOWN else ""
        other = baseline_in_words(name, lost[0].kind)
        verb = "do" if name == "trees" else "does"
        what = f"{other} {verb} better on the {where} rows"
        line = f"{what}: {'; '.join(each.words for each in lost[:MAX_SHOWN])}{more}"
        # What an option does to a net is not to be expected to make up for trees.
        if options and name == "linear":
            line += f"; try {' '.join(options)}"
        lines.append(line)
    return lines


class Lost(NamedTuple):
    """A target of which another model has the better metric, by its kind, and both in words."""

    kind: str
    words: str


def _lost(
    heads: Sequence[Head], net: Scores, other_scores: Scores, metrics: Mapping[str, str]
) -> Iterator[Lost]:
    for head in heads:
        metric = metrics.get(head.kind, "")
        for column in head.columns:
            name = f"{column}.{metric}" if f"{column}.{metric}" in net else metric
            own = net.get(name)
            other = other_scores.get(name)
            if own is None or other is None:
                continue
            is_better = other > own if metric in HIGHER_IS_BETTER else other < own
            # No number, as of answers that overflow, is worse than any.
            is_better &= not math.isclose(own, other, rel_tol=ALIKE)
            if is_better or (math.isnan(own) and not math.isnan(other)):
                digits = _digits_apart(other, own)
                words = f"{name} {number(other, digits)}, this net {number(own, digits)}"
                yield Lost(head.kind, words)


def _digits_apart(one: float, other: float) -> int:
    """How many digits, 3 or more, show that two numbers differ."""
    digits = 3
    while digits < MAX_DIGITS and number(one, digits) == number(other, digits):
        digits += 1
    return digits

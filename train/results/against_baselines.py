"""Whether a net loses to other models on validation rows, said in a line for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from train.data.dataset import Head
from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.page import number
from train.report.result import Scores
from train.report.scores import BASELINE_NAMES, HEADLINE

DOES = {"linear": "does", "trees": "do"}
SHOWN = 3  # targets that the line names


def losing_lines(
    heads: Sequence[Head], net: Scores, others: Mapping[str, Scores], options: Sequence[str]
) -> list[str]:
    """A line for each other model that has the better first metric of a target.

    All have the metrics of the validation rows. `options` are the flags to try.
    """
    lines = []
    for name, scores in others.items():
        lost = list(_lost(heads, net, scores))
        if not lost:
            continue
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        what = f"{BASELINE_NAMES[name]} {DOES[name]} better on the validation rows"
        line = f"{what}: {'; '.join(lost[:SHOWN])}{more}"
        # What an option does to a net is not to be expected to make up for trees.
        if options and name == "linear":
            line += f"; try {' '.join(options)}"
        lines.append(line)
    return lines


def _lost(heads: Sequence[Head], net: Scores, other_scores: Scores) -> Iterator[str]:
    for head in heads:
        metric = HEADLINE.get(head.kind, "")
        for column in head.columns:
            name = f"{column}.{metric}" if f"{column}.{metric}" in net else metric
            own = net.get(name)
            other = other_scores.get(name)
            if own is None or other is None:
                continue
            is_better = other > own if metric in HIGHER_IS_BETTER else other < own
            # No number, as of answers that overflow, is worse than any.
            if is_better or (math.isnan(own) and not math.isnan(other)):
                yield f"{name} {number(other, 3)}, this net {number(own, 3)}"

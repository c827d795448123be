"""Whether a net loses to the linear model on validation rows, said in one line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from train.data.dataset import Head
from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report.page import number
from train.report.result import Scores
from train.report.scores import HEADLINE

SHOWN = 3  # targets that the line names


def losing_line(
    heads: Sequence[Head], net: Scores, linear: Scores, options: Sequence[str]
) -> str | None:
    """The line where the linear model has the better first metric of a target, else None.

    Both have the metrics of the validation rows. `options` are the flags to try.
    """
    lost = list(_lost(heads, net, linear))
    if not lost:
        return None
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    line = f"a linear model does better on the validation rows: {'; '.join(lost[:SHOWN])}{more}"
    return f"{line}; try {' '.join(options)}" if options else line


def _lost(heads: Sequence[Head], net: Scores, linear: Scores) -> Iterator[str]:
    for head in heads:
        metric = HEADLINE.get(head.kind, "")
        for column in head.columns:
            name = f"{column}.{metric}" if f"{column}.{metric}" in net else metric
            own = net.get(name)
            other = linear.get(name)
            if own is None or other is None:
                continue
            is_better = other > own if metric in HIGHER_IS_BETTER else other < own
            # No number, as of answers that overflow, is worse than any.
            if is_better or (math.isnan(own) and not math.isnan(other)):
                yield f"{name} {number(other, 3)}, this net {number(own, 3)}"

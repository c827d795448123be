"""Runs of the same data in order of a score, each beside the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from train.config.fields import did_you_mean
from train.errors import UserError
from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.results.comparison.finished import Finished, differing_options
from train.results.comparison.paired import Difference, difference


@dataclass(frozen=True)
class Row:
    """A run, what of its config others have otherwise, and how far it is from the first run."""

    run: Finished
    differs: dict[str, str]
    to_first: Difference | str | None
    """None of the first; in words where they cannot be paired."""


@dataclass(frozen=True)
class Ranking:
    """The runs of one data set, the best first by a metric of the split's rows."""

    data: str
    split: str
    metric: str
    rows: Sequence[Row]

    @property
    def metrics(self) -> list[str]:
        """The metrics that all have, the one they are sorted by first."""
        names = [name for name in self.rows[0].run.scores if name != self.metric]
        for row in self.rows:
            names = [name for name in names if name in row.run.scores]
        return [self.metric, *names]


def rank_runs(runs: Sequence[Finished], sort: str | None) -> list[Ranking]:
    """The runs of each data set, ranked by the metric `sort`, or by their first one.

    Raises UserError where no run has that metric.
    """
    groups: dict[tuple[str, str], list[Finished]] = {}
    for run in runs:
        groups.setdefault((run.data, run.split), []).append(run)
    if sort is not None:
        known = dict.fromkeys(name for run in runs for name in run.scores)
        if sort not in known:
            hint = did_you_mean(sort, list(known))
            raise UserError(f"--sort: no run has {sort!r}{hint}; there are {', '.join(known)}")
    return [_rank(data, split, group, sort) for (data, split), group in groups.items()]


def _rank(data: str, split: str, runs: Sequence[Finished], sort: str | None) -> Ranking:
    metric = (
        sort if any(sort in run.scores for run in runs) and sort else next(iter(runs[0].scores))
    )
    sign = -1 if metric.rpartition(".")[2] in HIGHER_IS_BETTER else 1

    def place(run: Finished) -> float:
        value = run.scores.get(metric)
        return math.inf if value is None else sign * value

    ordered = sorted(runs, key=place)
    differs = differing_options(ordered)
    rows = []
    for run, own in zip(ordered, differs, strict=True):
        to_first = None if run is ordered[0] else difference(run, ordered[0], metric)
        rows.append(Row(run, own, to_first))
    return Ranking(data, split, metric, rows)

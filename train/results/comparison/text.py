"""A comparison as a terminal shows it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from train.report.result import has_members
from train.results.comparison.paired import Difference
from train.results.comparison.ranked import Ranking, Row
from train.results.summary import aligned, short

SHOWN_METRICS = 4
SHOWN_OPTIONS = 4


def ranking_lines(ranking: Ranking) -> list[str]:
    """A table of the runs of one data set, and below it why rows are not paired."""
    metrics = ranking.metrics[:SHOWN_METRICS]
    head = ["run", "net, parameters", *metrics, "to the first", "seconds", "what differs"]
    names = short_names([row.run.folder.as_posix() for row in ranking.rows])
    cells = [head]
    for row, name in zip(ranking.rows, names, strict=True):
        scores = [score_in_words(row, ranking.metric)]
        scores += [short(row.run.scores.get(metric)) for metric in metrics[1:]]
        seconds = f"{row.run.result['seconds']['total']:.1f}"
        difference = difference_in_words(row.to_first)
        cells.append([name, row.run.net, *scores, difference, seconds, options_in_words(row)])
    runs = "1 run" if len(ranking.rows) == 1 else f"{len(ranking.rows)} runs"
    lines = [f"{ranking.data}: {runs}, {ranking.split} rows, by {ranking.metric}"]
    lines += aligned(cells, left=(0, 1, len(head) - 1))
    reasons = {}
    for row, name in zip(ranking.rows, names, strict=True):
        if isinstance(row.to_first, str):
            reasons.setdefault(row.to_first, []).append(name)
    for reason, unpaired in reasons.items():
        lines.append(f"  {', '.join(unpaired)} not paired with {names[0]}: {reason}")
    lines += apart_lines(ranking, names)
    return lines


def apart_lines(ranking: Ranking, names: Sequence[str]) -> list[str]:
    """A line on the runs that were tested on other rows than the first; [] without any."""
    apart: dict[str, int] = {}
    for row, name in zip(ranking.rows, names, strict=True):
        if isinstance(row.to_first, Difference) and row.to_first.n_apart:
            apart[name] = row.to_first.n_rows
    if not apart:
        return []
    counts = sorted(set(apart.values()))
    shared = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return [
        f"  other test rows than {names[0]}: {', '.join(apart)}; differences are on the {shared} "
        "rows that both answered, scores on each run's own"
    ]


def score_in_words(row: Row, metric: str) -> str:
    """A score, and of a population how its nets spread: "55.4 (each 55.8 +- 0.35)"."""
    result = row.run.result
    words = short(row.run.scores.get(metric))
    if has_members(result) and metric in result["spread"]:
        spread = result["spread"][metric]
        words += f" (each {short(spread['mean'])} +- {short(spread['standard_error'])})"
    return words


def difference_in_words(found: Difference | str | None) -> str:
    """ "+1.2 [+0.4, +2.0]", what may be chance where 0 is within; "-" of the first."""
    if found is None:
        return "-"
    if isinstance(found, str):
        return "not paired"
    words = f"{found.value:+.3g} [{found.low:+.3g}, {found.high:+.3g}]"
    return words if found.is_one else f"{words}, may be chance"


def options_in_words(row: Row, shown: int | None = SHOWN_OPTIONS) -> str:
    """The options that others have otherwise, the first few of them."""
    items = [f"{name}={value}" for name, value in row.differs.items()]
    n_left = len(items) - len(items[:shown])
    more = f", and {n_left} more" if n_left else ""
    return (", ".join(items[:shown]) or "nothing") + more


def short_names(paths: Sequence[str]) -> list[str]:
    """The paths without the folder that all of them stand in."""
    # Some may be named from the root on, others from where the command is.
    whole = [os.path.abspath(path) for path in paths]
    common = os.path.commonpath([os.path.dirname(path) for path in whole])
    return [os.path.relpath(path, common) for path in whole]

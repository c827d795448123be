"""The files that a backtest leaves in its folder, and the lines that a terminal shows of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from train.config.options import Config
from train.config.plan import Plan
from train.data.files.write import finite, write_table
from train.report.backtest import BacktestPage, write_backtest
from train.report.data import Forecast, Forecasts, Interval
from train.results.backtest.answers import Answered, joined_ends, level_of
from train.results.backtest.leaks import Leaks
from train.results.backtest.record import (
    NAME,
    BacktestRecord,
    backtest_record,
    forecasts_of_all,
    groups_table,
    shown_cutoffs,
)
from train.results.backtest.scores import NET, BacktestScores, score_backtest, uneven_lines
from train.results.report_data import command_line
from train.results.report_forecasts import drawn_windows, spread_places
from train.results.summary import aligned, short
from train.run.folder import write_json
from train.run.versions import versions

DRAWN = 3  # windows of each target
PREFERRED = ("mase", "mae")  # the score that is told first, if it is defined


def finish_backtest(
    config: Config,
    folder: Path,
    parts: Sequence[Answered],
    plan: Plan,
    leaks: Sequence[Leaks],
    began: float,
) -> tuple[BacktestRecord, list[str]]:
    """Writes all files; returns the content of backtest.json, and lines for the user."""
    scores = score_backtest(parts, plan.origins)
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    notes += uneven_lines(parts)
    found = _joined(leaks)
    record = backtest_record(parts, scores, plan, found, notes)
    write_table(forecasts_of_all(parts), folder / "forecasts.parquet")
    if scores.groups:
        write_table(groups_table(scores), folder / "groups.csv")
    metric = first_metric(scores)
    shown = [*notes, found.line] if found else notes
    write_backtest(folder / "backtest.html", _page(config, parts, plan, scores, metric, shown))
    record["seconds"] = time.monotonic() - began
    record["versions"] = versions()
    content = cast(BacktestRecord, finite(record))
    write_json(folder / NAME, content)
    lines = [*notes, *score_lines(scores)]
    if found is not None:
        lines.append(found.line)
    lines.append(f"report: {folder / 'backtest.html'}")
    return content, lines


def first_metric(scores: BacktestScores) -> str:
    """The name of the score that is told first: MASE where it is defined."""
    overall = scores.overall[NET]
    for wanted in PREFERRED:
        for name, value in overall.items():
            if name.rpartition(".")[2] == wanted and np.isfinite(value):
                return name
    return next(iter(overall))


def score_lines(scores: BacktestScores) -> list[str]:
    """A table: a line for the net and each baseline, a column for each metric."""
    names = list(scores.overall[NET])
    means = [name for name in names if "." not in name]
    names = means or names
    n_windows = int(scores.windows_k.sum())
    cells = [[f"{n_windows} windows of {len(scores.windows_k)} origins", *names]]
    for label, found in scores.overall.items():
        cells.append([label, *(short(found.get(name)) for name in names)])
    return aligned(cells)


def _joined(leaks: Sequence[Leaks]) -> Leaks | None:
    """What was found of all nets."""
    if not leaks:
        return None
    origins: list[int] = []
    for each in leaks:
        origins += each.origins
    n_origins = sum(each.n_origins for each in leaks)
    n_cells = sum(each.n_cells for each in leaks)
    return Leaks(tuple(origins), n_origins, n_cells, leaks[0].columns)


def _page(
    config: Config,
    parts: Sequence[Answered],
    plan: Plan,
    scores: BacktestScores,
    metric: str,
    notes: Sequence[str],
) -> BacktestPage:
    encoder = parts[0].dataset.encoder
    targets = [column.name for column in encoder.targets]
    cutoffs = shown_cutoffs(parts)
    ends = list(cutoffs.values())
    span = f", {ends[0]} to {ends[-1]}" if ends else ""
    refit = {"never": "one net, of the rows before the first", "warm": "trained on at each"}
    facts = {
        "file": config.data.path,
        "origins": f"{plan.origins}, {plan.step} steps apart{span}",
        "horizon": f"{encoder.horizon} steps, of {encoder.lookback} that are read",
        "nets": refit.get(plan.refit, "a new one at each"),
        "windows": f"{int(scores.windows_k.sum()):,} of {len(scores.groups) or 1:,} series",
        "judged": time.strftime("%Y-%m-%d %H:%M"),
    }
    coverage = scores.overall[NET].get("coverage")
    if (level := level_of(parts)) is not None and coverage is not None:
        facts["intervals"] = f"of {level:.0%}, which hold {coverage:.1%}"
    if command := command_line(sys.argv):
        facts["command"] = command
    return BacktestPage(
        title=f"{', '.join(targets[:3])}, forecast at {plan.origins} origins",
        facts={name: value for name, value in facts.items() if value},
        metric=metric,
        targets=targets,
        overall=scores.overall,
        by_origin=scores.by_origin,
        by_step=scores.by_step,
        by_group=scores.by_group,
        groups=scores.groups,
        forecasts=_forecasts(parts),
        notes=notes,
        cutoffs=cutoffs,
    )


def _forecasts(parts: Sequence[Answered]) -> Forecasts:
    """Some windows to draw, of some nets where there are several."""
    chosen = np.unique(np.linspace(0, len(parts) - 1, DRAWN).astype(int))
    windows: dict[str, list[Forecast]] = {}
    rival = "seasonal" if "seasonal" in parts[0].rivals else "last"
    for i, place in enumerate(chosen):
        part = parts[place]
        # A place further each time: those of an origin stand side by side, a series each.
        few = spread_places(len(part.windows), DRAWN)
        few = np.unique((few + np.arange(len(few))) % len(part.windows))
        few = few if len(chosen) == 1 else few[i % len(few)][None]
        drawn = drawn_windows(
            part.dataset,
            part.windows,
            part.predicted.target,
            part.predicted.predictions,
            rival,
            _interval(part),
            few,
        )
        for name, found in drawn.items():
            windows.setdefault(name, []).extend(found)
    time_column = parts[0].dataset.encoder.time
    step = None if time_column is None else time_column.step
    return Forecasts(
        windows=windows,
        error_by_step={},
        step="" if step is None else str(step),
        rival=rival,
        level=level_of(parts),
        axis="steps ahead" if time_column is None else time_column.name,
    )


def _interval(part: Answered) -> Interval | None:
    """The ends of the intervals of each window and step, a line each."""
    ends = joined_ends(part)
    if ends is None or part.level is None:
        return None
    low, high = (end.reshape(-1, end.shape[-1]) for end in ends)
    return Interval(low, high, part.level)

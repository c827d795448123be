"""What a terminal shows at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from train.report.monitor import measure_of, weights_in_words
from train.report.population import halving_in_words, who_answers
from train.report.result import PopulationResult, Result, Scores, has_members, is_finite
from train.report.scores import intervals_in_words

GROUP_METRICS = 4  # of groups that a terminal shows
MAX_COLUMNS = 8  # of scores in a terminal; of more, those of labels are averaged
WIDTH = 100  # of a terminal's table of scores; a wider one has a line for each score
REPEATED = ("last", "seasonal")  # of the last split alone; of others warnings tell
MAX_SETTINGS = 5  # settings of a population that a terminal shows


def summary(result: Result, folder: Path) -> str:
    """Scores of each split, the baselines beside the last of them, the population, the report."""
    lines = _score_lines(result)
    if has_members(result):
        lines += _population_lines(result)
    if result["interval"]:
        lines.append(f"intervals: {intervals_in_words(result['interval'])}")
    lines += _group_lines(result)
    lines += result.get("warnings", ())
    seconds = result["seconds"]
    epochs = "1 epoch" if result["epochs"] == 1 else f"{result['epochs']} epochs"
    lines.append(
        f"{result['n_parameters']:,} parameters, {epochs}; "
        f"{weights_in_words(result)}; "
        f"{seconds['total']:.1f} s "
        f"(compile {seconds['compile']:.1f}, train {seconds['train']:.1f}{_per_epoch(result)})"
    )
    is_drawn = result.get("report", True)
    lines.append(f"report: {folder / 'report.html'}" if is_drawn else f"folder: {folder}")
    return "\n".join(lines)


def _per_epoch(result: Result) -> str:
    """The seconds that an epoch takes once all is compiled, in words; "" if none was trained."""
    rate = result["examples_per_second"]
    n_rows = result["rows"].get("train")
    if not rate or not n_rows:
        return ""
    return f": {n_rows * result['members'] / rate:.2g} an epoch"


def _score_lines(result: Result) -> list[str]:
    """A table: a line for each split and each baseline, a column for each metric."""
    scores_of: dict[str, Scores] = {}
    for split, scores in result["metrics"].items():
        n_rows = f"{result['rows'][split]}"
        n_scored = result.get("sampled", {}).get(split)
        if n_scored is not None:
            n_rows = f"{n_scored} of {n_rows}"
        scores_of[f"{split} ({n_rows} rows)"] = scores
    last_split = [*result["metrics"]][-1]
    for split, baselines in result["baselines"].items():
        for name, scores in baselines.items():
            if split != last_split and name in REPEATED:
                continue
            n_seen = result.get("baselines_fitted_on", {}).get(name)
            fitted_on = "" if n_seen is None else f" (fitted on {n_seen} rows)"
            scores_of[f"  {name}, {split}{fitted_on}"] = scores
    names = list(next(iter(scores_of.values())))
    means = [name for name in names if "." not in name]
    # Means over many targets, whose own metrics fill no terminal.
    names = means or names
    told: dict[str, str] = {}
    if len(names) > MAX_COLUMNS:
        scores_of, counts = _means_of_labels(scores_of)
        names = list(counts)
        for name, count in counts.items():
            if count > 1:
                target = name.rpartition(".")[0]
                told[target] = f"{target} is the mean over {count} labels; result.json has each"
    cells = [["", *names]]
    for label, scores in scores_of.items():
        cells.append([label, *(short(scores.get(name)) for name in names)])
    lines = aligned(cells)
    if max(map(len, lines)) > WIDTH:
        lines = min(lines, _upright(cells), key=lambda lines: max(map(len, lines)))
    return [*lines, *told.values()]


def _upright(cells: Sequence[Sequence[str]]) -> list[str]:
    """A line for each score; what is scored stands above it, in two lines."""
    rows = []
    for label, *scores in cells:
        name, _, rest = label.strip().partition(" ")
        rows.append([name, rest, *scores])
    return aligned(list(zip(*rows, strict=True)))


def _means_of_labels(scores_of: Mapping[str, Scores]) -> tuple[dict[str, Scores], dict[str, int]]:
    """The scores, means over the labels of a set in place of theirs; of how many each is the mean.

    Those of "topics=a" and "topics=b" become those of "topics=*".
    """
    averaged: dict[str, list[str]] = {}
    for name in next(iter(scores_of.values())):
        target, _, metric = name.rpartition(".")
        set_name, sign, _ = target.partition("=")
        averaged.setdefault(f"{set_name}=*.{metric}" if sign else name, []).append(name)
    found: dict[str, Scores] = {}
    for line, scores in scores_of.items():
        means = {}
        for name, own in averaged.items():
            values = np.array([scores.get(each) for each in own], np.float64)
            known = values[np.isfinite(values)]
            means[name] = float(known.mean()) if len(known) else None
        found[line] = means
    return found, {name: len(own) for name, own in averaged.items()}


def aligned(cells: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """A line of text for each line of cells, those in the columns `left` to the left."""
    widths = []
    for column in zip(*cells, strict=True):
        widths.append(max(len(cell) for cell in column))
    lines = []
    for row in cells:
        line = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            line.append(cell.ljust(width) if place in left else cell.rjust(width))
        lines.append("  ".join(line).rstrip())
    return lines


def _group_lines(result: Result) -> list[str]:
    """How the scores spread over the groups of a series, a line for each split that has them."""
    lines = []
    for split, groups in result.get("groups", {}).items():
        parts = []
        for name, spread in groups["spread"].items():
            ends = f"{short(spread['q10'])} to {short(spread['q90'])}"
            parts.append(f"{name} {short(spread['median'])} ({ends})")
        shown = "; ".join(parts[:GROUP_METRICS])
        if shown:
            lines.append(
                f"{groups['count']} groups, {split}: median (middle 80%) {shown}; see groups.csv"
            )
    return lines


def _population_lines(result: PopulationResult) -> list[str]:
    """How many nets answer, how far those of the best setting are apart, and the best settings."""
    settings = result["settings"]
    first = f"{result['members']} nets; {who_answers(result)}"
    if result["spread"]:
        name, values = next(iter(result["spread"].items()))
        error = short(values["standard_error"])
        first += f"; each alone {name} {short(values['mean'])}, standard error {error}"
    lines = [first]
    if len(settings) < 2:
        return lines
    if len(settings) <= MAX_SETTINGS:
        lines.append(f"settings, best first by {measure_of(result)}:")
    else:
        lines.append(
            f"the best {MAX_SETTINGS} of {len(settings)} settings, by {measure_of(result)}:"
        )
    for setting in settings[:MAX_SETTINGS]:
        cells = ["", short(setting["value"])]
        for name, value in setting["values"].items():
            cells.append(f"{name}={short(value) if isinstance(value, float) else value}")
        lines.append("  ".join(cells))
    if halved := halving_in_words(result):
        lines.append(halved)
    return lines


def short(value: float | None) -> str:
    """A number for a terminal: four digits, or all before the point."""
    if not is_finite(value):
        return "-"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"

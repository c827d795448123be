"""What a terminal shows at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from train.report.population import who_answers
from train.report.scores import intervals_in_words

SHOWN = 5  # settings of a population that a terminal shows


def summary(result: Mapping[str, Any], folder: Path) -> str:
    """What a terminal shows at the end: scores of each split, the baselines on the last of them,
    the report's path.
    """
    rows = {
        f"{split} ({result['rows'][split]} rows)": scores
        for split, scores in result["metrics"].items()
    }
    for split, baselines in result["baselines"].items():
        rows |= {f"  {name}, {split}": scores for name, scores in baselines.items()}
    names = list(next(iter(rows.values())))
    # Means over many targets, whose own metrics fill no terminal.
    if any("." not in name for name in names):
        names = [name for name in names if "." not in name]
    cells = [
        ["", *names],
        *([label, *(_short(scores.get(n)) for n in names)] for label, scores in rows.items()),
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = []
    for first, *others in cells:
        lines.append(
            first.ljust(widths[0])
            + "".join(f"  {c:>{w}}" for c, w in zip(others, widths[1:], strict=True))
        )
    lines += _members(result)
    if result["interval"]:
        lines.append(f"intervals: {intervals_in_words(result['interval'])}")
    seconds = result["seconds"]
    lines.append(
        f"{result['n_parameters']:,} parameters, {result['epochs']} epochs; weights of step {result['best_step']} of "
        f"{result['steps']}; {seconds['total']:.1f} s (compile {seconds['compile']:.1f}, train {seconds['train']:.1f})"
    )
    return "\n".join([*lines, f"report: {folder / 'report.html'}"])


def _members(result: Mapping[str, Any]) -> list[str]:
    """Of a population: how many answer, how far the nets of the best setting are apart, and the
    best settings.
    """
    if result["members"] == 1:
        return []
    settings = result["settings"]
    lines = [f"{result['members']} nets; {who_answers(result)}"]
    for name, values in list(result["spread"].items())[:1]:
        error = _short(values["standard_error"])
        lines[0] += f"; each alone {name} {_short(values['mean'])}, standard error {error}"
    if len(settings) > 1:
        few = len(settings) <= SHOWN
        lines.append(
            "settings, best first:" if few else f"the best {SHOWN} of {len(settings)} settings:"
        )
        for setting in settings[:SHOWN]:
            values = [
                f"{k}={_short(v) if isinstance(v, float) else v}"
                for k, v in setting["values"].items()
            ]
            lines.append("  ".join(["", _short(setting["value"]), *values]))
    return lines


def _short(value: float | None) -> str:
    return (
        "-"
        if value is None or not np.isfinite(value)
        else f"{value:.4g}"
        if abs(value) < 1e4
        else f"{value:,.0f}"
    )

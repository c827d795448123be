"""The scores that configs state in their docstrings, measured again with three seeds each.

    python tests/config_scores.py                # all that need no file and no minutes
    python tests/config_scores.py digits course/neuron

Prints, for each config, the line that its docstring should hold, and what differs from the one it
has. A docstring says "Three seeds: test accuracy .974 +- .006, auc .998 +- .001.": means and
standard deviations over the seeds 0, 1 and 2, which train as one population. A figure is off when
it is further from the measured mean than its spread, stated or measured.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from train import config as configs
from train import loop

FOLDER = ROOT / "configs"
NAMES = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.py"))
LEFT_OUT = {
    "adding": "takes minutes; tests/whole_runs/test_configs.py holds its errors",
    "course/activations": "tries several settings, whose order test_course.py holds",
    "course/optimizers": "tries several settings, whose order test_course.py holds",
    "course/width": "tries several settings, whose order test_course.py holds",
    "course/memory": "takes minutes; tests/whole_runs/test_course.py holds its score",
    "mackey_glass": "takes minutes",
    "sequences": "its scores are of files that are not part of the repository",
    "sequences_best": "its scores are of files that are not part of the repository",
    "series": "names no score: its data are the user's",
    "series_best": "names no score: its data are the user's",
    "table": "its scores are of files that are not part of the repository",
    "table_best": "its scores are of files that are not part of the repository",
}
MEASURED = [name for name in NAMES if name not in LEFT_OUT]
# What a docstring names besides the config itself.
OVERRIDES = {
    "clusters": {
        "data.path": "builtin:iris",
        "data.label": "species",
        "data.scaling": "none",
        "net.units": "3",
    }
}
N_SEEDS = 3
# What stands beside the scores of a net, and is none of them.
NOTHING_BESIDE = {
    "train.linear_seconds": "0",
    "train.tree_seconds": "0",
    "train.importance_seconds": "0",
    "train.report": "false",
}
LINE = re.compile(r"Three seeds: (train|valid|test) (.+?)\.(?:\s|$)")
FIGURE = re.compile(r"([\w.]+) ([\d.,]+) \+- ([\d.]+)")


class Figure(NamedTuple):
    """A score's mean over the seeds, its standard deviation, and the last digit that is told."""

    mean: float
    deviation: float
    digit: float = 0.0


def docstring_of(name: str) -> str:
    """The docstring of a config file, in one line."""
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())) or ""
    return " ".join(text.split())


def stated_figures(docstring: str) -> tuple[str, dict[str, Figure]]:
    """The split that a docstring tells scores of, and these by metric; "" where there are none."""
    line = LINE.search(docstring)
    if line is None:
        return "", {}
    figures = {}
    for metric, mean, deviation in FIGURE.findall(line[2]):
        decimals = len(mean.partition(".")[2])
        figures[metric] = Figure(float(mean.replace(",", "")), float(deviation), 10.0**-decimals)
    return line[1], figures


def measure(name: str, changes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What result.json says of three seeds of a config, with some fields changed."""
    changes = OVERRIDES.get(name, {}) | {"population.seeds": str(N_SEEDS)} | dict(changes or {})
    with tempfile.TemporaryDirectory() as folder:
        return loop.fit(
            configs.load(FOLDER / f"{name}.py", changes), Path(folder) / "run", verbose=False
        )


def shown_split(result: Mapping[str, Any]) -> str:
    """The split that each net is scored on."""
    return next(split for split in ("test", "valid", "train") if split in result["metrics"])


def measured_figures(result: Mapping[str, Any]) -> dict[str, Figure]:
    """The scores of the nets, each alone, by metric."""
    return {
        metric: Figure(values["mean"], values["deviation"])
        for metric, values in result["spread"].items()
    }


def differences(stated: Mapping[str, Figure], measured: Mapping[str, Figure]) -> list[str]:
    """A line for each figure that is off by more than its spread, or is none of the scores."""
    lines = []
    for metric, told in stated.items():
        found = measured.get(metric)
        if found is None:
            lines.append(f"{metric}: not among the scores, which are {', '.join(measured)}")
            continue
        allowed = max(told.deviation, found.deviation) + told.digit / 2
        if abs(told.mean - found.mean) > allowed:
            lines.append(f"{metric}: {told.mean:g} is told, {_text(found)} is measured")
    return lines


def in_words(split: str, figures: Mapping[str, Figure]) -> str:
    """The line of a docstring."""
    told = [f"{metric} {_text(figure)}" for metric, figure in figures.items()]
    return f"Three seeds: {split} {', '.join(told)}."


def _text(figure: Figure) -> str:
    decimals = 1 if figure.mean >= 2 else 3
    mean, deviation = (f"{value:.{decimals}f}" for value in (figure.mean, figure.deviation))
    return f"{mean.removeprefix('0')} +- {deviation.removeprefix('0')}"


def main(names: list[str]) -> int:
    """Measures these configs, or all; 1 if a docstring is off."""
    wrong = 0
    for name in names or MEASURED:
        result = measure(name)
        split, stated = stated_figures(docstring_of(name))
        measured = measured_figures(result)
        chosen = {metric: measured[metric] for metric in stated if metric in measured}
        print(f"{name} ({result['seconds']['total']:.0f} s)")
        print(" ", in_words(shown_split(result), chosen or measured))
        for baseline, scores in result["baselines"][shown_split(result)].items():
            told = ", ".join(f"{metric} {value}" for metric, value in scores.items())
            print(f"  {baseline}: {told}")
        lines = differences(stated, measured)
        if split != shown_split(result):
            lines.append(f"the docstring tells of {split or 'no'} rows: {shown_split(result)}")
        for line in lines:
            print("  OFF:", line, flush=True)
        wrong += bool(lines)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

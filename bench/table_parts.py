"""What each part of the recipe for tables gives: `configs/table.py` with that part alone taken out.

    python bench/table_parts.py --data=FOLDER [--sets=churn,taxis] [--parts=average,embedding]
                                [--seeds=1] [--out=parts.jsonl]

FOLDER holds sets as `bench/tables.py` wants them. A part's ratio on a set is the test error without
it over the error with it, of the seeds' means: above 1 the part helps. A part was chosen in sight
of a set where that set decides: so the table names the sets without which the mean of the others'
ratios would fall on the other side of 1. A line for each run is added to --out, and runs that are
there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tables import TARGETS, ours

WHOLE = "whole"
PARTS: Mapping[str, Sequence[str]] = {
    "average of weights": ["--config.optim.ema=0"],
    "rising rate": ["--config.optim.warmup=0"],
    "falling rate": ["--config.optim.schedule=constant", "--config.optim.warmup=0"],
    "embedding of numbers": ["--config.net.embedding=none"],
    "scaling": ["--config.data.scaling=standard"],
    "dropout": ["--config.net.dropout=0", "--config.net.dropout_schedule=constant"],
    "weight decay": [
        "--config.optim.name=adam",
        "--config.optim.weight_decay=0",
        "--config.optim.weight_decay_schedule=constant",
    ],
    "slopes of activations": [
        "--config.net.activation_slope=false",
        '--config.optim.rates={"bias":0.1,"input_scale":6.0}',
    ],
    "factors of inputs": [
        "--config.net.input_scale=false",
        '--config.optim.rates={"bias":0.1,"slope":0.1}',
    ],
    "rates by parameter": ['--config.optim.rates={"bias":1.0}'],
    "line to start from": ["--config.net.linear_start=false"],
    "outputs from zero": ["--config.net.output_init=glorot_uniform"],
    "best weights": ["--config.train.restore=last"],
    "smoothed labels": ["--config.label_smoothing=0"],
}


def error_of(scores: Mapping[str, float]) -> float:
    """1 - accuracy, or the root of the mean square."""
    return 1 - scores["accuracy"] if "accuracy" in scores else scores["rmse"]


def mean_ratio(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(statistics.mean(math.log(ratio) for ratio in ratios))


def deciding_sets(ratios: Mapping[str, float]) -> list[str]:
    """The sets without which the mean of the others would judge the part the other way."""
    helps = mean_ratio(list(ratios.values())) > 1
    found = []
    for name in ratios:
        others = [ratio for other, ratio in ratios.items() if other != name]
        if others and (mean_ratio(others) > 1) != helps:
            found.append(name)
    return found


def summary(lines: Sequence[dict], parts: Sequence[str]) -> str:
    """A table in Markdown: the ratio of each part on each set, their mean, and who decides."""
    errors: dict[tuple[str, str], list[float]] = {}
    for line in lines:
        if "failed" not in line:
            errors.setdefault((line["set"], line["part"]), []).append(error_of(line))
    sets = list(dict.fromkeys(line["set"] for line in lines))
    rows = [["without", *sets, "mean", "decided by"], ["---"] * (len(sets) + 3)]
    for part in parts:
        ratios = {}
        for name in sets:
            if (name, part) in errors and (name, WHOLE) in errors:
                with_it = statistics.mean(errors[name, WHOLE])
                ratios[name] = statistics.mean(errors[name, part]) / with_it
        if ratios:
            shown = [f"{ratios[name]:.3f}" if name in ratios else "" for name in sets]
            mean = mean_ratio(list(ratios.values()))
            rows.append([part, *shown, f"{mean:.3f}", ", ".join(deciding_sets(ratios))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(TARGETS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench-table-parts.jsonl"))
    given = parser.parse_args()
    parts = given.parts.split(",")
    lines = []
    if given.out.exists():
        lines = [json.loads(line) for line in given.out.read_text().splitlines()]
    done = {(line["set"], line["part"], line["seed"]) for line in lines}
    for seed in range(given.seeds):
        for name in given.sets.split(","):
            for part in (WHOLE, *parts):
                if (name, part, seed) in done:
                    continue
                line = {"set": name, "part": part, "seed": seed}
                options = PARTS.get(part, ())
                try:
                    line |= ours(given.data / name, TARGETS[name], "table", seed, options)
                except subprocess.CalledProcessError as error:
                    line["failed"] = error.stderr.decode().strip().splitlines()[-1]
                lines.append(line)
                with given.out.open("a") as file:
                    print(json.dumps(line), file=file)
                print(json.dumps(line), flush=True)
    print(summary(lines, parts))


if __name__ == "__main__":
    main()

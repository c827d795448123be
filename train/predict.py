"""A trained network's answers: `predict.load(folder)` in Python, `python -m train.predict` on files.

python -m train.predict --workdir=DIR --data=FILE [--out=FILE]

Writes a line per row of FILE, in its order, to --out (CSV, Parquet or JSON lines by its ending) or to the terminal.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from train import flags, runtime

if TYPE_CHECKING:
    from train.predictor import Predictor


def load(workdir: str | Path) -> Predictor:
    """The best network of a run's folder. Raises UserError if the folder is not a run with a checkpoint."""
    from train import predictor  # with jax it takes seconds to load: mistaken arguments are answered before

    return predictor.load(workdir)


def main(argv: list[str]) -> int:
    """Reads a file, answers it, writes the answers."""
    paths = flags.parse_paths(argv, __doc__ or "", ("workdir", "data"), ("out",))
    from train.data.read import read_table
    from train.data.write import csv_lines, write_table

    runtime.configure()
    model = load(paths["workdir"])
    table = read_table(paths["data"], model.config.data.missing)
    answers = model.table(table, paths["data"])
    if "out" in paths:
        write_table(answers, paths["out"])
        print(f"{answers.num_rows} rows -> {paths['out']}")
    else:
        sys.stdout.buffer.writelines(csv_lines(answers, ","))
    return 0


if __name__ == "__main__":
    flags.run(main)

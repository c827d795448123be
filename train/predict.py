"""A trained network's answers: `predict.load(folder)` in Python, `python -m train.predict` on files.

python -m train.predict --workdir=DIR --data=FILE [--out=FILE] [--interval=0.9] [--dropout_samples=N [--seed=0]]

Writes a line per row of FILE, in its order, to --out (CSV, Parquet or JSON lines by its ending) or to the terminal.
--interval adds the ends between which a number lies with that probability, measured on the validation rows.
--dropout_samples answers with the mean of N answers of the net with its dropout left on, and adds their deviation.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from train import flags, runtime
from train.errors import UserError

if TYPE_CHECKING:
    from train.predictor import Predictor


def load(workdir: str | Path) -> Predictor:
    """The best network of a run's folder. Raises UserError if the folder is not a run with a checkpoint."""
    from train import predictor  # with jax it takes seconds to load: mistaken arguments are answered before

    return predictor.load(workdir)


def main(argv: list[str]) -> int:
    """Reads a file, answers it, writes the answers."""
    given = flags.parse_paths(argv, __doc__ or "", ("workdir", "data"), ("out", "interval", "dropout_samples", "seed"))
    sure = {name: given[name] for name in ("interval", "dropout_samples", "seed") if name in given}
    if "seed" in sure and "dropout_samples" not in sure:
        raise UserError("--seed: is for --dropout_samples; give both, or neither")
    from train.data.read import read_table
    from train.data.write import csv_lines, write_table

    runtime.configure()
    model = load(given["workdir"])
    table = read_table(given["data"], model.config.data.missing)
    answers = model.table(table, given["data"], **sure)
    if "out" in given:
        write_table(answers, given["out"])
        print(f"{answers.num_rows} rows -> {given['out']}")
    else:
        sys.stdout.buffer.writelines(csv_lines(answers, ","))
    return 0


if __name__ == "__main__":
    flags.run(main)

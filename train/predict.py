"""A trained net's answers: `predict.load(folder)` in Python, `python -m train.predict` on files.

python -m train.predict --workdir=DIR --data=FILE [--out=FILE] [--copy=NAME,NAME]
                       [--interval=0.9] [--quantiles=0.1,0.9] [--samples=N [--seed=0]]
                       [--dropout_samples=N [--seed=0]] [--horizon=N] [--trust=NAME]

Writes a line per row of FILE, in its order, to --out (CSV, Parquet or JSON lines by its ending) or
to the terminal. FILE may be a folder of Parquet files, of sequences also of JSON lines. A
folder, and a file for a net that was trained on a stream, is answered some rows at a time, of
series whole ones, so that it need not fit in memory.
--copy writes columns of FILE beside the answers: an identifier, or the label that codes are to be
clustered under.
--interval adds the ends between which a number lies with that probability, measured on the
validation rows.
--quantiles adds numbers that these shares of new rows are to lie below, of nets whose loss says how
sure they are (config.loss). --samples adds so many draws of what is predicted, of a forecast whole
paths, of several targets all together; --seed decides them.
--dropout_samples answers with the mean of N answers of the net with its dropout left on, and adds
their deviation.
--horizon forecasts N steps of each series. Beyond the steps that the net forecasts at once, each
further block reads the forecasts before it as if they were values (iterated forecasting); intervals
and the like are of the first block alone, null behind it.
--trust names the import path of a net that is not denseq's: without it nothing is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from train import errors, flags, parallel

if TYPE_CHECKING:
    from train.inference.predictor import Predictor


def load(workdir: str | Path, trust: str | tuple[str, ...] = ()) -> Predictor:
    """The best network of a run's folder.

    `trust` names import paths of the user's own nets that the folder may have imported. Raises
    UserError if the folder is not a run with a checkpoint, or names others.
    """
    from train.inference import load as loading

    return loading.load(workdir, trust)


def _print_apart(line: str) -> None:
    """Prints a line where no answer goes."""
    print(line, file=sys.stderr)


def main(argv: list[str]) -> int:
    """Reads a file, answers it, writes the answers."""
    command = flags.parse_predict(argv, __doc__)
    parallel.configure()
    from train.data.files.write import csv_lines, write_pieces
    from train.data.number_words import counted
    from train.inference.files import predict_file

    model = load(command.workdir, command.trust)
    model.tell = _print_apart
    answers = predict_file(
        model,
        command.data,
        command.copy,
        interval=command.interval,
        dropout_samples=command.dropout_samples,
        quantiles=command.quantiles,
        samples=command.samples,
        seed=command.seed or 0,
        horizon=command.horizon,
    )
    if command.out is not None:
        written = counted(write_pieces(answers, command.out), "row", "rows")
        print(f"{written} -> {command.out}")
    else:
        for i, piece in enumerate(answers):
            sys.stdout.buffer.writelines(csv_lines(piece, ",", header=not i))
    return 0


if __name__ == "__main__":
    errors.run(main)

"""A trained network's answers: `predict.load(folder)` in Python, `python -m train.predict` on files.

python -m train.predict --workdir=DIR --data=FILE [--out=FILE] [--interval=0.9] [--dropout_samples=N [--seed=0]]

Writes a line per row of FILE, in its order, to --out (CSV, Parquet or JSON lines by its ending) or to the terminal.
FILE may be a folder of Parquet files. A folder, and Parquet for a net that was trained on a stream, is answered some
rows at a time, so that it need not fit in memory.
--interval adds the ends between which a number lies with that probability, measured on the validation rows.
--dropout_samples answers with the mean of N answers of the net with its dropout left on, and adds their deviation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train import flags, runtime
from train.errors import UserError
from train.options import Table

if TYPE_CHECKING:
    import pyarrow as pa

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
    from train.data.write import csv_lines, write_pieces

    runtime.configure()
    model = load(given["workdir"])
    answers = answered(model, given["data"], **sure)
    if "out" in given:
        print(f"{write_pieces(answers, given['out'])} rows -> {given['out']}")
    else:
        for i, piece in enumerate(answers):
            sys.stdout.buffer.writelines(csv_lines(piece, ",", header=not i))
    return 0


def answered(model: Predictor, path: str, **sure: Any) -> Iterator[pa.Table]:
    """The answers to the rows of a file or folder, in pieces; `sure` are further arguments of `Predictor.table`."""
    import pyarrow.compute as pc

    from train.data.encode import TableEncoder
    from train.data.read import PARQUET, read_table
    from train.data.row_groups import find_files, read_pieces

    data = model.config.data
    if not isinstance(data, Table) or not (os.path.isdir(path) or (data.stream and path.lower().endswith(PARQUET))):
        yield model.table(read_table(path, data.missing), path, **sure)
        return
    assert isinstance(model.encoder, TableEncoder)
    files = find_files(path)
    if not files.n_rows:
        yield model.table(files.schema.empty_table(), path, **sure)
    columns = [column.name for column in model.encoder.columns if column.name in files.schema.names]
    for group in files.groups:
        for piece in read_pieces(group, columns):
            answers = model.table(piece.table, piece.where, **sure)
            yield answers.set_column(0, "row", pc.add(answers["row"], piece.first))  # type: ignore[attr-defined]


if __name__ == "__main__":
    flags.run(main)

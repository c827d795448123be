"""A trained network's answers: `predict.load(folder)` in Python, `python -m train.predict` on
files.

python -m train.predict --workdir=DIR --data=FILE [--out=FILE] [--copy=NAME,NAME]
                       [--interval=0.9] [--dropout_samples=N [--seed=0]]

Writes a line per row of FILE, in its order, to --out (CSV, Parquet or JSON lines by its ending) or
to the terminal. FILE may be a folder of Parquet files. A folder, and Parquet for a net that was
trained on a stream, is answered some rows at a time, so that it need not fit in memory.
--copy writes columns of FILE beside the answers: an identifier, or the label that codes are to be clustered under.
--interval adds the ends between which a number lies with that probability, measured on the validation rows.
--dropout_samples answers with the mean of N answers of the net with its dropout left on, and adds their deviation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train import flags
from train.config.data_options import Table
from train.errors import UserError
from train.parallel import runtime

if TYPE_CHECKING:
    import pyarrow as pa

    from train.inference.predictor import Predictor


OPTIONAL = ("out", "copy", "interval", "dropout_samples", "seed")


def load(workdir: str | Path) -> Predictor:
    """The best network of a run's folder. Raises UserError if the folder is not a run with a
    checkpoint.
    """
    from train.inference import load as loading

    return loading.load(workdir)


def main(argv: list[str]) -> int:
    """Reads a file, answers it, writes the answers."""
    given = flags.parse_paths(argv, __doc__ or "", ("workdir", "data"), OPTIONAL)
    sure = {name: given[name] for name in ("interval", "dropout_samples", "seed") if name in given}
    if "seed" in sure and "dropout_samples" not in sure:
        raise UserError("--seed: is for --dropout_samples; give both, or neither")
    from train.data.files.write import csv_lines, write_pieces

    runtime.configure()
    model = load(given["workdir"])
    copied = tuple(filter(None, given.get("copy", "").split(",")))
    answers = answered(model, given["data"], copied, **sure)
    if "out" in given:
        print(f"{write_pieces(answers, given['out'])} rows -> {given['out']}")
    else:
        for i, piece in enumerate(answers):
            sys.stdout.buffer.writelines(csv_lines(piece, ",", header=not i))
    return 0


def answered(
    model: Predictor, path: str, copied: tuple[str, ...] = (), **sure: Any
) -> Iterator[pa.Table]:
    """The answers to the rows of a file or folder, and its columns `copied` beside them, in pieces;
    `sure` are further arguments of `Predictor.table`. Raises UserError.
    """
    import pyarrow.compute as pc

    from train.data.files.read import PARQUET, read_table
    from train.data.files.row_groups import find_files, read_pieces
    from train.data.table.encoder import TableEncoder

    data = model.config.data
    if copied and not isinstance(data, Table):
        raise UserError("--copy: is for nets of a table, which answer row by row; leave it out")
    if not isinstance(data, Table) or not (
        os.path.isdir(path) or (data.stream and path.lower().endswith(PARQUET))
    ):
        table = read_table(path, data.missing)
        yield _with_columns(model.table(table, path, **sure), table, copied, path)
        return
    assert isinstance(model.encoder, TableEncoder)
    files = find_files(path)
    if not files.n_rows:
        table = files.schema.empty_table()
        yield _with_columns(model.table(table, path, **sure), table, copied, path)
    columns = [column.name for column in model.encoder.columns if column.name in files.schema.names]
    columns += [name for name in copied if name in files.schema.names and name not in columns]
    for group in files.groups:
        for piece in read_pieces(group, columns):
            answers = _with_columns(
                model.table(piece.table, piece.where, **sure), piece.table, copied, path
            )
            yield answers.set_column(0, "row", pc.add(answers["row"], piece.first))  # type: ignore[attr-defined]


def _with_columns(
    answers: pa.Table, table: pa.Table, names: tuple[str, ...], where: str
) -> pa.Table:
    """The answers with these columns of the rows behind them. Raises UserError."""
    from train.data.columns import nearest

    for name in names:
        if name not in table.column_names:
            raise UserError(
                f"--copy: {where} has no column {name!r}{nearest(name, table.column_names)}"
            )
        if name in answers.column_names:
            raise UserError(
                f"--copy: {name!r} is the name of a column of the answers; leave it out, or rename it"
            )
        answers = answers.append_column(name, table[name])
    return answers


if __name__ == "__main__":
    flags.run(main)

"""Predictions for the rows of a file or folder, in pieces that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

import pyarrow as pa
import pyarrow.compute as pc

from train.config.data_options import Series, Table
from train.data.files.found import left_out_notes
from train.data.files.read import JSON_LINES, read_table
from train.errors import UserError, nearest
from train.inference.answer_options import Asked
from train.inference.pieces import is_in_pieces, pieces_of
from train.inference.predictor import Predictor
from train.inference.series_parts import predict_series, series_of


def predict_file(
    model: Predictor,
    path: str,
    copied: tuple[str, ...] = (),
    **asked: Unpack[Asked],
) -> Iterator[pa.Table]:
    """The columns of `Predictor.table` for the rows of a file or folder, in pieces.

    Columns `copied` of the file stand beside them. Raises UserError.
    """

    def predict(table: pa.Table, where: str, first: int = 0) -> pa.Table:
        columns = model.table(table, where, **{**asked, "first": first})
        return _with_columns(columns, table, copied, path)

    data = model.config.data
    if copied and not isinstance(data, Table):
        raise UserError("--copy: is for nets of a table, which answer row by row; leave it out")
    in_pieces = is_in_pieces(model, path)
    if in_pieces and isinstance(data, Series):
        if (file := series_of(model, path, model.tell)) is not None:
            yield from predict_series(model, file, path, asked)
            return
        in_pieces = False
    if not in_pieces:
        # Copies are of the cells as they are, so that what means "missing" is found by the columns.
        markers = () if copied and not path.endswith(JSON_LINES) else data.missing
        table = read_table(path, markers, may_be_empty=True, may_repeat=isinstance(data, Table))
        answers = predict(table, path)
        for line in left_out_notes(table, path):
            model.tell(line)
        yield answers
        return
    for piece in pieces_of(model, path, copied):
        predictions = predict(piece.table, piece.where, piece.first)
        numbers = pc.add(predictions["row"], piece.first)  # type: ignore[attr-defined]
        yield predictions.set_column(0, "row", numbers)


def _with_columns(
    predictions: pa.Table, table: pa.Table, names: tuple[str, ...], where: str
) -> pa.Table:
    """The predictions with these columns of the rows behind them. Raises UserError."""
    for name in names:
        if name not in table.column_names:
            raise UserError(
                f"--copy: {where} has no column {name!r}{nearest(name, table.column_names)}"
            )
        if table.column_names.count(name) > 1:
            raise UserError(f"--copy: {where} has several columns {name!r}; rename all but one")
        if name in predictions.column_names:
            raise UserError(
                f"--copy: {name!r} is the name of a column of the answers; "
                "leave it out, or rename it"
            )
        predictions = predictions.append_column(name, table[name])
    return predictions

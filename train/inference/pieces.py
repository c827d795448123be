"""The rows of files that may not fit in memory, some at a time, for a trained net to answer."""

from __future__ import annotations

import os
from collections.abc import Iterator

from train.config.data_options import Sequences, Series, Table
from train.data.files.line_groups import find_rows
from train.data.files.read import JSON_LINES, PARQUET
from train.data.files.row_groups import Piece, find_files, read_pieces
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.rows_on_disk import PIECE_ROWS, narrow_pieces, read_sequences
from train.data.table.encoder import TableEncoder
from train.inference.predictor import Predictor


def is_in_pieces(model: Predictor, path: str) -> bool:
    """Whether a file may be too large for memory: a folder, or one of a net of a stream."""
    data = model.config.data
    match data:
        case Table():
            endings: tuple[str, ...] = PARQUET
        case Sequences(id=None):
            endings = (*PARQUET, *JSON_LINES)
        case Series(group=str()):
            endings = PARQUET
        case _:
            return False
    return os.path.isdir(path) or (data.stream and path.lower().endswith(endings))


def pieces_of(model: Predictor, path: str, more: tuple[str, ...] = ()) -> Iterator[Piece]:
    """The rows of a file or folder in order, with what the net reads and the columns `more`.

    Those that the file lacks are left to who reads the rows. Raises UserError.
    """
    encoder = model.encoder
    if isinstance(encoder, TableEncoder):
        files = find_files(path)
        names = [column.name for column in encoder.columns if column.name in files.schema.names]
        names += [name for name in more if name in files.schema.names and name not in names]
        for group in files.groups:
            yield from read_pieces(group, names)
        return
    assert isinstance(encoder, SequenceEncoder)
    wanted = dict.fromkeys((*encoder.input_names, *more))
    files = find_rows(path, tuple(wanted))
    names = [name for name in wanted if name in files.schema.names]
    missing = model.config.data.missing
    for group in files.groups:
        for piece in read_sequences(group, names, missing, PIECE_ROWS):
            yield from narrow_pieces(group, piece, encoder.input_names[0])

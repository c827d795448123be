"""Sequences in files that do not fit in memory, some rows at a time."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.files.arrow import plain
from train.data.files.line_groups import read_rows
from train.data.files.row_groups import Files, Piece, RowGroup, rows_from
from train.data.sequences.steps import holds_lists

# Rows of each split, and of the sample, that stay in memory: so many at the least and at the most,
# and about so many bytes of them.
KEPT_BYTES = 1 << 23
MIN_KEPT = 200
MAX_KEPT = 20_000
# Rows of a piece to be answered, and its steps, each row being as long as the longest.
PIECE_ROWS = 8192
PIECE_STEPS = 1 << 20


def read_sequences(
    group: RowGroup, columns: Iterable[str], missing: tuple[str, ...], n_rows: int
) -> Iterator[Piece]:
    """The rows of a group in order, `n_rows` at a time, missing values null. Raises UserError."""
    for piece in read_rows(group, tuple(columns), n_rows):
        # A text column is none any more where no row of a piece has a value.
        table = plain(piece.table, missing).cast(piece.table.schema)
        yield piece._replace(table=table)


def bytes_of_rows(files: Files, columns: tuple[str, ...]) -> float:
    """What a row weighs on average: in the first rows of some groups."""
    n_bytes = 0
    n_rows = 0
    for group in files.groups[:: max(len(files.groups) // 8, 1)]:
        for piece in islice(read_rows(group, columns, 64), 1):
            n_bytes += piece.table.nbytes
            n_rows += piece.table.num_rows
    return max(n_bytes / n_rows, 1.0)


def kept_rows(row_bytes: float) -> int:
    """How many rows of this weight a split, or the sample, has in memory."""
    return int(np.clip(KEPT_BYTES / row_bytes, MIN_KEPT, MAX_KEPT))


def narrow_pieces(group: RowGroup, piece: Piece, name: str) -> Iterator[Piece]:
    """A piece of a group in parts of at most PIECE_STEPS steps, or one row, of a column of lists.

    As a whole where it has no such column.
    """
    if name not in piece.table.column_names or not holds_lists(piece.table, name):
        yield piece
        return
    length_n = pc.fill_null(pc.list_value_length(piece.table.column(name)), 0).to_numpy()
    starts = [0]
    longest = 1
    for row, length in enumerate(length_n.tolist()):
        longest = max(longest, length)
        if row > starts[-1] and (row + 1 - starts[-1]) * longest > PIECE_STEPS:
            starts.append(row)
            longest = max(1, length)
    ends = [*starts[1:], len(length_n)]
    for start, end in zip(starts, ends, strict=True):
        first = piece.first + start
        where = rows_from(group.path, group.in_file + first - group.first)
        yield Piece(piece.table.slice(start, end - start), first, where)


def shortened(table: pa.Table, names: Iterable[str], n_steps: int | None) -> pa.Table:
    """The table with the first steps alone in these columns of lists; None: all steps."""
    for name in names if n_steps is not None else ():
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.list_slice(table.column(name), 0, n_steps))
    return table


def is_text(kind: pa.DataType) -> bool:
    """Whether steps of this kind are text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)

"""Series that stand one after the other in Parquet files: where each is, and whole ones read.

s series.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, read_text
from train.data.counter_random import hashed
from train.data.files.arrow import plain
from train.data.files.partitions import repeated
from train.data.files.row_groups import Files, Piece, RowGroup, read_pieces, rows_from
from train.data.series.encoder import SeriesEncoder
from train.errors import UserError

BLOCK_CELLS = 1 << 21  # of whole series that are read at once; one that is longer is alone
SAMPLE_ROWS = 1 << 18  # of series that stay in memory
MIN_SAMPLED = 8  # series that stay in memory, however long
SAMPLE = 1  # what random numbers of series are for


class Stretches(NamedTuple):
    """Where series stand: the number of the first row of each [s], how many it has [s], names."""

    firsts: np.ndarray
    sizes: np.ndarray
    names: tuple[str, ...]


class Apart(UserError):
    """Rows of a series stand apart; `places` says where."""

    def __init__(self, places: str, group: str):
        super().__init__(
            f"{places}; a stream reads whole series: sort by {group!r} and time, each series in "
            "one file"
        )
        self.places = places


def find_series(files: Files, group: str, path: str, missing: tuple[str, ...]) -> Stretches:
    """The stretch of each series of the column `group`, in the order of the files at `path`.

    Only names are read. Raises UserError if a row has none, Apart if rows of a series stand apart.
    """
    firsts: list[int] = []
    first_of: dict[str, int] = {}
    before = ("", "")
    for part in files.groups:
        for piece in _names(part, group):
            raw = get_column(piece.table, group, piece.where, missing)
            text = read_text(raw)
            if (text.codes < 0).any():
                row = raw.row(int((text.codes < 0).argmax()))
                raise raw.error(f"{row} has no value; every row needs its group")
            for place in np.flatnonzero(np.diff(text.codes, prepend=-1)).tolist():
                name = text.values[text.codes[place]]
                if (part.path, name) == before:
                    continue
                first = piece.first + place
                if name in first_of:
                    places = f"{_place(files, first_of[name])} and {_place(files, first)}"
                    found = f"rows of group {name!r} stand apart, from {places} on"
                    raise Apart(f"{path}: {found}", group)
                first_of[name] = first
                firsts.append(first)
                before = (part.path, name)
    last = files.groups[-1]
    sizes = np.diff([*firsts, last.first + last.n_rows])
    return Stretches(np.array(firsts, np.int64), sizes, tuple(first_of))


def _names(group: RowGroup, column: str) -> Iterator[Piece]:
    """The names of the series of a row group; of one that a folder names the first row alone."""
    keys = dict(group.keys)
    if column in keys:
        table = pa.table({column: repeated(keys[column], 1)})
        yield Piece(table, group.first, rows_from(group.path, group.in_file))
        return
    yield from read_pieces(group, (column,))


def _place(files: Files, number: int) -> str:
    """The row of this number, over all files, as messages call it."""
    group = _group_of(files, number)
    return f"row {group.in_file + number - group.first + 1} of {group.path}"


def _group_of(files: Files, number: int) -> RowGroup:
    """The row group that the row of this number is in."""
    return files.groups[bisect_right(files.groups, number, key=lambda group: group.first) - 1]


def whole_series(files: Files, series: Stretches, n_columns: int) -> Files:
    """The files with blocks of whole series in place of row groups; none reaches over two files."""
    most = max(BLOCK_CELLS // n_columns, 1)
    blocks: list[RowGroup] = []
    for first, size in zip(series.firsts.tolist(), series.sizes.tolist(), strict=True):
        group = _group_of(files, first)
        if blocks and blocks[-1].path == group.path and blocks[-1].n_rows + size <= most:
            blocks[-1] = blocks[-1]._replace(n_rows=blocks[-1].n_rows + size)
            continue
        in_file = group.in_file + first - group.first
        blocks.append(group._replace(first=first, in_file=in_file, n_rows=size))
    return files._replace(groups=tuple(blocks))


def read_block(
    files: Files, block: RowGroup, columns: tuple[str, ...], missing: tuple[str, ...]
) -> Piece:
    """The rows of a block, read from the row groups of the files. Raises UserError."""
    end = block.first + block.n_rows
    parts = []
    n_rows = 0
    place = bisect_right(files.groups, block.first, key=lambda group: group.first) - 1
    while place < len(files.groups) and files.groups[place].first < end:
        for piece in read_pieces(files.groups[place], columns):
            if piece.first >= end:
                break
            begin = max(block.first - piece.first, 0)
            own = piece.table.slice(begin, end - piece.first - begin)
            n_rows += own.num_rows
            parts += [own] if own.num_rows else []
        place += 1
    if n_rows != block.n_rows:
        raise UserError(f"{block.path}: the file changed while it was read; begin again")
    table = plain(pa.concat_tables(parts, promote_options="default"), missing)
    return Piece(table, block.first, rows_from(block.path, block.in_file))


def columns_read(encoder: SeriesEncoder, names: Sequence[str]) -> tuple[str, ...]:
    """The columns of the files that an encoder reads, in the order of the files."""
    read = {column.source or column.name for column in encoder.columns if column.of != "gap"}
    read |= {encoder.group}
    read |= set() if encoder.time is None else {encoder.time.name}
    return tuple(name for name in names if name in read)


def sampled_series(series: Stretches) -> np.ndarray:
    """The numbers of the series that stay in memory: the longest, and others at random."""
    n = len(series.sizes)
    order = np.argsort(hashed((SAMPLE,), np.arange(n)), kind="stable")
    longest = int(series.sizes.argmax())
    order = np.concatenate([[longest], order[order != longest]])
    n_rows = np.cumsum(series.sizes[order])
    n_sampled = max(int(np.searchsorted(n_rows, SAMPLE_ROWS, side="right")), min(MIN_SAMPLED, n))
    return np.sort(order[:n_sampled])


def read_series(
    files: Files,
    blocks: Files,
    series: Stretches,
    chosen: np.ndarray,
    columns: tuple[str, ...],
    missing: tuple[str, ...],
) -> tuple[pa.Table, np.ndarray]:
    """The rows of the `chosen` series, in their order, and their numbers over all files."""
    firsts = np.array([block.first for block in blocks.groups])
    block_s = np.searchsorted(firsts, series.firsts[chosen], side="right") - 1
    tables = []
    numbers = []
    for place in np.unique(block_s).tolist():
        piece = read_block(files, blocks.groups[place], columns, missing)
        own = [np.zeros(0, np.int64)]
        for number in chosen[block_s == place].tolist():
            own.append(int(series.firsts[number]) + np.arange(int(series.sizes[number])))
        own_n = np.concatenate(own)
        tables.append(piece.table.take(pa.array(own_n - piece.first)))
        numbers.append(own_n)
    return pa.concat_tables(tables, promote_options="default"), np.concatenate(numbers)

"""Columns of text that are numbers as programs write them, read side by side in a few calls.

Of a wide table the calls take longer than the cells. What is no such number is left to `values`,
which looks at one column. c columns, n rows.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.columns import Numbers, RawColumn, missing_rows
from train.data.marks import Marks
from train.data.notation import PLAIN
from train.data.plain_marks import EITHER, SHORT, marks_of, plain_marks
from train.data.values import CODE, as_programs_write, writes_numbers

BLOCK_CELLS = 1 << 19  # of a block at the most: tens of megabytes
MAX_ROWS = 1 << 14  # of columns that are read so; longer ones take their time for the cells
EXACT = 2.0**53  # float64 holds all whole numbers below
EITHER_CHARACTERS = (5, 8)  # of a number that EITHER is, from 1.234 to -123.456


@dataclass(frozen=True)
class Block:
    """Columns that are read together: their places among all, texts and numbers, 0 where none is.

    `text` has the cells of all columns one after the other, null where missing.
    """

    places: np.ndarray
    text: pa.Array
    numbers_cn: np.ndarray
    missing_cn: np.ndarray
    point_cn: np.ndarray
    """Whether a cell has a decimal point."""

    def matches(self, cell_cn: np.ndarray, pattern: str) -> np.ndarray:
        """Which of these cells the pattern matches [c, n]."""
        found = np.zeros(cell_cn.size, bool)
        cells = np.flatnonzero(cell_cn)
        if len(cells):
            matched = pc.match_substring_regex(self.text.take(pa.array(cells)), pattern)
            found[cells] = matched.to_numpy(zero_copy_only=False)
        return found.reshape(cell_cn.shape)

    def is_sure(self) -> np.ndarray:
        """Which columns are read as they stand [c]: no codes such as 007, nothing to be rounded."""
        is_code_cn = self.matches(~self.missing_cn & ~self.point_cn, CODE + "+$")
        return ~is_code_cn.any(1) & (np.abs(self.numbers_cn).max(1, initial=0) < EXACT)


def blocks_of(columns: Sequence[pa.ChunkedArray]) -> Iterator[Block]:
    """Blocks of the columns whose every cell casts to a number; all columns have one length."""
    places = [place for place, column in enumerate(columns) if _may_be_numbers(column)]
    width = max(1, BLOCK_CELLS // max(len(columns[0]), 1)) if places else 1
    for start in range(0, len(places), width):
        yield from _cast(columns, places[start : start + width])


def _may_be_numbers(column: pa.ChunkedArray) -> bool:
    """Whether the first text of a column is a number."""
    if not pa.types.is_string(column.type) or len(column) > MAX_ROWS:
        return False
    first = next((cell.as_py() for cell in column if cell.is_valid), "")
    return PLAIN.fullmatch(first) is not None


def _cast(columns: Sequence[pa.ChunkedArray], places: list[int]) -> Iterator[Block]:
    """These columns as a block; where one is no number, the blocks of either half of them."""
    text = pa.concat_arrays([chunk for place in places for chunk in columns[place].chunks])
    try:
        numbers = text.cast(pa.float64())
    except pa.ArrowInvalid:
        if len(places) > 1:
            half = len(places) // 2
            yield from _cast(columns, places[:half])
            yield from _cast(columns, places[half:])
        return
    shape = (len(places), len(columns[places[0]]))
    pointed = pc.match_substring(text, ".").fill_null(False)
    yield Block(
        np.array(places),
        text,
        numbers.fill_null(0).to_numpy().reshape(shape),
        numbers.is_null(nan_is_null=True).to_numpy(zero_copy_only=False).reshape(shape),
        pointed.to_numpy(zero_copy_only=False).reshape(shape),
    )


def read_together(columns: Sequence[RawColumn]) -> None:
    """Reads the columns that are plain numbers, and keeps what is read with each of them."""
    columns = [column for column in columns if not writes_numbers(column.markers)]
    for block in blocks_of([column.data for column in columns]):
        sure_c = block.is_sure()
        marks = _marks(block)
        is_null_cn = block.text.is_null().to_numpy(zero_copy_only=False)
        is_null_cn = is_null_cn.reshape(block.missing_cn.shape)
        sure_c &= (is_null_cn == block.missing_cn).all(1)  # no "nan", which a marker may write
        for i in np.flatnonzero(sure_c):
            raw = columns[block.places[i]]
            as_programs_write.tell(raw, Numbers(block.numbers_cn[i], block.missing_cn[i]))
            missing_rows.tell(raw, block.missing_cn[i])
            marks_of.tell(raw, marks[i])


def either_of(block: Block) -> np.ndarray:
    """Which cells of a block could set thousands apart [c, n]."""
    least, most = EITHER_CHARACTERS
    size_cn = np.abs(block.numbers_cn)
    length = pc.binary_length(block.text).fill_null(0).to_numpy(zero_copy_only=False)
    length_cn = length.reshape(size_cn.shape)
    either_cn = block.point_cn & (length_cn >= least) & (length_cn <= most)
    either_cn &= (size_cn >= 1) & (size_cn < 1000)
    return block.matches(either_cn, EITHER)


def _marks(block: Block) -> list[Marks]:
    """What `marks_of` tells of each column of a block."""
    either_c = either_of(block).sum(1)
    whole_cn = ~block.missing_cn & ~block.point_cn
    short_c = block.matches(whole_cn, SHORT).sum(1)
    known_c = (~block.missing_cn).sum(1)
    counts = np.stack([known_c, block.point_cn.sum(1), either_c, short_c], 1)
    return [plain_marks(*own) for own in counts.tolist()]

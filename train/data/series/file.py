"""A file of series that need not fit in memory, for a trained net: whole series, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from train.data.columns import Source, get_column, read_text
from train.data.files.arrow import plain
from train.data.files.row_groups import Files, Piece, find_files, read_pieces
from train.data.series.blocks import columns_read, find_series, read_block, whole_series
from train.data.series.encoder import SeriesEncoder
from train.data.series.flat import NoSeries, known_names
from train.data.series.grid import continue_stamps
from train.data.series.step import TimeStep
from train.data.series.time_column import TimeColumn, grain_of, read_stamps
from train.errors import UserError


@dataclass(frozen=True)
class PartEncoder(SeriesEncoder):
    """An encoder that reads some series of a file, and knows of the whole what all go by."""

    stamps_grain: float | None = None
    others_ahead: bool = False

    @property
    def grain(self) -> float | None:
        """What all stamps of the file are whole in: so times are written alike in all parts."""
        return self.stamps_grain

    @property
    def has_ahead(self) -> bool:
        """Whether some series of the file has rows after its last target."""
        return self.others_ahead


@dataclass(frozen=True)
class SeriesFile:
    """Whole series of Parquet files, some at a time, and the encoder that reads them.

    `blocks` are made of the row groups of `files`; `columns` are read of them.
    """

    files: Files
    blocks: Files
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    encoder: PartEncoder

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return self.files.n_rows

    def pieces(self) -> Iterator[Piece]:
        """The rows of all series in order, a block of whole ones at a time. Raises UserError."""
        for block in self.blocks.groups:
            yield read_block(self.files, block, self.columns, self.missing)


class TwoWritings(UserError):
    """Two series have names that training has one of, which is seen where both are at hand."""


def open_series(encoder: SeriesEncoder, path: str, missing: tuple[str, ...]) -> SeriesFile:
    """The series of a Parquet file or folder; names and stamps are read.

    Raises UserError: Apart if rows of a series stand apart, TwoWritings of names.
    """
    assert encoder.group is not None
    files = find_files(path)
    columns = columns_read(encoder, files.schema.names)
    for name in (encoder.group, *([] if encoder.time is None else [encoder.time.name])):
        get_column(files.schema.empty_table(), name, path, missing)
    series = find_series(files, encoder.group, path, missing)
    names = _names(encoder.group, series.names, encoder.groups, path)
    blocks = whole_series(files, series, len(columns))
    grain = None
    if encoder.time is not None:
        grain = _grain(files, encoder.time, _steps(encoder.time, names), missing)
    own = {field.name: getattr(encoder, field.name) for field in fields(SeriesEncoder)}
    return SeriesFile(files, blocks, columns, missing, PartEncoder(**own, stamps_grain=grain))


def _names(column: str, names: Sequence[str], groups: tuple[str, ...], path: str) -> list[str]:
    """What training calls the series of a file. Raises TwoWritings where that is one for two."""
    raw = Source(pa.table({column: list(names)}), path).column(column)
    text = read_text(raw)
    found = known_names(raw, text, groups)
    first: dict[str, str] = {}
    for name, known in zip(text.values, found, strict=True):
        if (other := first.setdefault(known, name)) != name:
            two = f"{other!r} and {name!r} are one group of training"
            raise TwoWritings(f"{path}: column {column!r}: {two}, {known!r}")
    return found


def _steps(time: TimeColumn, names: Iterable[str]) -> set[TimeStep]:
    """The steps that series of these names go on by."""
    steps = {time.of_group[name].step for name in names if name in time.of_group}
    return {step for step in (time.step, *steps) if step is not None}


def _grain(
    files: Files, time: TimeColumn, steps: Iterable[TimeStep], missing: tuple[str, ...]
) -> float:
    """What the stamps of all rows, and those that follow them by such steps, are whole in."""
    grain = float("inf")
    for group in files.groups:
        for piece in read_pieces(group, (time.name,)):
            source = Source(plain(piece.table, missing), piece.where, missing)
            stamps = read_stamps(source, time)
            last = float(stamps[-1])
            ahead = [continue_stamps(last, step, 1 + len(step.slots), time.clock) for step in steps]
            grain = min(grain, grain_of(np.concatenate([stamps, *ahead]), time))
    return grain


def looking_ahead(file: SeriesFile) -> SeriesFile:
    """The file, of which it is known whether any series has rows after its last target.

    Series are read until one is found. Raises UserError.
    """
    encoder = file.encoder
    for piece in file.pieces():
        try:
            flat = encoder.order(piece.table, piece.where)
        except NoSeries:
            continue
        last_g = encoder.last_labelled(encoder.encode(piece.table, flat, piece.where), flat)
        if ((last_g >= 0) & (last_g < flat.sizes - 1)).any():
            return replace(file, encoder=replace(encoder, others_ahead=True))
    return file

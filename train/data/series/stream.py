"""Series that do not fit in memory, on the host. n windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from train.config.data_options import Series
from train.data.columns import Source
from train.data.dataset import Array, Batch, Head, Options
from train.data.files.row_groups import Files, Piece, RowGroup
from train.data.row_dataset import RowDataset
from train.data.series.blocks import read_block
from train.data.series.dataset import SeriesArrays, SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fills import own_columns
from train.data.series.survey import Survey
from train.data.series.whole_series import series_on_steps, windows_in
from train.data.stream.rows import RowStream
from train.errors import UserError

if TYPE_CHECKING:
    from nets.base import Statistics


@dataclass(frozen=True, eq=False)
class SeriesStream(RowStream):
    """The training windows of series, and what one pass over all of them found.

    `files.groups` are blocks of whole series, read from those of `row_groups`; `n_windows` {number
    of a block's first row: windows of it that train}. `piece_windows` are cut out at once.
    """

    encoder: SeriesEncoder
    options: Series
    row_groups: Files
    found: Survey
    n_windows: Mapping[int, int]
    piece_windows: int

    def pieces(self, group: RowGroup) -> Iterator[Piece]:
        """The rows of a block, all at once. Raises UserError."""
        yield read_block(self.row_groups, group, self.columns, self.options.missing)

    def training_rows(self, piece: Piece) -> np.ndarray:
        """The windows of a block that train, by their numbers in it.

        Where these are more than a chunk has, they are dealt out: each chunk has some of all times.
        """
        n = self.n_windows[piece.first]
        n_chunks = -(-n // self.chunk_rows)
        dealt = [np.arange(first, n, n_chunks) for first in range(n_chunks)]
        return np.concatenate([np.zeros(0, np.int64), *dealt])

    def windows(self, piece: Piece) -> SeriesDataset:
        """All windows of a block. Raises UserError."""
        source = Source(piece.table, piece.where, self.options.missing)
        flat = series_on_steps(source, self.encoder, self.options)
        values_tc = self.encoder.encode(piece.table, flat, piece.where)
        found = windows_in(self.encoder, values_tc, flat, self.options)
        if len(found.splits["train"]) != self.n_windows[piece.first]:
            raise UserError("config.data.path: the files changed while they were read; begin again")
        return found

    def batches(self, piece: Piece, places: np.ndarray) -> Iterator[Batch[np.ndarray]]:
        """The windows of these numbers of a block, some at a time. Raises UserError."""
        windows = self.windows(piece)
        arrays = windows.arrays
        weight_n = windows.weight
        for begin in range(0, len(places), self.piece_windows):
            own = places[begin : begin + self.piece_windows]
            yield windows.take(arrays, own)._replace(weight=weight_n[own])

    def encode(self, piece: Piece, places: np.ndarray) -> Batch[np.ndarray]:
        """The windows of these numbers of a block. Raises UserError."""
        (batch,) = replace(self, piece_windows=max(len(places), 1)).batches(piece, places)
        return batch

    def numbers(self, piece: Piece, places: np.ndarray) -> np.ndarray:
        """The rows, over all files, of the first predictions of these windows.

        Of a step that the file lacks the row before it.
        """
        windows = self.windows(piece)
        known_t = np.maximum.accumulate(windows.flat.rows)
        return piece.first + known_t[windows.starts[places] + self.encoder.lookback]

    def class_masses(self, head: Head) -> np.ndarray:
        """Those of no class: forecasts have none."""
        del head
        return np.zeros(0)


@dataclass(frozen=True, eq=False)
class StreamedSeries(SeriesDataset):
    """Series whose training windows are read from disk; those in memory are of a sample of them."""

    stream: SeriesStream = field(kw_only=True)

    @property
    def n_train(self) -> int:
        """Training windows of an epoch, all of them."""
        return self.stream.n_rows

    @property
    def has_target_gaps(self) -> bool:
        """Whether a target is missing in some row, in memory or on disk."""
        return self.stream.is_weighted or super().has_target_gaps

    def take(self, arrays: SeriesArrays | Batch, indices: Array) -> Batch:
        """The windows `indices` [b] of the sample, or of a chunk, which is a batch of windows."""
        if isinstance(arrays, Batch):
            return RowDataset.take(arrays, indices)
        return super().take(arrays, indices)

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these windows of the sample, and exactly what one pass found of all."""
        fitted = super().statistics(rows, options)
        return {"inputs": self.stream.found.exact(self.encoder, fitted["inputs"])}

    def _source(self) -> str:
        found = self.stream.found
        # Where a value is missing, those of a sample do not tell what stands for it elsewhere.
        has_gaps = bool(found.n_gaps_c[own_columns(self.encoder.columns)].any())
        return f"{self.stream.files.fingerprint}{self.encoder.fills if has_gaps else ''}"

"""Parquet files of series that do not fit in memory -> StreamedSeries.

In memory stands a sample of whole series: their windows that validate and test, and those that
train, which stand for all where not all are needed.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.config.table_options import MISSING
from train.data.columns import Source
from train.data.files.memory import return_memory
from train.data.files.row_groups import Files, find_files
from train.data.files.tables import Read
from train.data.series.blocks import (
    Stretches,
    columns_read,
    find_series,
    read_series,
    sampled_series,
    whole_series,
)
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fit import column_names
from train.data.series.load import load_series
from train.data.series.scales import Levels
from train.data.series.stream import SeriesStream, StreamedSeries
from train.data.series.stream_notes import notes_on_stream
from train.data.series.survey import Survey, survey
from train.data.series.whole_series import series_on_steps, windows_in
from train.data.series.window_sizes import with_window_of
from train.errors import UserError

CHUNK_BYTES = 1 << 26  # of windows that are shuffled at once
PIECE_BYTES = 1 << 24  # and of those that are cut out at once


def load_series_stream(options: Series, loss: str) -> StreamedSeries:
    """Two passes over `options.path`, one of which reads names alone, and what was fitted in them.

    Raises UserError.
    """
    files = find_files(options.path)
    column_names(files.schema.empty_table(), replace(options, observed=options.observed or ()))
    assert options.group is not None
    series = find_series(files, options.group, options.path, options.missing)
    columns = tuple(files.schema.names)
    blocks = whole_series(files, series, len(columns))
    chosen = sampled_series(series)
    table, numbers = read_series(files, blocks, series, chosen, columns, options.missing)
    is_whole = len(chosen) == len(series.sizes)
    path = options.path if is_whole else f"{options.path}, in a sample of its series"
    sample = load_series(replace(options, path=path), _reader_of(table), loss=loss)
    options = with_window_of(options, sample.encoder)
    columns = columns_read(sample.encoder, columns)
    blocks = whole_series(files, series, len(columns))
    found = _surveyed(files, blocks, series, columns, sample, options, loss)
    encoder = found.fitted(sample.encoder)
    source = Source(table, path, options.missing)
    flat = series_on_steps(source, encoder, options)
    pool = windows_in(encoder, encoder.encode(table, flat, path), flat, options)
    rows = np.where(flat.rows < 0, -1, numbers[np.maximum(flat.rows, 0)])
    stream = _stream(files, blocks, columns, encoder, options, found, pool)
    dataset = StreamedSeries(
        pool.values,
        pool.starts,
        pool.splits,
        flat._replace(rows=rows),
        encoder,
        gaps=pool.gaps,
        reading=sample.reading,
        stream=stream,
    )
    del table, source, pool
    return_memory()
    notes = (*notes_on_stream(dataset, len(chosen), is_whole=is_whole), *sample.notes)
    return replace(dataset, notes=notes)


def _reader_of(table: pa.Table) -> Read:
    """What gives this table for every path."""

    def read(
        path: str | os.PathLike[str],
        missing: tuple[str, ...] = MISSING,
        *,
        may_repeat: bool = False,
    ) -> pa.Table:
        del path, missing, may_repeat
        return table

    return read


def _surveyed(
    files: Files,
    blocks: Files,
    series: Stretches,
    columns: tuple[str, ...],
    sample: SeriesDataset,
    options: Series,
    loss: str,
) -> Survey:
    """What a pass over all blocks found, by the encoder of a sample. Raises UserError."""
    encoder = sample.encoder
    fitted = sample.statistics(sample.splits["train"])["inputs"]
    places = encoder.places
    shared = Levels(
        fitted["center"][places].astype(np.float64), fitted["scale"][places].astype(np.float64)
    )
    plain = replace(encoder, marked=(), cycles=(), groups=(), fills=())
    found = Survey(plain, options, loss, shared)
    ends = [block.first + block.n_rows for block in blocks.groups]
    n_before = np.searchsorted(series.firsts, ends)
    survey(files, blocks, np.diff(n_before, prepend=0), columns, found)
    if not sum(found.counts):
        raise UserError(f"{options.path}: no training window has a known target")
    return found


def _stream(
    files: Files,
    blocks: Files,
    columns: tuple[str, ...],
    encoder: SeriesEncoder,
    options: Series,
    found: Survey,
    pool: SeriesDataset,
) -> SeriesStream:
    """Where training windows are, and how many of them are shuffled at once."""
    template = pool.take(pool.arrays, np.zeros(0, np.int32))
    window_bytes = 4 * encoder.n_columns * encoder.lookback
    window_bytes += 4 * encoder.horizon * (encoder.n_ahead + encoder.n_targets)
    return SeriesStream(
        blocks,
        columns,
        tuple(found.counts),
        {},
        found.weight_sum,
        is_weighted=bool(found.n_gaps_c[: encoder.n_targets].any()),
        chunk_rows=int(np.clip(CHUNK_BYTES // window_bytes, 1, options.shuffle_window)),
        template=template,
        encoder=encoder,
        options=options,
        row_groups=files,
        found=found,
        n_windows={
            block.first: count for block, count in zip(blocks.groups, found.counts, strict=True)
        },
        piece_windows=max(PIECE_BYTES // window_bytes, 1),
    )

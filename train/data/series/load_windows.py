"""Windows of a labelled file, encoded as the rows of training were. t flat rows, c columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.flat import Flat, NoSeries
from train.data.series.gaps import gap_notes, known_windows
from train.data.series.windows import all_windows, number_windows
from train.data.table.reading import NOTHING, Reading


def load_windows(
    encoder: SeriesEncoder, table: pa.Table, where: str, notes: Notes | None = None
) -> SeriesDataset:
    """Every window of a labelled file, as the split "test". Raises NoSeries if it holds none.

    `notes` take lines on cells that were read with a doubt.
    """
    flat = encoder.order(table, where, notes)
    n_series = len(flat.sizes)
    flat = flat.up_to(encoder.last_labelled(encoder.encode(table, flat, where), flat))
    starts = all_windows(flat.sizes, encoder.lookback, encoder.horizon).astype(np.int32)
    if not len(starts):
        needed = f"{encoder.lookback} rows back and {encoder.horizon} ahead"
        found = f"the longest series here has {max(flat.sizes, default=0)} rows with a target"
        raise NoSeries(f"{where}: a window has {needed}, but {found}")
    n_short = int((np.asarray(flat.sizes) < encoder.lookback + encoder.horizon).sum())
    n_short += n_series - len(flat.sizes)
    if n_short and notes is not None:
        short = f"{n_short} of {n_series} series are too short for a window"
        notes.append(f"{where}: {short}; left out")
    return windows_at(encoder, table, flat, starts, where, notes)


def windows_at(
    encoder: SeriesEncoder,
    table: pa.Table,
    flat: Flat,
    starts: np.ndarray,
    where: str,
    notes: Notes | None,
) -> SeriesDataset:
    """The windows that begin at these flat rows and have a known target, as the split "test".

    Raises NoSeries if none has one.
    """
    values_tc = encoder.encode(table, flat, where, notes)
    gaps_tc = np.isnan(values_tc)
    found, window_notes = known_windows(encoder, gaps_tc, {"test": starts}, where)
    all_notes = (*gap_notes(encoder, gaps_tc, flat, where), *window_notes)
    return of_windows(encoder, values_tc, gaps_tc, flat, found, all_notes)


def of_windows(
    encoder: SeriesEncoder,
    values_tc: np.ndarray,
    gaps_tc: np.ndarray,
    flat: Flat,
    starts: dict[str, np.ndarray],
    notes: tuple[str, ...] = (),
    reading: Reading = NOTHING,
) -> SeriesDataset:
    """The data set of encoded rows, some of them missing, and windows {split: first flat rows}."""
    return SeriesDataset(
        encoder.complete(values_tc, flat),
        np.concatenate(list(starts.values())),
        number_windows(starts),
        flat,
        encoder,
        notes,
        gaps_tc if gaps_tc.any() else None,
        reading,
    )

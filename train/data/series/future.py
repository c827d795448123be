"""All windows that can be judged of a file that a trained forecaster is given."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder, last_labelled
from train.data.series.windows import all_windows
from train.errors import UserError


def judged_windows(encoder: SeriesEncoder, table: pa.Table, where: str) -> SeriesDataset:
    """Every window of a labelled file, as the split "test". Raises UserError if it holds none."""
    flat = encoder.order(table, where)
    place_t = np.arange(len(flat.rows)) - np.repeat(flat.firsts, flat.sizes)
    last_g = last_labelled(encoder, encoder.numbers(table, where, flat), flat)
    flat = flat.only(place_t <= np.repeat(last_g, flat.sizes))
    starts = all_windows(flat.sizes, encoder.lookback, encoder.horizon).astype(np.int32)
    if not len(starts):
        needed = f"{encoder.lookback} rows back and {encoder.horizon} ahead"
        longest = max(flat.sizes, default=0)
        raise UserError(
            f"{where}: a window has {needed}, but the longest series here has {longest} rows with a target"
        )
    values_tc = encoder.complete(encoder.numbers(table, where, flat), flat)
    return SeriesDataset(
        values_tc, starts, {"test": np.arange(len(starts), dtype=np.int32)}, flat, encoder
    )

"""predictions.parquet: the test rows with their targets, and what the network predicts of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from train.data.dataset import Encoder
from train.data.series.dataset import SeriesDataset
from train.data.series.time_column import write_stamps
from train.evaluation.spread import spread_columns

Arrays = Mapping[str, np.ndarray]


def row_table(
    encoder: Encoder,
    rows: np.ndarray,
    targets: Arrays,
    predictions: Arrays,
    levels: tuple[float, ...],
) -> pa.Table:
    """A line for each row: its number `rows` [n] in the file, target, prediction, spread."""
    columns = {
        "row": rows,
        **encoder.raw_targets(targets),
        **encoder.decode(predictions),
        **spread_columns(encoder, predictions, levels),
    }
    return pa.table(columns)


def forecast_table(
    dataset: SeriesDataset,
    windows: np.ndarray,
    targets: Arrays,
    predictions: Arrays,
    levels: tuple[float, ...],
) -> pa.Table:
    """A line for each window and step of the horizon.

    "row" of the file (from 0) that is forecast, "step" (from 1), "group" and "time" where the file
    has them, then the true value, null where it is missing, and the forecast of each target, and
    their spread.
    """
    encoder = dataset.encoder
    flat = dataset.flat
    place_n = dataset.starts[windows] + encoder.lookback
    flat_t = (place_n[:, None] + np.arange(encoder.horizon)).ravel()
    steps = np.tile(np.arange(1, encoder.horizon + 1), len(windows))
    columns: dict[str, np.ndarray | pa.Array] = {"row": flat.rows[flat_t], "step": steps}
    if flat.names is not None:
        columns["group"] = flat.names[np.searchsorted(flat.firsts, flat_t, side="right") - 1]
    if flat.stamps is not None and encoder.time is not None:
        columns["time"] = write_stamps(flat.stamps[flat_t], encoder.time)
    for name, values in encoder.raw_targets(targets).items():
        columns[name] = pa.array(values.ravel(), mask=np.isnan(values.ravel()))
    for name, values in encoder.decode(predictions).items():
        columns[name] = values.ravel()
    table = pa.table(columns)
    for name, values in spread_columns(encoder, predictions, levels).items():
        table = table.append_column(name, pa.array(values))
    return table

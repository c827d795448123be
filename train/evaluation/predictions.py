"""predictions.parquet: the test rows with their targets, and what the network predicts of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from train.data.answer_names import beside, free_names
from train.data.dataset import Encoder, HostArrays
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import STEP_NAMES
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
    spread = spread_columns(encoder, predictions, levels)
    answers = beside(encoder.decode(predictions), spread)
    raw = encoder.raw_targets(targets)
    names = free_names(raw, ("row", *answers))
    return pa.table({"row": rows, **dict(zip(names, raw.values(), strict=True)), **answers})


def forecast_table(
    dataset: SeriesDataset,
    windows: np.ndarray,
    targets: Arrays,
    predictions: Arrays,
    levels: tuple[float, ...],
) -> pa.Table:
    """A line for each window and step of the horizon.

    "row" of the file (from 0) that is forecast, null where it lacks that one, "step" (from 1),
    "group" and "time" where the file has them, and both as the file calls them, then the true
    value, null where it is missing, and the forecast of each target, and their spread.
    """
    encoder = dataset.encoder
    flat = dataset.flat
    place_n = dataset.starts[windows] + encoder.lookback
    flat_t = (place_n[:, None] + np.arange(encoder.horizon)).ravel()
    steps = np.tile(np.arange(1, encoder.horizon + 1), len(windows))
    row_t = flat.rows[flat_t]
    columns: dict[str, np.ndarray | pa.Array] = {"row": row_t, "step": steps}
    if (row_t < 0).any():
        columns["row"] = pa.array(row_t, mask=row_t < 0)
    groups = None
    if flat.names is not None:
        groups = pa.array(flat.names).take(pa.array(flat.groups_of(flat_t)))
    columns |= encoder.name_steps(groups, None if flat.stamps is None else flat.stamps[flat_t])
    answers: HostArrays = {}
    for name, values in zip(
        encoder.answer_names.targets, encoder.decode(predictions).values(), strict=True
    ):
        answers[name] = values.ravel()
    answers = beside(answers, spread_columns(encoder, predictions, levels))
    raw = encoder.raw_targets(targets)
    names = free_names(raw, (*STEP_NAMES, *columns, *answers))
    for name, values in zip(names, raw.values(), strict=True):
        columns[name] = pa.array(values.ravel(), mask=np.isnan(values.ravel()))
    return pa.table({**columns, **answers})

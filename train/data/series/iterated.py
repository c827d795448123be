"""A horizon longer than the net's own: blocks, each of which reads the forecasts before as values.

g groups, h horizon of the net, m steps asked for, t flat rows, c columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.series.columns import SeriesColumn
from train.data.series.encoder import SeriesEncoder
from train.data.series.future import Ends, Future, find_ends
from train.data.series.rows_ahead import extended
from train.data.units import less_shift
from train.errors import UserError


def ends_for(
    encoder: SeriesEncoder, table: pa.Table, where: str, n_blocks: int, notes: Notes
) -> Ends:
    """The ends of all groups, with rows for `n_blocks` horizons behind them.

    Raises UserError where these need values of a column that is known up to now alone.
    """
    ends = find_ends(encoder, table, where, notes, n_blocks * encoder.horizon)
    n_read = (n_blocks - 1) * encoder.horizon
    lacks_g = np.maximum(n_read - (ends.flat.sizes - 1 - ends.last_g), 0)
    if lacks_g.any():
        flat, values_tc = extended(encoder, ends.flat, ends.values_tc, lacks_g)
        ends = ends._replace(flat=flat, values_tc=values_tc)
    if n_read:
        _check_observed(encoder, ends, n_read, where)
    return ends


def _check_observed(encoder: SeriesEncoder, ends: Ends, n_read: int, where: str) -> None:
    """Raises UserError where a column that is not known ahead lacks values that blocks read."""
    rows_gm = ends.end_g[:, None] + np.arange(n_read)
    is_lacking_gm = ends.flat.rows[rows_gm] < 0
    for i in range(encoder.n_targets, len(encoder.columns) - encoder.n_known):
        column = encoder.columns[i]
        if column.static:
            continue
        is_missing_gm = np.isnan(ends.values_tc[rows_gm, i])
        if column.of == "category":
            is_missing_gm |= is_lacking_gm
        if is_missing_gm.any():
            found = f"{is_missing_gm.sum()} of its {is_missing_gm.size} values are missing there"
            raise UserError(
                f"--horizon: forecasts beyond the {encoder.horizon} steps of the net read the rows "
                f"to come, and column {column.source or column.name!r} is not known ahead: "
                f"{where}: {found}; give them, or ask for {encoder.horizon} steps"
            )


def with_forecasts(encoder: SeriesEncoder, ends: Ends, raw: Sequence[np.ndarray]) -> Ends:
    """The ends a block later, the forecasts of each target [g, h] standing as its values."""
    values_tc = ends.values_tc.copy()
    rows_gh = ends.end_g[:, None] + np.arange(encoder.horizon)
    for i, column in enumerate(encoder.targets):
        values_tc[rows_gh, i] = _encode(raw[i], column)
    return ends._replace(values_tc=values_tc, last_g=ends.last_g + encoder.horizon)


def _encode(raw_gh: np.ndarray, column: SeriesColumn) -> np.ndarray:
    """Forecasts as a file that holds them is read; nan where that would be as missing."""
    with np.errstate(over="ignore"):
        encoded = (less_shift(raw_gh, column.shift) / column.unit).astype(np.float32)
    is_read = np.isfinite(encoded)
    if column.log == "log1p":
        is_read &= encoded > -1
    return np.where(is_read, encoded, np.float32(np.nan))


def joined(encoder: SeriesEncoder, ends: Ends, blocks: Sequence[Future], n_steps: int) -> Future:
    """The first `n_steps` of all blocks, without inputs."""
    first = blocks[0]
    stamps = None
    if first.stamps is not None:
        parts = [block.stamps for block in blocks if block.stamps is not None]
        stamps = np.concatenate(parts, axis=1)[:, :n_steps]
    rows = np.concatenate([block.rows for block in blocks], axis=1)[:, :n_steps]
    if not encoder.n_known:
        rows = ends.n_rows + np.arange(rows.size).reshape(rows.shape)
    return Future({}, rows, first.groups, stamps)

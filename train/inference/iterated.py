"""Forecasts of more steps than a net makes at once, or of fewer.

g groups, h horizon of the net, m steps asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.dataset import Columns, Encoder, Rows
from train.data.series.encoder import SeriesEncoder
from train.data.series.future import Future
from train.data.series.iterated import ends_for, joined, with_forecasts
from train.errors import UserError
from train.inference.answer_options import Asked, row_columns


def iterated_columns(
    encoder: Encoder,
    table: pa.Table,
    where: str,
    asked: Asked,
    answer: Callable[[Rows, Asked], Columns],
    tell: Callable[[str], None],
) -> Columns:
    """The columns of forecasts, so many steps of each group as `asked` for.

    `answer` gives those of one horizon; the next block reads its forecasts as values. What stands
    beside forecasts, such as the ends of intervals, is null behind the first block. Raises
    UserError.
    """
    n_steps = asked.get("horizon") or 0
    if not isinstance(encoder, SeriesEncoder):
        raise UserError("--horizon: is for nets that forecast series; leave it out")
    horizon = encoder.horizon
    n_blocks = -(-n_steps // horizon)
    notes: Notes = []
    ends = ends_for(encoder, table, where, n_blocks, notes)
    for line in notes:
        tell(line)
    later = Asked(dropout_samples=asked.get("dropout_samples"), seed=asked.get("seed", 0))
    targets = encoder.answer_names.targets
    futures: list[Future] = []
    blocks: list[Columns] = []
    for number in range(n_blocks):
        if number:
            raw = [np.asarray(blocks[-1][name]).reshape(-1, horizon) for name in targets]
            ends = with_forecasts(encoder, ends, raw)
        future = encoder.after(ends)
        futures.append(future)
        blocks.append(answer(encoder.rows_of(future, []), later if number else asked))
    rows = encoder.rows_of(joined(encoder, ends, futures, n_steps), [])
    columns = row_columns(rows)
    beside = [name for name in blocks[0] if name not in columns and name not in targets]
    if n_blocks > 1:
        tell(_line(where, n_steps, horizon, n_blocks, beside))
    for name in blocks[0]:
        if name in targets:
            parts = [np.asarray(block[name]).reshape(-1, horizon) for block in blocks]
            columns[name] = _until_lost(np.concatenate(parts, axis=1))[:, :n_steps].ravel()
        elif name in beside:
            columns[name] = _of_first(np.asarray(blocks[0][name]), horizon, n_steps)
    return columns


def _line(where: str, n_steps: int, horizon: int, n_blocks: int, beside: list[str]) -> str:
    done = f"{n_blocks} blocks, each of which reads the forecasts before it as values"
    line = f"{where}: {n_steps} steps by a net that forecasts {horizon} at once: {done}"
    if beside:
        names = ", ".join(map(repr, beside[:3])) + (", ..." if len(beside) > 3 else "")
        line += f"; {names} are of the first {horizon} steps, null behind, where errors add up"
    return line


def _until_lost(values_gm: np.ndarray) -> np.ndarray:
    """The forecasts of each group, nan from the first on that is no finite number."""
    is_there_gm = np.logical_and.accumulate(np.isfinite(values_gm), axis=1)
    return np.where(is_there_gm, values_gm, np.nan)


def _of_first(values: np.ndarray, horizon: int, n_steps: int) -> pa.Array:
    """What stands beside the first block, null behind it [g * m]."""
    values_gh = values.reshape(-1, horizon)
    values_gm = np.zeros((len(values_gh), n_steps), values.dtype)
    n_there = min(horizon, n_steps)
    values_gm[:, :n_there] = values_gh[:, :n_there]
    is_null_gm = np.broadcast_to(np.arange(n_steps) >= horizon, values_gm.shape)
    return pa.array(values_gm.ravel(), mask=is_null_gm.ravel())

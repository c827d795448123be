"""Files that a trained forecaster is given: what its next window is, and all windows that can be
judged.

g groups, l lookback, h horizon, c columns, k columns known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import Flat, SeriesEncoder, last_labelled, show_group, write_stamps
from train.data.series.stamps import calendar, continue_stamps, find_step
from train.data.series.windows import all_windows
from train.errors import UserError


@dataclass(frozen=True)
class Future:
    """The window that each group ends in, and the steps after it.

    `inputs` {"past": [g, l, c], "future": [g, h, k] if any column is known ahead}, in encoded
    units. Of each step to come: `rows` [g, h], its number in the file, there or not yet; `groups`
    [g] and `stamps` [g, h], None where a file has none.
    """

    inputs: dict[str, np.ndarray]
    rows: np.ndarray
    groups: np.ndarray | None
    stamps: np.ndarray | None


def read_future(encoder: SeriesEncoder, table: pa.Table, where: str) -> Future:
    """What comes after each group's last row with a target. Columns that are known ahead are read
    from the `horizon` rows after it, which the file then must have. Raises UserError.
    """
    flat = encoder.order(table, where)
    _check_step(encoder, flat, where)
    numbers_tc = encoder.numbers(table, where, flat)
    values_tc = encoder.complete(numbers_tc, flat)
    end_g = flat.firsts + last_labelled(encoder, numbers_tc, flat) + 1
    _check_lengths(encoder, flat, end_g, where)
    steps_h = np.arange(encoder.horizon)
    inputs = {"past": values_tc[end_g[:, None] + np.arange(-encoder.lookback, 0)]}
    if encoder.n_known:
        ahead_gh = end_g[:, None] + steps_h
        stamps = None if flat.stamps is None else flat.stamps[ahead_gh]
        rows = flat.rows[ahead_gh]
        known = [
            values_tc[ahead_gh][:, :, len(encoder.columns) - encoder.n_known : len(encoder.columns)]
        ]
    else:
        stamps = _stamps_after(encoder, flat, end_g)
        rows = table.num_rows + np.arange(len(end_g) * encoder.horizon).reshape(-1, encoder.horizon)
        known = []
    if encoder.cycles and stamps is not None:
        cycles = calendar(stamps.ravel(), encoder.cycles)
        known.append(cycles.reshape(*stamps.shape, -1))
    if known:
        inputs["future"] = np.concatenate(known, axis=2)
    return Future(inputs, rows, flat.names, stamps)


def future_columns(
    encoder: SeriesEncoder, future: Future, answers: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Forecasts as columns, a row for each group and step: "row", "group", "time" and one column
    for each target.
    """
    columns: dict[str, Any] = {"row": future.rows.ravel()}
    if future.groups is not None:
        columns["group"] = np.repeat(future.groups, encoder.horizon)
    if future.stamps is not None and encoder.time is not None:
        columns["time"] = write_stamps(future.stamps.ravel(), encoder.time)
    return columns | {name: values.ravel() for name, values in encoder.decode(answers).items()}


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


def _stamps_after(encoder: SeriesEncoder, flat: Flat, end_g: np.ndarray) -> np.ndarray | None:
    if flat.stamps is None or encoder.time is None or encoder.time.step is None:
        return None
    step = encoder.time.step
    return np.stack(
        [continue_stamps(float(last), step, encoder.horizon) for last in flat.stamps[end_g - 1]]
    )


def _check_step(encoder: SeriesEncoder, flat: Flat, where: str) -> None:
    """Raises UserError if the file's step is another than that of training: its forecasts would
    mean nothing.
    """
    if flat.stamps is None or encoder.time is None:
        return
    step = find_step(flat.by_group(flat.stamps), encoder.time.kind)
    if step is not None and step != encoder.time.step:
        found = f"the step is {step}, but the net was trained on a step of {encoder.time.step}"
        raise UserError(f"{where}: column {encoder.time.name!r}: {found}; bring it to that step")


def _check_lengths(encoder: SeriesEncoder, flat: Flat, end_g: np.ndarray, where: str) -> None:
    """Raises UserError at the first group that has too few rows before, or of what is known ahead,
    after its end.
    """
    past_g = end_g - flat.firsts
    ahead_g = flat.sizes - past_g
    for g in np.flatnonzero(past_g < encoder.lookback):
        found = f"{past_g[g]} rows with a target, but the net looks back {encoder.lookback}"
        raise UserError(
            f"{where}: {show_group(flat, g)} has {found}; give it more rows, or leave it out"
        )
    for g in np.flatnonzero(ahead_g < encoder.horizon) if encoder.n_known else ():
        names = " and ".join(repr(column.name) for column in encoder.columns[-encoder.n_known :])
        found = f"{ahead_g[g]} rows after its last target; {names} must be given for the {encoder.horizon} rows to come"
        raise UserError(f"{where}: {show_group(flat, g)} has {found}")

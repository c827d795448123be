"""What a trained forecaster is asked of a file: the steps after the last target of each group.

g groups, l lookback, h horizon, c columns, k columns known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.dataset import HostArrays
from train.data.series.flat import Flat
from train.data.series.group_steps import irregular_lines
from train.data.series.rows_ahead import with_blank_rows
from train.data.series.schema import SeriesSchema
from train.data.series.step import show_stamp

FEW_STEPS = 0.5  # by which the ends of series may differ


@dataclass(frozen=True)
class Future:
    """The window that each group ends in, and the steps after it.

    `inputs` {"past": [g, l, c], "future": [g, h, k] if any column is known ahead}, in encoded
    units, and where groups have names "series" [g], their numbers. Of each step to come: `rows`
    [g, h], its number in the file, there or not yet; `groups` [g] and `stamps` [g, h], None where a
    file has none.
    """

    inputs: HostArrays
    rows: np.ndarray
    groups: np.ndarray | None
    stamps: np.ndarray | None


class Ends(NamedTuple):
    """The rows of a file, its encoded columns, and where each group's targets end.

    `last_g` is the place within each group of its last row with a target; `values_tc` are nan where
    missing, without a calendar; `n_rows` are those of the file.
    """

    flat: Flat
    values_tc: np.ndarray
    last_g: np.ndarray
    n_rows: int

    @property
    def end_g(self) -> np.ndarray:
        """The flat row behind the last one of each group with a target [g]."""
        return self.flat.firsts + self.last_g + 1


def find_ends(
    schema: SeriesSchema, table: pa.Table, where: str, notes: Notes, horizon: int | None = None
) -> Ends:
    """Where the targets of each group end; groups without any are left out, which is said.

    Of columns known ahead there are rows for the `horizon` to come, the schema's by default.
    Raises UserError where no group has any.
    """
    flat = schema.order(table, where, notes)
    values_tc = schema.encode(table, flat, where, notes)
    last_g = schema.last_labelled(values_tc, flat)
    if (last_g < 0).any() and (last_g >= 0).any():
        which = f"such as {flat.group_name(int(last_g.argmin()))}"
        found = f"{(last_g < 0).sum()} of {len(last_g)} series have no value of a target"
        notes.append(f"{where}: {found}, {which}; left out")
        has_target_t = flat.per_row(last_g >= 0)
        flat = flat.select(has_target_t)
        values_tc = values_tc[has_target_t]
        last_g = last_g[last_g >= 0]
    n_ahead = horizon or schema.horizon
    if schema.n_known:
        flat, values_tc = with_blank_rows(schema, flat, values_tc, last_g, n_ahead, where, notes)
    ends = Ends(flat, values_tc, last_g, table.num_rows)
    is_gap_tc = np.isnan(values_tc)
    notes += past_lines(schema, flat, ends.end_g, is_gap_tc, where)
    if schema.n_known:
        ahead_gh = ends.end_g[:, None] + np.arange(n_ahead)
        notes += blank_lines(schema, is_gap_tc[ahead_gh], where)
    return ends


def past_lines(
    schema: SeriesSchema, flat: Flat, end_g: np.ndarray, is_gap_tc: np.ndarray, where: str
) -> list[str]:
    """What the user should know of where forecasts begin, and of what the net looks back on.

    `end_g` is the row behind the last one of each group with a target.
    """
    lines = []
    short_g = end_g - flat.firsts < schema.lookback
    if short_g.any():
        found = f"fewer than the {schema.lookback} rows that the net looks back"
        done = "those before its first are taken as missing"
        lines.append(f"{where}: {_some(flat, short_g)} {found}; {done}")
    unseen = set()
    if flat.names is not None and schema.groups:
        unseen = set(flat.names.tolist()) - set(schema.groups)
    if unseen:
        which = f"such as {min(unseen)!r}"
        found = f"{len(unseen)} of {len(flat.sizes)} series are none of those of training"
        found += f" (as {schema.groups[0]!r})"
        done = "forecast by what all have in common"
        if schema.has_group_scales:
            done += f", at the scale of the {schema.lookback} rows that the net looks back on"
        lines.append(f"{where}: {found}, {which}; {done}")
    behind_g = flat.firsts + flat.sizes - end_g
    if behind_g.any() and not schema.n_known:
        found = f"up to {behind_g.max()} rows after the last target"
        done = "forecasts go on from that target"
        lines.append(f"{where}: {_some(flat, behind_g > 0)} {found}; {done}")
    lines += _ended_lines(schema, flat, end_g, is_gap_tc, where)
    lines += _gap_lines(schema, flat, end_g, is_gap_tc, where)
    if schema.time is not None:
        lines += irregular_lines(flat, schema.time, where)
    if flat.stamps is not None and schema.time is not None and len(end_g) > 1:
        last_g = flat.stamps[end_g - 1]
        early_g = last_g < last_g.max() - FEW_STEPS * _step_sizes(flat)
        if early_g.any():
            g = int(np.where(early_g, last_g, np.inf).argmin())
            which = f"such as {flat.group_name(g)} at {show_stamp(last_g[g], schema.time.kind)}"
            found = f"{early_g.sum()} of {len(last_g)} series end before the others, {which}"
            lines.append(f"{where}: {found}; each is forecast from its own end")
    return lines


def _some(flat: Flat, mask_g: np.ndarray) -> str:
    """That the series, or how many of them, have something."""
    if flat.names is None:
        return "the series has"
    which = f"such as {flat.group_name(int(mask_g.argmax()))}"
    return f"{mask_g.sum()} of {len(mask_g)} series, {which}, have"


def _ended_lines(
    schema: SeriesSchema, flat: Flat, end_g: np.ndarray, is_gap_tc: np.ndarray, where: str
) -> list[str]:
    """A line for each target that ends before another one."""
    lines = []
    for i, column in enumerate(schema.columns[: schema.n_targets]):
        last_g = flat.firsts + flat.last_places(~is_gap_tc[:, i])
        late_g = end_g - 1 - last_g
        if late_g.any():
            g = int(late_g.argmax())
            found = f"no value in the {late_g[g]} rows before the forecasts of {flat.group_name(g)}"
            lines.append(f"{where}: column {column.name!r}: {found}; these are not of its own end")
    return lines


def _gap_lines(
    schema: SeriesSchema, flat: Flat, end_g: np.ndarray, is_gap_tc: np.ndarray, where: str
) -> list[str]:
    """A line for each column that lacks values among the rows that the net looks back on."""
    begin_g = np.maximum(end_g - schema.lookback, flat.firsts)
    is_read_t = np.zeros(len(flat.rows), bool)
    for begin, end in zip(begin_g, end_g, strict=True):
        is_read_t[begin:end] = True
    lines = []
    for i, column in enumerate(schema.columns):
        n_gaps = int(is_gap_tc[is_read_t, i].sum())
        if n_gaps and column.of == "numbers":
            found = f"{n_gaps} of the {is_read_t.sum()} values that the net looks back on"
            mark = "with a mark" if column.name in schema.marked else "without a mark"
            done = f"filled by the value before, {mark}"
            lines.append(f"{where}: column {column.name!r}: {found} are missing; {done}")
    return lines


def _step_sizes(flat: Flat) -> np.ndarray:
    """About how far apart the stamps of each group are [g]."""
    assert flat.steps is not None
    return np.array([0.0 if step is None else step.rough_size for step in flat.steps])


def blank_lines(schema: SeriesSchema, is_gap_ghc: np.ndarray, where: str) -> list[str]:
    """A line for each column known ahead that lacks values over the horizon [g, h, c]."""
    lines = []
    for i in range(len(schema.columns) - schema.n_known, len(schema.columns)):
        column = schema.columns[i]
        n_blank = int(is_gap_ghc[:, :, i].sum())
        if not n_blank:
            continue
        found = f"{n_blank} of {is_gap_ghc[:, :, i].size} values of the rows to come are missing"
        done = f"{column.median:g}, the training median, stands for them"
        if column.by_group and schema.fills:
            done = "the training median of each group stands for them"
        if column.name in schema.marked:
            done = "filled by the value before, with a mark"
        lines.append(f"{where}: column {column.name!r}: {found}; {done}")
    return lines

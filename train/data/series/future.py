"""What a trained forecaster is asked of a file: the steps after the last target of each group.

g groups, l lookback, h horizon, c columns, k columns known ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.data.dataset import HostArrays
from train.data.series.flat import Flat
from train.data.series.schema import SeriesSchema
from train.data.series.stamps import show_stamp
from train.errors import UserError

FEW_STEPS = 0.5  # by which the ends of series may differ


@dataclass(frozen=True)
class Future:
    """The window that each group ends in, and the steps after it.

    `inputs` {"past": [g, l, c], "future": [g, h, k] if any column is known ahead}, in encoded
    units. Of each step to come: `rows` [g, h], its number in the file, there or not yet; `groups`
    [g] and `stamps` [g, h], None where a file has none.
    """

    inputs: HostArrays
    rows: np.ndarray
    groups: np.ndarray | None
    stamps: np.ndarray | None


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
        lines.append(f"{where}: {found}, {which}; forecast by what all have in common")
    behind_g = flat.firsts + flat.sizes - end_g
    if behind_g.any() and not schema.n_known:
        found = f"up to {behind_g.max()} rows after the last target"
        done = "forecasts go on from that target"
        lines.append(f"{where}: {_some(flat, behind_g > 0)} {found}; {done}")
    lines += _ended_lines(schema, flat, end_g, is_gap_tc, where)
    if flat.stamps is not None and schema.time is not None and len(end_g) > 1:
        last_g = flat.stamps[end_g - 1]
        early_g = last_g < last_g.max() - FEW_STEPS * _step_sizes(schema, flat)
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


def _step_sizes(schema: SeriesSchema, flat: Flat) -> np.ndarray:
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
        if column.name in schema.marked:
            done = "filled by the value before, with a mark"
        lines.append(f"{where}: column {column.name!r}: {found}; {done}")
    return lines


def check_ahead(
    flat: Flat, end_g: np.ndarray, horizon: int, known: Sequence[str], where: str
) -> None:
    """Raises UserError at the first group that lacks rows of `known` columns after its end."""
    ahead_g = flat.sizes - (end_g - flat.firsts)
    for g in np.flatnonzero(ahead_g < horizon):
        found = f"{ahead_g[g]} rows after its last target"
        needs = f"{' and '.join(map(repr, known))} must be given for the {horizon} rows to come"
        raise UserError(f"{where}: {flat.group_name(g)} has {found}; {needs}")

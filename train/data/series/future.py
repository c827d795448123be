"""What a trained forecaster is asked of a file: the steps after the last target of each group.

g groups, l lookback, h horizon, c columns, k columns known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.data.columns import Said
from train.data.dataset import HostArrays
from train.data.series.flat import Flat
from train.data.series.grid import continue_stamps
from train.data.series.schema import SeriesSchema
from train.data.series.stamps import show_stamp
from train.errors import UserError

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


def with_blank_rows(
    schema: SeriesSchema,
    flat: Flat,
    values_tc: np.ndarray,
    last_g: np.ndarray,
    where: str,
    said: Said,
) -> tuple[Flat, np.ndarray]:
    """The rows and encoded columns with a row of -1 for each step to come that the file lacks.

    `last_g` is the place of the last target of each group. What such a row lacks is missing, which
    is said. Raises UserError where no group has a row to come, or its stamp is not known.
    """
    given_g = flat.sizes - 1 - last_g
    lacks_g = np.maximum(schema.horizon - given_g, 0)
    if not lacks_g.any():
        return flat, values_tc
    known = [column.source or column.name for column in schema.columns[-schema.n_known :]]
    names = " and ".join(map(repr, dict.fromkeys(known)))
    first = int(lacks_g.argmax())
    found = f"{flat.group_name(first)} has {given_g[first]} rows after its last target"
    if not given_g.any() or not _goes_on(schema, flat):
        needs = f"{names} must be given for the {schema.horizon} rows to come"
        raise UserError(f"{where}: {found}; {needs}")
    others = "" if (lacks_g > 0).sum() == 1 else f", as do {(lacks_g > 0).sum() - 1} others"
    said.append(
        f"{where}: {found}, fewer than the {schema.horizon} to come{others}; "
        f"{names} stand as missing in the rest"
    )
    return _extended(schema, flat, values_tc, lacks_g)


def _goes_on(schema: SeriesSchema, flat: Flat) -> bool:
    """Whether the stamps of all steps to come follow from those before."""
    if flat.stamps is None or schema.time is None:
        return True
    steps = [] if flat.steps is None else flat.steps.tolist()
    return schema.time.step is not None or (len(steps) > 0 and None not in steps)


def _extended(
    schema: SeriesSchema, flat: Flat, values_tc: np.ndarray, lacks_g: np.ndarray
) -> tuple[Flat, np.ndarray]:
    """Each group with so many rows more, of which columns of its own kind alone are known."""
    ends_g = flat.firsts + flat.sizes
    at = np.repeat(ends_g, lacks_g)
    blank_nc = np.full((len(at), values_tc.shape[1]), np.nan, values_tc.dtype)
    for i, column in enumerate(schema.columns):
        if column.static:
            blank_nc[:, i] = np.repeat(values_tc[flat.firsts, i], lacks_g)
        elif column.of == "category":
            blank_nc[:, i] = 0
    stamps = flat.stamps
    if stamps is not None and schema.time is not None:
        ahead = [np.zeros(0)]
        for g in np.flatnonzero(lacks_g):
            own = None if flat.steps is None else flat.steps[g]
            step = own or schema.time.step
            assert step is not None
            last = float(stamps[ends_g[g] - 1])
            ahead.append(continue_stamps(last, step, int(lacks_g[g]), schema.time.clock))
        stamps = np.insert(stamps, at, np.concatenate(ahead))
    longer = flat._replace(
        rows=np.insert(flat.rows, at, -1), sizes=flat.sizes + lacks_g, stamps=stamps
    )
    return longer, np.insert(values_tc, at, blank_nc, axis=0)

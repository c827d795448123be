"""The rows of groups on the steps that they keep to: those of training, or what fits new ones.

g groups.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from train.data.columns import Notes
from train.data.number_words import counted
from train.data.series.cycles import PERIODS
from train.data.series.find_step import find_step
from train.data.series.flat import Flat, NoSeries
from train.data.series.grid import count_gaps
from train.data.series.layout import Layout, keeping, lay_out
from train.data.series.local_time import has_clock
from train.data.series.step import TimeStep
from train.data.series.time_column import GroupStep, TimeColumn
from train.errors import UserError

FAR = 3.0  # times the step of training: where rows count, a new file's may be less far off


def look_up_steps(
    flat: Flat, time: TimeColumn, groups: Collection[str], where: str, notes: Notes
) -> Flat:
    """The rows of a new file with the steps of their groups: those of training, or what fits.

    `groups` are those of training. Groups that keep to none are left out, which is said. Raises
    NoSeries where all are.
    """
    if time.step is None or flat.stamps is None:
        return flat
    steps = list(dict.fromkeys([time.step, *(each.step for each in time.others if each.step)]))
    keeps_sg = [keeping(flat, step, time.clock) for step in steps]
    steps_g: list[TimeStep | None] = [time.step] * len(flat.sizes)
    fits_g = np.ones(len(flat.sizes), bool)
    known = set(groups)
    for g in range(len(flat.sizes)):
        name = name_of(flat, g)
        trained = time.of_group.get(name) or (GroupStep(name, time.step) if name in known else None)
        if trained is not None and (trained.counts == "rows" or trained.step is None):
            steps_g[g] = trained.step
            continue
        fitting = []
        for i, step in enumerate(steps):
            if keeps_sg[i][g] and (trained is None or trained.step == step):
                fitting.append(i)
        fits_g[g] = bool(fitting)
        if fitting:
            steps_g[g] = steps[fitting[0]]
        elif trained is not None:
            steps_g[g] = trained.step
    stamps_g = flat.by_group(flat.stamps)
    flat = with_steps(flat, steps_g)
    if fits_g.all() or (time.counts == "rows" and not _is_other(flat, time.step)):
        return flat
    worst = int(np.where(fits_g, -1, flat.sizes).argmax())
    step = find_step(stamps_g[worst], time.kind, time.clock)
    found = f"the step is {step}, but the net was trained on a step of {steps_g[worst]}"
    if not fits_g.any():
        raise NoSeries(f"{where}: column {time.name!r}: {found}; bring it to that step")
    which = f"{(~fits_g).sum()} of {len(fits_g)} series are left out, such as"
    notes.append(f"{where}: column {time.name!r}: {which} {flat.group_name(worst)}: {found}")
    return flat.select(flat.per_row(fits_g))


def with_steps(flat: Flat, steps_g: Sequence[TimeStep | None]) -> Flat:
    """The flat rows, with the step that each group goes on by."""
    steps = np.empty(len(steps_g), object)
    steps[:] = list(steps_g)
    return flat._replace(steps=steps)


def on_steps(
    flat: Flat, time: TimeColumn, longest: int, where: str, notes: Notes, asked: str | None = None
) -> Flat:
    """The rows with those between them that are missing, where groups keep to steps; all is said.

    `asked`: the step that an option names. Raises UserError if stamps do not keep to it.
    """
    if time.counts == "rows" or flat.steps is None:
        return flat
    steps_g: list[TimeStep | None] = list(flat.steps)
    for g in range(len(steps_g)):
        own = time.of_group.get(name_of(flat, g))
        if own is not None and own.counts == "rows":
            steps_g[g] = None
    laid = lay_out(flat, steps_g, time.clock, longest)
    if asked is not None and laid.counted_g.any():
        g = int(laid.counted_g.argmax())
        raise UserError(
            f"config.data.frequency: {asked}, but stamps of {flat.group_name(g)} do not keep to "
            f"{steps_g[g]}; give another, or leave it out"
        )
    notes += _layout_lines(laid, flat, time, where)
    return laid.flat


def _layout_lines(laid: Layout, flat: Flat, time: TimeColumn, where: str) -> list[str]:
    """What was done to get rows on their steps."""
    column = f"{where}: column {time.name!r}"
    lines = []
    n_inserted = int(laid.inserted_g.sum())
    if n_inserted:
        g = int(laid.inserted_g.argmax())
        n_most = int(laid.inserted_g[g])
        share = "" if n_most == n_inserted else f"{n_most} "
        most = f", {share}in {flat.group_name(g)}" if len(flat.sizes) > 1 else ""
        found = counted(n_inserted, "stamp is", "stamps are") + f" missing at a step of {time.step}"
        stand = "a row without values stands" if n_inserted == 1 else "rows without values stand"
        them = "it" if n_inserted == 1 else "them"
        lines.append(f"{column}: {found}{most}; {stand} for {them}")
    if laid.shortened:
        shortened = counted(laid.shortened, "gap is longer", "gaps are longer")
        lines.append(f"{column}: {shortened} than a window, and shortened")
    if len(laid.off):
        shown = f"such as row {laid.off[0] + 1}"
        found = counted(len(laid.off), "row stands", "rows stand")
        found += f" on no step of {time.step}, {shown}"
        lines.append(f"{column}: {found}; left out")
    n_counted = int(laid.counted_g.sum())
    if n_counted:
        which = f"such as {flat.group_name(int(laid.counted_g.argmax()))}"
        found = f"{n_counted} of {len(flat.sizes)} series keep to no step, {which}"
        if len(flat.sizes) == 1:
            found = "stamps keep to no step"
        lines.append(f"{column}: irregular: {found}; windows count their rows")
    return lines


def irregular_lines(flat: Flat, time: TimeColumn, where: str) -> list[str]:
    """What the user should know of stamps where each row counts for a step."""
    if flat.stamps is None or time.step is None or time.counts == "steps":
        return []
    missing, irregular = count_gaps(flat.by_group(flat.stamps), time.step, time.clock)
    column = f"{where}: column {time.name!r}"
    lines = []
    if missing:
        found = counted(missing, "stamp is", "stamps are") + f" missing at a step of {time.step}"
        lines.append(f"{column}: {found}; windows run over {'it' if missing == 1 else 'them'}")
    if irregular:
        n_pairs = len(flat.stamps) - len(flat.sizes)
        apart = f"{irregular} of {n_pairs} neighbours are not whole steps of {time.step} apart"
        done = "windows count rows, and forecasts are dated by that step"
        lines.append(f"{column}: irregular: {apart}; {done}")
    return lines


def step_lines(
    time: TimeColumn | None, season: int | None, cycles: Sequence[str] = ()
) -> list[str]:
    """A line on the step that was found, and one on groups that have another."""
    if time is None or time.step is None:
        return []
    a_season = "" if season is None else f", a season {season} steps"
    zone = f" by the clock of {time.clock}" if has_clock(time.clock) else ""
    periods = " and ".join(", ".join(PERIODS[cycle][1] for cycle in cycles).rsplit(", ", 1))
    reads = f"; the place of its stamps in {periods} is read" if periods else ""
    lines = [f"column {time.name!r}: a step is {time.step}{zone}{a_season}{reads}"]
    others = [each for each in time.others if each.counts == "steps"]
    if others:
        which = f"such as {others[0].group!r}: {others[0].step}"
        has = counted(len(others), "series has", "series have")
        lines.append(f"column {time.name!r}: {has} another step, {which}")
    return lines


def _is_other(flat: Flat, step: TimeStep) -> bool:
    """Whether stamps are three times as far apart as a step, or as near together."""
    assert flat.stamps is not None
    distances = np.concatenate([np.diff(stamps) for stamps in flat.by_group(flat.stamps)])
    if not len(distances):
        return False
    share = float(np.median(distances)) / step.rough_size
    return not 1 / FAR < share < FAR


def name_of(flat: Flat, g: int | np.integer) -> str:
    """The name of a group; "" where there is one series alone."""
    return "" if flat.names is None else str(flat.names[g])

"""Which step the stamps of each group keep to, found in them. g groups."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from train.config.frequency import Frequency
from train.data.series.find_step import find_step
from train.data.series.flat import Flat
from train.data.series.frequency import step_of
from train.data.series.group_steps import name_of, with_steps
from train.data.series.layout import keeping, missing_shares
from train.data.series.local_time import has_clock
from train.data.series.step import TimeStep
from train.data.series.time_column import GroupStep, TimeColumn

MAX_STEPS = 50  # that are looked for; further groups count rows
GAPPY = 0.1  # a group that lacks this share of another's steps may have its own
LONG = 20  # rows of a group that can tell


def find_steps(
    flat: Flat, time: TimeColumn, asked: Frequency | None, counts_rows: bool
) -> tuple[TimeColumn, Flat]:
    """(the column with its groups' steps, that of most rows as its own, the rows with theirs).

    `asked` is the step that an option names, `counts_rows` that no row is to be inserted.
    """
    assert flat.stamps is not None
    stamps_g = flat.by_group(flat.stamps)
    if asked is not None:
        kept_g: list[TimeStep | None] = [_asked_step(asked, time)] * len(flat.sizes)
    else:
        kept_g = _kept_steps(flat, time)
    rows: Counter[TimeStep] = Counter()
    for step, size in zip(kept_g, flat.sizes, strict=True):
        if step is not None:
            rows[step] += int(size)
    if counts_rows or not rows:
        longest = int(np.argmax(flat.sizes))
        step = kept_g[longest] or find_step(stamps_g[longest], time.kind, time.clock)
        return replace(time, step=step), with_steps(flat, [step] * len(flat.sizes))
    main = rows.most_common(1)[0][0]
    others = []
    steps_g = list(kept_g)
    for g, step in enumerate(kept_g):
        if step is None:
            steps_g[g] = find_step(stamps_g[g], time.kind, time.clock)
            others.append(GroupStep(name_of(flat, g), steps_g[g], "rows"))
        elif step != main:
            others.append(GroupStep(name_of(flat, g), step, "steps"))
    time = replace(time, step=main, counts="steps", others=tuple(others))
    return time, with_steps(flat, steps_g)


def _kept_steps(flat: Flat, time: TimeColumn) -> list[TimeStep | None]:
    """The step of each group, that of a longer one where it keeps to it; None where to none."""
    assert flat.stamps is not None
    steps_g: list[TimeStep | None] = [None] * len(flat.sizes)
    open_g = np.ones(len(flat.sizes), bool)
    gappy: list[int] = []
    stamps_g = flat.by_group(flat.stamps)
    for _ in range(MAX_STEPS):
        if not open_g.any():
            break
        longest = int(np.where(open_g, flat.sizes, -1).argmax())
        open_g[longest] = False
        step = find_step(stamps_g[longest], time.kind, time.clock)
        if step is None:
            break
        keeps_g = keeping(flat, step, time.clock)
        if not keeps_g[longest]:
            continue
        steps_g[longest] = step
        share_g = missing_shares(flat, step, time.clock)
        for g in np.flatnonzero(open_g & keeps_g).tolist():
            steps_g[g] = step
            if share_g[g] > GAPPY and flat.sizes[g] >= LONG:
                gappy.append(g)
        open_g &= ~keeps_g
    if gappy:
        _own_steps(flat, time, steps_g, gappy)
    return steps_g


def _own_steps(
    flat: Flat, time: TimeColumn, steps_g: list[TimeStep | None], gappy: list[int]
) -> None:
    """Gives groups that lack many steps the one that some keep to, if they lack few of it."""
    assert flat.stamps is not None
    some = gappy[:: -(-len(gappy) // MAX_STEPS)]
    found = {}
    for g in some:
        first = int(flat.firsts[g])
        step = find_step(flat.stamps[first : first + flat.sizes[g]], time.kind, time.clock)
        if step is not None and step != steps_g[g]:
            found[step] = missing_shares(flat, step, time.clock)
    for step, share_g in found.items():
        keeps_g = keeping(flat, step, time.clock)
        for g in gappy:
            before = found.get(steps_g[g])
            least = share_g[g] if before is None else before[g]
            if keeps_g[g] and share_g[g] <= min(least, GAPPY):
                steps_g[g] = step


def _asked_step(asked: Frequency, time: TimeColumn) -> TimeStep:
    step = step_of(asked)
    is_plain = step.kind == "local" and not has_clock(time.clock)
    return replace(step, kind="time") if is_plain else step

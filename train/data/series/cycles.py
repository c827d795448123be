"""Which cycles of the calendar are inputs: those that stamps tell and training rows go through.

g groups.
"""

from __future__ import annotations

import numpy as np

from train.config.data_options import Series
from train.data.columns import Notes
from train.data.series.flat import Flat
from train.data.series.step import CYCLES, DAY, TimeStep, cycles_of

# How long each takes in microseconds, a year at the least twelve short months of stamps.
PERIODS = {"hour": (DAY, "a day"), "weekday": (7 * DAY, "a week"), "month": (360 * DAY, "a year")}


def cycles_read(
    flat: Flat, train_rows_g: np.ndarray, step: TimeStep | None, options: Series, notes: Notes
) -> tuple[str, ...]:
    """The cycles that the stamps of some group can tell apart; which are left out is said.

    Those are left out that the first `train_rows_g` rows of the groups hold less than once: steps
    to come would stand at places that no training row was at. Where `options` ask for the shortest,
    it is that of the most usual step.
    """
    if step is None or not options.calendar:
        return ()
    if options.calendar == "shortest":
        found = {cycles_of(step)[0]}
    else:
        steps = [step] if flat.steps is None else [step, *filter(None, flat.steps)]
        found = {cycle for each in steps for cycle in cycles_of(each)}
    assert flat.stamps is not None
    stamps = flat.stamps[flat.places < flat.per_row(train_rows_g)]
    span = step.rough_size + (float(np.ptp(stamps)) if len(stamps) else 0.0)
    cycles = []
    for cycle in CYCLES:
        period, words = PERIODS[cycle]
        if cycle in found and span >= period:
            cycles.append(cycle)
        elif cycle in found:
            which = f"less than {words}, whose part a row stands at is not read"
            notes.append(f"config.data.calendar: training rows span {which}")
    return tuple(cycles)

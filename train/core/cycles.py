"""The learned cycle of a net on series: which parts of the calendar it goes by, and how finely."""

from __future__ import annotations

import nets
from train.config.net_options import LSTM
from train.data.series.encoder import SeriesEncoder
from train.data.series.step import DAY, TimeStep
from train.errors import UserError

MAX_POINTS = 96  # of a day: quarters of an hour
HOURS_OF_DAY = 24
CIRCLES = {"day": ("hour",), "week": ("weekday", "hour"), "year": ("month",)}


def learned_cycle(net: LSTM, encoder: SeriesEncoder) -> nets.Cycle | None:
    """The cycle that the options ask for; UserError where the stamps do not tell it."""
    if net.cycle == "none":
        return None
    assert encoder.time is not None
    step = encoder.time.step
    points = {"hour": _points_of_day(step), "weekday": 7, "month": 12}
    circles = []
    for name in CIRCLES[net.cycle]:
        if name in encoder.cycles:
            place = len(encoder.cycles) - encoder.cycles.index(name)
            circles.append(nets.Circle(place, points[name]))
    if not circles:
        told = (
            "no calendar" if step is None else f"steps of {step}, or training rows of less than one"
        )
        raise UserError(
            f"config.net.cycle: {net.cycle} is not to be told by {told}; set it to none"
        )
    return nets.Cycle(tuple(circles), encoder.n_targets)


def _points_of_day(step: TimeStep | None) -> int:
    if step is None or step.kind not in ("time", "local"):
        return HOURS_OF_DAY
    return min(max(round(DAY / step.size), 2), MAX_POINTS)

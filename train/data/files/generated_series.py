"""Series made by their equations: data without a file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

DELAY = 17.0
DECAY = 0.1
GAIN = 0.2
POWER = 10
STEPS_PER_UNIT = 10
LEFT_OUT = 300  # time units until the start is forgotten
LENGTH = 6000


def mackey_glass(length: int = LENGTH) -> pa.Table:
    """The chaotic series of Mackey & Glass (1977): "time" and "x", a row for each unit of time.

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, from a constant past of 1.2, the first 300
    units left out.
    """
    x_t = integrate(LEFT_OUT + length, STEPS_PER_UNIT)[LEFT_OUT:]
    return pa.table({"time": np.arange(length), "x": x_t})


def integrate(length: int, steps_per_unit: int) -> np.ndarray:
    """x at 0, 1, ... length - 1 by the classical Runge-Kutta method, float64 [length].

    The delayed value halfway between two steps is their mean.
    """
    size = 1 / steps_per_unit
    delay = round(DELAY * steps_per_unit)
    x = [1.2] * (delay + 1)
    for i in range((length - 1) * steps_per_unit):
        begin = x[i]
        end = x[i + 1]
        now = x[-1]
        middle = (begin + end) / 2
        slope_1 = _slope(now, begin)
        slope_2 = _slope(now + size / 2 * slope_1, middle)
        slope_3 = _slope(now + size / 2 * slope_2, middle)
        slope_4 = _slope(now + size * slope_3, end)
        x.append(now + size / 6 * (slope_1 + 2 * slope_2 + 2 * slope_3 + slope_4))
    return np.array(x[delay::steps_per_unit])


def _slope(now: float, delayed: float) -> float:
    """dx/dt."""
    return GAIN * delayed / (1 + delayed**POWER) - DECAY * now

"""Axes as numbers: which values they span, and where their ticks stand with which text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LOG_SPAN = 30  # values that span this factor stand on a logarithmic axis
ROOM = 0.04  # beyond the outermost values, of their span
MIN_LOG_VALUE = 1e-300  # value of a logarithmic axis
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten
LARGE = ((1e9, 1e9, "bn"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))  # from, in units of
SECOND = 1_000_000
DAY = 86_400 * SECOND
# Between the ticks of dates within some months, in microseconds.
CLOCK_STEPS = (
    *(SECOND * n for n in (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200)),
    *(DAY * n for n in (1, 2, 5, 10, 14, 28)),
)
MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240)


class Tick(NamedTuple):
    """A value of an axis that bears a text."""

    value: float
    text: str


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, evenly or by powers of ten, with ticks."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    is_log: bool = False

    def share(self, values: ArrayLike) -> np.ndarray:
        """Where values stand between the ends of the axis, 0 to 1; nan where they have no place."""
        array = np.asarray(values, np.float64)
        if not self.is_log:
            return (array - self.low) / (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(np.where(array > 0, array, np.nan))
        return (logs - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))


def linear(
    *values: ArrayLike, n: int = 6, zero: bool = False, limits: tuple[float, float] | None = None
) -> Scale:
    """An even axis over all finite values with about `n` ticks; `zero` is its lower end then."""
    low, high = limits or _span(values)
    if limits is None:
        if high <= low:
            half = abs(low) / 2 or 0.5
            low -= half
            high += half
        if zero:
            low = min(low, 0.0)
        room = ROOM * (high - low)
        low = low if zero and low == 0 else low - room
        high += room
    step = _step((high - low) / max(n, 1))
    places = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    return Scale(low, high, tuple(Tick(float(at), short(float(at), step)) for at in places))


def whole(*values: ArrayLike, n: int = 5) -> Scale:
    """An even axis of whole numbers such as epochs: no tick between two of them."""
    scale = linear(*values, n=n)
    places = [tick.value for tick in scale.ticks if float(tick.value).is_integer()]
    if len(places) > 1:
        ticks = tuple(Tick(at, f"{at:,.0f}") for at in places)
        return Scale(scale.low, scale.high, ticks)
    low, high = _span(values)
    ends = sorted({round(low), round(high)})
    return Scale(scale.low, scale.high, tuple(Tick(float(at), f"{at:,}") for at in ends))


def logarithmic(*values: ArrayLike) -> Scale:
    """An axis by powers of ten over all positive values, whose ticks are plain numbers."""
    positive = []
    for array in values:
        numbers = np.asarray(array, np.float64).ravel()
        positive.append(numbers[np.isfinite(numbers) & (numbers > 0)])
    low, high = _span(positive)
    low, high = (low, high) if low > 0 else (0.1, 1.0)
    decades = math.log10(high) - math.log10(low)
    room = max(10 ** min(decades * ROOM, 5.0), 1.05)
    low = max(low / room, MIN_LOG_VALUE)
    high = min(high * room, 1 / MIN_LOG_VALUE)
    decades = math.log10(high) - math.log10(low)
    factors = (1, 2, 5) if decades < 1.5 else (1, 3)
    every = 1
    if decades >= 3:
        factors = (1,)
        every = math.ceil(decades / 6)
    ticks = []
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for factor in factors if power % every == 0 else ():
            value = factor * 10.0**power
            if low <= value <= high:
                ticks.append(Tick(value, plain(value)))
    if len(ticks) < 2:
        ticks = [Tick(at, plain(float(f"{at:.2g}"))) for at in (low * room, high / room)]
    return Scale(low, high, tuple(ticks), is_log=True)


def fitting(*values: ArrayLike) -> Scale:
    """A logarithmic axis where all values are positive and span a factor of `LOG_SPAN`."""
    low, high = _span(values)
    return logarithmic(*values) if low > 0 and high > LOG_SPAN * low else linear(*values)


def names(texts: Sequence[str]) -> Scale:
    """An axis of names, which stand at 0, 1, ..."""
    ticks = tuple(Tick(float(i), text) for i, text in enumerate(texts))
    return Scale(-0.5, len(texts) - 0.5, ticks)


def dates(*stamps: ArrayLike, n: int = 4) -> Scale:
    """An axis of times, in microseconds since 1970, whose ticks are dates and hours."""
    low, high = _span(stamps)
    high = high if high > low else low + DAY
    wanted = (high - low) / n
    for step in CLOCK_STEPS:
        if step >= wanted:
            places = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
            return Scale(low, high, tuple(_clock_ticks(places, step)))
    months = next((m for m in MONTH_STEPS if m * 30.5 * DAY >= wanted), MONTH_STEPS[-1])
    first = np.datetime64(int(low), "us").astype("datetime64[M]").astype(int)
    last = np.datetime64(int(high), "us").astype("datetime64[M]").astype(int)
    ticks = []
    for month in range(-(-first // months) * months, last + 1, months):
        date = np.datetime64(month, "M")
        at = float(date.astype("datetime64[us]").astype(np.int64))
        if low <= at <= high:
            text = str(date)[:4] if months >= 12 else date.item().strftime("%b %Y")
            ticks.append(Tick(at, text))
    return Scale(low, high, tuple(ticks))


def short(value: float, step: float) -> str:
    """A tick's text with as many decimals as its step asks for, large numbers by k, M and bn."""
    if abs(value) < step / 1e6:
        return "0"
    for least, unit, letter in LARGE:
        if abs(value) >= least and step >= unit / 1e3:
            return f"{_decimals(value / unit, step / unit)}{letter}"
    if abs(value) < 1e-3:
        return plain(float(f"{value:.4g}"))
    return _decimals(value, step)


def plain(value: float) -> str:
    """A number without superfluous digits: 0.003, 1e-5, 20,000."""
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:,.10g}"
    mantissa, _, power = f"{value:.3e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}" if value else "0"


def _decimals(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if digits < 9 and abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1
    return f"{value:,.{min(digits, 9)}f}".replace("-", "\N{MINUS SIGN}")


def _span(arrays: Iterable[ArrayLike]) -> tuple[float, float]:
    """The smallest and the largest finite value; 0 and 1 without any."""
    low = math.inf
    high = -math.inf
    for values in arrays:
        array = np.asarray(values, np.float64)
        finite = array[np.isfinite(array)]
        if finite.size:
            low = min(low, float(finite.min()))
            high = max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 1.0)


def _step(wanted: float) -> float:
    """The round number next above `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in STEPS if step * power >= wanted * (1 - 1e-9))


def _clock_ticks(places: np.ndarray, step: int) -> Iterable[Tick]:
    """The date where it is midnight or the first tick of a day, else the hour."""
    day = None
    for place in places:
        time = np.datetime64(int(place), "us").item()
        text = f"{time.day} {time:%b}"
        if step < DAY and time.date() == day:
            text = f"{time:%H:%M:%S}" if step < 60 * SECOND else f"{time:%H:%M}"
        elif step < DAY and (time.hour or time.minute):
            text = f"{time.day} {time:%b %H:%M}"
        day = time.date()
        yield Tick(float(place), text)

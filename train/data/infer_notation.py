"""Which notation the numbers of a column have: their unit, their factor, or that they are times.

k different texts of a column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from train.data.clock import MINUTES, is_clock, length_of, seconds_of
from train.data.marks import Counts
from train.data.no_value import is_no_value
from train.data.notation import (
    CELL,
    PLAIN,
    SCALES,
    Mark,
    Notation,
    is_of_accounts,
    parse,
    prefix_of,
)
from train.data.parsing import ascii_digits, has_digit
from train.data.unit_names import as_one_unit

FEW = 5  # different numbers, below which letters behind them are taken for codes
METRE = "m"  # millions only beside other factors or a currency
ALONE = "%‰°+"  # units of one character; a letter would make units of codes such as 1A and 2A


class FoundNotation(NamedTuple):
    """A notation, and how many cells it reads of those that are not "no value"."""

    notation: Notation
    read: int
    asked: int


def infer_notation(
    texts: Sequence[str],
    counts: Counts,
    marks: tuple[Mark, str, bool],
) -> FoundNotation:
    """The notation that reads most cells of a column whose marks are chosen.

    `counts` [k] is how often each text stands; `marks` are the decimal mark, what sets thousands
    apart, and whether cells prove them.
    """
    tally = _Tally()
    for text, count in zip(texts, counts, strict=True):
        tally.add(text.strip(), int(count))
    if tally.are_durations:
        # 59.9 beside 1:23.4 are seconds; 59 beside 9:30 may be anything.
        read = tally.clocks + tally.plain * tally.has_minutes
        return FoundNotation(Notation(clock=True, minutes=tally.has_minutes), read, tally.asked)
    decimal, thousands, sure = marks
    unit, is_scaled = tally.unit_and_scale()
    notation = Notation(decimal, thousands, unit, is_scaled, sure=sure, negative=tally.has_negative)
    valid = parse(texts, notation).valid
    read = 0
    for text, count, ok in zip(texts, counts, valid, strict=True):
        if ok and not is_no_value(text):
            read += count
    return FoundNotation(notation, read, tally.asked)


@dataclass
class _Tally:
    """What the cells of a column hold, each text counted as often as it stands."""

    asked: int = 0
    """Cells that are not "no value"."""
    clocks: int = 0
    """Those of them that can be a time of day or a duration."""
    sure_clocks: int = 0
    """Those that can be nothing else, such as 9:30."""
    plain: int = 0
    """Numbers as programs write them."""
    numbers: int = 0
    """Numbers, whatever stands around them."""
    scaled: int = 0
    """Numbers with a factor behind them, such as k."""
    prefixed: int = 0
    """Numbers with a unit before them, such as $."""
    has_minutes: bool = False
    """Whether some are minutes and seconds with a fraction, such as 1:23.4."""
    has_negative: bool = False
    """Whether some are written as accounts write what is below 0."""
    lengths: set[str] = field(default_factory=set)
    """The units of durations of one part; "" of other texts."""
    bodies: set[str] = field(default_factory=set)
    """The different numbers, without what stands around them."""
    units: Counter[str] = field(default_factory=Counter)
    """Units, by one name each, and how many cells have them."""
    spelled: Counter[str] = field(default_factory=Counter)
    """Units and factors as they are written."""
    apart: set[str] = field(default_factory=set)
    """Units that stand before a number, or a blank behind it: letters of codes do not."""

    def add(self, text: str, count: int) -> None:
        """Takes in a text that so many cells hold."""
        if is_no_value(text):
            return
        self.asked += count
        if not has_digit(text):
            return
        text = ascii_digits(text)
        self._add_clock(text, count)
        self.plain += count * (PLAIN.fullmatch(text) is not None)
        match = CELL.fullmatch(text)
        if match is None:
            return
        self.numbers += count
        self.bodies.add(match["body"])
        self.has_negative |= is_of_accounts(match)
        suffix = (match["suffix"] or "").strip()
        if suffix:
            self.spelled[suffix] += count
        if suffix in SCALES:
            self.scaled += count
        elif suffix:
            self.units[as_one_unit(suffix)] += count
        if suffix and match["gap"]:
            self.apart.add(as_one_unit(suffix))
        if prefix := prefix_of(match):
            self.prefixed += count
            self.spelled[prefix] += count
            self.units[as_one_unit(prefix)] += count
            self.apart.add(as_one_unit(prefix))

    def _add_clock(self, text: str, count: int) -> None:
        self.clocks += count * (seconds_of(text) is not None)
        if is_clock(text):
            self.sure_clocks += count
            self.has_minutes |= MINUTES.fullmatch(text) is not None
        self.lengths.add(length_of(text))

    @property
    def are_durations(self) -> bool:
        """Whether most cells are times of day or durations."""
        # 8 min beside 2 h are durations.
        is_mixed = len(self.lengths - {""}) > 1 and len(self.bodies) >= FEW
        return bool(self.sure_clocks or is_mixed) and 2 * self.clocks > self.asked

    def unit_and_scale(self) -> tuple[str, bool]:
        """The unit that half of the numbers have, "" without one, and whether they have factors."""
        units = self.units
        scaled = self.scaled
        if scaled and scaled == self.spelled[METRE] and not self.prefixed:
            units = Counter({**units, METRE: scaled})
            scaled = 0
        one, n_unit = next(iter(units.most_common(1)), ("", 0))
        unit = next(
            (text for text, _ in self.spelled.most_common() if as_one_unit(text) == one), ""
        )
        has_few = len(self.bodies) < FEW
        is_unit = one in self.apart or one in ALONE
        is_unit |= (len(unit) > 1 or unit == METRE) and not has_few
        if 2 * n_unit < self.numbers or not is_unit:
            unit = ""
        return unit, 2 * scaled > self.numbers and (not has_few or bool(unit))

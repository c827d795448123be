"""How one raw column of a table is encoded, and its labels decoded. n rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from train.data.calendar import DAY, calendar
from train.data.columns import Numbers, RawColumn, Reading, Text, missing_rows, read_text
from train.data.notation import CODE, PLAIN, Notation, parse
from train.data.parsing import look_of
from train.data.point_doubts import SHOWN
from train.data.table.far import say_far
from train.data.table.zoned import say_zones
from train.data.truth_names import SIDES, truth_places
from train.data.units import less_shift
from train.data.values import read_numbers, read_times

UNSEEN_SHARE = 0.05  # of cells that are like in no training row, from which on it is said
MANY_ROWS = 10  # of which it is told that cells are missing; who asks for a few knows it


@dataclass(frozen=True)
class Column:
    """How one raw column is encoded.

    "number": (raw - shift)/unit. "time": the same of days since 1970, and its place in the year,
    the week and, with `clock`, the day. "category": 1 + the place in `vocabulary`; as a target, the
    place itself. `type` is what the vocabulary was before it was text. `missing` says that some
    training row lacks the value. `notation` is that of its numbers, `date_order` that of its
    dates, where training rows wrote them as text; `zoned` whether their times said a zone, None of
    a schema that does not tell. Answers to a `nonnegative` target are 0 or above. `reach` is how
    far training rows lie from `shift`, in units; 0 where it is not known.
    """

    name: str
    kind: Literal["number", "time", "category"]
    shift: float = 0.0
    unit: float = 1.0
    clock: bool = False
    vocabulary: tuple[str, ...] = ()
    type: Literal["text", "integer", "boolean"] = "text"
    missing: bool = False
    notation: Notation | None = None
    date_order: str = ""
    nonnegative: bool = False
    zoned: bool | None = None
    reach: float = 0.0

    @cached_property
    def codes(self) -> dict[str, int]:
        """The place of each category in the vocabulary, by its text without blanks around it."""
        found: dict[str, int] = {}
        for place, name in enumerate(self.vocabulary):
            found.setdefault(name.strip(), place)
        return found

    @cached_property
    def values(self) -> dict[float, int]:
        """{number: category}, where every category writes a number of its own; {} else."""
        if not all(PLAIN.fullmatch(name) and not CODE.fullmatch(name) for name in self.codes):
            return {}
        found = {float(name): place for name, place in self.codes.items()}
        return found if len(found) == len(self.codes) else {}

    @cached_property
    def looks(self) -> dict[str, int]:
        """The place of each category in the vocabulary, by what is seen of its text."""
        found: dict[str, int] = {}
        for name, place in self.codes.items():
            found.setdefault(look_of(name), place)
        return found

    @property
    def reading(self) -> Reading:
        """How its texts are read."""
        return Reading(self.notation, self.date_order)

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the calendar that a time has its place in."""
        if self.kind != "time":
            return ()
        return ("month", "weekday", "hour") if self.clock else ("month", "weekday")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The number inputs it becomes."""
        if self.kind == "category":
            return ()
        names = [self.name]
        for cycle in self.cycles:
            names += [f"{self.name}.{cycle}_sin", f"{self.name}.{cycle}_cos"]
        return tuple(names)

    def labels(self, codes: np.ndarray) -> np.ndarray:
        """What stands at these places in the vocabulary [n], of its type; numbers as they are.

        None beyond it.
        """
        if self.kind != "category":
            return codes
        is_unseen_n = codes >= len(self.vocabulary)
        if is_unseen_n.any():
            labels = self.labels(np.where(is_unseen_n, 0, codes)).astype(object)
            labels[is_unseen_n] = None
            return labels
        if self.type == "boolean":
            return np.array([name == "true" for name in self.vocabulary])[codes]
        return np.array(self.vocabulary, np.int64 if self.type == "integer" else None)[codes]


def encode_input(raw: RawColumn, column: Column) -> list[np.ndarray]:
    """What a column of inputs becomes, [n] each. Raises UserError.

    Cells that cannot be told are said, and of many rows those that lack what no training row does.
    """
    if not column.missing and raw.said is not None and len(raw.data) >= MANY_ROWS:
        rows = np.flatnonzero(missing_rows(raw))
        if len(rows) > UNSEEN_SHARE * len(raw.data):
            found = (
                f"{len(rows):,} of {len(raw.data):,} cells are missing, first {raw.row(rows[0])}"
            )
            meant = "none of its categories" if column.kind == "category" else "the training median"
            raw.say(f"{found}, and no training row lacks one; read as {meant}")
    match column.kind:
        case "category":
            return [encode_category(raw, column, 1)]
        case "number":
            if raw.family == "boolean":
                raw.say("holds true and false, which are read as 1 and 0")
            values = read_numbers(raw)
            encoded = encode_number(raw, values, column.shift, column.unit)
            say_far(raw, values.data, encoded, column.reach)
            return [encoded]
    return encode_time(raw, column)


def encode_number(raw: RawColumn, values: Numbers, shift: float, unit: float) -> np.ndarray:
    """(number - shift)/unit, float32 [n], nan where missing. Raises UserError beyond float32."""
    with np.errstate(over="ignore"):
        encoded = (less_shift(values.data, shift) / unit).astype(np.float32)
    encoded[values.missing] = np.nan
    large = np.flatnonzero(np.isinf(encoded))
    if len(large):
        shown = f"{values.data[large[0]]} in {raw.row(large[0])}"
        raise raw.error(f"{shown} is too far from the training rows for a float32; correct it")
    return encoded


def encode_time(raw: RawColumn, column: Column) -> list[np.ndarray]:
    """The `parts` of a time, float32 [n] each, nan where missing. Raises UserError."""
    values = read_times(raw)
    if column.clock and column.zoned is not None:
        say_zones(raw, column.zoned)
    parts = [encode_number(raw, values, column.shift * DAY, column.unit * DAY)]
    days = values.data.astype("datetime64[us]").astype("datetime64[s]")
    say_far(raw, days, parts[0], column.reach)
    waves = calendar(values.data, column.cycles)
    waves[values.missing] = np.nan
    return [*parts, *waves.T]


def encode_category(raw: RawColumn, column: Column, first: int) -> np.ndarray:
    """`first` + the place in the vocabulary, int32 [n]; `first` - 1 where missing or unseen.

    It is said where many cells are unseen, or all.
    """
    text = read_text(raw)
    code = column.codes
    alias = aliases(raw, text, column)
    places = [first + alias.get(value, code.get(value, -1)) for value in text.values]
    unseen = np.array([place < first for place in places], bool)
    n_unseen = int(text.counts[unseen].sum()) if len(unseen) else 0
    n_known = int(text.counts.sum())
    if n_unseen > UNSEEN_SHARE * n_known:
        rows = np.flatnonzero(np.append(unseen, False)[text.codes])[:SHOWN]
        shown = ", ".join(
            f"{text.values[text.codes[row]][:40]!r} in {raw.row(row)}" for row in rows
        )
        known = ", ".join(repr(name[:40]) for name in column.vocabulary[:SHOWN])
        found = f"{n_unseen:,} of {n_known:,} cells are categories that no training row has"
        raw.say(f"{found}: {shown}; those of training are as {known}")
    # The last entry is the one that -1, missing, picks.
    table = np.array([*places, first - 1], np.int32)
    return table[text.codes]


def aliases(raw: RawColumn, text: Text, column: Column) -> dict[str, int]:
    """Other writings of what is in the vocabulary, by the texts of a column, and its places.

    They are true and false of any case, by another name, or of the type boolean, and numbers of one
    value where these are all that the vocabulary has, and none a code with zeros in front.
    """
    found = {}
    code = column.codes
    if column.type == "boolean":
        for value in text.values:
            for name, names in zip(("true", "false"), SIDES, strict=True):
                if value.lower() in names and name in code:
                    found[value] = code[name]
        return found
    if raw.family == "boolean":
        for value, names in zip(("true", "false"), SIDES, strict=True):
            alike = [place for name, place in code.items() if name.lower() in names]
            if value not in code and len(alike) == 1:
                found[value] = alike[0]
        return found
    truths = truth_places(code)
    for value in text.values if truths else ():
        if value not in code and value.lower() in truths:
            found[value] = truths[value.lower()]
    by_value = column.values
    for value in text.values if by_value else ():
        if value not in code and PLAIN.fullmatch(value) and not CODE.fullmatch(value):
            place = by_value.get(float(value))
            if place is not None:
                found[value] = place
    if by_value and column.notation is not None:  # classes that are numbers, such as 1,0
        parsed = parse(text.values, column.notation)
        for value, number, ok in zip(text.values, parsed.numbers, parsed.valid, strict=True):
            if ok and value not in code and number in by_value:
                found.setdefault(value, by_value[number])
    for value in text.values:
        if value not in code and value not in found and look_of(value) in column.looks:
            found[value] = column.looks[look_of(value)]
    return found


def encode_target(column: Column, raw: RawColumn) -> np.ndarray:
    """A target column [n]: float32, nan where missing, or places in the vocabulary, -1 there."""
    if column.kind == "number":
        return encode_number(raw, read_numbers(raw), column.shift, column.unit)
    text = read_text(raw)
    codes = encode_category(raw.read_by(column.reading), column, 0)
    unseen = (codes < 0) & (text.codes >= 0)
    if column.notation is not None:  # of numbers, among which a word is no class
        unseen &= np.append(parse(text.values, column.notation).valid, False)[text.codes]
    if unseen.any():
        _, place = np.unique(text.codes[unseen], return_inverse=True)
        codes[unseen] = len(column.vocabulary) + place
    return codes

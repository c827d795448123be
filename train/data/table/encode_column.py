"""How one raw column of a table is encoded by its `Column`. n rows."""

from __future__ import annotations

import numpy as np

from train.data.calendar import DAY, calendar
from train.data.columns import Numbers, RawColumn, missing_rows, read_text
from train.data.notation import parse
from train.data.point_doubts import SHOWN
from train.data.table.aliases import aliases
from train.data.table.column import Column
from train.data.table.far import say_far
from train.data.table.zoned import say_zones
from train.data.units import less_shift
from train.data.values import read_numbers, read_times

UNSEEN_SHARE = 0.05  # of cells that are like in no training row, from which on it is said
MANY_ROWS = 10  # of which it is told that cells are missing; who asks for a few knows it


def encode_input(raw: RawColumn, column: Column) -> list[np.ndarray]:
    """What a column of inputs becomes, [n] each. Raises UserError.

    Cells that cannot be told are said, and of many rows those that lack what no training row does.
    """
    if not column.missing and raw.notes is not None and len(raw.data) >= MANY_ROWS:
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

"""The numbers and times of a column, by how its training rows wrote them.

n rows, k different texts.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.column_cache import CachedOnColumn
from train.data.columns import (
    Numbers,
    RawColumn,
    Text,
    missing_rows,
    read_text,
    text_or_null,
    typed_numbers,
)
from train.data.compact_dates import EPOCHS
from train.data.dates import ISO, PERIOD, parse_dates
from train.data.infer_notation import infer_notation
from train.data.marks import choose_marks, find_marks
from train.data.no_value import is_none_of_any
from train.data.notation import PLAIN, parse
from train.data.parsing import narrowed
from train.data.point_doubts import SHOWN, say_doubt, say_points, shown_cells
from train.data.truth_names import truths_as_numbers

# Of the cells of a column: up to here the others are read as missing, and named.
ODD_SHARE = 0.1
ODD_WORDS_SHARE = 0.2  # where these are one or two words
CODE = r"^[+-]?0[0-9]"


def read_numbers(raw: RawColumn) -> Numbers:
    """Numbers, true and false as 1 and 0, times of day in seconds, and text that is numbers.

    A few cells that are no numbers are missing, which is said. Raises UserError where many are, for
    times, and for infinity.
    """
    if raw.family == "time":
        raise raw.error("holds times, expected numbers")
    if raw.family == "text":
        values = plain_numbers(raw)
        if values is None:
            values = truths_as_numbers(raw)
        if values is None:
            values = _written_numbers(raw)
        elif raw.reading.notation is None and raw.notes is not None:
            say_doubt(raw)
        if raw.reading.notation is not None and raw.reading.notation.lacks_thousandths:
            say_points(raw, raw.reading.notation)
    else:
        values = Numbers(typed_numbers(raw.data), missing_rows(raw))
        unit = raw.reading.notation.unit if raw.reading.notation else ""
        if unit not in ("", "+") and raw.family == "number" and len(values.known):
            raw.say(f"numbers without {unit!r}, which those of training have; read as they are")
    infinite = np.flatnonzero(np.isinf(values.data) & ~values.missing)
    if len(infinite):
        raise raw.error(
            f"{raw.row(infinite[0])} is infinite; correct it, or leave the cell empty, which is "
            "read as missing"
        )
    return values


def plain_numbers(raw: RawColumn) -> Numbers | None:
    """The numbers of a column of text as programs write them; None if it holds anything else.

    Neither integers that begin with zeros are read so, nor what another notation reads otherwise.
    """
    notation = raw.reading.notation
    if notation is not None and not notation.is_plain:
        return None
    return as_programs_write(raw)


@CachedOnColumn
def as_programs_write(raw: RawColumn) -> Numbers | None:
    """The numbers of a column of text that no notation speaks of; None where it has others."""
    found = _cast_text(raw)
    if found is None:
        return None
    text, numbers = found
    if pc.any(pc.match_substring_regex(text, CODE + r"+$")).as_py():
        return None
    missing = numbers.is_null(nan_is_null=True).to_numpy()
    data = numbers.fill_null(0).to_numpy()
    if len(data) and np.abs(data).max() >= 2**53:
        try:
            data = narrowed(text.cast(pa.int64()).fill_null(0).to_numpy())
        except pa.ArrowInvalid:  # fractions, or beyond 2**63
            pass
    return Numbers(data, missing)


def _cast_text(raw: RawColumn) -> tuple[pa.ChunkedArray, pa.ChunkedArray] | None:
    """The texts of a column, null where missing, and as numbers; None where one is none."""
    if pa.types.is_string(raw.data.type) and not writes_numbers(raw.markers):
        try:  # as most columns are: no blanks, and no marker, which would be no number
            return raw.data, raw.data.cast(pa.float64())
        except pa.ArrowInvalid:
            pass
    text = text_or_null(raw)
    try:
        return text, text.cast(pa.float64())
    except pa.ArrowInvalid:
        return None


@lru_cache
def writes_numbers(markers: tuple[str, ...]) -> bool:
    """Whether a marker is a number, or infinity, which then means "no value"."""
    return any(PLAIN.fullmatch(marker) or "inf" in marker.casefold() for marker in markers)


def _written_numbers(raw: RawColumn) -> Numbers:
    """The numbers of a column of text, by its notation. Raises UserError."""
    text = read_text(raw)
    counts = text.counts
    notation = raw.reading.notation
    if notation is None:
        marks = choose_marks(find_marks(text.values, counts), Counter(), raw.delimiter)
        notation = infer_notation(text.values, counts, marks).notation
    parsed = parse(text.values, notation)
    if raw.reading.notation is None and not notation.is_plain:
        place = int(parsed.valid.argmax())
        shown = f"{text.values[place][:40]!r} is read as {parsed.numbers[place]:.15g}"
        raw.say(f"{shown}, which the training rows, that are no text, do not prove")
    valid = parsed.valid
    expected = "a number"
    if shown := notation.shown():
        expected = f"a number as in the training rows ({shown})"
    check_odd(raw, text, valid, expected, notation.odd)
    if parsed.remarks:
        some = list(parsed.remarks)
        why = parsed.remarks[some[0]]
        which = ""
        if len(some) > 1:
            which = "each " if len(set(parsed.remarks.values())) == 1 else "the first "
        raw.say(f"{shown_cells(raw, text, some)}: {which}{why}")
    missing = ~np.append(valid, False)[text.codes]
    return Numbers(np.append(parsed.numbers, 0)[text.codes], missing)


def read_times(raw: RawColumn) -> Numbers:
    """Microseconds since 1970 UTC of dates, times and text; without a zone, UTC is meant.

    A few cells that are no times are missing, which is said. Raises UserError where many are.
    """
    if raw.family == "empty":
        return Numbers(np.zeros(len(raw.data)), np.ones(len(raw.data), bool))
    if raw.family == "time":
        microseconds = pa.timestamp("us", getattr(raw.data.type, "tz", None))
        ticks = raw.data.cast(microseconds, safe=False).cast(pa.int64())
        return Numbers(ticks.fill_null(0).to_numpy().astype(np.float64), missing_rows(raw))
    order = raw.reading.order
    if raw.family == "number" and order:
        raw = as_written(raw)
    if raw.family != "text":
        raise raw.error(f"holds {raw.data.type}, expected times")
    text = read_text(raw)
    parsed, valid = parse_dates(text.values, order)
    expected = "an ISO date or time"
    if order:
        # No order takes an ISO date for another one, and some formats have no other text.
        of_iso, is_iso = parse_dates(text.values, ISO)
        parsed = np.where(valid, parsed, of_iso)
        valid = valid | is_iso
        written = "as a month, quarter or week" if order == PERIOD else order
        written = f"in {order}" if order in EPOCHS else written
        expected = f"a date or time written {written} as in the training rows"
    check_odd(raw, text, valid, expected)
    missing = ~np.append(valid, False)[text.codes]
    return Numbers(np.append(parsed, 0)[text.codes], missing)


def as_written(raw: RawColumn) -> RawColumn:
    """A typed column as the text of its labels, such as 20250204 of an integer."""
    text = read_text(raw)
    values = pa.array([*text.values, None], pa.string())
    return raw.with_cells(pa.chunked_array([values.take(pa.array(text.codes % len(values)))]))


def check_odd(
    raw: RawColumn, text: Text, valid: np.ndarray, expected: str, odd: Iterable[str] = ()
) -> None:
    """Says which few cells are not valid; raises UserError, with the first, if many are not."""
    counts = text.counts
    known = np.array([is_none_of_any(value) for value in text.values], bool)
    known |= np.isin(text.values, list(odd)) if len(text.values) else known
    strange = np.flatnonzero(~valid & ~known)
    n_strange = int(counts[strange].sum())
    words = np.flatnonzero(~valid)
    if n_strange > allowed_odd(int(counts[valid].sum()), n_strange, len(strange)):
        rows = np.flatnonzero(np.isin(text.codes, strange))
        shown = [f"{text.values[text.codes[row]][:40]!r} in {raw.row(row)}" for row in rows[:SHOWN]]
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        raise raw.error(
            f"{', '.join(shown)}{more}: expected {expected}; correct it, "
            f"or train with it in config.data.missing{raw.otherwise}"
        )
    if len(words):
        what = expected.partition(" as in")[0].removeprefix("an ").removeprefix("a ")
        raw.say(f"{shown_cells(raw, text, words)}: no {what}; read as missing")


def allowed_odd(n_valid: int, n_strange: int, n_words: int) -> float:
    """How many cells may be odd in a column of which these are read."""
    share = ODD_WORDS_SHARE if n_words <= 2 else ODD_SHARE
    return share * (n_valid + n_strange)

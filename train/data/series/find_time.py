"""The column of stamps of a series: what it holds, and how it is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.data.calendar import months_of
from train.data.centuries import split_since, with_since
from train.data.columns import Notes, RawColumn, Reading, get_column, read_text
from train.data.compact_dates import COMPACT_FORMATS, COMPACT_WEEK, EPOCHS, find_compact
from train.data.dates import PERIOD, has_whole_year, parse_date, parse_dates
from train.data.day_counts import day_count_note
from train.data.hint import hint_of
from train.data.infer import USUAL_CENTURY, infer
from train.data.notation import Notation
from train.data.numbered_parts import (
    MONTHS,
    PART_ORDERS,
    SHORT_FORMATS,
    TRIMMED_MONTHS,
    find_parts,
    find_short,
    unevenness,
)
from train.data.period_dates import MONTH, WEEK
from train.data.seasons import are_seasons
from train.data.series.forms import find_form
from train.data.series.grid import month_start
from train.data.series.local_time import has_clock
from train.data.series.step import StampKind, show_stamp
from train.data.series.time_column import TimeColumn, zone_of
from train.data.values import allowed_odd, as_written, read_numbers
from train.data.zones import find_zones
from train.errors import UserError

SHORT_MONTHS = ("%b-%y", "%b %y", "%b/%y", "%B-%y", "%B %y")


def find_time_column(table: pa.Table, options: Series, notes: Notes) -> TimeColumn | None:
    """The column of stamps, without its step, if there is one; says doubts. Raises UserError."""
    if options.time is None:
        return None
    raw = get_column(table, options.time, options.path, options.missing)
    inferred = infer(raw, hint_of(options))
    kind: StampKind = "number" if inferred.kind == "number" else "time"
    notation, order = inferred.reading
    once = _each_once(raw)
    note = inferred.note if inferred.kind == "time" else ""
    if order in ("dmy", "mdy") and options.date_format is None:
        order = _more_regular(once, order)
        if order != inferred.reading.order:
            note = f"dates are read {order}, by which they follow each other evenly, though "
            note += f"{inferred.reading.order} fits them too; config.data.date_format settles it"
    part_order = "" if options.date_format is not None else _part_order(once, notes)
    if part_order:
        kind = "time"
        notation = None
        order = part_order
    elif inferred.kind == "number" and options.date_format is None:
        order = _compact_order(once.read_by(inferred.reading), notes)
    elif inferred.kind == "category":
        # With zeros in front, as 010280, digits are no number.
        order = _compact_order(once, notes) or _period_order(raw)
    if order and kind == "number":
        kind = "time"
        notation = None
    if kind == "time" and (found := _with_century(once, order, notes)) != order:
        order = found
        note = note.partition(USUAL_CENTURY)[0]
    if note:
        notes.append(f"column {raw.name!r}: {note}")
    if split_since(order)[0] in SHORT_MONTHS:
        texts = _texts(once)
        month = _first_day(texts, order).astype("datetime64[M]")
        raw.read_by(Reading(), notes).say(f"{texts[0]} is read as the month {month}")
    if kind == "number" and (note := day_count_note(raw.name, _known_numbers(raw, notation))):
        notes.append(f"column {raw.name!r}: {note}")
    if kind == "number" and options.calendar:
        raise UserError(
            f"config.data.calendar: column {raw.name!r} holds numbers, not times; set it to false"
        )
    written = "UTC" if order in EPOCHS else zone_of(once)
    zone = options.zone or written
    if options.zone is not None and kind == "number":
        raise UserError(
            f"config.data.zone: column {raw.name!r} holds numbers, not times; leave it out"
        )
    if zone == "UTC" and len(offsets := _offsets(once)) > 1:
        shown = " and ".join(offsets[:2])
        note = f"offsets {shown}; config.data.zone names their clock, such as Europe/Berlin"
        raw.read_by(Reading(), notes).say(note)
    time = TimeColumn(raw.name, kind, zone, notation=notation, date_order=order)
    naive = options.zone is not None and written is None
    return replace(time, form=_form(once, order), by_clock=has_clock(zone), naive=naive)


def _each_once(raw: RawColumn) -> RawColumn:
    """The column with each text once, in the order in which they come; others as they are."""
    if raw.family != "text":
        return raw
    return raw.with_cells(pa.chunked_array([raw.data.unique()]))


def _known_numbers(raw: RawColumn, notation: Notation | None) -> np.ndarray:
    """The numbers of a column of stamps that are written in a notation."""
    return read_numbers(raw.read_by(Reading(notation))).known


def _offsets(raw: RawColumn) -> list[str]:
    """The offsets from UTC, or zones by name, that texts end in."""
    zones = find_zones(read_text(raw).values if raw.family == "text" else ())
    return sorted(zones.offsets | zones.names)


def _compact_order(raw: RawColumn, notes: Notes) -> str:
    """How whole numbers are dates such as 20250204, or moments since 1970: "" unless all can be."""
    if raw.family not in ("number", "text"):
        return ""
    texts = read_text(raw).values
    order = find_compact(texts)
    if not order or order == COMPACT_WEEK:
        rival = parse_dates(texts, order)[0] if order else None
        order = find_short(texts, rival) or order
    if order:
        what = f"{texts[0]} is read as a date, {order}"
        if order in EPOCHS:
            moment = show_stamp(parse_dates(texts[:1], order)[0][0], "time")
            what = f"{texts[0]} is read as {order}, {moment}"
        raw.read_by(Reading(), notes).say(what)
    return order


def _part_order(raw: RawColumn, notes: Notes) -> str:
    """That stamps are years with the number of a part, and of which; "" of others."""
    texts = _texts(raw)
    order = find_parts(texts)
    if order:
        day = _first_day(texts, order)
        what = f"{MONTHS} ({texts[0][:4]}.1 is October)" if order == TRIMMED_MONTHS else order
        raw.read_by(Reading(), notes).say(f"{texts[0]!r} is read as {what}, from {day} on")
    return order


def _with_century(raw: RawColumn, order: str, notes: Notes) -> str:
    """The order with the century of years of two digits, if all have two and it is another."""
    texts = _texts(raw)
    plain = split_since(order)[0]
    if not texts or any(has_whole_year(text, plain) for text in texts):
        return order
    moments = [parse_date(text.strip(), order) for text in texts]
    found = with_since(order, [moment for moment in moments if moment is not None])
    since = split_since(found)[1]
    if found != order and since is not None:
        day = _first_day(texts, found)
        years = f"years of two digits are of {since} to {since + 99}, where rows lie together"
        raw.read_by(Reading(), notes).say(f"{years}: {texts[0]!r} is {day}")
    return found


def _first_day(texts: list[str], order: str) -> np.datetime64:
    """The day of the first of these texts."""
    return np.datetime64(int(parse_dates(texts[:1], order)[0][0]), "us").astype("datetime64[D]")


def _texts(raw: RawColumn) -> list[str]:
    """The distinct texts of a column of texts or numbers; none of others."""
    if raw.family not in ("number", "text"):
        return []
    return read_text(as_written(raw) if raw.family == "number" else raw).values


def _more_regular(raw: RawColumn, order: str) -> str:
    """The order of days and months by which stamps that fit both follow each other evenly.

    First days of months are months: of days, no more than twelve could fit both.
    """
    other = "mdy" if order == "dmy" else "dmy"
    texts = read_text(raw).values
    stamps, valid = parse_dates(texts, order)
    rivals, are_valid = parse_dates(texts, other)
    if not (valid.all() and are_valid.all()):
        return order
    if (is_first := _are_first_days(stamps)) != _are_first_days(rivals):
        return order if is_first else other
    return other if unevenness(rivals) < unevenness(stamps) else order


def _are_first_days(stamps: np.ndarray) -> bool:
    return bool((stamps == month_start(months_of(stamps))).all())


def _period_order(raw: RawColumn) -> str:
    """That texts are months, quarters or weeks, if nearly all of them are; else "".

    Raises UserError if they are seasons.
    """
    text = read_text(raw)
    if are_seasons(text.values):
        shown = f"{text.values[0]!r} is a season that ends in another year, no month"
        raise raw.error(f"{shown}; write the year it begins in, {text.values[0][:4]}")
    valid = parse_dates(text.values, PERIOD)[1]
    n_valid = int(text.counts[valid].sum())
    n_other = int(text.counts[~valid].sum())
    if n_valid and n_other <= allowed_odd(n_valid, n_other, 9):
        return PERIOD
    return _short_months(text.values, text.counts)


def _short_months(texts: list[str], counts: np.ndarray) -> str:
    """The order of months with two digits of their year, as Jan-24; "" of other texts.

    What a day of a month could be has the same number from month to month.
    """
    for order in SHORT_MONTHS:
        stamps, valid = parse_dates(texts, order)
        n_other = int(counts[~valid].sum())
        n_valid = int(counts.sum()) - n_other
        if valid.sum() < 2 or n_other > allowed_odd(n_valid, n_other, int((~valid).sum())):
            continue
        months = months_of(stamps[valid])
        if np.mean(np.diff(months % 12) != 0) > 0.5 and np.mean(np.diff(months // 12) == 0) > 0.5:
            return order
    return ""


def _form(raw: RawColumn, order: str) -> str:
    """How months, quarters and compact dates are written; "" of other stamps."""
    texts = _texts(raw)
    are_periods = all(MONTH.fullmatch(text) or WEEK.fullmatch(text) for text in texts)
    written = (PERIOD, *COMPACT_FORMATS, *SHORT_FORMATS, *PART_ORDERS, *SHORT_MONTHS)
    if not texts or not (split_since(order)[0] in written or are_periods):
        return ""
    stamps, valid = parse_dates(texts, order)
    return find_form(texts, stamps) if np.all(valid) else ""

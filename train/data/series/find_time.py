"""The column of stamps of a series: what it holds, and how it is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.data.columns import RawColumn, Reading, Said, get_column, read_text
from train.data.dates import COMPACT, COMPACT_FORMATS, COMPACT_MONTH, MONTH, PERIOD, parse_dates
from train.data.hint import hint_of
from train.data.infer import infer
from train.data.seasons import are_seasons
from train.data.series.forms import find_form
from train.data.series.local_time import has_clock
from train.data.series.step import StampKind
from train.data.series.time_column import TimeColumn, zone_of
from train.data.values import allowed_odd, as_written
from train.data.zones import find_zones
from train.errors import UserError


def find_time_column(table: pa.Table, options: Series, said: Said) -> TimeColumn | None:
    """The column of stamps, without its step, if there is one; says doubts. Raises UserError."""
    if options.time is None:
        return None
    raw = get_column(table, options.time, options.path, options.missing)
    inferred = infer(raw, hint_of(options))
    kind: StampKind = "number" if inferred.kind == "number" else "time"
    if inferred.note and inferred.kind == "time":
        said.append(f"column {raw.name!r}: {inferred.note}")
    notation, order = inferred.reading
    once = _each_once(raw)
    if inferred.kind == "number" and options.date_format is None:
        order = _compact_order(once.read_by(inferred.reading), said)
    elif inferred.kind == "category":
        order = _period_order(raw)
    if order and kind == "number":
        kind = "time"
        notation = None
    if kind == "number" and options.calendar:
        raise UserError(
            f"config.data.calendar: column {raw.name!r} holds numbers, not times; set it to false"
        )
    written = zone_of(once)
    zone = options.zone or written
    if options.zone is not None and kind == "number":
        raise UserError(
            f"config.data.zone: column {raw.name!r} holds numbers, not times; leave it out"
        )
    if zone == "UTC" and len(offsets := _offsets(once)) > 1:
        shown = " and ".join(offsets[:2])
        note = f"offsets {shown}; config.data.zone names their clock, such as Europe/Berlin"
        raw.read_by(Reading(), said).say(note)
    time = TimeColumn(raw.name, kind, zone, notation=notation, date_order=order)
    naive = options.zone is not None and written is None
    return replace(time, form=_form(once, order), by_clock=has_clock(zone), naive=naive)


def _each_once(raw: RawColumn) -> RawColumn:
    """The column with each text once, in the order in which they come; others as they are."""
    if raw.family != "text":
        return raw
    return raw.with_cells(pa.chunked_array([raw.data.unique()]))


def _offsets(raw: RawColumn) -> list[str]:
    """The offsets from UTC, or zones by name, that texts end in."""
    zones = find_zones(read_text(raw).values if raw.family == "text" else ())
    return sorted(zones.offsets | zones.names)


def _compact_order(raw: RawColumn, said: Said) -> str:
    """How whole numbers are dates such as 20250204 or 202502: "" unless all of them can be."""
    if raw.family not in ("number", "text"):
        return ""
    text = read_text(raw)
    if len(text.values) < 2:
        return ""
    for order in (COMPACT, COMPACT_MONTH):
        length = COMPACT_FORMATS[order][1]
        if any(len(value) != length or value[:2] not in ("19", "20") for value in text.values):
            continue
        if parse_dates(text.values, order)[1].all():
            raw.read_by(Reading(), said).say(f"{text.values[0]} is read as a date, {order}")
            return order
    return ""


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
    return PERIOD if n_valid and n_other <= allowed_odd(n_valid, n_other, 9) else ""


def _form(raw: RawColumn, order: str) -> str:
    """How months, quarters and compact dates are written; "" of other stamps."""
    if raw.family not in ("number", "text"):
        return ""
    text = read_text(as_written(raw) if raw.family == "number" else raw)
    is_month = bool(text.values) and all(map(MONTH.fullmatch, text.values))
    if not text.values or not (order in (PERIOD, *COMPACT_FORMATS) or is_month):
        return ""
    stamps, valid = parse_dates(text.values, order)
    return find_form(text.values, stamps) if np.all(valid) else ""

"""Text columns of a file with a row per step: what training rows wrote in them, and read so again.

Files with a list per sequence have types of their own, and need none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences
from train.data.columns import Notes, RawColumn, Reading, get_column, read_text
from train.data.dates import PERIOD, parse_dates
from train.data.files.found import delimiter_of
from train.data.hint import find_hint, hint_of
from train.data.infer import TRUTHS, Kind, infer
from train.data.months import month_of
from train.data.notation import Notation
from train.data.table.class_labels import are_labels
from train.data.table.fit_targets import CROSSENTROPIES
from train.data.values import read_numbers, read_times

NUMBER = re.compile(r"[0-9]+")
WIDTH = 20  # digits that numbers within texts are compared by
SHOWN = 3  # texts in a message


@dataclass(frozen=True)
class Written:
    """How a column of steps is written: as numbers, times, or texts that are taken as they are.

    What orders steps goes `by` the numbers in its texts, t2 before t10, or by names of months;
    letter by letter in a schema that does not say.
    """

    name: str
    kind: Kind
    notation: Notation | None = None
    date_order: str = ""
    by: Literal["", "numbers", "months"] = ""


def find_written(
    table: pa.Table, names: Iterable[str], options: Sequences, notes: Notes
) -> tuple[Written, ...]:
    """How those of these columns are written that are text; `notes` take what is guessed."""
    texts = [name for name in names if _is_text(table, name)]
    markers = options.missing
    hint = find_hint(table, texts, None, markers, hint_of(options))
    found = []
    for name in texts:
        inferred = infer(get_column(table, name, "", markers), hint)
        if inferred.note and inferred.kind != "category":
            notes.append(f"column {name!r}: {inferred.note}")
        column = Written(name, inferred.kind, *inferred.reading)
        if name == options.order and inferred.kind == "category":
            column = _ordering(column, table, notes)
        found.append(column)
    return tuple(found)


def _ordering(column: Written, table: pa.Table, notes: Notes) -> Written:
    """How texts that are neither numbers nor dates order steps, which is said."""
    texts = read_text(get_column(table, column.name, "", ())).values
    if texts and parse_dates(texts, PERIOD)[1].all():
        return replace(column, kind="time", date_order=PERIOD)
    by = "months" if texts and all(map(month_of, texts)) else "numbers"
    first = sorted(texts, key=lambda text: _key(text, by))[:SHOWN]
    shown = ", ".join(repr(text[:40]) for text in first)
    notes.append(f"column {column.name!r}: steps are ordered by texts: {shown} and so on")
    return replace(column, by=by)


def _key(text: str, by: str) -> str:
    """A text that is ordered, letter by letter, as this one is to be."""
    if by == "months" and (month := month_of(text)) is not None:
        return f"{month:02d}"
    return NUMBER.sub(lambda match: match[0].zfill(WIDTH), text)


def written_numbers(
    table: pa.Table, names: Iterable[str], options: Sequences, loss: str, notes: Notes
) -> tuple[Written, ...]:
    """How those of these targets are written that are text and hold numbers, not labels.

    `notes` take what is guessed.
    """
    found = []
    found_notes: Notes = []  # of those that are labels, nothing
    texts = [name for name in names if _is_text(table, name)]
    for column in find_written(table, texts, options, found_notes):
        raw = get_column(table, column.name, "", options.missing)
        if column.kind == "number":
            values = read_numbers(raw.read_by(Reading(column.notation, column.date_order)))
            if are_numbers(values.known, loss):
                found.append(column)
                about = f"column {column.name!r}: "
                notes += [line for line in found_notes if line.startswith(about)]
    return tuple(found)


def are_numbers(known: np.ndarray, loss: str) -> bool:
    """Whether numbers [n] that are a target of steps are predicted as such, not as tags."""
    if loss in CROSSENTROPIES:
        return False
    return loss != "auto" or not are_labels(known)


def as_types(
    table: pa.Table,
    written: Iterable[Written],
    markers: tuple[str, ...],
    where: str,
    notes: Notes | None = None,
) -> pa.Table:
    """The table with text that is numbers or times as such. Raises UserError."""
    for column in written:
        if not _is_text(table, column.name):
            continue
        raw = replace(get_column(table, column.name, where, markers), otherwise="")
        raw = raw.read_by(Reading(column.notation, column.date_order), notes)
        place = table.column_names.index(column.name)
        table = table.set_column(place, column.name, _typed(raw, column))
    return table


def as_before(
    table: pa.Table,
    written: tuple[Written, ...] | None,
    names: Iterable[str],
    markers: tuple[str, ...],
    where: str,
    notes: Notes | None = None,
) -> pa.Table:
    """The table with text as training rows wrote it, or as 0.1.0 took it. Raises UserError."""
    if written is None:
        return as_guessed(table, names, markers)
    return as_types(table, written, markers, where, notes)


def as_guessed(table: pa.Table, names: Iterable[str], markers: tuple[str, ...]) -> pa.Table:
    """The table with text in the kinds that 0.1.0 took it for, if it is of a text file."""
    if not delimiter_of(table):
        return table
    for name in names:
        if _is_text(table, name):
            raw = get_column(table, name, "", markers).as_guessed()
            table = table.set_column(table.column_names.index(name), name, raw.data)
    return table


def _is_text(table: pa.Table, name: str) -> bool:
    return name in table.column_names and pa.types.is_string(table.schema.field(name).type)


def _typed(raw: RawColumn, column: Written) -> pa.Array | pa.ChunkedArray:
    if column.kind == "number":
        values = read_numbers(raw)
        data = values.data if np.any(values.data % 1) else values.data.astype(np.int64)
        return pa.array(data, mask=values.missing)
    if column.kind == "time":
        values = read_times(raw)
        stamps = values.data.astype(np.int64)
        return pa.array(stamps, pa.timestamp("us"), mask=values.missing)
    if column.by:
        text = read_text(raw)
        keys = pa.array([*(_key(value, column.by) for value in text.values), None], pa.string())
        return keys.take(pa.array(np.where(text.codes < 0, len(text.values), text.codes)))
    truths = {str(value).lower() for value in raw.data.unique().to_pylist() if value is not None}
    return raw.as_guessed().data if truths and truths <= TRUTHS else raw.data

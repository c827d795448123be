"""How the columns of series and of sequences are read, a line each, as those of a table are."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from train.config.data_options import Sequences
from train.data.columns import get_column, missing_rows, read_text
from train.data.notation import Notation
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.steps import holds_lists
from train.data.series.encoder import SeriesEncoder
from train.data.table.reading import SHOWN, ColumnReading, Reading


def reading_of_series(table: pa.Table, encoder: SeriesEncoder) -> Reading:
    """How each column of a file of series is read, and what is done with it."""
    uses: dict[str, str] = {}
    written: dict[str, str] = {}
    n_past = len(encoder.columns) - encoder.n_known
    for i, column in enumerate(encoder.columns):
        name = column.source or column.name
        if column.of == "gap":
            continue
        use = "observed" if i < n_past else "known ahead"
        use = "static" if column.static else use
        uses[name] = "target" if i < encoder.n_targets else use
        kind = "category" if column.of == "category" else "number"
        written[name] = _in_words(kind, column.notation)
    if encoder.group is not None:
        uses[encoder.group] = "group: one series each"
        written[encoder.group] = "category"
    time = encoder.time
    if time is not None:
        uses[time.name] = "time"
        written[time.name] = _in_words(time.kind, time.notation, time.date_order)
    return read_all(table, uses, written, encoder.markers)


def reading_of_sequences(table: pa.Table, encoder: SequenceEncoder, options: Sequences) -> Reading:
    """How each column of a file of sequences is read, and what is done with it."""
    uses = {}
    for column in (*encoder.labels.targets, *encoder.tags):
        uses[column.name] = "target"
    for name in encoder.input_names:
        uses[name] = "tokens of steps" if name == encoder.token else "numbers of steps"
    for name, use in ((encoder.id, "id: one sequence each"), (encoder.order, "order of steps")):
        if name is not None:
            uses[name] = use
    written = {}
    for column in encoder.labels.targets:
        written[column.name] = _in_words(column.kind, column.notation, column.date_order)
    for column in encoder.written or ():
        written[column.name] = _in_words(column.kind, column.notation, column.date_order)
    return read_all(table, uses, written, options.missing)


def _in_words(kind: str, notation: Notation | None, order: str = "") -> str:
    """A kind, and how it is written where programs write it otherwise."""
    shown = notation.shown() if notation else order
    return f"{kind} ({shown})" if shown else kind


def read_all(
    table: pa.Table,
    uses: Mapping[str, str],
    written: Mapping[str, str],
    markers: tuple[str, ...],
) -> Reading:
    """All columns of a table, those that are used first, in the order of their uses."""
    names = [name for name in uses if name in table.column_names]
    names += [name for name in dict.fromkeys(table.column_names) if name not in uses]
    shown = []
    for name in names[:SHOWN]:
        if len(table.schema.get_all_field_indices(name)) == 1:
            use = uses.get(name, "not read")
            shown.append(_read_column(table, name, use, written.get(name), markers))
    return Reading(tuple(shown), max(0, len(names) - SHOWN))


def _read_column(
    table: pa.Table, name: str, use: str, kind: str | None, markers: tuple[str, ...]
) -> ColumnReading:
    column = table.column(name)
    if holds_lists(table, name) or pa.types.is_nested(column.type):
        example = "" if not len(column) else str(column[0].as_py())
        return ColumnReading(name, str(column.type), column.null_count, 0, example, use)
    raw = get_column(table, name, "", markers)
    text = read_text(raw)
    example = text.values[0] if text.values else ""
    n_missing = int(missing_rows(raw).sum())
    return ColumnReading(name, kind or raw.family, n_missing, len(text.values), example, use)

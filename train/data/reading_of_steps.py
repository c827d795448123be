"""How the columns of series and of sequences are read, a line each, as those of a table are."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from train.config.data_options import Sequences
from train.data.columns import find_column, missing_rows, read_text, text_or_null
from train.data.files.pandas_kinds import is_index
from train.data.hint import Hint
from train.data.infer import infer
from train.data.notation import Notation
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.steps import holds_lists
from train.data.series.encoder import SeriesEncoder
from train.data.table.reading import SHOWN, WEIGHT, ColumnReading, Reading

UNREAD = "not read"
LOOKED_AT = 1000  # cells of a column that is not read, by which its kind is shown
SHOWN_UNREAD = 3  # columns that a flag names


def series_lines(reading: Reading) -> list[str]:
    """The options that would read the columns of a series that are not; [] without any."""
    columns = [column for column in reading.columns if not is_index(column.name)]
    unread = [column.name for column in columns if column.use == UNREAD]
    if not unread:
        return []
    names = ",".join(unread[:SHOWN_UNREAD])
    return [
        f"--config.data.observed={names}  (read up to now; none: all other numbers)",
        f"--config.data.known={names}  (read over the horizon too, where it is known ahead)",
        f"--config.data.static={unread[0]}  (says something of its series)",
    ]


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
    for column in (*encoder.labels.targets, *encoder.tags, *encoder.step_numbers):
        uses[column.name] = "target"
    for name in encoder.input_names:
        uses[name] = "tokens of steps" if name == encoder.token else "numbers of steps"
    for name, use in ((encoder.id, "id: one sequence each"), (encoder.order, "order of steps")):
        if name is not None:
            uses[name] = use
    if options.weight is not None:
        uses[options.weight] = WEIGHT
    for label_set in encoder.label_sets:
        uses[label_set.name] = f"target: {len(label_set.labels)} labels, a yes or no each"
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
            use = uses.get(name, UNREAD)
            shown.append(_read_column(table, name, use, written.get(name), markers))
    return Reading(tuple(shown), max(0, len(names) - SHOWN))


def _read_column(
    table: pa.Table, name: str, use: str, kind: str | None, markers: tuple[str, ...]
) -> ColumnReading:
    raw = find_column(table, name, "", markers)
    if use == UNREAD and raw.family == "text":
        found = infer(raw.with_cells(raw.data.slice(0, LOOKED_AT)), Hint()).kind
        kind = None if found == "category" else found
    if holds_lists(table, name) or raw.family == "other":
        example = "" if not len(raw.data) else str(raw.data[0].as_py())
        written = list_in_words(raw.data.type)
        return ColumnReading(name, written, raw.data.null_count, None, example, use)
    missing = missing_rows(raw)
    if missing.all():
        return ColumnReading(name, kind or raw.family, len(missing), 0, "", use)
    known = text_or_null(raw) if raw.family == "text" else raw.data
    n_distinct = pc.count_distinct(known.filter(pa.array(~missing))).as_py()
    first = raw.data.slice(int((~missing).argmax()), 1)
    example = read_text(raw.with_cells(first)).values[0]
    return ColumnReading(name, kind or raw.family, int(missing.sum()), n_distinct, example, use)


def list_in_words(kind: pa.DataType) -> str:
    """A type of lists as people call it: "list of lists of numbers"."""
    parts = []
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        parts.append("lists" if parts else "list")
        kind = kind.value_type
    if pa.types.is_string(kind):
        parts.append("texts")
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        parts.append("numbers")
    else:
        parts.append(str(kind))
    return " of ".join(parts)

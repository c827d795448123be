"""A table in a file, or in one for each split -> TableDataset, fitted on training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.blocks import join_arrays
from train.data.classes import class_notes, class_sizes
from train.data.columns import UNKNOWN, RawColumn, Said, get_column, read_text
from train.data.dataset import Batch, HostArrays
from train.data.files.arrow import missing_words_note
from train.data.files.delimited import left_out_notes
from train.data.files.memory import return_memory
from train.data.files.read import read_table
from train.data.files.tables import Read
from train.data.hint import Hint, hint_of
from train.data.infer import infer_in_table
from train.data.split import split_as_asked
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder
from train.data.table.fit import fit_encoder, fit_weight
from train.data.table.fit_targets import holds_classes
from train.data.table.kept_rows import (
    idle_notes,
    with_targets,
    without_idle,
    words_for_missing,
)
from train.data.table.reading import reading_of
from train.data.table.roles import check_names, labelled_rows, row_weights, target_names
from train.data.table.totals import total_notes
from train.data.values import read_numbers, read_times


@dataclass
class Pieces:
    """Encoded rows of several files, on their way into one pool."""

    batches: list[Batch[np.ndarray]] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)

    def add(self, batch: Batch[np.ndarray], rows: np.ndarray) -> None:
        """Puts rows behind the others; `rows` [n] says where they stand in their file."""
        self.batches.append(batch)
        self.rows.append(rows)

    def next_rows(self, n: int) -> np.ndarray:
        """The places in the pool, int32, of the next `n` rows to be added."""
        start = sum(map(len, self.rows))
        return np.arange(start, start + n, dtype=np.int32)

    def original_rows(self) -> np.ndarray:
        """Where each row of the pool stands in its file."""
        return np.concatenate(self.rows)

    def joined(self) -> Batch[np.ndarray]:
        """The pool; the rows of a single file as they are, for a copy may not fit."""
        first, *others = self.batches
        if not others:
            return first
        inputs, target, weight, _ = zip(*self.batches, strict=True)
        return Batch(join_arrays(inputs), join_arrays(target), np.concatenate(weight))


def load_table(
    options: Table, loss: str, read: Read = read_table, fitted: TableEncoder | None = None
) -> TableDataset:
    """The rows of `options.path`, and of `valid_path` and `test_path` where given, encoded.

    Rows of `valid_path` and `test_path` are these splits. Rows without a target are left out. A
    message's row 17 is the 17th of the file it names. An encoder that was `fitted` on other rows
    takes the place of one that is fitted on training rows. Raises UserError.
    """
    paths = {"train": options.path}
    if options.valid_path:
        paths["valid"] = options.valid_path
    if options.test_path:
        paths["test"] = options.test_path
    tables = {}
    for part, path in paths.items():
        tables[part] = read(path, options.missing, may_repeat=True)
    check_names(tables["train"], options)
    selected = {part: labelled_rows(tables[part], options, path) for part, path in paths.items()}
    notes: Said = []
    splits, split_by = _split(tables["train"], selected["train"], options, loss, notes)
    # Before anything is fitted: what does not train decides nothing.
    candidates = selected["train"][splits["train"]]
    weight, weight_notes = fit_weight(tables["train"], candidates, options)
    reading = weight.reading if weight else UNKNOWN
    own_weight = row_weights(tables["train"], options, options.path, reading)[selected["train"]]
    splits, n_idle = without_idle(splits, own_weight)
    train_rows = selected["train"][splits["train"]]
    encoder = fitted
    fitting_notes: Said = []
    if encoder is None:
        encoder, fitting_notes = fit_encoder(tables["train"], train_rows, options, loss)
    encoder = replace(encoder, weight_column=weight)
    shown = reading_of(tables["train"], train_rows, encoder, options.path)
    pieces = Pieces()
    for part, path in paths.items():
        table = tables.pop(part)
        rows = selected[part]
        notes += left_out_notes(table, path)
        notes += missing_words_note(table, [column.name for column in encoder.columns], path)
        if part != "train":
            splits[part] = pieces.next_rows(len(rows))
        batch = encode_rows(encoder, table, options, path, notes)
        if len(rows) < table.num_rows:
            n_missing = table.num_rows - len(rows)
            line = f"{path}: {n_missing} of {table.num_rows} rows lack a target, left out"
            if classes := class_sizes(encoder):
                unmarked = read(path, (), may_repeat=True)
                line += words_for_missing(unmarked, classes, options.missing)
            notes.append(line)
            batch = TableDataset.take(batch, rows)
        own = splits if part == "train" else {part: np.arange(len(rows))}
        notes += notes_on_classes(encoder, table, batch.target, own, path)
        notes += total_notes(table, rows, encoder, path)
        pieces.add(batch, rows)
        del table, batch
    return_memory()  # the arrays need it now
    pool = pieces.joined()
    splits, n_idle_elsewhere = without_idle(splits, pool.weight)
    notes += idle_notes(options.path, n_idle + n_idle_elsewhere)
    splits, unread = with_targets(splits, pool, encoder)
    if unread:
        notes.append(f"{unread} rows whose target is no number are left out")
    return TableDataset(
        inputs=pool.inputs,
        target=pool.target,
        weight=pool.weight,
        splits=splits,
        original_rows=pieces.original_rows(),
        encoder=encoder,
        options=options,
        notes=(*notes, *weight_notes, *fitting_notes),
        split_by=split_by,
        reading=shown,
    )


def encode_rows(
    encoder: TableEncoder,
    table: pa.Table,
    options: Table,
    where: str,
    said: Said | None = None,
) -> Batch[np.ndarray]:
    """All rows of a table with their targets and weights, in the encoder's units. Raises UserError.

    `where` names the table in messages; `said` takes lines on cells that were read with a doubt.
    """
    targets, _ = encoder.encode_targets(table, where, said)
    weight = row_weights(table, options, where, encoder.weight_reading, said)
    return Batch(encoder.encode(table, where, said), targets, weight)


def notes_on_classes(
    encoder: TableEncoder,
    table: pa.Table,
    targets: HostArrays,
    splits: Mapping[str, np.ndarray],
    where: str,
) -> list[str]:
    """What the user should know of classes of a file that are rare or that training rows lack.

    `splits` say which of the rows of `targets`, which are of the table, are where.
    """
    notes = []
    for head in encoder.heads:
        if head.name in class_sizes(encoder):
            names = [*head.classes, *encoder.unseen_classes(table, head.name, where)]
            codes_n = targets[head.name]
            notes += class_notes(where, head.name, codes_n, names, len(head.classes), splits)
    return notes


def _split(
    table: pa.Table, rows: np.ndarray, options: Table, loss: str, notes: Said
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Places within `rows` that train, validate and test, and what they are divided by [rows].

    Splits with a file of their own are empty here; nothing divides a random split. `notes` take
    what is guessed.
    """
    by: dict[str, np.ndarray] = {}
    if options.split == "stratified":
        label = (*target_names(options), options.label)[0]
        if label is not None:
            by["labels"] = _names(_column(table, label, options, rows))
    elif options.split == "group" and options.group is not None:
        by["groups"] = _names(_column(table, options.group, options, rows))
    elif options.split == "time" and options.time is not None:
        times = _column(table, options.time, options, rows)
        by["times"] = _moments(times, hint_of(options), notes)
    classes = [by["labels"]] if "labels" in by and not target_names(options) else []
    for name in target_names(options):
        raw = _column(table, name, options, rows)
        if holds_classes(raw, options, loss):
            classes.append(read_text(raw).codes)
    splits = split_as_asked(len(rows), options, classes, **by)
    return splits, next(iter(by.values()), None)


def _column(table: pa.Table, name: str, options: Table, rows: np.ndarray) -> RawColumn:
    return get_column(table, name, options.path, options.missing, rows)


def _names(raw: RawColumn) -> np.ndarray:
    """A column as text [n]. Raises UserError if a value is missing."""
    text = read_text(raw)
    _check_complete(raw, text.codes < 0)
    return np.array(text.values)[text.codes]


def _moments(raw: RawColumn, hint: Hint, notes: Said) -> np.ndarray:
    """A column of times, or of numbers, as numbers [n]. Raises UserError if a value is missing."""
    inferred = infer_in_table(raw, hint)
    if inferred.note:
        notes.append(f"column {raw.name!r}: {inferred.note}")
    raw = raw.read_by(inferred.reading)
    values = read_times(raw) if inferred.kind == "time" else read_numbers(raw)
    _check_complete(raw, values.missing)
    return values.data


def _check_complete(raw: RawColumn, missing: np.ndarray) -> None:
    if missing.any():
        raise raw.error(
            f"{raw.row(int(missing.argmax()))} has no value, which config.data.split needs"
        )

"""A table in a file, or in one for each split -> TableDataset, fitted on training rows alone."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import UNKNOWN, Notes, RawColumn, get_column, read_text
from train.data.files.memory import return_memory
from train.data.files.read import read_table
from train.data.files.tables import Read
from train.data.hint import Hint, hint_of
from train.data.infer import infer_in_table
from train.data.split import split_as_asked
from train.data.table.dataset import TableDataset
from train.data.table.encoded_file import Pieces, encode_file
from train.data.table.encoder import TableEncoder
from train.data.table.fit import fit_encoder, fit_weight
from train.data.table.fit_targets import holds_classes
from train.data.table.giveaways import giveaway_notes
from train.data.table.kept_rows import idle_notes, with_targets, without_idle
from train.data.table.reading import Reading, reading_of
from train.data.table.roles import check_names, labelled_rows, row_weights, target_names
from train.data.values import read_numbers, read_times


class File(NamedTuple):
    """The table of a path, and which of its rows have a target."""

    path: str
    table: pa.Table
    rows: np.ndarray


class Fitted(NamedTuple):
    """What training rows have decided, and which of the file's rows with a target are whose."""

    encoder: TableEncoder
    splits: dict[str, np.ndarray]
    split_by: np.ndarray | None
    """What the rows with a target are divided by."""
    reading: Reading
    n_idle: int
    """Rows of weight 0 that train or validate nothing."""
    notes: tuple[str, ...]


def load_table(
    options: Table, loss: str, read: Read = read_table, fitted: TableEncoder | None = None
) -> TableDataset:
    """The rows of `options.path`, and of `valid_path` and `test_path` where given, encoded.

    Rows of `valid_path` and `test_path` are these splits. Rows without a target are left out. A
    message's row 17 is the 17th of the file it names. An encoder that was `fitted` on other rows
    takes the place of one that is fitted on training rows. Raises UserError.
    """
    files = _read_files(options, read)
    notes: Notes = []
    n_rows = sum(file.table.num_rows for file in files.values())
    fit = _fit(files["train"], n_rows, options, loss, fitted, notes)
    splits = dict(fit.splits)
    pieces = Pieces()
    for part in [*files]:
        file = files.pop(part)
        own = splits
        if part != "train":
            splits[part] = pieces.next_rows(len(file.rows))
            own = {part: np.arange(len(file.rows))}
        batch = encode_file(
            fit.encoder, file.table, file.rows, own, options, file.path, read, notes
        )
        pieces.add(batch, file.rows)
        del file
    return_memory()  # the arrays need it now
    pool = pieces.joined()
    splits, n_idle_elsewhere = without_idle(splits, pool.weight)
    notes += idle_notes(options.path, fit.n_idle + n_idle_elsewhere)
    splits, notes_on_unread = with_targets(splits, pool, fit.encoder)
    notes += giveaway_notes(fit.encoder, pool, splits)
    notes += notes_on_unread
    return TableDataset(
        inputs=pool.inputs,
        target=pool.target,
        weight=pool.weight,
        splits=splits,
        original_rows=pieces.original_rows(),
        encoder=fit.encoder,
        options=options,
        notes=(*notes, *fit.notes),
        split_by=fit.split_by,
        reading=fit.reading,
    )


def _read_files(options: Table, read: Read) -> dict[str, File]:
    """The files of training rows and, where they have some, of the other splits."""
    paths = {"train": options.path, "valid": options.valid_path, "test": options.test_path}
    paths = {part: path for part, path in paths.items() if path}
    tables = {}
    for part, path in paths.items():
        tables[part] = read(path, options.missing, may_repeat=True)
    check_names(tables["train"], options)
    files = {}
    for part, path in paths.items():
        files[part] = File(path, tables[part], labelled_rows(tables[part], options, path))
    return files


def _fit(
    file: File,
    n_rows: int,
    options: Table,
    loss: str,
    fitted: TableEncoder | None,
    notes: Notes,
) -> Fitted:
    """What training rows decide, of those that have a target. Raises UserError.

    `n_rows`: of all files, over which one numbering may go.
    """
    _, table, rows = file
    splits, split_by = _split(table, rows, options, loss, notes)
    # Before anything is fitted: what does not train decides nothing.
    weight, weight_notes = fit_weight(table, rows[splits["train"]], options)
    reading = weight.reading if weight else UNKNOWN
    own_weight = row_weights(table, options, options.path, reading)[rows]
    splits, n_idle = without_idle(splits, own_weight)
    train_rows = rows[splits["train"]]
    encoder = fitted
    fitting_notes: Notes = []
    if encoder is None:
        encoder, fitting_notes = fit_encoder(table, train_rows, options, loss, n_rows)
    encoder = replace(encoder, weight_column=weight)
    shown = reading_of(table, train_rows, encoder, options.path)
    return Fitted(encoder, splits, split_by, shown, n_idle, (*weight_notes, *fitting_notes))


def _split(
    table: pa.Table, rows: np.ndarray, options: Table, loss: str, notes: Notes
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


def _moments(raw: RawColumn, hint: Hint, notes: Notes) -> np.ndarray:
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

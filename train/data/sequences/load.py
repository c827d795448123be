"""Sequences in a file, or in a file for each split -> SequenceDataset.

All that is fitted is fitted on training rows. n rows, t steps, f numbers of a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences
from train.config.sequence_recipe import auto_max_length, auto_valid
from train.data.columns import Notes
from train.data.files.read import read_table
from train.data.files.tables import Read
from train.data.number_words import counted
from train.data.reading_of_steps import reading_of_sequences
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoded_file import encode_files, labelled, no_target
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.fit import fit_sequences, names_of
from train.data.sequences.joining import fills_of, join
from train.data.sequences.label_sets import answered_names, as_columns, find_label_sets
from train.data.sequences.schema import NEXT
from train.data.sequences.split import split_sequences
from train.data.sequences.step_table import (
    constant_lists,
    first_of_lists,
    sparse_note,
    to_lists,
    varied_note,
)
from train.data.sequences.steps import check_columns
from train.data.sequences.tags import NONE
from train.data.sequences.weights import fit_sequence_weight, sequence_weights
from train.data.sequences.written import Written, as_types, find_written, written_numbers
from train.data.table.kept_rows import idle_notes, without_idle


class Fitted(NamedTuple):
    """What training rows have decided, and which of the file's rows with a target are whose."""

    encoder: SequenceEncoder
    options: Sequences
    splits: dict[str, np.ndarray]
    labels: np.ndarray | None


def load_sequences(
    options: Sequences,
    loss: str,
    read: Read = read_table,
    fitted: SequenceEncoder | None = None,
) -> SequenceDataset:
    """Reads, splits and encodes `options.path`, and `valid_path` and `test_path` where given.

    Sequences without a target are left out; training ones are cut at `max_length`. An encoder that
    was `fitted` on other rows encodes these as it did those. Raises UserError.
    """
    paths = {"train": options.path, "valid": options.valid_path, "test": options.test_path}
    paths = {split: path for split, path in paths.items() if path}
    tables = {split: read(path, options.missing) for split, path in paths.items()}
    notes: Notes = []
    train, written = _typed(tables["train"], options, loss, notes)
    names = (*names_of(options.inputs), *names_of(options.target))
    for split, table in tables.items():
        if split != "train":
            check_columns(table, names, "target", paths[split])
    fit = _fit(tables["train"], train, options, loss, fitted, notes)
    encoder = fit.encoder if fitted is not None else replace(fit.encoder, written=written)
    options = fit.options
    reading = reading_of_sequences(tables["train"], encoder, options)
    files, splits = encode_files(paths, tables, encoder, options, fit.splits, notes)
    weight_n = np.concatenate([file.weight for file in files])
    splits, n_idle = without_idle(splits, weight_n)
    notes += idle_notes(options.path, n_idle)
    inputs = join([file.inputs for file in files], dict.fromkeys(files[0].inputs, 0))
    target = join([file.target for file in files], fills_of(encoder))
    if options.max_length == "auto":
        most = auto_max_length(encoder.steps, tokens=encoder.token is not None)
        options = replace(options, max_length=most)
    if options.max_length is not None:
        notes += _cut(inputs, target, splits, options)
    return SequenceDataset(
        inputs,
        target,
        weight_n,
        splits,
        np.concatenate([file.rows for file in files]),
        encoder,
        options,
        tuple(notes),
        fit.labels,
        reading,
    )


def _typed(
    table: pa.Table, options: Sequences, loss: str, notes: Notes
) -> tuple[pa.Table, tuple[Written, ...]]:
    """(a row per sequence, its texts typed; how those of a long table are written).

    Raises UserError.
    """
    written = ()
    if options.order is not None:
        steps = (*names_of(options.inputs), options.order)
        written = find_written(table, steps, options, notes)
        written += written_numbers(table, names_of(options.target), options, loss, notes)
    table = as_types(table, written, options.missing, options.path)
    return _rows(table, options, notes), written


def _fit(
    table: pa.Table,
    train: pa.Table,
    options: Sequences,
    loss: str,
    fitted: SequenceEncoder | None,
    notes: Notes,
) -> Fitted:
    """What the file's rows `train` decide; their weights stand in its `table`. Raises UserError."""
    rows = np.flatnonzero(labelled(train, options, options.path))
    if not len(rows):
        raise no_target(options, options.path)
    if options.valid == "auto":
        options = replace(options, valid=auto_valid(len(rows)))
        if not options.valid and not options.valid_path:
            notes.append(f"{len(rows)} sequences are few: none validate (config.data.valid)")
    splits, labels = split_sequences(train, rows, options, loss)
    # Before anything is fitted: what does not train decides nothing.
    weight, weight_notes = fit_sequence_weight(table, rows[splits["train"]], options)
    notes += weight_notes
    if weight is not None:
        own = sequence_weights(table, options, options.path, weight.reading)
        splits, n_idle = without_idle(splits, own[rows])
        notes += idle_notes(options.path, n_idle)
    encoder = fitted or fit_encoder(train, rows[splits["train"]], options, loss, notes)
    encoder = replace(encoder, labels=replace(encoder.labels, weight_column=weight))
    return Fitted(encoder, options, splits, labels)


def fit_encoder(
    train: pa.Table, rows: np.ndarray, options: Sequences, loss: str, notes: Notes
) -> SequenceEncoder:
    """The encoder that is fitted on these rows of a table, with the sets of labels in it."""
    beside = names_of(options.inputs)[0]
    own = train.take(pa.array(rows))
    sets = find_label_sets(
        own,
        names_of(options.target),
        beside,
        options.path,
        notes,
        may_be_whole=loss == "auto" and not options.stream,
    )
    answered = replace(options, target=answered_names(names_of(options.target), sets))
    encoder, fit_notes = fit_sequences(as_columns(train, sets, options.path), rows, answered, loss)
    notes += fit_notes
    return replace(encoder, label_sets=sets)


def _rows(table: pa.Table, options: Sequences, notes: Notes) -> pa.Table:
    """A row per sequence, with one target for all its steps where that does not change."""
    inputs = names_of(options.inputs)
    targets = names_of(options.target)
    check_columns(table, inputs, "inputs", options.path)
    check_columns(table, targets, "target", options.path)
    if options.id is None or options.order is None:
        return table
    table = to_lists(table, options.id, options.order, options.path)
    for name in targets:
        if constant_lists(table, name).all():
            notes += sparse_note(table, name, options.path)
            table = first_of_lists(table, name, options.path)
        else:
            notes += varied_note(table, name, options.id, options.path)
    return table


def _cut(
    inputs: Mapping[str, np.ndarray],
    target: Mapping[str, np.ndarray],
    splits: Mapping[str, np.ndarray],
    options: Sequences,
) -> list[str]:
    """Shortens the training sequences in place and returns notes.

    What stands beyond a length is not read.
    """
    max_length = options.max_length
    assert isinstance(max_length, int)
    length = inputs["length"]
    rows = splits["train"]
    long = rows[length[rows] > max_length]
    length[long] = max_length
    for name, array in target.items():
        if array.ndim == 2 and array.dtype == np.int32:
            array[long, max_length:] = NONE
        elif name == NEXT and options.next_step:
            array[long, max(max_length - 1, 0) :] = np.nan
        elif array.ndim == 3:
            array[long, max_length:] = np.nan
    cut = counted(len(long), "training sequence is", "training sequences are")
    notes = [f"{cut} cut at {max_length} steps"] if len(long) else []
    n_valid = int((length[splits["valid"]] > length[rows].max(initial=1)).sum())
    if n_valid:
        notes.append(
            f"{n_valid} validation sequences are read up to there while training; the scores at "
            "its end are of whole ones"
        )
    return notes

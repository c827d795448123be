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
from train.data.columns import Said, get_column, missing_rows
from train.data.dataset import HostArrays
from train.data.files.delimited import left_out_notes
from train.data.files.read import read_table
from train.data.files.tables import Read
from train.data.reading_of_steps import reading_of_sequences
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.fit import fit_sequences, names_of
from train.data.sequences.joining import fills_of, join, take_rows
from train.data.sequences.label_sets import answered_names, as_columns, find_label_sets
from train.data.sequences.schema import NEXT
from train.data.sequences.split import split_sequences
from train.data.sequences.step_table import (
    constant_lists,
    first_of_lists,
    sparse_note,
    to_lists,
)
from train.data.sequences.steps import check_columns, holds_lists
from train.data.sequences.tags import NONE, unseen_note, unseen_tags
from train.data.sequences.weights import fit_sequence_weight, sequence_weights
from train.data.sequences.written import as_types, find_written, written_numbers
from train.data.table.kept_rows import idle_notes, without_idle
from train.data.table.load import notes_on_classes
from train.errors import UserError


class EncodedFile(NamedTuple):
    """The sequences of one file that have a target, what they count for, their rows, and notes."""

    inputs: HostArrays
    target: HostArrays
    weight: np.ndarray
    rows: np.ndarray
    notes: list[str]


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
    said: Said = []
    written = ()
    if options.order is not None:
        steps = (*names_of(options.inputs), options.order)
        written = find_written(tables["train"], steps, options, said)
        targets = names_of(options.target)
        written += written_numbers(tables["train"], targets, options, loss, said)
    train = as_types(tables["train"], written, options.missing, options.path)
    train = _rows(train, options, said)
    names = (*names_of(options.inputs), *names_of(options.target))
    for split, table in tables.items():
        if split != "train":
            check_columns(table, names, "target", paths[split])
    rows = np.flatnonzero(labelled(train, options, options.path))
    if not len(rows):
        raise no_target(options, options.path)
    if options.valid == "auto":
        options = replace(options, valid=auto_valid(len(rows)))
        if not options.valid and not options.valid_path:
            said.append(
                f"all of {len(rows)} sequences train, and none validate (config.data.valid)"
            )
    splits, labels = split_sequences(train, rows, options, loss)
    # Before anything is fitted: what does not train decides nothing.
    weight, weight_notes = fit_sequence_weight(tables["train"], rows[splits["train"]], options)
    said += weight_notes
    if weight is not None:
        own = sequence_weights(tables["train"], options, options.path, weight.reading)
        splits, n_idle = without_idle(splits, own[rows])
        said += idle_notes(options.path, n_idle)
    encoder = fitted
    if encoder is None:
        encoder = fit_encoder(train, rows[splits["train"]], options, loss, said)
        encoder = replace(encoder, written=written)
    encoder = replace(encoder, labels=replace(encoder.labels, weight_column=weight))
    reading = reading_of_sequences(tables["train"], encoder, options)
    notes = said
    files = []
    start = 0
    for split, path in paths.items():
        table = tables.pop(split)
        notes += left_out_notes(table, path)
        file = encode_file(encoder, table, path, options)
        notes += file.notes
        own = splits if split == "train" else {split: np.arange(len(file.rows))}
        table = encoder.rows(table, path)
        notes += notes_on_classes(encoder.labels, table, file.target, own, path)
        end = start + len(file.rows)
        if split != "train":
            splits[split] = np.arange(start, end, dtype=np.int32)
        start = end
        files.append(file)
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
        labels,
        reading,
    )


def fit_encoder(
    train: pa.Table, rows: np.ndarray, options: Sequences, loss: str, said: Said
) -> SequenceEncoder:
    """The encoder that is fitted on these rows of a table, with the sets of labels in it."""
    beside = names_of(options.inputs)[0]
    own = train.take(pa.array(rows))
    sets = find_label_sets(own, names_of(options.target), beside, options.path, said)
    answered = replace(options, target=answered_names(names_of(options.target), sets))
    encoder, notes = fit_sequences(as_columns(train, sets, options.path), rows, answered, loss)
    said += notes
    return replace(encoder, label_sets=sets)


def _rows(table: pa.Table, options: Sequences, said: Said) -> pa.Table:
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
            said += sparse_note(table, name, options.path)
            table = first_of_lists(table, name, options.path)
    return table


def labelled(table: pa.Table, options: Sequences, where: str) -> np.ndarray:
    """Which rows have every target [n]."""
    missing = np.zeros(table.num_rows, bool)
    for name in names_of(options.target):
        if holds_lists(table, name):
            missing |= table.column(name).is_null().to_numpy()
        else:
            missing |= missing_rows(get_column(table, name, where, options.missing))
    return ~missing


def no_target(options: Sequences, where: str) -> UserError:
    """The error of a file without a row that has every target."""
    names = " and ".join(names_of(options.target))
    return UserError(f"{where}: no row has a value for {names}, the target")


def encode_file(
    encoder: SequenceEncoder, table: pa.Table, path: str, options: Sequences
) -> EncodedFile:
    """A file's rows with a target, encoded. Raises UserError if it has none."""
    notes: Said = []
    inputs = encoder.encode(table, path, notes)
    target, present = encoder.encode_targets(table, path, notes)
    rows = np.flatnonzero(present)
    if not len(rows):
        raise no_target(options, path)
    n_absent = len(present) - len(rows)
    if n_absent:
        notes.append(f"{path}: {n_absent} of {len(present)} rows lack a target, left out")
    n_missing = int(np.isnan(inputs.get("numbers", np.zeros(0))).sum())
    if n_missing:
        notes.append(
            f"{path}: {n_missing} numbers of steps are missing; read as their column's mean"
        )
    for tag in encoder.tags:
        notes += unseen_note(unseen_tags(encoder.rows(table, path), tag, path), tag, path)
    weight = np.ones(len(present), np.float32)
    if options.weight is not None:
        weight = sequence_weights(table, options, path, encoder.labels.weight_reading, notes)
    own = take_rows(inputs, rows), take_rows(target, rows)
    return EncodedFile(*own, weight[rows], rows, notes)


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
    notes = [f"{len(long)} training sequences are cut at {max_length} steps"] if len(long) else []
    n_valid = int((length[splits["valid"]] > length[rows].max(initial=1)).sum())
    if n_valid:
        notes.append(
            f"{n_valid} validation sequences are read up to there while training; the scores at "
            "its end are of whole ones"
        )
    return notes

"""The rows of a file of sequences that have a target, encoded. n rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences
from train.data.columns import Notes, get_column, missing_rows
from train.data.dataset import HostArrays
from train.data.files.found import left_out_notes
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.fit import names_of
from train.data.sequences.joining import take_rows
from train.data.sequences.steps import holds_lists
from train.data.sequences.tags import unseen_note, unseen_tags
from train.data.sequences.weights import sequence_weights
from train.data.table.encoded_file import notes_on_classes
from train.errors import UserError


class EncodedFile(NamedTuple):
    """The sequences of one file that have a target, what they count for, their rows, and notes."""

    inputs: HostArrays
    target: HostArrays
    weight: np.ndarray
    rows: np.ndarray
    notes: list[str]


def encode_files(
    paths: Mapping[str, str],
    tables: dict[str, pa.Table],
    encoder: SequenceEncoder,
    options: Sequences,
    splits: Mapping[str, np.ndarray],
    notes: Notes,
) -> tuple[list[EncodedFile], dict[str, np.ndarray]]:
    """The files encoded, and the places of each split among the rows of all of them.

    `splits` are places among the rows of the training file. Each table is let go once it is read.
    """
    files: list[EncodedFile] = []
    places = dict(splits)
    start = 0
    for split, path in paths.items():
        table = tables.pop(split)
        notes += left_out_notes(table, path)
        file = encode_file(encoder, table, path, options)
        notes += file.notes
        own = splits if split == "train" else {split: np.arange(len(file.rows))}
        notes += notes_on_classes(encoder.labels, encoder.rows(table, path), file.target, own, path)
        end = start + len(file.rows)
        if split != "train":
            places[split] = np.arange(start, end, dtype=np.int32)
        start = end
        files.append(file)
    return files, places


def encode_file(
    encoder: SequenceEncoder, table: pa.Table, path: str, options: Sequences
) -> EncodedFile:
    """A file's rows with a target, encoded. Raises UserError if it has none."""
    notes: Notes = []
    inputs = encoder.encode(table, path, notes)
    target, present = encoder.encode_targets(table, path, notes)
    rows = np.flatnonzero(present)
    if not len(rows):
        raise no_target(options, path)
    n_absent = len(present) - len(rows)
    if n_absent:
        notes.append(f"{path}: {n_absent} of {len(present)} rows lack a target, left out")
    for tag in encoder.tags:
        notes += unseen_note(unseen_tags(encoder.rows(table, path), tag, path), tag, path)
    weight = np.ones(len(present), np.float32)
    if options.weight is not None:
        weight = sequence_weights(table, options, path, encoder.labels.weight_reading, notes)
    own = take_rows(inputs, rows), take_rows(target, rows)
    return EncodedFile(*own, weight[rows], rows, notes)


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

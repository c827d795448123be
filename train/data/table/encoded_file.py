"""The rows of a file that have a target, encoded; those of several files as one pool. n rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.blocks import join_arrays
from train.data.classes import class_notes, class_sizes
from train.data.columns import Notes
from train.data.dataset import Batch, HostArrays
from train.data.files.found import left_out_notes
from train.data.files.tables import Read
from train.data.files.words import missing_words_note
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder
from train.data.table.head_rows import head_notes
from train.data.table.kept_rows import words_for_missing
from train.data.table.roles import row_weights
from train.data.table.totals import total_notes


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


def encode_file(
    encoder: TableEncoder,
    table: pa.Table,
    rows: np.ndarray,
    splits: Mapping[str, np.ndarray],
    options: Table,
    path: str,
    read: Read,
    notes: Notes,
) -> Batch[np.ndarray]:
    """The rows of a file that have a target, some of each of `splits`. Raises UserError."""
    notes += left_out_notes(table, path)
    notes += missing_words_note(table, [column.name for column in encoder.columns], path)
    batch = encode_rows(encoder, table, options, path, notes)
    if len(rows) < table.num_rows:
        n_missing = table.num_rows - len(rows)
        line = f"{path}: {n_missing} of {table.num_rows} rows lack a target, left out"
        if classes := class_sizes(encoder):
            unmarked = read(path, (), may_repeat=True)
            line += words_for_missing(unmarked, classes, options.missing)
        notes.append(line)
        batch = TableDataset.take(batch, rows)
    notes += notes_on_classes(encoder, table, batch.target, splits, path)
    notes += head_notes(table, encoder, path)
    notes += total_notes(table, rows, encoder, path)
    return batch


def encode_rows(
    encoder: TableEncoder,
    table: pa.Table,
    options: Table,
    where: str,
    notes: Notes | None = None,
) -> Batch[np.ndarray]:
    """All rows of a table with their targets and weights, in the encoder's units. Raises UserError.

    `where` names the table in messages; `notes` take lines on cells that were read with a doubt.
    """
    targets, _ = encoder.encode_targets(table, where, notes)
    weight = row_weights(table, options, where, encoder.weight_reading, notes)
    return Batch(encoder.encode(table, where, notes), targets, weight)


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

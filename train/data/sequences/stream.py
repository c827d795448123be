"""Sequences that do not fit in memory, on the host. r rows of a chunk, t its steps, k classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from train.config.bounded import resolved
from train.config.data_options import Sequences
from train.data.dataset import Batch, Head, HostArrays, Options
from train.data.files.row_groups import Piece, RowGroup
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoded_file import labelled
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.joining import at_width, fills_of, take_rows
from train.data.sequences.label_sets import LabelSet
from train.data.sequences.rows_on_disk import read_sequences, shortened
from train.data.sequences.schema import NEXT
from train.data.sequences.survey import Survey
from train.data.sequences.text import FIRST, UNKNOWN
from train.data.stream.exact import exact_target
from train.data.stream.parts import part_of
from train.data.stream.rows import RowStream

if TYPE_CHECKING:
    from nets.base import Statistics


@dataclass(frozen=True, eq=False)
class SequenceStream(RowStream):
    """The training rows of sequences, and what one pass over all of them found.

    All chunks have `width` steps, which the longest training row has, but `options.max_length` at
    most. `piece_rows` are read and encoded at once.
    """

    encoder: SequenceEncoder
    options: Sequences
    found: Survey
    width: int
    piece_rows: int

    def pieces(self, group: RowGroup) -> Iterator[Piece]:
        """The rows of a group in order, some at a time. Raises UserError."""
        return read_sequences(group, self.columns, self.options.missing, self.piece_rows)

    def training_rows(self, piece: Piece) -> np.ndarray:
        """The places in a piece of the rows that train, ascending. Raises UserError."""
        trains = labelled(piece.table, self.options, piece.where)
        rows = piece.first + np.arange(len(trains))
        return np.flatnonzero(trains & (part_of(self.options, self.shares, rows) == 0))

    def encode(self, piece: Piece, places: np.ndarray) -> Batch[np.ndarray]:
        """The rows at these places of a piece, padded to the width. Raises UserError."""
        table = shortened(piece.table, self.encoder.step_names, resolved(self.options.max_length))
        inputs = take_rows(self.encoder.encode(table, piece.where), places)
        target, _ = self.encoder.encode_targets(table, piece.where)
        return self.padded(inputs, take_rows(target, places))

    def padded(self, inputs: HostArrays, target: HostArrays) -> Batch[np.ndarray]:
        """Encoded rows as a chunk has them, each with weight 1."""
        inputs = at_width(inputs, self.width, dict.fromkeys(inputs, 0))
        target = at_width(target, self.width, fills_of(self.encoder))
        length_r = inputs["length"]
        return Batch(inputs, target, np.ones(len(length_r), np.float32), length_r)

    def class_counts(self, head: Head) -> np.ndarray:
        """Training rows of each class [k]."""
        name = head.columns[0]
        for label_set in self.encoder.label_sets:
            if name in label_set.columns:
                n_true = self._rows_with(label_set, name)
                counts = {"true": n_true, "false": self.n_rows - n_true}
                return np.array([counts[label.lower()] for label in head.classes])
        counts = self.found.labels[name].counts
        return np.array([counts.get(label, 0) for label in head.classes])

    def _rows_with(self, label_set: LabelSet, column: str) -> int:
        """Training rows with the label that a column of true and false stands for."""
        label = label_set.labels[label_set.columns.index(column)]
        return self.found.tags[label_set.name].rows.get(label, 0)

    def class_masses(self, head: Head) -> np.ndarray:
        """The weight of the training rows of each class [k]."""
        return self.class_counts(head).astype(np.float64)

    def exact(self, fitted: Statistics) -> Statistics:
        """The statistics of a sample, with what one pass found exactly in place of its own."""
        targets: dict[str, HostArrays] = {}
        labels = self.encoder.labels
        for head in labels.heads:
            counts_k = None if head.kind == "regression" else self.class_counts(head)
            own = fitted["targets"][head.name]
            targets[head.name] = exact_target(own, head, labels, self.found.moments, counts_k)
        for tag in self.encoder.tags:
            counts = self.found.read_tags[tag.name].steps.counts
            count_k = np.array([counts.get(label, 0) for label in tag.classes])
            rate_k = (count_k + 1) / (count_k.sum() + len(count_k))
            targets[tag.name] = {**fitted["targets"][tag.name], "rate": rate_k.astype(np.float32)}
        scales = labels.target_scaling == "standard"
        for column in self.encoder.step_numbers:
            targets[column.name] = fitted["targets"][column.name]
            if scales:
                found = self.found.step_targets[column.name]
                targets[column.name] = found.scaled(column.shifts, column.units)
        if self.encoder.next_kind == "binary":
            rates = [self.found.following[c.name].rate for c in self.encoder.numbers]
            targets[NEXT] = {"rate": np.concatenate(rates)}
        elif self.encoder.next_kind:
            targets[NEXT] = self._scaled("following") if scales else fitted["targets"][NEXT]
        return {"inputs": self._exact_inputs(fitted["inputs"]), "targets": targets}

    def _exact_inputs(self, fitted: HostArrays) -> HostArrays:
        exact = dict(fitted)
        is_scaled = self.encoder.scaling == "standard" and self.encoder.next_kind != "binary"
        if self.encoder.numbers and is_scaled:
            exact |= self._scaled("inputs")
        if self.encoder.token:
            vocabulary = self.encoder.vocabulary
            count_v = np.zeros(vocabulary.n_words)
            counts = self.found.read_words.counts
            count_v[FIRST:] = [counts.get(word, 0) for word in vocabulary.words]
            count_v[UNKNOWN] = self.found.n_read - count_v.sum()
            exact["count"] = count_v.astype(np.float32)
        return exact

    def _scaled(self, of: str) -> HostArrays:
        """{"center", "scale"} of all columns of numbers, or of what follows each step."""
        parts = []
        for column in self.encoder.numbers:
            channels = getattr(self.found, of)[column.name]
            parts.append(channels.scaled(column.shifts, column.units))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, eq=False)
class StreamedSequences(SequenceDataset):
    """Sequences whose training rows are read from disk; those of the pool are a sample of them."""

    stream: SequenceStream = field(kw_only=True)

    @property
    def n_train(self) -> int:
        """Training rows of an epoch, all of them."""
        return self.stream.n_rows

    @property
    def longest_read(self) -> int:
        """Steps of the pool's rows that training reads: with `max_length` as many as a chunk's."""
        if self.options.max_length is None:
            return super().longest_read
        return min(self.encoder.longest, resolved(self.options.max_length))

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these rows of the sample, and exactly what one pass over all found."""
        return self.stream.exact(super().statistics(rows, options))

    def _source(self) -> str:
        return self.stream.files.fingerprint

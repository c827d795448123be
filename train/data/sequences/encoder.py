"""The schema of sequences: raw rows -> padded arrays with lengths, answers -> raw columns.

All that it knows is fitted on training rows. n rows, t steps, f numbers of a step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.answer_names import beside
from train.data.columns import Notes
from train.data.dataset import Arrays, Columns, HostArrays, Rows
from train.data.schema import read_record
from train.data.sequences.label_sets import as_columns
from train.data.sequences.numbers import (
    encode_numbers,
    lists_of_numbers,
    missing_numbers_note,
    next_steps,
    read_step_targets,
)
from train.data.sequences.ragged import ragged
from train.data.sequences.schema import NEXT, SequenceSchema
from train.data.sequences.step_table import first_of_lists, sequence_ids, to_lists
from train.data.sequences.steps import (
    check_columns,
    check_lengths,
    empty_notes,
    pad_steps,
    padded_width,
    read_step_numbers,
    read_step_text,
)
from train.data.sequences.tags import NONE, read_tags
from train.data.sequences.text import token_notes
from train.data.sequences.written import as_before


@dataclass(frozen=True)
class SequenceEncoder(SequenceSchema):
    """What turns raw sequences into arrays, and answers into raw columns."""

    def rows(self, table: pa.Table, where: str, notes: Notes | None = None) -> pa.Table:
        """The table with a row per sequence, lists of what steps have. Raises UserError."""
        if self.id is None or self.order is None or not self.is_by_step(table):
            return as_columns(table, self.label_sets, where, notes)
        check_columns(table, self.input_names, "inputs", where)
        names = (*self.input_names, self.order)
        labels = (column.name for column in self.labels.targets)
        guessed = (*names, self.id, *labels)
        table = as_before(table, self.written, guessed, self.labels.markers, where, notes)
        table = to_lists(table, self.id, self.order, where)
        for column in self.labels.targets:
            if column.name in table.column_names:
                table = first_of_lists(table, column.name, where)
        return table

    def read(self, table: pa.Table, where: str) -> Rows:
        """All sequences of a table, as `encode` has them.

        Those of a net of rows per step are named by "row" and their id. Raises UserError.
        """
        notes: Notes = []
        inputs = self.encode(table, where, notes)
        if self.id is None or self.order is None:
            return Rows(inputs, {}, notes=tuple(notes))
        if self.is_by_step(table):
            ids = sequence_ids(table, self.id, self.order, where)
        elif self.id in table.column_names:
            ids = table.column(self.id).to_numpy()
        else:
            return Rows(inputs, {}, notes=tuple(notes))
        rows = {"row": np.arange(len(ids))}
        return Rows(inputs, beside(rows, {self.id: ids}), notes=tuple(notes))

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """The columns of answers to rows that were read: their names, then what is decoded."""
        return {**rows.names, **self.decode(answers)}

    def lengths(self, table: pa.Table, where: str) -> np.ndarray:
        """Steps of each row [n] of a table with a row per sequence."""
        if self.numbers:
            return read_step_numbers(table, self.numbers[0].name, where).lengths
        return read_step_text(table, str(self.token), where).lengths

    def encode(self, table: pa.Table, where: str, notes: Notes | None = None) -> HostArrays:
        """{"length" [n], and what is read of "numbers", "tokens" and "characters"}, padded.

        "length" int32 [n]; "numbers" float32 [n, t, f], nan where missing; "tokens" int32 [n, t];
        "characters" [n, t, c]; all of them zero beyond a row's length. Raises UserError.
        """
        table = self._inputs_of(table, where, notes)
        check_columns(table, self.input_names, "inputs", where)
        flat: HostArrays = {}
        lengths: HostArrays = {}
        if self.numbers:
            flat["numbers"], lengths = encode_numbers(table, self.numbers, where)
            if notes is not None:
                notes += missing_numbers_note(flat["numbers"], where)
        if self.token:
            text = read_step_text(table, self.token, where)
            if notes is not None:
                notes += token_notes(text, self.vocabulary, self.token, where)
            lengths[self.token] = text.lengths
            flat["tokens"] = self.vocabulary.encode(text)
            if self.vocabulary.n_characters:
                flat["characters"] = self.vocabulary.encode_characters(text)
        length = check_lengths(lengths, where)
        if self.labels.heads and notes is not None:
            notes += empty_notes(length, self.input_names[0], where)
        width = padded_width(length)
        padded: HostArrays = {}
        for name, values in flat.items():
            pad = ragged if name == "characters" else pad_steps
            padded[name] = pad(values, length, width)
        return {"length": length.astype(np.int32), **padded}

    def _inputs_of(self, table: pa.Table, where: str, notes: Notes | None) -> pa.Table:
        """The table with a row per sequence, without targets: answers need none."""
        targets = (column.name for column in (*self.labels.targets, *self.label_sets))
        unread = [name for name in targets if name in table.column_names]
        table = table.drop_columns([name for name in unread if name not in self.input_names])
        return self.rows(table, where, notes)

    def encode_targets(
        self, table: pa.Table, where: str, notes: Notes | None = None
    ) -> tuple[HostArrays, np.ndarray]:
        """({head: its targets}, whether all are present [n]).

        Of a label as TableEncoder has it; tags int32 [n, t], -1 beyond a row's end; the next step
        float32 [n, t, f], nan there. Raises UserError, also for tags of another length.
        """
        check_columns(table, [column.name for column in self.label_sets], "target", where)
        table = self.rows(table, where, notes if self.label_sets else None)
        for columns in (self.labels.targets, self.tags, self.step_numbers):
            check_columns(table, [column.name for column in columns], "target", where)
        targets: HostArrays = {}
        present = np.ones(table.num_rows, bool)
        if self.labels.targets:
            targets, present = self.labels.encode_targets(table, where, notes)
        length = self.lengths(table, where)
        width = padded_width(length)
        for column in self.tags:
            codes, has_tags = read_tags(table, column, length, self.input_names[0], where)
            targets[column.name] = pad_steps(codes, length, width, NONE)
            present &= has_tags
        for column in self.step_numbers:
            numbers, known = read_step_targets(table, column, length, self.input_names[0], where)
            targets[column.name] = pad_steps(numbers, length, width, np.nan)
            present &= known
        if self.next_kind:
            numbers, _ = encode_numbers(table, self.numbers, where)
            targets[NEXT] = next_steps(pad_steps(numbers, length, width, np.nan))
        return targets, present

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: "prediction", or several by their names, and "probability_CLASS".

        Tags and next steps are lists: the tag of every step; at every step the numbers, or
        probabilities of 1, of the one after it.
        """
        columns = list(self.labels.decode(self._of_labels(answers)).values())
        n_labels = len(self.labels.targets)
        steps = list(self._lists(answers).values())
        names = self.answer_names
        ordered = [*columns[:n_labels], *steps, *columns[n_labels:]]
        return dict(zip((*names.targets, *names.probabilities), ordered, strict=True))

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """Encoded targets as columns [n]: "target" (several: "target_NAME")."""
        raw = self.labels.raw_targets(self._of_labels(targets))
        steps = self._lists(targets)
        if len(raw) + len(steps) == 1:
            return {"target": next(iter((raw | steps).values()))}
        if len(self.labels.targets) == 1:
            raw = {f"target_{self.labels.targets[0].name}": raw["target"]}
        return raw | {f"target_{name}": column for name, column in steps.items()}

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{label head: targets or answers} with numbers in raw units."""
        return self.labels.to_units(self._of_labels(arrays))

    def _of_labels(self, arrays: Arrays) -> Arrays:
        """The arrays of the heads that are one per sequence."""
        return {head.name: arrays[head.name] for head in self.labels.heads}

    def _lists(self, arrays: Arrays) -> HostArrays:
        """Columns of lists [n] of the heads that have a value per step."""
        columns: HostArrays = {}
        for tag in self.tags:
            columns[tag.name] = tag.decode(np.asarray(arrays[tag.name]))
        for column in self.step_numbers:
            columns[column.name] = lists_of_numbers(np.asarray(arrays[column.name]), (column,))
        if self.next_kind:
            columns[NEXT] = lists_of_numbers(np.asarray(arrays[NEXT]), self.numbers)
        return columns

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON has it."""
        return dataclasses.asdict(self) | {"kind": "Sequences", "labels": self.labels.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SequenceEncoder:
        """What `to_json` wrote; further keys are left alone."""
        if isinstance(labels := plain.get("labels"), dict):
            plain = {**plain, "labels": {"reads_text": False, **labels}}
        return read_record(cls, {"written": None, **plain}, "encoder.json", further=True)

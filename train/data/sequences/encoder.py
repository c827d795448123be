"""Sequences of a pyarrow table -> padded arrays with lengths; encoded answers -> raw columns.

All that an encoder knows is fitted on training rows. n rows, t steps, f numbers of a step, k tags
or classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from train.data.dataset import Arrays, Columns, Head, HostArrays, Rows
from train.data.sequences.steps import (
    NumberSteps,
    check_columns,
    check_lengths,
    first_of_lists,
    holds_lists,
    pad_steps,
    read_step_numbers,
    read_step_text,
    to_lists,
)
from train.data.sequences.tags import NONE, TagColumn
from train.data.sequences.text import Vocabulary
from train.data.table.encoder import TableEncoder
from train.errors import UserError

# Padded widths are multiples of it, so that files of nearly the same length share a compiled
# program.
WIDTH = 8
NEXT = "next"


@dataclass(frozen=True)
class SequenceEncoder:
    """The schema of sequences: what turns raw rows into arrays, and answers into raw columns.

    `labels` encodes the targets that are one per sequence, `tags` those of each step; `next_kind`
    says what the next step's numbers are, if these are the target. `steps` is the mean length of
    training rows, `longest` their maximum. `scaling` is that of a step's numbers.
    """

    numbers: tuple[NumberSteps, ...]
    token: str | None
    vocabulary: Vocabulary
    labels: TableEncoder
    tags: tuple[TagColumn, ...]
    next_kind: Literal["", "numbers", "binary"] = ""
    id: str | None = None
    order: str | None = None
    steps: float = 1.0
    longest: int = 1
    scaling: Literal["standard", "none"] = "standard"

    @property
    def heads(self) -> tuple[Head, ...]:
        """Labels, then tags, then the next step."""
        tags = tuple(
            Head(tag.name, "tags", (tag.name,), tag.classes, len(tag.classes)) for tag in self.tags
        )
        if not self.next_kind:
            return (*self.labels.heads, *tags)
        kind = "next_binary" if self.next_kind == "binary" else "next_numbers"
        return (Head(NEXT, kind, (NEXT,), (), len(self.channels)),)

    @property
    def channels(self) -> tuple[str, ...]:
        """A name for each number of a step, over all columns of numbers."""
        return tuple(channel for column in self.numbers for channel in column.channels)

    @property
    def units(self) -> HostArrays:
        """{head of numbers: units [o] of its columns}."""
        units = dict(self.labels.units)
        if self.next_kind == "numbers":
            units[NEXT] = np.array([unit for column in self.numbers for unit in column.units])
        return units

    @property
    def input_names(self) -> tuple[str, ...]:
        """The columns that are read at every step."""
        return (*(column.name for column in self.numbers), *([self.token] if self.token else []))

    @property
    def traits(self) -> dict[str, Any]:
        """What `train.config.recipe.resolve_sequences` goes by."""
        of_steps = bool(self.tags or self.next_kind)
        return {"longest": self.longest, "tokens": self.token is not None, "of_steps": of_steps}

    def rows(self, table: pa.Table, where: str) -> pa.Table:
        """The table with a row per sequence, lists where there is a value per step. Raises
        UserError.
        """
        if self.id is None or self.order is None:
            return table
        check_columns(table, self.input_names, "inputs", where)
        table = to_lists(table, self.id, self.order, where)
        for column in self.labels.targets:
            if column.name in table.column_names:
                table = first_of_lists(table, column.name, where)
        return table

    def names(self, table: pa.Table, where: str) -> Columns:
        """{"row": [n], id: [n]} of a table with a row per step; {} where every row is a
        sequence.
        """
        if self.id is None or self.order is None:
            return {}
        ids = to_lists(table.select([self.id, self.order]), self.id, self.order, where).column(
            self.id
        )
        return {"row": np.arange(len(ids)), self.id: ids.to_numpy()}

    def lengths(self, table: pa.Table, where: str) -> np.ndarray:
        """Steps of each row [n] of a table with a row per sequence."""
        if self.numbers:
            return read_step_numbers(table, self.numbers[0].name, where).lengths
        return read_step_text(table, str(self.token), where).lengths

    def read(self, table: pa.Table, where: str) -> Rows:
        """All sequences of a table, as `encode` has them, and their `names`. Raises UserError."""
        inputs = self.encode(table, where)
        return Rows(inputs, self.names(table, where))

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """The columns of answers to rows that were read: their names, then what is decoded."""
        return {**rows.names, **self.decode(answers)}

    def encode(self, table: pa.Table, where: str) -> HostArrays:
        """{"length": int32 [n]; "numbers": float32 [n, t, f], nan where missing; "tokens": int32
        [n, t]; "characters": [n, t, c]}, zero beyond a row's length; absent what is not read.
        Raises UserError.
        """
        table = self.rows(table, where)
        check_columns(table, self.input_names, "inputs", where)
        flat: HostArrays = {}
        lengths: dict[str, np.ndarray] = {}
        parts = []
        for column in self.numbers:
            steps = read_step_numbers(table, column.name, where)
            lengths[column.name] = steps.lengths
            parts.append(column.encode(steps, where))
        if self.token:
            text = read_step_text(table, self.token, where)
            lengths[self.token] = text.lengths
            flat["tokens"] = self.vocabulary.encode(text)
            if self.vocabulary.n_characters:
                flat["characters"] = self.vocabulary.encode_characters(text)
        length = check_lengths(lengths, where)
        if parts:
            flat["numbers"] = np.concatenate(parts, 1)
        empty = np.flatnonzero(length == 0)
        if len(empty) and self.labels.heads:
            name = next(iter(lengths))
            raise UserError(
                f"{where}: column {name!r}: row {empty[0] + 1} is an empty sequence, of which "
                f"{self.labels.targets[0].name!r} cannot be told; remove the row"
            )
        width = -(-max(int(length.max(initial=1)), 1) // WIDTH) * WIDTH
        padded = {name: pad_steps(values, length, width) for name, values in flat.items()}
        return {"length": length.astype(np.int32), **padded}

    def encode_targets(self, table: pa.Table, where: str) -> tuple[HostArrays, np.ndarray]:
        """({label head: as TableEncoder has it, tags: int32 [n, t], next step: float32 [n, t, f]},
        whether all are present [n]). Beyond a row's end tags are -1, numbers nan. Raises UserError,
        also for tags of another length.
        """
        table = self.rows(table, where)
        check_columns(
            table,
            [*(c.name for c in self.labels.targets), *(c.name for c in self.tags)],
            "target",
            where,
        )
        targets: HostArrays = {}
        present = np.ones(table.num_rows, bool)
        if self.labels.targets:
            targets, present = self.labels.encode_targets(table, where)
        length = self.lengths(table, where)
        width = -(-max(int(length.max(initial=1)), 1) // WIDTH) * WIDTH
        for column in self.tags:
            codes, known = _read_tags(table, column, length, self.input_names[0], where)
            targets[column.name] = pad_steps(codes, length, width, NONE)
            present &= known
        if self.next_kind:
            parts = [c.encode(read_step_numbers(table, c.name, where), where) for c in self.numbers]
            targets[NEXT] = next_steps(pad_steps(np.concatenate(parts, 1), length, width, np.nan))
        return targets, present

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: "prediction" (several targets: their names), and for labels
        "probability_CLASS".

        Tags and next steps are lists: the tag of every step; at every step the numbers, or
        probabilities of 1, of the one after it.
        """
        labels = (
            self.labels.decode({h.name: answers[h.name] for h in self.labels.heads})
            if self.labels.heads
            else {}
        )
        only = len(self.labels.targets) + len(self.tags) + bool(self.next_kind) == 1
        if len(self.labels.targets) == 1 and not only:
            labels = {
                self.labels.targets[0].name if n == "prediction" else n: a
                for n, a in labels.items()
            }
        probabilities = {
            name: array for name, array in labels.items() if name.startswith("probability_")
        }
        steps = self._steps(answers)
        if only and steps:
            steps = {"prediction": next(iter(steps.values()))}
        return {n: a for n, a in labels.items() if n not in probabilities} | steps | probabilities

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """Encoded targets as columns [n]: "target" (several: "target_NAME")."""
        raw = (
            self.labels.raw_targets({h.name: targets[h.name] for h in self.labels.heads})
            if self.labels.heads
            else {}
        )
        steps = self._steps(targets)
        if len(raw) + len(steps) == 1:
            return {"target": next(iter((raw | steps).values()))}
        if len(self.labels.targets) == 1:
            raw = {f"target_{self.labels.targets[0].name}": raw["target"]}
        return raw | {f"target_{name}": column for name, column in steps.items()}

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{label head: targets or answers} with numbers in raw units."""
        return self.labels.to_units({head.name: arrays[head.name] for head in self.labels.heads})

    def _steps(self, arrays: Arrays) -> HostArrays:
        """Columns of lists [n] of the heads that have a value per step."""
        columns: HostArrays = {}
        for column in self.tags:
            codes_nt = np.asarray(arrays[column.name])
            columns[column.name] = _objects(
                [column.labels[codes[codes >= 0]].tolist() for codes in codes_nt]
            )
        if self.next_kind:
            shifts = np.array([shift for column in self.numbers for shift in column.shifts])
            units = np.array([unit for column in self.numbers for unit in column.units])
            values = np.asarray(arrays[NEXT]).astype(np.float64) * units + shifts
            kept = [row[~np.isnan(row).all(-1)] for row in values]
            flat = len(self.numbers) == 1 and self.numbers[0].flat
            columns[NEXT] = _objects([(row[:, 0] if flat else row).tolist() for row in kept])
        return columns

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        plain = dataclasses.asdict(dataclasses.replace(self, labels=None))  # type: ignore[arg-type]
        return plain | {"kind": "Sequences", "labels": self.labels.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SequenceEncoder:
        """What `to_json` wrote; further keys are left alone."""
        known = {
            field.name: plain[field.name]
            for field in dataclasses.fields(cls)
            if field.name in plain
        }
        vocabulary = plain["vocabulary"]
        words = tuple(vocabulary["words"])
        characters = tuple(vocabulary["characters"])
        return cls(
            **known
            | {
                "numbers": tuple(
                    NumberSteps(c["name"], tuple(c["shifts"]), tuple(c["units"]), c["flat"])
                    for c in plain["numbers"]
                ),
                "vocabulary": Vocabulary(
                    words, characters, vocabulary["fold_case"], vocabulary["fold_digits"]
                ),
                "labels": TableEncoder.from_json(plain["labels"]),
                "tags": tuple(
                    TagColumn(c["name"], tuple(c["classes"]), c["iob"]) for c in plain["tags"]
                ),
            }
        )


def next_steps(numbers_ntf: np.ndarray) -> np.ndarray:
    """At every step the numbers of the one after it; nan at the last."""
    following = np.full_like(numbers_ntf, np.nan)
    following[:, :-1] = numbers_ntf[:, 1:]
    return following


def _read_tags(
    table: pa.Table, column: TagColumn, length: np.ndarray, beside: str, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Codes [s] of all rows' steps, -1 in rows without tags, and which rows have them [n]."""
    if not holds_lists(table, column.name):
        raise UserError(
            f"{where}: column {column.name!r} holds {table.schema.field(column.name).type}, "
            "expected a list of tags per row"
        )
    known = table.column(column.name).is_valid().to_numpy()
    text = read_step_text(table.filter(pa.array(known)), column.name, where)
    found = np.full(len(length), -1)
    found[known] = text.lengths
    differ = np.flatnonzero(known & (found != length))
    if len(differ):
        row = differ[0]
        counts = f"row {row + 1} has {found[row]} tags for {length[row]} steps of {beside!r}"
        raise UserError(f"{where}: column {column.name!r}: {counts}; expected one for each")
    if (text.codes < 0).any():
        at = int(np.flatnonzero(text.codes < 0)[0])
        row = np.flatnonzero(known)[np.searchsorted(np.cumsum(text.lengths), at, side="right")]
        raise UserError(
            f"{where}: column {column.name!r}: row {row + 1} lacks a tag at a step; expected one for each"
        )
    codes = np.full(int(length.sum()), NONE, np.int32)
    codes[np.repeat(known, length)] = column.encode(text)
    return codes, known


def _objects(lists: list[Any]) -> np.ndarray:
    """An array [n] of lists, which numpy must not take for a matrix."""
    array = np.empty(len(lists), object)
    array[:] = lists
    return array

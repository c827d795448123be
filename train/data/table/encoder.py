"""The schema of a table: raw columns -> float32 numbers and int32 codes, and answers -> columns.

n rows, f number inputs, c category inputs, o regression outputs, k classes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
import pyarrow as pa

from train.data.answer_names import AnswerNames, name_answers
from train.data.columns import UNKNOWN, Notes, RawColumn, Reading, get_column, read_text
from train.data.dataset import Arrays, Columns, Head, HostArrays, Json, Rows
from train.data.files.objects import may_lack_names
from train.data.schema import read_record
from train.data.table.column import Column
from train.data.table.encode_column import encode_input, encode_target
from train.data.table.roles import PLAIN
from train.data.table.typed import encode_alone, encode_together


@dataclass(frozen=True)
class TableEncoder:
    """The schema of a table: what turns raw rows into arrays, and answers into raw columns.

    `markers` are the texts that mean "no value"; `dropped` says of each column left out why.
    `reads_text` is False for a schema of 0.1.0, which took the cells of a text file for what all of
    a column there are, and goes on so. `weight_column` is what rows count for.
    """

    columns: tuple[Column, ...]
    targets: tuple[Column, ...]
    heads: tuple[Head, ...]
    markers: tuple[str, ...] = ()
    target_scaling: Literal["standard", "none"] = "standard"
    dropped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    reads_text: bool = True
    weight_column: Column | None = None

    @property
    def weight_reading(self) -> Reading:
        """How weights are read: as training rows wrote them, of a stream as programs do."""
        if self.weight_column is not None:
            return self.weight_column.reading
        return PLAIN if self.reads_text else UNKNOWN

    def places(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """{raw column: (input, its places in the last axis)}, in column order.

        The input is "numbers" or "codes".
        """
        found = {}
        ends = {"numbers": 0, "codes": 0}
        for column in self.columns:
            key = "numbers"
            width = len(column.parts)
            if column.kind == "category":
                key = "codes"
                width = 1
            found[column.name] = key, tuple(range(ends[key], ends[key] + width))
            ends[key] += width
        return found

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        """The name of each number input."""
        return tuple(part for column in self.columns for part in column.parts)

    @property
    def missing_columns(self) -> tuple[int, ...]:
        """The number inputs that training rows lacked; of a time only its first part."""
        places = self.places()
        lacking = [c for c in self.columns if c.missing and c.kind != "category"]
        return tuple(places[column.name][1][0] for column in lacking)

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Known categories of each category input, without code 0."""
        return tuple(len(column.vocabulary) for column in self.columns if column.kind == "category")

    @property
    def units(self) -> HostArrays:
        """{regression head: units [o] of its columns}."""
        units = {}
        for head in self.heads:
            if head.kind == "regression":
                units[head.name] = np.array([column.unit for column in self._targets_of(head)])
        return units

    def read(self, table: pa.Table, where: str) -> Rows:
        """All rows of a table, as `encode` has them. Raises UserError."""
        notes: Notes = []
        return Rows(self.encode(table, where, notes), {}, notes=tuple(notes))

    def raw(
        self, table: pa.Table, column: Column, where: str, notes: Notes | None = None
    ) -> RawColumn:
        """A column of a table, to be read as the training rows wrote it. Raises UserError.

        Rows that are objects may all lack a name that training rows could lack.
        """
        if column.missing and column.name not in table.column_names and may_lack_names(table):
            table = table.append_column(column.name, pa.nulls(table.num_rows))
            if notes is not None:
                notes.append(f"{where}: no row has {column.name!r}; read as missing")
        raw = get_column(table, column.name, where, self.markers)
        if not self.reads_text:
            return raw.as_guessed()
        return raw.read_by(column.reading, notes)

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """The columns of answers: what is decoded, for rows of a table need no names."""
        return dict(self.decode(answers))

    def encode(self, table: pa.Table, where: str, notes: Notes | None = None) -> HostArrays:
        """{"numbers": float32 [n, f], nan where missing; "codes": int32 [n, c], 0 where unknown}.

        Columns may come in any order and more may come than are needed. Raises UserError, naming
        `where`, if one is absent or holds what its kind does not admit. `notes` take lines on cells
        that were read with a doubt.
        """
        n = table.num_rows
        inputs = {}
        if self.number_names:
            inputs["numbers"] = np.empty((n, len(self.number_names)), np.float32)
        if self.category_sizes:
            inputs["codes"] = np.empty((n, len(self.category_sizes)), np.int32)
        all_places = self.places()
        with np.errstate(over="ignore"):  # what is beyond float32 is looked at closely
            together = encode_together(table, self.columns if self.reads_text else (), self.markers)
            for column in self.columns:
                key, places = all_places[column.name]
                at_once = together.get(column.name)
                if at_once is None:
                    at_once = encode_alone(table, column, self.markers, self.reads_text)
                if at_once is not None:
                    inputs[key][:, places[0]] = at_once
                    continue
                raw = self.raw(table, column, where, notes)
                for place, part in zip(places, encode_input(raw, column), strict=True):
                    inputs[key][:, place] = part
        return inputs

    def encode_targets(
        self, table: pa.Table, where: str, notes: Notes | None = None
    ) -> tuple[HostArrays, np.ndarray]:
        """({head: targets}, whether a row has all of them [n]).

        Targets of a regression head are float32 [n, o], nan where missing, those of a class int32
        [n], -1 where missing, and behind all known ones where training rows lack the class (see
        `unseen_classes`). Raises UserError as `encode`.
        """
        encoded = {}
        present = np.ones(table.num_rows, bool)
        for column in self.targets:
            target = encode_target(column, self.raw(table, column, where, notes))
            present &= target >= 0 if column.kind == "category" else ~np.isnan(target)
            encoded[column.name] = target
        targets = {}
        for head in self.heads:
            arrays = [encoded[name] for name in head.columns]
            is_numeric = head.kind == "regression"
            targets[head.name] = np.stack(arrays, axis=1) if is_numeric else arrays[0]
        return targets, present

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: "prediction", and for classes "probability_CLASS".

        Of several targets the predictions bear their names, of several class targets the
        probabilities are "probability_TARGET_CLASS"; see `answer_names`. `answers`: a regression
        head's [n, o] in encoded units, which become float64 in raw ones; a binary head's
        probability of its second class [n]; a multiclass head's probabilities [n, k]. Labels have
        the training type.
        """
        labels = {}
        probabilities = []
        for head in self.heads:
            answer = np.asarray(answers[head.name])
            if head.kind == "binary":
                answer = np.stack([1 - answer.astype(np.float64), answer], axis=1)
            labels[head.name] = answer if head.kind == "regression" else answer.argmax(axis=1)
            probabilities += [answer[:, i] for i in range(len(head.classes))]
        names = self.answer_names
        columns = dict(zip(names.targets, self._raw(labels).values(), strict=True))
        return columns | dict(zip(names.probabilities, probabilities, strict=True))

    @property
    def answer_names(self) -> AnswerNames:
        """What the columns of answers are called."""
        return self._answer_names

    @cached_property
    def _answer_names(self) -> AnswerNames:
        several = sum(head.kind != "regression" for head in self.heads) > 1
        probabilities = []
        for head in self.heads:
            prefix = f"probability_{head.name}" if several else "probability"
            probabilities += [f"{prefix}_{name}" for name in head.classes]
        targets = [column.name for column in self.targets]
        return name_answers(["prediction"] if len(targets) == 1 else targets, probabilities)

    def unseen_classes(self, table: pa.Table, name: str, where: str) -> list[str]:
        """The classes of a target that training rows lack, in the order of their codes."""
        column = next(column for column in self.targets if column.name == name)
        raw = self.raw(table, column, where)
        text = read_text(raw)
        codes = encode_target(column, raw)
        unseen = text.codes[codes >= len(column.vocabulary)]
        return [text.values[code] for code in np.unique(unseen)]

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """Encoded targets as columns [n]: "target" (several: "target_NAME").

        They are float64, or labels of the training type, None of a class that no training row has.
        """
        raw = self._raw(targets)
        if len(raw) == 1:
            return {"target": next(iter(raw.values()))}
        return {f"target_{name}": array for name, array in raw.items()}

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{head: targets or answers}, the numbers of a regression head [n, o] float64 and raw."""
        raw = {head.name: np.asarray(arrays[head.name]) for head in self.heads}
        units = self.units
        for head in self.heads:
            if head.kind == "regression":
                shift_o = np.array([column.shift for column in self._targets_of(head)])
                raw[head.name] = raw[head.name].astype(np.float64) * units[head.name] + shift_o
        return raw

    def _targets_of(self, head: Head) -> list[Column]:
        """The target columns of a head, in its order."""
        by_name = {column.name: column for column in self.targets}
        return [by_name[name] for name in head.columns]

    def _raw(self, arrays: Arrays) -> HostArrays:
        """{target column: numbers or labels [n]} of encoded numbers [n, o] or class indices [n]."""
        in_units = self.to_units(arrays)
        by_column = {}
        for head in self.heads:
            for i, name in enumerate(head.columns):
                whole = in_units[head.name]
                by_column[name] = whole[:, i] if head.kind == "regression" else whole
        return {column.name: column.labels(by_column[column.name]) for column in self.targets}

    def to_json(self) -> Json:
        """All fields as JSON has them."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, plain: Json) -> Self:
        """What `to_json` wrote; further keys are left alone."""
        return read_record(cls, {"reads_text": False, **plain}, "encoder.json", further=True)

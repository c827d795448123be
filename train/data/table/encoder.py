"""Raw columns of a pyarrow table -> float32 numbers and int32 codes; encoded answers -> raw
columns.

n rows, f number inputs, c category inputs, o regression outputs, k classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from train.data.columns import (
    Numbers,
    RawColumn,
    Text,
    get_column,
    read_numbers,
    read_text,
    read_times,
)
from train.data.dataset import Arrays, Columns, Head, HostArrays, Rows
from train.data.units import exact_like

DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Column:
    """How one raw column is encoded.

    "number": (raw - shift)/unit. "time": the same of days since 1970, and its place in the year,
    the week and, with `clock`, the day. "category": 1 + the place in `vocabulary`; as a target, the
    place itself. `type` is what the vocabulary was before it was text. `missing` says that some
    training row lacks the value.
    """

    name: str
    kind: Literal["number", "time", "category"]
    shift: float = 0.0
    unit: float = 1.0
    clock: bool = False
    vocabulary: tuple[str, ...] = ()
    type: Literal["text", "integer", "boolean"] = "text"
    missing: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The number inputs it becomes."""
        if self.kind != "time":
            return (self.name,) if self.kind == "number" else ()
        cycles = ("month", "weekday", "hour") if self.clock else ("month", "weekday")
        return (
            self.name,
            *(f"{self.name}.{cycle}_{wave}" for cycle in cycles for wave in ("sin", "cos")),
        )

    def labels(self, array: np.ndarray) -> np.ndarray:
        """Places in the vocabulary [n] as what stands there, of its type; the array itself where
        there is none.
        """
        if self.kind != "category":
            return array
        if self.type == "boolean":
            return np.array([name == "true" for name in self.vocabulary])[array]
        return np.array(self.vocabulary, np.int64 if self.type == "integer" else None)[array]


@dataclass(frozen=True)
class TableEncoder:
    """The schema of a table: what turns raw rows into arrays, and answers into raw columns.

    `markers` are the texts that mean "no value"; `dropped` says of each column left out why.
    """

    columns: tuple[Column, ...]
    targets: tuple[Column, ...]
    heads: tuple[Head, ...]
    markers: tuple[str, ...] = ()
    target_scaling: Literal["standard", "none"] = "standard"
    dropped: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def places(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """{raw column: ("numbers" or "codes", where it stands in the last axis of that input)}, in
        column order.
        """
        found = {}
        ends = {"numbers": 0, "codes": 0}
        for column in self.columns:
            key, width = (
                ("codes", 1) if column.kind == "category" else ("numbers", len(column.parts))
            )
            found[column.name] = key, tuple(range(ends[key], ends[key] + width))
            ends[key] += width
        return found

    @property
    def number_names(self) -> tuple[str, ...]:
        return tuple(part for column in self.columns for part in column.parts)

    @property
    def missing_columns(self) -> tuple[int, ...]:
        """The number inputs that training rows lacked; of a time only its first part."""
        places = self.places()
        return tuple(
            places[c.name][1][0] for c in self.columns if c.missing and c.kind != "category"
        )

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Known categories of each category input, without code 0."""
        return tuple(len(column.vocabulary) for column in self.columns if column.kind == "category")

    @property
    def units(self) -> dict[str, np.ndarray]:
        """{regression head: units [o] of its columns}."""
        by_name = {column.name: column for column in self.targets}
        return {
            h.name: np.array([by_name[c].unit for c in h.columns])
            for h in self.heads
            if h.kind == "regression"
        }

    def read(self, table: pa.Table, where: str) -> Rows:
        """All rows of a table, as `encode` has them. Raises UserError."""
        return Rows(self.encode(table, where), {})

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """The columns of answers: what is decoded, for rows of a table need no names."""
        return dict(self.decode(answers))

    def encode(self, table: pa.Table, where: str) -> HostArrays:
        """{"numbers": float32 [n, f], nan where missing; "codes": int32 [n, c], 0 where missing or
        unseen}.

        Columns may come in any order and more may come than are needed. Raises UserError, naming
        `where`, if one is absent or holds what its kind does not admit.
        """
        n = table.num_rows
        sizes = {"numbers": len(self.number_names), "codes": len(self.category_sizes)}
        dtypes = {"numbers": np.float32, "codes": np.int32}
        inputs = {key: np.empty((n, size), dtypes[key]) for key, size in sizes.items() if size}
        all_places = self.places()
        for column in self.columns:
            raw = get_column(table, column.name, where, self.markers)
            key, places = all_places[column.name]
            if column.kind == "category":
                inputs[key][:, places[0]] = encode_category(read_text(raw), column, 1)
            elif column.kind == "number":
                inputs[key][:, places[0]] = _encode_number(
                    raw, read_numbers(raw), column.shift, column.unit
                )
            else:
                for place, part in zip(places, _encode_time(raw, column), strict=True):
                    inputs[key][:, place] = part
        return inputs

    def encode_targets(self, table: pa.Table, where: str) -> tuple[HostArrays, np.ndarray]:
        """({regression head: float32 [n, o], class head: int32 [n]}, whether all targets are
        present [n]).

        A missing target is nan, or -1. Raises UserError as `encode`, and for a class the training
        rows lack.
        """
        encoded = {}
        for column in self.targets:
            raw = get_column(table, column.name, where, self.markers)
            if column.kind == "number":
                encoded[column.name] = _encode_number(
                    raw, read_numbers(raw), column.shift, column.unit
                )
                continue
            text = read_text(raw)
            encoded[column.name] = codes = encode_category(text, column, 0)
            unknown = np.flatnonzero((codes < 0) & (text.codes >= 0))
            if len(unknown):
                label = f"class {text.values[text.codes[unknown[0]]]!r} in {raw.row(unknown[0])}"
                advice = "set config.data.split=stratified, or leave such rows out"
                raise raw.error(f"{label} is in no training row; {advice}")
        missing = [np.isnan(a) if a.dtype == np.float32 else a < 0 for a in encoded.values()]
        targets = {}
        for head in self.heads:
            arrays = [encoded[name] for name in head.columns]
            targets[head.name] = (
                np.stack(arrays, axis=1) if head.kind == "regression" else arrays[0]
            )
        return targets, ~np.any(missing, axis=0)

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: "prediction" (several targets: their names), and for classes
        "probability_CLASS" (several class targets: "probability_TARGET_CLASS").

        `answers`: a regression head's [n, o] in encoded units, which become float64 in raw ones; a
        binary head's probability of its second class [n]; a multiclass head's probabilities [n, k].
        Labels have the training type.
        """
        labels = {}
        probabilities = {}
        several = sum(head.kind != "regression" for head in self.heads) > 1
        for head in self.heads:
            answer = np.asarray(answers[head.name])
            if head.kind == "binary":
                answer = np.stack([1 - answer.astype(np.float64), answer], axis=1)
            labels[head.name] = answer if head.kind == "regression" else answer.argmax(axis=1)
            prefix = f"probability_{head.name}" if several else "probability"
            probabilities |= {
                f"{prefix}_{name}": answer[:, i] for i, name in enumerate(head.classes)
            }
        raw = self._raw(labels)
        names = ["prediction"] if len(raw) == 1 else list(raw)
        return dict(zip(names, raw.values(), strict=True)) | probabilities

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """Encoded targets as columns [n]: "target" (several: "target_NAME"), float64 or labels of
        the training type.
        """
        raw = self._raw(targets)
        return {
            "target" if len(raw) == 1 else f"target_{name}": array for name, array in raw.items()
        }

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{head: targets or answers} with the numbers of a regression head [n, o] in raw units,
        float64.
        """
        shifts = {column.name: column.shift for column in self.targets}
        units = self.units
        raw = {head.name: np.asarray(arrays[head.name]) for head in self.heads}
        for head in self.heads:
            if head.kind == "regression":
                shift_o = np.array([shifts[name] for name in head.columns])
                raw[head.name] = raw[head.name].astype(np.float64) * units[head.name] + shift_o
        return raw

    def _raw(self, arrays: Arrays) -> HostArrays:
        """{target column: numbers or labels [n]} of {head: encoded numbers [n, o] or class indices
        [n]}, in order.
        """
        in_units = self.to_units(arrays)
        by_column = {}
        for head in self.heads:
            for i, name in enumerate(head.columns):
                by_column[name] = (
                    in_units[head.name][:, i] if head.kind == "regression" else in_units[head.name]
                )
        return {column.name: column.labels(by_column[column.name]) for column in self.targets}

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return _as_lists(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TableEncoder:
        """What `to_json` wrote; further keys are left alone."""
        return cls(
            tuple(Column(**_with_tuples(column)) for column in plain["columns"]),
            tuple(Column(**_with_tuples(column)) for column in plain["targets"]),
            tuple(Head(**_with_tuples(head)) for head in plain["heads"]),
            tuple(plain["markers"]),
            plain["target_scaling"],
            dict(plain["dropped"]),
        )


def _as_lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_lists(item) for key, item in value.items()}
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value


def _with_tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}


def _encode_number(raw: RawColumn, values: Numbers, shift: float, unit: float) -> np.ndarray:
    """float32 [n], nan where missing."""
    with np.errstate(over="ignore"):
        encoded = ((values.data - exact_like(shift, values.data)) / unit).astype(np.float32)
    encoded[values.missing] = np.nan
    large = np.flatnonzero(np.isinf(encoded))
    if len(large):
        shown = f"{values.data[large[0]]} in {raw.row(large[0])}"
        raise raw.error(f"{shown} is too far from the training rows for a float32; correct it")
    return encoded


def _encode_time(raw: RawColumn, column: Column) -> list[np.ndarray]:
    """The `parts` of a time, float32 [n] each."""
    values = read_times(raw)
    elapsed = _encode_number(raw, values, column.shift * DAY, column.unit * DAY)
    days = np.floor_divide(values.data, DAY).astype(np.int64)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    # 1970-01-01 was a Thursday; Monday is 0.
    cycles = [months / 12, (days + 3) % 7 / 7]
    if column.clock:
        cycles.append(values.data % DAY / DAY)
    parts = [
        wave(2 * np.pi * cycle).astype(np.float32) for cycle in cycles for wave in (np.sin, np.cos)
    ]
    for part in parts:
        part[values.missing] = np.nan
    return [elapsed, *parts]


def encode_category(text: Text, column: Column, first: int) -> np.ndarray:
    """int32 [n]: `first` + the place in the vocabulary, `first` - 1 where missing or unseen."""
    code = {name: place + first for place, name in enumerate(column.vocabulary)}
    if column.type == "boolean":
        code |= {alias: code[name] for alias, name in BOOLEANS.items() if name in code}
    # The last entry is the one that -1, missing, picks.
    table = np.array([*(code.get(value, first - 1) for value in text.values), first - 1], np.int32)
    return table[text.codes]


BOOLEANS = {"0": "false", "1": "true", "False": "false", "True": "true"}

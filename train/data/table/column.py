"""How one raw column of a table is encoded, and its labels decoded. n rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from train.data.columns import Numbers, RawColumn, Text, read_times
from train.data.units import exact_like

DAY = 86_400_000_000  # microseconds
BOOLEANS = {"0": "false", "1": "true", "False": "false", "True": "true"}


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
        if self.kind == "category":
            return ()
        names = [self.name]
        if self.kind == "time":
            for cycle in ("month", "weekday", "hour") if self.clock else ("month", "weekday"):
                names += [f"{self.name}.{cycle}_sin", f"{self.name}.{cycle}_cos"]
        return tuple(names)

    def labels(self, codes: np.ndarray) -> np.ndarray:
        """What stands at these places in the vocabulary [n], of its type; numbers as they are.

        None beyond it.
        """
        if self.kind != "category":
            return codes
        is_unseen_n = codes >= len(self.vocabulary)
        if is_unseen_n.any():
            labels = self.labels(np.where(is_unseen_n, 0, codes)).astype(object)
            labels[is_unseen_n] = None
            return labels
        if self.type == "boolean":
            return np.array([name == "true" for name in self.vocabulary])[codes]
        return np.array(self.vocabulary, np.int64 if self.type == "integer" else None)[codes]


def encode_number(raw: RawColumn, values: Numbers, shift: float, unit: float) -> np.ndarray:
    """(number - shift)/unit, float32 [n], nan where missing. Raises UserError beyond float32."""
    with np.errstate(over="ignore"):
        encoded = ((values.data - exact_like(shift, values.data)) / unit).astype(np.float32)
    encoded[values.missing] = np.nan
    large = np.flatnonzero(np.isinf(encoded))
    if len(large):
        shown = f"{values.data[large[0]]} in {raw.row(large[0])}"
        raise raw.error(f"{shown} is too far from the training rows for a float32; correct it")
    return encoded


def encode_time(raw: RawColumn, column: Column) -> list[np.ndarray]:
    """The `parts` of a time, float32 [n] each, nan where missing. Raises UserError."""
    values = read_times(raw)
    parts = [encode_number(raw, values, column.shift * DAY, column.unit * DAY)]
    days = np.floor_divide(values.data, DAY).astype(np.int64)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    # 1970-01-01 was a Thursday; Monday is 0.
    cycles = [months / 12, (days + 3) % 7 / 7]
    if column.clock:
        cycles.append(values.data % DAY / DAY)
    for cycle in cycles:
        for wave in (np.sin, np.cos):
            part = wave(2 * np.pi * cycle).astype(np.float32)
            part[values.missing] = np.nan
            parts.append(part)
    return parts


def encode_category(text: Text, column: Column, first: int) -> np.ndarray:
    """`first` + the place in the vocabulary, int32 [n]; `first` - 1 where missing or unseen."""
    code = {name: place + first for place, name in enumerate(column.vocabulary)}
    if column.type == "boolean":
        for alias, name in BOOLEANS.items():
            if name in code:
                code[alias] = code[name]
    # The last entry is the one that -1, missing, picks.
    table = np.array([*(code.get(value, first - 1) for value in text.values), first - 1], np.int32)
    return table[text.codes]

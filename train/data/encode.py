"""Raw columns of a pyarrow table -> float32 numbers and int32 codes; encoded answers -> raw columns.

All that an encoder knows is fitted on training rows. A message's row 17 is the 17th of the table at hand.
n rows, f number inputs, c category inputs, o regression outputs, k classes.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from train.data.statistics import exact_like, rounded_together, shift_and_unit
from train.errors import UserError
from train.options import Table

DAY = 86_400_000_000  # microseconds
CROSSENTROPIES = ("binary_crossentropy", "categorical_crossentropy")
MOSTLY = 0.9  # of the values in a text column: from here on the others are taken for mistakes
DISTINCT_SHARE, LEAST_ROWS = 0.9, 50  # an identifier has more different values than both
MOST_CLASSES, LEAST_PER_CLASS = 20, 5  # of an integer target that is read as classes
NUMBER, INTEGER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"), re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True)
class RawColumn:
    """A column of a table, or its rows `rows`, and where it came from."""

    name: str
    where: str
    data: pa.ChunkedArray
    markers: tuple[str, ...]
    rows: np.ndarray | None

    def row(self, place: int) -> str:
        return f"row {(place if self.rows is None else self.rows[place]) + 1}"

    def error(self, message: str) -> UserError:
        return UserError(f"{self.where}: column {self.name!r}: {message}")

    @property
    def family(self) -> Literal["number", "boolean", "text", "time", "empty", "other"]:
        kind = self.data.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return "number"
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return "text"
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return "time"
        return "boolean" if pa.types.is_boolean(kind) else "empty" if pa.types.is_null(kind) else "other"


class Numbers(NamedTuple):
    """A column as numbers: `data` [n], float64 or, where some are beyond 2**53, int64; and which are `missing` [n]."""

    data: np.ndarray
    missing: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return self.data[~self.missing]


class Text(NamedTuple):
    """A column as text: `values` [k], all different, and `codes` [n] into them, -1 where missing."""

    codes: np.ndarray
    values: list[str]


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; did you mean {found[0]!r}?" if found else ""


def get_column(
    table: pa.Table, name: str, where: str, markers: Iterable[str], rows: np.ndarray | None = None
) -> RawColumn:
    """A column, or some rows of it. Raises UserError if none or several have this name, or if it holds e.g. lists."""
    places = table.schema.get_all_field_indices(name)
    if not places:
        raise UserError(f"{where}: no column {name!r}{nearest(name, table.column_names)}")
    if len(places) > 1:
        raise UserError(f"{where}: {len(places)} columns are called {name!r}; rename all but one")
    data = table.column(places[0])
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    if pa.types.is_string_view(data.type):
        data = data.cast(pa.large_string())
    raw = RawColumn(name, where, data if rows is None else data.take(pa.array(rows)), tuple(markers), rows)
    if raw.family == "other":
        expected = "expected numbers, text, true and false, or times"
        raise raw.error(f"holds {data.type}, {expected}; name it in config.data.ignore")
    return raw


def read_numbers(raw: RawColumn) -> Numbers:
    """Numbers, true and false as 1 and 0, and text that is numbers. Raises UserError for all else, and infinity."""
    if raw.family == "time":
        raise raw.error("holds times, expected numbers")
    if raw.family == "text":
        text = read_text(raw)
        parsed, valid = _parse_numbers(text.values)
        _check_parsed(raw, text, valid, "a number")
        values = Numbers(np.append(parsed, 0)[text.codes], text.codes < 0)
    else:
        values = Numbers(_as_numpy(raw.data), missing_rows(raw))
    infinite = np.flatnonzero(np.isinf(values.data) & ~values.missing)
    if len(infinite):
        raise raw.error(f"{raw.row(infinite[0])} is infinite; correct or remove it")
    return values


def missing_rows(raw: RawColumn) -> np.ndarray:
    """Which rows have no value [n]: null, nan, or what a marker writes, in numbers too (such as -999)."""
    if raw.family == "text":
        return read_text(raw).codes < 0
    missing = raw.data.is_null(nan_is_null=True).to_numpy()
    marked = [float(marker) for marker in raw.markers if NUMBER.fullmatch(marker)]
    if marked and raw.family == "number":
        missing = missing | np.isin(_as_numpy(raw.data), marked)
    return missing


def _as_numpy(data: pa.ChunkedArray) -> np.ndarray:
    """float64 wherever that is exact, int64 for larger integers; any number where missing."""
    if not (pa.types.is_integer(data.type) or pa.types.is_boolean(data.type)):
        return data.cast(pa.float64()).to_numpy()
    try:
        return _narrowed(data.cast(pa.int64()).fill_null(0).to_numpy())
    except pa.ArrowInvalid:  # unsigned, and beyond 2**63
        return data.cast(pa.float64(), safe=False).to_numpy()


def _narrowed(integers: np.ndarray) -> np.ndarray:
    """Integers as float64 where none of them is rounded by it, or where differences could overflow."""
    peak = max(int(integers.max()), -int(integers.min())) if len(integers) else 0
    return integers if 2**53 < peak < 2**62 else integers.astype(np.float64)


def _parse_numbers(values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that texts write [k], and which texts write one [k]."""
    stripped = [value.strip() for value in values]
    valid = np.array([NUMBER.fullmatch(value) is not None for value in stripped], bool)
    kept = [value if ok else "0" for value, ok in zip(stripped, valid, strict=True)]
    if all(INTEGER.fullmatch(value) for value in kept):
        return _narrowed(np.array([int(value) for value in kept], np.int64)), valid
    return np.array([float(value) for value in kept]), valid


def read_times(raw: RawColumn) -> Numbers:
    """Microseconds since 1970 UTC of dates, times and ISO text; a time without zone counts as UTC."""
    if raw.family == "empty":
        return Numbers(np.zeros(len(raw.data)), np.ones(len(raw.data), bool))
    if raw.family == "time":
        ticks = raw.data.cast(pa.timestamp("us", getattr(raw.data.type, "tz", None)), safe=False).cast(pa.int64())
        return Numbers(ticks.fill_null(0).to_numpy().astype(np.float64), missing_rows(raw))
    if raw.family != "text":
        raise raw.error(f"holds {raw.data.type}, expected times")
    text = read_text(raw)
    parsed, valid = _parse_times(text.values)
    _check_parsed(raw, text, valid, "an ISO date or time")
    return Numbers(np.append(parsed, 0)[text.codes], text.codes < 0)


def _parse_times(values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since 1970 UTC that texts write [k], and which texts write a time [k]."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    parsed, valid = np.zeros(len(values)), np.zeros(len(values), bool)
    for i, value in enumerate(values):
        try:
            time = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            continue
        since = (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)) - epoch
        parsed[i], valid[i] = since // datetime.timedelta(microseconds=1), True
    return parsed, valid


def _check_parsed(raw: RawColumn, text: Text, valid: np.ndarray, expected: str) -> None:
    """Raises UserError with the first rows whose text is not valid."""
    wrong = np.flatnonzero(~np.append(valid, True)[text.codes])
    if len(wrong):
        shown = ", ".join(f"{text.values[text.codes[place]][:40]!r} in {raw.row(place)}" for place in wrong[:3])
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        advice = "correct it, add it to config.data.missing, or name the column in config.data.categorical"
        raise raw.error(f"{shown}{more}: expected {expected}; {advice}")


def read_text(raw: RawColumn) -> Text:
    """Any column as text: whole numbers without a fraction, true and false in lower case, times in ISO form."""
    data = raw.data
    if raw.family == "empty":
        return Text(np.full(len(data), -1), [])
    if raw.family in ("boolean", "time") or pa.types.is_decimal(data.type):
        data = data.cast(pa.string())
    encoded = data.dictionary_encode().combine_chunks()
    labels = [_as_label(value) for value in encoded.dictionary.to_numpy(zero_copy_only=False)]
    absent, order = {*raw.markers, "nan"} if raw.family == "number" else set(raw.markers), {}
    places = [-1 if label in absent else order.setdefault(label, len(order)) for label in labels]
    # The last entry is the one that -1, missing, picks.
    codes = np.array([*places, -1])[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return Text(codes, list(order))


def _as_label(value: Any) -> str:
    whole = isinstance(value, np.floating) and value.is_integer() and abs(value) < 2**53
    return f"{value + 0.0:.0f}" if whole else str(value)


def infer_kind(raw: RawColumn) -> Literal["number", "time", "category"]:
    """What a column holds. Raises UserError where nearly all of its texts are numbers or times, but not all: the
    others are likely mistakes."""
    if raw.family != "text":
        return "time" if raw.family == "time" else "category" if raw.family == "boolean" else "number"
    text = read_text(raw)
    if _nearly_all(raw, text, _parse_numbers(text.values)[1], "a number"):
        return "number"
    return "time" if _nearly_all(raw, text, _parse_times(text.values)[1], "an ISO date or time") else "category"


def _nearly_all(raw: RawColumn, text: Text, valid: np.ndarray, expected: str) -> bool:
    count_k = np.bincount(text.codes[text.codes >= 0], minlength=len(text.values))
    if count_k[valid].sum() < MOSTLY * count_k.sum():
        return False
    _check_parsed(raw, text, valid, expected)
    return True


@dataclass(frozen=True)
class Head:
    """An output of the network: "regression" for all numeric targets together, "binary" or "multiclass" for a class."""

    name: str
    kind: Literal["regression", "binary", "multiclass"]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Column:
    """How one raw column is encoded.

    "number": (raw - shift)/unit. "time": the same of days since 1970, and its place in the year, the week and, with
    `clock`, the day. "category": 1 + the place in `vocabulary`; as a target, the place itself. `type` is what the
    vocabulary was before it was text. `missing` says that some training row lacks the value.
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
        return (self.name, *(f"{self.name}.{cycle}_{wave}" for cycle in cycles for wave in ("sin", "cos")))

    def labels(self, array: np.ndarray) -> np.ndarray:
        """Places in the vocabulary [n] as what stands there, of its type; the array itself where there is none."""
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
        """{raw column: ("numbers" or "codes", where it stands in the last axis of that input)}, in column order."""
        found, ends = {}, {"numbers": 0, "codes": 0}
        for column in self.columns:
            key, width = ("codes", 1) if column.kind == "category" else ("numbers", len(column.parts))
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
        return tuple(places[c.name][1][0] for c in self.columns if c.missing and c.kind != "category")

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Known categories of each category input, without code 0."""
        return tuple(len(column.vocabulary) for column in self.columns if column.kind == "category")

    @property
    def units(self) -> dict[str, np.ndarray]:
        """{regression head: units [o] of its columns}."""
        by_name = {column.name: column for column in self.targets}
        return {h.name: np.array([by_name[c].unit for c in h.columns]) for h in self.heads if h.kind == "regression"}

    def encode(self, table: pa.Table, where: str) -> dict[str, np.ndarray]:
        """{"numbers": float32 [n, f], nan where missing; "codes": int32 [n, c], 0 where missing or unseen}.

        Columns may come in any order and more may come than are needed. Raises UserError, naming `where`, if one is
        absent or holds what its kind does not admit.
        """
        n, sizes = table.num_rows, {"numbers": len(self.number_names), "codes": len(self.category_sizes)}
        dtypes = {"numbers": np.float32, "codes": np.int32}
        inputs = {key: np.empty((n, size), dtypes[key]) for key, size in sizes.items() if size}
        all_places = self.places()
        for column in self.columns:
            raw = get_column(table, column.name, where, self.markers)
            key, places = all_places[column.name]
            if column.kind == "category":
                inputs[key][:, places[0]] = _encode_category(read_text(raw), column, 1)
            elif column.kind == "number":
                inputs[key][:, places[0]] = _encode_number(raw, read_numbers(raw), column.shift, column.unit)
            else:
                for place, part in zip(places, _encode_time(raw, column), strict=True):
                    inputs[key][:, place] = part
        return inputs

    def encode_targets(self, table: pa.Table, where: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """({regression head: float32 [n, o], class head: int32 [n]}, whether all targets are present [n]).

        A missing target is nan, or -1. Raises UserError as `encode`, and for a class the training rows lack.
        """
        encoded = {}
        for column in self.targets:
            raw = get_column(table, column.name, where, self.markers)
            if column.kind == "number":
                encoded[column.name] = _encode_number(raw, read_numbers(raw), column.shift, column.unit)
                continue
            text = read_text(raw)
            encoded[column.name] = codes = _encode_category(text, column, 0)
            unknown = np.flatnonzero((codes < 0) & (text.codes >= 0))
            if len(unknown):
                label = f"class {text.values[text.codes[unknown[0]]]!r} in {raw.row(unknown[0])}"
                advice = "set config.data.split=stratified, or leave such rows out"
                raise raw.error(f"{label} is in no training row; {advice}")
        missing = [np.isnan(a) if a.dtype == np.float32 else a < 0 for a in encoded.values()]
        targets = {}
        for head in self.heads:
            arrays = [encoded[name] for name in head.columns]
            targets[head.name] = np.stack(arrays, axis=1) if head.kind == "regression" else arrays[0]
        return targets, ~np.any(missing, axis=0)

    def decode(self, answers: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answers as columns [n]: "prediction" (several targets: their names), and for classes "probability_CLASS"
        (several class targets: "probability_TARGET_CLASS").

        `answers`: a regression head's [n, o] in encoded units, which become float64 in raw ones; a binary head's
        probability of its second class [n]; a multiclass head's probabilities [n, k]. Labels have the training type.
        """
        labels, probabilities = {}, {}
        several = sum(head.kind != "regression" for head in self.heads) > 1
        for head in self.heads:
            answer = np.asarray(answers[head.name])
            if head.kind == "binary":
                answer = np.stack([1 - answer.astype(np.float64), answer], axis=1)
            labels[head.name] = answer if head.kind == "regression" else answer.argmax(axis=1)
            prefix = f"probability_{head.name}" if several else "probability"
            probabilities |= {f"{prefix}_{name}": answer[:, i] for i, name in enumerate(head.classes)}
        raw = self._raw(labels)
        names = ["prediction"] if len(raw) == 1 else list(raw)
        return dict(zip(names, raw.values(), strict=True)) | probabilities

    def raw_targets(self, targets: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Encoded targets as columns [n]: "target" (several: "target_NAME"), float64 or labels of the training type."""
        raw = self._raw(targets)
        return {"target" if len(raw) == 1 else f"target_{name}": array for name, array in raw.items()}

    def to_units(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """{head: targets or answers} with the numbers of a regression head [n, o] in raw units, float64."""
        shifts = {column.name: column.shift for column in self.targets}
        units, raw = self.units, {head.name: np.asarray(arrays[head.name]) for head in self.heads}
        for head in self.heads:
            if head.kind == "regression":
                shift_o = np.array([shifts[name] for name in head.columns])
                raw[head.name] = raw[head.name].astype(np.float64) * units[head.name] + shift_o
        return raw

    def _raw(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """{target column: numbers or labels [n]} of {head: encoded numbers [n, o] or class indices [n]}, in order."""
        in_units, by_column = self.to_units(arrays), {}
        for head in self.heads:
            for i, name in enumerate(head.columns):
                by_column[name] = in_units[head.name][:, i] if head.kind == "regression" else in_units[head.name]
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
    parts = [wave(2 * np.pi * cycle).astype(np.float32) for cycle in cycles for wave in (np.sin, np.cos)]
    for part in parts:
        part[values.missing] = np.nan
    return [elapsed, *parts]


def _encode_category(text: Text, column: Column, first: int) -> np.ndarray:
    """int32 [n]: `first` + the place in the vocabulary, `first` - 1 where missing or unseen."""
    code = {name: place + first for place, name in enumerate(column.vocabulary)}
    if column.type == "boolean":
        code |= {alias: code[name] for alias, name in BOOLEANS.items() if name in code}
    # The last entry is the one that -1, missing, picks.
    table = np.array([*(code.get(value, first - 1) for value in text.values), first - 1], np.int32)
    return table[text.codes]


BOOLEANS = {"0": "false", "1": "true", "False": "false", "True": "true"}


def fit_encoder(table: pa.Table, train_rows: np.ndarray, options: Table, loss: str) -> tuple[TableEncoder, list[str]]:
    """The encoder of a table, from its rows `train_rows` alone, and what the user should know of it, a line each.

    Raises UserError if targets or features cannot be what the options and the loss want of them.
    """
    where = options.path or "data"
    columns, targets, dropped, notes = [], [], {}, []
    for name in target_names(options):
        target, note = _fit_target(get_column(table, name, where, options.missing, train_rows), options, loss)
        targets.append(target)
        notes += [note] if note else []
    for name in feature_names(table, options):
        fitted = _fit_feature(get_column(table, name, where, options.missing, train_rows), options, table.num_rows)
        if isinstance(fitted, Column):
            columns.append(fitted)
        else:
            dropped[name] = fitted
            notes.append(f"column {name!r} is left out: {fitted}")
    if not columns:
        raise UserError(f"{where}: no column to learn from: {'; '.join(notes) or 'all are targets or ignored'}")
    scaling = "none" if loss == "poisson" else options.target_scaling
    return TableEncoder(tuple(columns), tuple(targets), _make_heads(targets), options.missing, scaling, dropped), notes


def target_names(options: Table) -> tuple[str, ...]:
    return (options.target,) if isinstance(options.target, str) else tuple(options.target)


def feature_names(table: pa.Table, options: Table) -> list[str]:
    """The columns to learn from: those named, in that order, or all that have no other part."""
    if options.features is not None:
        return list(options.features)
    apart = {*target_names(options), *options.ignore, options.weight, options.group, options.time}
    return [name for name in table.column_names if name not in apart]


def _make_heads(targets: Sequence[Column]) -> tuple[Head, ...]:
    numeric = tuple(column.name for column in targets if column.kind == "number")
    heads = [Head("value", "regression", numeric, (), len(numeric))] if numeric else []
    for column in targets:
        if column.kind == "category":
            if numeric and column.name == "value":
                raise UserError("config.data.target: a class called 'value' beside numeric targets; rename that column")
            k = len(column.vocabulary)
            kind, size = ("binary", 1) if k == 2 else ("multiclass", k)
            heads.append(Head(column.name, kind, (column.name,), column.vocabulary, size))
    return tuple(heads)


def _fit_target(raw: RawColumn, options: Table, loss: str) -> tuple[Column, str | None]:
    """A target, and a note where it was a guess what it is. The loss decides; "auto" goes by the column."""
    if missing_rows(raw).all():
        raise raw.error("the target is missing in every training row")
    declared, as_number = raw.name in (options.categorical or ()), raw.name in options.numeric
    if declared:
        kind = "category"
    else:
        kind = "number" if (as_number or loss != "auto") and raw.family != "time" else infer_kind(raw)
    if kind == "time":
        raise raw.error("holds times, which cannot be a target; give numbers, such as days since a date")
    if loss in CROSSENTROPIES or (loss == "auto" and kind == "category"):
        return _fit_class(raw, loss, declared), None
    if declared:
        raise raw.error(f"config.loss={loss} is for numbers, but config.data.categorical names this target")
    if loss == "auto" and not as_number and _counts_up(read_numbers(raw).known):
        column = _fit_class(raw, loss, declared)
        labels = column.vocabulary
        reading = f"holds the integers {labels[0]} to {labels[-1]} and is read as {len(labels)} classes"
        return column, f"target {raw.name!r} {reading}; config.loss=mse, or config.data.numeric, makes it a number"
    return _fit_numeric_target(raw, options, loss), None


def _counts_up(known: np.ndarray) -> bool:
    """Whether numbers look like classes: 0 and 1, or 0..k or 1..k without a gap, few of them and each often."""
    distinct, counts = np.unique(known, return_counts=True)
    few = 2 <= len(distinct) <= MOST_CLASSES
    if not (few and distinct[0] in (0, 1) and np.array_equal(distinct, distinct[0] + np.arange(len(distinct)))):
        return False
    return bool(distinct[-1] == 1 or counts.min() >= LEAST_PER_CLASS)


def _fit_class(raw: RawColumn, loss: str, declared: bool) -> Column:
    if raw.family == "number" and not declared:
        values = read_numbers(raw)
        broken = np.flatnonzero(~values.missing & (values.data % 1 != 0))
        if len(broken):
            shown = f"{values.data[broken[0]]} in {raw.row(broken[0])}"
            raise raw.error(f"{shown} is no class for config.loss={loss}: expected integers, text, or true and false")
    column = _fit_vocabulary(raw)
    k = len(column.vocabulary)
    if k == 1:
        raise raw.error(f"all training rows are of the one class {column.vocabulary[0]!r}; two are needed")
    if k > 2 and loss == "binary_crossentropy":
        few = ", ".join(column.vocabulary[:3])
        raise raw.error(f"has {k} classes ({few}, ...), not two; set config.loss=categorical_crossentropy")
    return column


def _fit_numeric_target(raw: RawColumn, options: Table, loss: str) -> Column:
    values = read_numbers(raw)
    if values.known.min() == values.known.max():
        raise raw.error(f"the target is {values.known[0]} in all training rows; there is nothing to learn")
    negative = np.flatnonzero(~values.missing & (values.data < 0))
    if loss == "poisson" and len(negative):
        raise raw.error(f"{values.data[negative[0]]} in {raw.row(negative[0])}: config.loss=poisson is for 0 and above")
    if loss == "poisson" or options.target_scaling == "none":
        return Column(raw.name, "number")
    return Column(raw.name, "number", *shift_and_unit(values.known))


def _fit_feature(raw: RawColumn, options: Table, n_rows: int) -> Column | str:
    """A column to learn from, or why it is left out."""
    if missing_rows(raw).all():
        return "no training row has a value"
    named = raw.name in {*(options.categorical or ()), *options.numeric, *(options.features or ())}
    if raw.name in (options.categorical or ()):
        kind = "category"
    else:
        kind = "number" if raw.name in options.numeric else infer_kind(raw)
    if kind == "category":
        return _fit_category(raw, named)
    return _fit_time(raw) if kind == "time" else _fit_number(raw, options, named, n_rows)


def _fit_vocabulary(raw: RawColumn) -> Column:
    text = read_text(raw)
    kind = "boolean" if raw.family == "boolean" else "text"
    if raw.family == "number" and all(v.lstrip("-").isdecimal() and abs(int(v)) < 2**63 for v in text.values):
        kind = "integer"
    vocabulary = tuple(sorted(text.values, key=int if kind == "integer" else None))
    return Column(raw.name, "category", vocabulary=vocabulary, type=kind, missing=bool((text.codes < 0).any()))


def _fit_category(raw: RawColumn, named: bool) -> Column | str:
    column = _fit_vocabulary(raw)
    n_distinct, n_known = len(column.vocabulary), int((~missing_rows(raw)).sum())
    if n_distinct == 1 and not column.missing:
        return f"all training rows have {column.vocabulary[0][:40]!r}"
    if raw.family == "text" and not named and n_distinct > max(LEAST_ROWS, DISTINCT_SHARE * n_known):
        return f"{n_distinct} different texts in {n_known} training rows; config.data.categorical keeps it"
    return column


def _fit_number(raw: RawColumn, options: Table, named: bool, n_rows: int) -> Column | str:
    values = read_numbers(raw)
    known, missing = values.known, bool(values.missing.any())
    low, high = known.min(), known.max()
    if low == high and not missing:
        return f"all training rows have {low:g}"
    whole = known.dtype.kind == "i" or (max(-low, high) < 2**53 and not np.any(known % 1))
    # Training rows of a file that is numbered from first to last: no number twice, and no more numbers than rows.
    if whole and not (named or missing) and len(known) > LEAST_ROWS and high - low < n_rows:
        if len(np.unique(known)) == len(known):
            return "it numbers the rows; config.data.numeric keeps it"
    shift, unit = (0.0, 1.0) if options.scaling == "none" else shift_and_unit(known)
    exact = max(high - shift, shift - low) / min(unit, 1) < 2**24
    pair = None if exact or not whole or raw.name in options.numeric else rounded_together(known, shift, unit)
    if pair:
        rows = [np.flatnonzero(~values.missing)[place] for place in pair]
        shown = " and ".join(f"{int(values.data[row])} in {raw.row(row)}" for row in rows)
        advice = "name it in config.data.categorical or config.data.ignore, or in config.data.numeric to round them"
        raise raw.error(f"{shown} are the same float32; {advice}")
    return Column(raw.name, "number", shift, unit, missing=missing)


def _fit_time(raw: RawColumn) -> Column | str:
    values = read_times(raw)
    missing = bool(values.missing.any())
    if values.known.min() == values.known.max() and not missing:
        return "all training rows have the same time"
    shift, unit = shift_and_unit(values.known / DAY)
    return Column(raw.name, "time", shift, unit, clock=bool(np.any(values.known % DAY)), missing=missing)

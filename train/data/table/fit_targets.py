"""What the targets of a table are, numbers or classes, from training rows and the loss. n rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.config.options import COUNT_DENSITIES, LOG_LOSSES
from train.config.table_options import METRICS
from train.data.columns import Numbers, RawColumn, Reading, get_column, missing_rows, read_text
from train.data.dataset import Head
from train.data.hint import Hint
from train.data.infer import Inferred, infer, infer_number
from train.data.table.class_labels import are_labels, class_note, number_note
from train.data.table.column import Column
from train.data.table.doubts import no_value_note, spelling_note
from train.data.table.fit_columns import fit_vocabulary
from train.data.table.roles import target_names
from train.data.units import shift_and_unit
from train.data.values import read_numbers
from train.errors import UserError

MAX_TARGET = 1e150  # of a target, whose squares are added up
CROSSENTROPIES = ("binary_crossentropy", "categorical_crossentropy")


def fit_targets(
    table: pa.Table, train_rows: np.ndarray, options: Table, loss: str, hint: Hint
) -> tuple[tuple[Column, ...], tuple[Head, ...], list[str]]:
    """The target columns of a table, the heads that learn them, and notes for the user on them.

    The rows `train_rows` alone are looked at. Raises UserError if the loss cannot learn them.
    """
    options = _with_kind_of_metric(options)
    targets = []
    notes = []
    for name in target_names(options):
        raw = get_column(table, name, options.path or "data", options.missing, train_rows)
        inferred = _infer(raw, options, loss, hint)
        raw = raw.read_by(inferred.reading)
        target, note = _fit_target(raw, inferred, options, loss)
        notation, order = inferred.reading
        targets.append(replace(target, notation=notation, date_order=order))
        if inferred.note:
            notes.append(f"target {name!r}: {inferred.note}")
        notes += [note] if note else []
        if options.nonnegative and target.kind == "number" and not target.nonnegative:
            notes.append(
                f"target {name!r}: is below 0 in training rows; config.data.nonnegative leaves it"
            )
        if target.kind == "category":
            doubts = (spelling_note(target.vocabulary), no_value_note(read_text(raw)))
            notes += [f"target {name!r}: {doubt}" for doubt in doubts if doubt]
    return tuple(targets), _make_heads(targets), notes


def _with_kind_of_metric(options: Table) -> Table:
    """The options with a single target named as the number, or the class, that its score is of."""
    names = target_names(options)
    if options.metric is None or len(names) > 1:
        return options
    if options.metric in METRICS["regression"]:
        return replace(options, numeric=(*options.numeric, *names))
    return replace(options, categorical=(*(options.categorical or ()), *names))


def _make_heads(targets: Sequence[Column]) -> tuple[Head, ...]:
    numeric = tuple(column.name for column in targets if column.kind == "number")
    heads = [Head("value", "regression", numeric, (), len(numeric))] if numeric else []
    for column in targets:
        if column.kind != "category":
            continue
        if numeric and column.name == "value":
            raise UserError(
                "config.data.target: a class called 'value' beside numeric targets; "
                "rename that column"
            )
        k = len(column.vocabulary)
        kind, size = ("binary", 1) if k == 2 else ("multiclass", k)
        heads.append(Head(column.name, kind, (column.name,), column.vocabulary, size))
    return tuple(heads)


def _infer(raw: RawColumn, options: Table, loss: str, hint: Hint) -> Inferred:
    """What the options say of a target, or else what it holds."""
    if raw.name in (options.categorical or ()):
        return Inferred("category", Reading())
    wants_numbers = raw.name in options.numeric or loss != "auto"
    inferred = infer(raw, hint)
    if wants_numbers and inferred.kind == "category" and raw.family == "text":
        as_numbers = infer_number(raw, hint)
        if loss not in CROSSENTROPIES or raw.name in options.numeric:
            return as_numbers
    return inferred


def _fit_target(
    raw: RawColumn, inferred: Inferred, options: Table, loss: str
) -> tuple[Column, str | None]:
    """A target, and a note where it was a guess what it is.

    The loss decides; "auto" goes by the column.
    """
    if missing_rows(raw).all():
        raise raw.error("the target is missing in every training row")
    declared = raw.name in (options.categorical or ())
    as_number = raw.name in options.numeric
    kind = inferred.kind
    if kind == "time":
        raise raw.error(
            "holds times, which cannot be a target; give numbers, such as days since a date"
        )
    if loss in CROSSENTROPIES or (loss == "auto" and kind == "category"):
        return _fit_class(raw, loss, declared, kind == "number"), None
    if declared:
        raise raw.error(
            f"config.loss={loss} is for numbers, but config.data.categorical names this target"
        )
    if loss != "auto" or as_number:
        return _fit_number(raw, options, loss), None
    known = read_numbers(raw).known
    if are_labels(known):
        column = _fit_class(raw, loss, declared, True)
        return column, class_note(raw.name, column.vocabulary)
    return _fit_number(raw, options, loss), number_note(raw.name, known)


def holds_classes(raw: RawColumn, options: Table, loss: str) -> bool:
    """Whether all rows of a target together are read as classes, as `fit_targets` does."""
    options = _with_kind_of_metric(options)
    if raw.name in (options.categorical or ()) or loss in CROSSENTROPIES:
        return True
    inferred = _infer(raw, options, loss, Hint())
    if inferred.kind != "number":
        return inferred.kind == "category"
    known = read_numbers(raw.read_by(inferred.reading)).known
    return loss == "auto" and raw.name not in options.numeric and are_labels(known)


def _fit_class(raw: RawColumn, loss: str, declared: bool, is_number: bool) -> Column:
    if is_number and not declared:
        values = read_numbers(raw)
        broken = np.flatnonzero(~values.missing & (values.data % 1 != 0))
        if len(broken):
            shown = f"{values.data[broken[0]]} in {raw.row(broken[0])}"
            expected = "expected integers, text, or true and false"
            raise raw.error(f"{shown} is no class for config.loss={loss}: {expected}")
        raw = raw.with_cells(pa.chunked_array([pa.array(values.data, mask=values.missing)]))
    column = fit_vocabulary(raw, apart=declared)
    k = len(column.vocabulary)
    if k == 1:
        raise raw.error(
            f"all training rows are of the one class {column.vocabulary[0]!r}; two are needed"
        )
    if k > 2 and loss == "binary_crossentropy":
        few = ", ".join(column.vocabulary[:3])
        raise raw.error(
            f"has {k} classes ({few}, ...), not two; set config.loss=categorical_crossentropy"
        )
    return column


def _fit_number(raw: RawColumn, options: Table, loss: str) -> Column:
    values = read_numbers(raw)
    if values.known.min() == values.known.max():
        raise raw.error(
            f"the target is {values.known[0]} in all training rows; there is nothing to learn"
        )
    peak = np.abs(values.known).max()
    if peak > MAX_TARGET:
        place = int(np.flatnonzero(~values.missing & (np.abs(values.data) > MAX_TARGET))[0])
        shown = f"{values.data[place]:g} in {raw.row(place)}"
        why = f"its square is beyond float64; divide the column by {MAX_TARGET:g}"
        raise raw.error(f"{shown}: {why}")
    check_counts(raw, values, loss)
    is_count = loss in LOG_LOSSES
    nonnegative = options.nonnegative and bool(values.known.min() >= 0)
    column = Column(raw.name, "number", nonnegative=nonnegative or is_count)
    if loss == "gamma":  # counted from 0, in a unit that float32 holds
        return replace(column, unit=shift_and_unit(values.known)[1])
    if is_count or options.target_scaling == "none":
        return column
    shift, unit = shift_and_unit(values.known)
    return replace(column, shift=shift, unit=unit)


def check_counts(raw: RawColumn, values: Numbers, loss: str) -> None:
    """Raises UserError, naming the first row, if a target of counts or amounts holds none."""
    if loss not in LOG_LOSSES:
        return
    is_wrong = values.data < 0
    expected = "0 and above"
    if loss in COUNT_DENSITIES:
        is_wrong |= values.data % 1 != 0
        expected = "counts: 0, 1, 2 and so on"
    elif loss == "gamma":
        is_wrong |= values.data == 0
        expected = "amounts above 0"
    wrong = np.flatnonzero(~values.missing & is_wrong)
    if len(wrong):
        shown = f"{values.data[wrong[0]]} in {raw.row(wrong[0])}"
        raise raw.error(f"{shown}: config.loss={loss} is for {expected}")

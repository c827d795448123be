"""The encoder of a table, fitted on training rows alone: what each column is, and how it is
encoded. n rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import (
    RawColumn,
    get_column,
    infer_kind,
    missing_rows,
    read_numbers,
    read_text,
    read_times,
)
from train.data.dataset import Head
from train.data.table.clusters import ClusterEncoder, cluster_head
from train.data.table.codes import ReconstructionEncoder, reconstruction_head
from train.data.table.encoder import DAY, Column, TableEncoder
from train.data.table.roles import MAX_CLASSES, MIN_PER_CLASS, feature_names, target_names
from train.data.units import rounded_together, shift_and_unit
from train.errors import UserError

CROSSENTROPIES = ("binary_crossentropy", "categorical_crossentropy")
# an identifier has more different values than both
DISTINCT_SHARE = 0.9
MIN_ROWS = 50


def fit_encoder(
    table: pa.Table, train_rows: np.ndarray, options: Table, loss: str, n_rows: int | None = None
) -> tuple[TableEncoder, list[str]]:
    """The encoder of a table, from its rows `train_rows` alone, and what the user should know of
    it, a line each.

    `n_rows`: how many there are where the table holds only some of them. Raises UserError if
    targets or features cannot be what the options and the loss want of them.
    """
    if target_names(options):
        targets, heads, notes = fit_targets(table, train_rows, options, loss)
    else:
        targets = _fit_label(table, train_rows, options)
        heads = ()
        notes = []
    where = options.path or "data"
    columns = []
    dropped = {}
    for name in feature_names(table, options):
        raw = get_column(table, name, where, options.missing, train_rows)
        fitted = _fit_feature(raw, options, n_rows or table.num_rows)
        if isinstance(fitted, Column):
            columns.append(fitted)
        else:
            dropped[name] = fitted
            notes.append(f"column {name!r} is left out: {fitted}")
    if not columns:
        raise UserError(
            f"{where}: no column to learn from: {'; '.join(notes) or 'all are targets or ignored'}"
        )
    scaling = "none" if loss == "poisson" else options.target_scaling
    kind = TableEncoder
    if loss == "reconstruction":
        kind = ReconstructionEncoder
        heads = (reconstruction_head(tuple(columns)),)
    elif not heads:
        kind = ClusterEncoder
        heads = (cluster_head(*targets),)
    return kind(tuple(columns), targets, heads, options.missing, scaling, dropped), notes


def _fit_label(table: pa.Table, train_rows: np.ndarray, options: Table) -> tuple[Column, ...]:
    """The label of a table without a target, if it has one."""
    if options.label is None:
        return ()
    raw = get_column(table, options.label, options.path or "data", options.missing, train_rows)
    if missing_rows(raw).all():
        raise raw.error("the label is missing in every training row")
    return (_fit_vocabulary(raw),)


def fit_targets(
    table: pa.Table, train_rows: np.ndarray, options: Table, loss: str
) -> tuple[tuple[Column, ...], tuple[Head, ...], list[str]]:
    """The target columns of `fit_encoder`, the heads that learn them, and its notes on them."""
    targets = []
    notes = []
    for name in target_names(options):
        raw = get_column(table, name, options.path or "data", options.missing, train_rows)
        target, note = _fit_target(raw, options, loss)
        targets.append(target)
        notes += [note] if note else []
    return tuple(targets), _make_heads(targets), notes


def _make_heads(targets: Sequence[Column]) -> tuple[Head, ...]:
    numeric = tuple(column.name for column in targets if column.kind == "number")
    heads = [Head("value", "regression", numeric, (), len(numeric))] if numeric else []
    for column in targets:
        if column.kind == "category":
            if numeric and column.name == "value":
                raise UserError(
                    "config.data.target: a class called 'value' beside numeric targets; rename that column"
                )
            k = len(column.vocabulary)
            kind, size = ("binary", 1) if k == 2 else ("multiclass", k)
            heads.append(Head(column.name, kind, (column.name,), column.vocabulary, size))
    return tuple(heads)


def _fit_target(raw: RawColumn, options: Table, loss: str) -> tuple[Column, str | None]:
    """A target, and a note where it was a guess what it is. The loss decides; "auto" goes by the
    column.
    """
    if missing_rows(raw).all():
        raise raw.error("the target is missing in every training row")
    declared = raw.name in (options.categorical or ())
    as_number = raw.name in options.numeric
    if declared:
        kind = "category"
    else:
        kind = (
            "number" if (as_number or loss != "auto") and raw.family != "time" else infer_kind(raw)
        )
    if kind == "time":
        raise raw.error(
            "holds times, which cannot be a target; give numbers, such as days since a date"
        )
    if loss in CROSSENTROPIES or (loss == "auto" and kind == "category"):
        return _fit_class(raw, loss, declared), None
    if declared:
        raise raw.error(
            f"config.loss={loss} is for numbers, but config.data.categorical names this target"
        )
    if loss == "auto" and not as_number and _counts_up(read_numbers(raw).known):
        column = _fit_class(raw, loss, declared)
        labels = column.vocabulary
        reading = (
            f"holds the integers {labels[0]} to {labels[-1]} and is read as {len(labels)} classes"
        )
        return (
            column,
            f"target {raw.name!r} {reading}; config.loss=mse, or config.data.numeric, makes it a number",
        )
    return _fit_numeric_target(raw, options, loss), None


def _counts_up(known: np.ndarray) -> bool:
    """Whether numbers look like classes: 0 and 1, or 0..k or 1..k without a gap, few of them and
    each often.
    """
    distinct, counts = np.unique(known, return_counts=True)
    few = 2 <= len(distinct) <= MAX_CLASSES
    if not (
        few
        and distinct[0] in (0, 1)
        and np.array_equal(distinct, distinct[0] + np.arange(len(distinct)))
    ):
        return False
    return bool(distinct[-1] == 1 or counts.min() >= MIN_PER_CLASS)


def _fit_class(raw: RawColumn, loss: str, declared: bool) -> Column:
    if raw.family == "number" and not declared:
        values = read_numbers(raw)
        broken = np.flatnonzero(~values.missing & (values.data % 1 != 0))
        if len(broken):
            shown = f"{values.data[broken[0]]} in {raw.row(broken[0])}"
            raise raw.error(
                f"{shown} is no class for config.loss={loss}: expected integers, text, or true and false"
            )
    column = _fit_vocabulary(raw)
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


def _fit_numeric_target(raw: RawColumn, options: Table, loss: str) -> Column:
    values = read_numbers(raw)
    if values.known.min() == values.known.max():
        raise raw.error(
            f"the target is {values.known[0]} in all training rows; there is nothing to learn"
        )
    negative = np.flatnonzero(~values.missing & (values.data < 0))
    if loss == "poisson" and len(negative):
        raise raw.error(
            f"{values.data[negative[0]]} in {raw.row(negative[0])}: config.loss=poisson is for 0 and above"
        )
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
    if raw.family == "number" and all(
        v.lstrip("-").isdecimal() and abs(int(v)) < 2**63 for v in text.values
    ):
        kind = "integer"
    vocabulary = tuple(sorted(text.values, key=int if kind == "integer" else None))
    return Column(
        raw.name, "category", vocabulary=vocabulary, type=kind, missing=bool((text.codes < 0).any())
    )


def _fit_category(raw: RawColumn, named: bool) -> Column | str:
    column = _fit_vocabulary(raw)
    n_distinct = len(column.vocabulary)
    n_known = int((~missing_rows(raw)).sum())
    if n_distinct == 1 and not column.missing:
        return f"all training rows have {column.vocabulary[0][:40]!r}"
    if raw.family == "text" and not named and n_distinct > max(MIN_ROWS, DISTINCT_SHARE * n_known):
        return f"{n_distinct} different texts in {n_known} training rows; config.data.categorical keeps it"
    return column


def _fit_number(raw: RawColumn, options: Table, named: bool, n_rows: int) -> Column | str:
    values = read_numbers(raw)
    known = values.known
    missing = bool(values.missing.any())
    low = known.min()
    high = known.max()
    if low == high and not missing:
        return f"all training rows have {low:g}"
    whole = known.dtype.kind == "i" or (max(-low, high) < 2**53 and not np.any(known % 1))
    # Training rows of a file that is numbered from first to last: no number twice, and no more
    # numbers than rows.
    if whole and not (named or missing) and len(known) > MIN_ROWS and high - low < n_rows:
        if len(np.unique(known)) == len(known):
            return "it numbers the rows; config.data.numeric keeps it"
    shift, unit = (0.0, 1.0) if options.scaling == "none" else shift_and_unit(known)
    exact = max(high - shift, shift - low) / min(unit, 1) < 2**24
    pair = (
        None
        if exact or not whole or raw.name in options.numeric
        else rounded_together(known, shift, unit)
    )
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
    return Column(
        raw.name, "time", shift, unit, clock=bool(np.any(values.known % DAY)), missing=missing
    )

"""The encoder of a table, fitted on training rows alone. n rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import RawColumn, get_column, missing_rows
from train.data.hint import Hint, find_hint, hint_of
from train.data.infer import infer_number
from train.data.table.clusters import ClusterEncoder, cluster_head
from train.data.table.codes import ReconstructionEncoder, reconstruction_head
from train.data.table.column import Column
from train.data.table.encode_column import encode_target
from train.data.table.encoder import TableEncoder
from train.data.table.fit_columns import fit_feature, fit_vocabulary
from train.data.table.fit_targets import fit_targets
from train.data.table.roles import feature_names, target_names
from train.data.table.unit_codes import MAX_OUTPUTS, TrainingTargets
from train.errors import UserError

SHOWN_READINGS = 20  # lines on how columns are read


def fit_encoder(
    table: pa.Table, train_rows: np.ndarray, options: Table, loss: str, n_rows: int | None = None
) -> tuple[TableEncoder, list[str]]:
    """The encoder of a table, from its rows `train_rows` alone, and notes for the user on it.

    `n_rows`: how many all files have, where the table holds only some. Raises UserError if
    targets or features cannot be what the options and the loss want of them.
    """
    names = feature_names(table, options)
    hint = find_hint(
        table, (*names, *target_names(options)), train_rows, options.missing, hint_of(options)
    )
    if target_names(options):
        targets, heads, notes = fit_targets(table, train_rows, options, loss, hint)
    else:
        targets = _fit_label(table, train_rows, options)
        heads = ()
        notes = []
    where = options.path or "data"
    raws = _raw_columns(table, names, train_rows, options, hint)
    known_targets = None
    # Of a stream these rows are a sample, in which most of a unit's others may be absent; where
    # groups are split, new rows are of other units.
    if not options.stream and options.split != "group":
        known_targets = _known_targets(table, train_rows, options, hint, targets)
    columns, dropped, feature_notes = _fit_features(
        raws, options, n_rows or table.num_rows, hint, known_targets
    )
    notes += feature_notes
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


def _raw_columns(
    table: pa.Table, names: Iterable[str], rows: np.ndarray, options: Table, hint: Hint
) -> Iterator[RawColumn]:
    """Columns of a table in these rows, one at a time: a large table is not copied as a whole."""
    where = options.path or "data"
    for name in names:
        if (raw := hint.columns.get(name)) is not None:
            yield replace(raw, where=where)
        else:
            yield get_column(table, name, where, options.missing, rows)


def _known_targets(
    table: pa.Table, rows: np.ndarray, options: Table, hint: Hint, targets: Iterable[Column]
) -> TrainingTargets | None:
    """Targets as numbers [n, o], a column for each of the first classes; None without targets."""
    if not target_names(options):
        return None
    found: list[np.ndarray] = []
    for column in targets:
        raw = get_column(table, column.name, options.path or "data", options.missing, rows)
        target_n = encode_target(column, raw.read_by(column.reading))
        if column.kind == "number":
            found.append(target_n)
        else:
            places = range(min(len(column.vocabulary), MAX_OUTPUTS))
            found += [(target_n == place).astype(np.float32) for place in places]
    names = (*feature_names(table, options), *target_names(options))
    return TrainingTargets(
        np.stack(found[:MAX_OUTPUTS], axis=1),
        lambda: _raw_columns(table, names, rows, options, hint),
    )


def _fit_features(
    raws: Iterable[RawColumn],
    options: Table,
    n_rows: int,
    hint: Hint,
    known_targets: TrainingTargets | None,
) -> tuple[list[Column], dict[str, str], list[str]]:
    """The columns that are learned from, {another: why it is left out}, and notes on all."""
    columns = []
    dropped = {}
    notes = []
    readings = []
    for raw in raws:
        fitted, note = fit_feature(raw, options, n_rows, hint, known_targets)
        if note:
            readings.append(f"column {raw.name!r}: {note}")
        if isinstance(fitted, Column):
            columns.append(fitted)
        else:
            dropped[raw.name] = fitted
            notes.append(f"column {raw.name!r} is left out: {fitted}")
    notes += readings[:SHOWN_READINGS]
    if len(readings) > SHOWN_READINGS:
        notes.append(f"{len(readings) - SHOWN_READINGS} more columns are read by what they hold")
    return columns, dropped, notes


def fit_weight(
    table: pa.Table, rows: np.ndarray, options: Table
) -> tuple[Column | None, list[str]]:
    """The column of weights, how these rows write it, and lines on that. Raises UserError."""
    if options.weight is None:
        return None, []
    where = options.path or "data"
    names = (*feature_names(table, options), *target_names(options), options.weight)
    hint = find_hint(table, names, rows, options.missing, hint_of(options))
    raw = get_column(table, options.weight, where, options.missing, rows)
    inferred = infer_number(raw, hint)
    notes = [f"weight {options.weight!r}: {inferred.note}"] if inferred.note else []
    return Column(options.weight, "number", notation=inferred.reading.notation), notes


def _fit_label(table: pa.Table, train_rows: np.ndarray, options: Table) -> tuple[Column, ...]:
    """The label of a table without a target, if it has one."""
    if options.label is None:
        return ()
    raw = get_column(table, options.label, options.path or "data", options.missing, train_rows)
    if missing_rows(raw).all():
        raise raw.error("the label is missing in every training row")
    return (fit_vocabulary(raw, apart=True),)

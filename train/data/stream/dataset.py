"""Tables that do not fit in memory: Parquet files whose training rows are read anew in every epoch.

In memory stand the rows that validate and test, and a sample of the training rows. f number inputs,
o outputs, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import get_column, infer_kind
from train.data.dataset import Head, Options, Statistics
from train.data.files.read import read_table
from train.data.files.row_groups import Files, find_files
from train.data.stream.online_statistics import (
    KEPT_ROWS,
    MAX_LABELS,
    Labels,
    Moments,
    Survey,
    shares_of,
    survey,
)
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder
from train.data.table.fit import fit_encoder
from train.data.table.load import joined
from train.data.table.roles import check_names, labelled_rows, row_weights, target_names
from train.errors import UserError

GROUPS_MIXED = 4  # row groups in a window below which a run says that it shuffles little


@dataclass(frozen=True)
class Stream:
    """Where the training rows are, and what one pass over all of them found.

    `counts` are the training rows of each row group; `shares` of all rows validate and test (see
    `part_of`). `moments` of the number columns and `labels` of the others are of all training rows.
    """

    files: Files
    columns: tuple[str, ...]
    counts: tuple[int, ...]
    shares: Mapping[str, float]
    moments: Mapping[str, Moments]
    labels: Mapping[str, Labels]

    @property
    def n_rows(self) -> int:
        return sum(self.counts)

    def class_counts(self, head: Head) -> np.ndarray:
        """Training rows of each class [k]."""
        return np.array([self.labels[head.columns[0]].counts.get(name, 0) for name in head.classes])

    def exact(self, fitted: Statistics, encoder: TableEncoder, scaling: str) -> Statistics:
        """The statistics of a sample, with means, deviations, limits, rates and what was seen those
        of all rows.
        """
        inputs = {name: array.copy() for name, array in fitted["inputs"].items()}
        targets = {
            head: {name: array.copy() for name, array in own.items()}
            for head, own in fitted["targets"].items()
        }
        places = encoder.places()
        categories = [column for column in encoder.columns if column.kind == "category"]
        for column in encoder.columns:
            moments = self.moments.get(column.name)
            if column.kind == "number" and moments is not None and scaling == "standard":
                whole = moments.scaled(column.shift, column.unit)
                for name in ("center", "scale"):
                    inputs[name][places[column.name][1]] = whole[name]
        for place, column in enumerate(categories):
            inputs["seen"][place, : len(column.vocabulary) + 1] = 1
            inputs["seen"][place, 0] = column.missing
        by_name = {column.name: column for column in encoder.targets}
        for head in encoder.heads:
            if head.kind == "reconstruction":
                continue
            if head.kind != "regression":
                counts_k = self.class_counts(head)
                targets[head.name]["rate"] = (counts_k / counts_k.sum()).astype(np.float32)
                continue
            for place, name in enumerate(head.columns):
                if name in self.moments:
                    whole = self.moments[name].scaled(by_name[name].shift, by_name[name].unit)
                    for key in (
                        "low",
                        "high",
                        *(("center", "scale") if encoder.target_scaling == "standard" else ()),
                    ):
                        targets[head.name][key][place] = whole[key]
        return {"inputs": inputs, "targets": targets}


@dataclass(frozen=True, eq=False)
class StreamDataset(TableDataset):
    """A table whose training rows are read from disk; those of the pool are a sample of them."""

    stream: Stream = field(kw_only=True)

    @property
    def n_train(self) -> int:
        """Training rows of an epoch, all of them."""
        return self.stream.n_rows

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these rows of the sample, and exactly what one pass over all found."""
        resolved = options or self.options
        assert isinstance(resolved, Table)
        return self.stream.exact(super().statistics(rows, resolved), self.encoder, resolved.scaling)

    def _source(self) -> str:
        return self.stream.files.fingerprint


def load_stream(options: Table, loss: str) -> StreamDataset:
    """One pass over `options.path`, a Parquet file or a folder of them, and what was fitted in it.

    The pool of the data set holds the sample that stands for the training rows, with the extreme
    rows of `train.data.stream.online_statistics`, and the rows that validate and test; `stream`
    reads the training rows. Raises UserError.
    """
    files = find_files(options.path)
    check_names(files.schema.empty_table(), options)
    found = survey(files, options)
    shares = shares_of(options, files.n_rows)
    if sum(found.counts) < 2:
        raise UserError(
            f"{options.path}: {sum(found.counts)} training rows with a target: at least two are needed"
        )
    numbers, fitting = found.sample.with_those_of(found.extreme_rows).joined()
    options, overflow_notes = _without_overflowed(options, found, fitting)
    sampled_from = replace(options, path=f"{options.path}, in a sample of its rows")
    encoder, notes = fit_encoder(
        fitting, np.arange(fitting.num_rows), sampled_from, loss, files.n_rows
    )
    for head in encoder.heads:
        if head.classes and found.labels[head.name].overflowed:
            raise UserError(
                f"{options.path}: column {head.name!r}: more than {MAX_LABELS:,} classes; is it a number?"
            )
    sample = np.searchsorted(numbers, np.concatenate(found.sample.numbers))
    pool = [_encoded(fitting, encoder, options, options.path)]
    splits = {"train": sample.astype(np.int32)}
    original = [numbers]
    for part, rows in (("valid", found.valid), ("test", found.test)):
        own, table, where = _kept(part, rows, shares[part], options)
        start = sum(map(len, original))
        splits[part] = np.arange(start, start + len(own), dtype=np.int32)
        if len(own):
            pool.append(_encoded(table, encoder, options, where))
            original.append(own)
    del fitting
    pa.default_memory_pool().release_unused()
    columns = [column.name for column in (*encoder.columns, *encoder.targets)]
    columns += [options.weight] if options.weight else []
    stream = Stream(
        files,
        tuple(dict.fromkeys(columns)),
        tuple(found.counts),
        shares,
        found.moments,
        found.labels,
    )
    return StreamDataset(
        inputs=joined(pool, "inputs"),
        target=joined(pool, "target"),
        weight=joined(pool, "weight")[""],
        splits=splits,
        original_rows=np.concatenate(original),
        encoder=encoder,
        options=options,
        notes=(*_notes(options, found, stream, len(sample)), *overflow_notes, *notes),
        stream=stream,
    )


def _encoded(
    table: pa.Table, encoder: TableEncoder, options: Table, where: str
) -> dict[str, dict[str, np.ndarray]]:
    targets, _ = encoder.encode_targets(table, where)
    weight = {"": row_weights(table, options, where)}
    return {"inputs": encoder.encode(table, where), "target": targets, "weight": weight}


def _kept(
    part: str, rows: Any, share: float, options: Table
) -> tuple[np.ndarray, pa.Table | None, str]:
    """The rows of a part that stays in memory: their numbers, themselves, and the file they come
    from.
    """
    path = getattr(options, f"{part}_path")
    if path:
        table = read_table(path, options.missing)
        own = labelled_rows(table, options, path)
        return own, table.take(pa.array(own)), path
    if not share:
        return np.zeros(0, np.int64), None, ""
    if not rows.numbers:
        raise UserError(
            f"config.data.{part}: none of so few rows was drawn for it; ask for more, or for 0"
        )
    return *rows.joined(), options.path


def _without_overflowed(options: Table, found: Survey, sample: pa.Table) -> tuple[Table, list[str]]:
    """The options with columns of too many labels ignored, and notes on them. Raises UserError if
    one was asked for.
    """
    ignored = []
    notes = []
    for name, labels in found.labels.items():
        if not labels.overflowed:
            continue
        raw = get_column(sample, name, options.path, options.missing)
        is_category = name in (options.categorical or ()) or infer_kind(raw) == "category"
        if not is_category or (raw.family == "number" and name in target_names(options)):
            continue
        what = f"more than {MAX_LABELS:,} different texts"
        if name in {
            *(options.categorical or ()),
            *(options.features or ()),
            *target_names(options),
        }:
            raise raw.error(
                f"{what}, too many for a category; leave the column out, or write rare ones as one"
            )
        ignored.append(name)
        notes.append(f"column {name!r} is left out: {what}")
    return replace(options, ignore=(*options.ignore, *ignored)), notes


def _notes(options: Table, found: Survey, stream: Stream, n_sample: int) -> list[str]:
    n_files = len({group.path for group in stream.files.groups})
    n_all = stream.files.n_rows
    notes = [
        f"{options.path}: {stream.n_rows:,} training rows are streamed from {n_files} file{'s' * (n_files != 1)}; "
        f"quantiles, baselines and the scores of train are of {n_sample:,} of them"
    ]
    if found.n_unlabelled:
        notes.append(
            f"{options.path}: {found.n_unlabelled} of {n_all} rows lack a target, left out"
        )
    for part, share in stream.shares.items():
        if share and getattr(options, part) < 1 and share < getattr(options, part):
            kept = f"a share of {n_all:,} rows is cut to {KEPT_ROWS:,}, for they stay in memory"
            notes.append(f"config.data.{part}: {kept}; give a number of rows to have more")
    largest = max(stream.counts)
    if stream.n_rows > options.shuffle_window and largest * GROUPS_MIXED > options.shuffle_window:
        mixed = f"{options.shuffle_window:,} rows mix few row groups of {largest:,} rows"
        notes.append(f"config.data.shuffle_window: {mixed}; widen it, or write smaller row groups")
    return notes

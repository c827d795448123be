"""Parquet files whose training rows do not fit in memory -> StreamDataset.

In memory stand the rows that validate and test, and a sample of the training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import Notes, get_column
from train.data.dataset import Batch
from train.data.files.read import read_table
from train.data.files.row_groups import Files, find_files
from train.data.hint import Hint
from train.data.infer import infer_in_table
from train.data.stream.dataset import StreamDataset, TableStream
from train.data.stream.notes import notes_on_stream
from train.data.stream.online_statistics import MAX_LABELS, Labels, StreamRows, Survey, survey
from train.data.stream.parts import check_training_rows, shares_of
from train.data.table.encoded_file import Pieces, encode_rows, notes_on_classes
from train.data.table.encoder import TableEncoder
from train.data.table.fit import fit_encoder
from train.data.table.giveaways import giveaway_notes
from train.data.table.kept_rows import idle_notes, without_idle
from train.data.table.reading import reading_of
from train.data.table.roles import check_names, labelled_rows, target_names
from train.errors import UserError


def load_stream(options: Table, loss: str) -> StreamDataset:
    """One pass over `options.path`, a Parquet file or a folder of them, and what was fitted in it.

    The pool of the data set holds the sample that stands for the training rows, with the extreme
    rows of `train.data.stream.online_statistics`, and the rows that validate and test; `stream`
    reads the training rows. Raises UserError.
    """
    files = find_files(options.path)
    check_names(files.schema.empty_table(), options)
    found = survey(files, options)
    check_training_rows(sum(found.counts), options.path)
    numbers, fitting = found.sample.with_those_of(found.extreme_rows).joined()
    options, overflow_notes = _without_overflowed(options, found, fitting)
    encoder, notes = _fit(fitting, options, loss, found, files.n_rows)
    sampled = f"{options.path}, in a sample of its rows"
    reading = reading_of(fitting, np.arange(fitting.num_rows), encoder, sampled)
    pieces = Pieces()
    cell_notes: Notes = []
    pieces.add(encode_rows(encoder, fitting, options, sampled, cell_notes), numbers)
    sample = np.searchsorted(numbers, np.concatenate(found.sample.numbers)).astype(np.int32)
    splits = {"train": sample}
    shares = shares_of(options, files.n_rows)
    for part, rows in (("valid", found.valid), ("test", found.test)):
        own, table, where = _rows_in_memory(part, rows, shares[part], options)
        splits[part] = pieces.next_rows(len(own))
        if table is not None and len(own):
            of_part = where if where != options.path else f"{where}, in the rows of {part}"
            batch = encode_rows(encoder, table, options, of_part, cell_notes)
            places = {part: np.arange(len(own))}
            notes += notes_on_classes(encoder, table, batch.target, places, where)
            pieces.add(batch, own)
    del fitting
    pa.default_memory_pool().release_unused()
    batch = pieces.joined()
    template = StreamDataset.take(batch, np.zeros(0, np.int64))
    stream = _stream(files, encoder, options, found, shares, template)
    splits, n_idle = without_idle(splits, batch.weight)
    notes += idle_notes(options.path, found.n_idle + n_idle)
    notes += giveaway_notes(encoder, batch, splits, n_train=stream.n_rows)
    found_notes = notes_on_stream(options, found, stream, len(sample))
    return StreamDataset(
        inputs=batch.inputs,
        target=batch.target,
        weight=batch.weight,
        splits=splits,
        original_rows=pieces.original_rows(),
        encoder=encoder,
        options=options,
        notes=(*found_notes, *overflow_notes, *cell_notes, *notes),
        reading=reading,
        stream=stream,
    )


def _fit(
    fitting: pa.Table, options: Table, loss: str, found: Survey, n_rows: int
) -> tuple[TableEncoder, list[str]]:
    """The encoder of a sample with the extreme rows, and notes on it. Raises UserError."""
    sampled_from = replace(options, path=f"{options.path}, in a sample of its rows")
    rows = np.arange(fitting.num_rows)
    encoder, notes = fit_encoder(fitting, rows, sampled_from, loss, n_rows)
    for head in encoder.heads:
        if head.classes and found.labels[head.name].overflowed:
            raise UserError(
                f"{options.path}: column {head.name!r}: more than {MAX_LABELS:,} classes; "
                "is it a number?"
            )
    return encoder, notes


def _stream(
    files: Files,
    encoder: TableEncoder,
    options: Table,
    found: Survey,
    shares: Mapping[str, float],
    template: Batch[np.ndarray],
) -> TableStream:
    """Where training rows are, and the columns that are read of them."""
    columns = [column.name for column in (*encoder.columns, *encoder.targets)]
    columns += [options.weight] if options.weight else []
    names = tuple(dict.fromkeys(columns))
    return TableStream(
        files,
        names,
        tuple(found.counts),
        shares,
        found.weight_sum,
        is_weighted=options.weight is not None,
        chunk_rows=options.shuffle_window,
        template=template,
        encoder=encoder,
        options=options,
        moments=found.moments,
        labels=found.labels,
    )


def _rows_in_memory(
    part: str, rows: StreamRows, share: float, options: Table
) -> tuple[np.ndarray, pa.Table | None, str]:
    """The numbers of the rows of a split that stays in memory, they themselves, and their file."""
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
    """The options with columns of too many labels ignored, and notes on them.

    Raises UserError if one was asked for.
    """
    ignored = []
    notes = []
    for name, labels in found.labels.items():
        if not _is_overflowed(name, labels, sample, options):
            continue
        what = f"more than {MAX_LABELS:,} different texts"
        categorical = options.categorical or ()
        if name in {*categorical, *(options.features or ()), *target_names(options)}:
            raw = get_column(sample, name, options.path, options.missing)
            raise raw.error(
                f"{what}, too many for a category; leave the column out, or write rare ones as one"
            )
        ignored.append(name)
        notes.append(f"column {name!r} is left out: {what}")
    return replace(options, ignore=(*options.ignore, *ignored)), notes


def _is_overflowed(name: str, labels: Labels, sample: pa.Table, options: Table) -> bool:
    """Whether a column would be a category, but has too many labels."""
    if not labels.overflowed:
        return False
    raw = get_column(sample, name, options.path, options.missing)
    is_category = (
        name in (options.categorical or ()) or infer_in_table(raw, Hint()).kind == "category"
    )
    return is_category and not (raw.family == "number" and name in target_names(options))

"""Sequences in a file, or in files for its parts -> Dataset: read, split, encoded, all fitted on
training rows only.

n rows, t steps, f numbers of a step, k tags or classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences
from train.data.columns import get_column, missing_rows, read_text
from train.data.dataset import Head
from train.data.files.read import read_table
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import NEXT, SequenceEncoder
from train.data.sequences.fit import fit_sequences, names_of
from train.data.sequences.steps import (
    check_columns,
    constant_lists,
    first_of_lists,
    holds_lists,
    to_lists,
)
from train.data.sequences.tags import NONE
from train.data.split import split_rows
from train.errors import UserError

Arrays = dict[str, np.ndarray]


def load_sequences(options: Sequences, loss: str) -> SequenceDataset:
    """Reads `options.path`, and `valid_path` and `test_path` where given (they then are these
    parts), and encodes them.

    Sequences without a target are left out; training ones are cut at `max_length`. Raises
    UserError.
    """
    paths = {"train": options.path, "valid": options.valid_path, "test": options.test_path}
    paths = {part: path for part, path in paths.items() if path}
    tables = {part: read_table(path, options.missing) for part, path in paths.items()}
    train = _rows(tables["train"], options)
    for part in tables:
        if part != "train":
            check_columns(
                tables[part],
                (*names_of(options.inputs), *names_of(options.target)),
                "target",
                paths[part],
            )
    labelled = _labelled(train, options, options.path)
    splits, split_by = _split(train, labelled, options)
    encoder, notes = fit_sequences(train, labelled[splits["train"]], options, loss)
    inputs = []
    targets = []
    kept = []
    start = 0
    for part, path in paths.items():
        table = tables.pop(part)
        encoded = encoder.encode(table, path)
        (target, present) = encoder.encode_targets(table, path)
        rows = np.flatnonzero(present)
        if not len(rows):
            raise UserError(
                f"{path}: no row has a value for {' and '.join(names_of(options.target))}, the target"
            )
        if len(rows) < len(present):
            notes.append(
                f"{path}: {len(present) - len(rows)} of {len(present)} rows lack a target, left out"
            )
        inputs.append({name: array[rows] for name, array in encoded.items()})
        targets.append({name: array[rows] for name, array in target.items()})
        kept.append(rows)
        if part != "train":
            splits[part] = np.arange(start, start + len(rows), dtype=np.int32)
        start += len(rows)
        notes += _unseen(encoder, target, path)
    joined = _joined(inputs, {})
    target = _joined(targets, {head.name: head for head in encoder.heads})
    if options.max_length is not None:
        notes += _cut(joined, target, splits["train"], options.max_length)
    weight = np.ones(start, np.float32)
    rows = np.concatenate(kept)
    return SequenceDataset(
        joined, target, weight, splits, rows, encoder, options, tuple(notes), split_by
    )


def _rows(table: pa.Table, options: Sequences) -> pa.Table:
    """A row per sequence. Of a file with a row per step, a target of one value throughout each is
    one per sequence.
    """
    inputs = names_of(options.inputs)
    targets = names_of(options.target)
    check_columns(table, inputs, "inputs", options.path)
    check_columns(table, targets, "target", options.path)
    if options.id is None or options.order is None:
        return table
    table = to_lists(table, options.id, options.order, options.path)
    for name in targets:
        if constant_lists(table, name).all():
            table = first_of_lists(table, name, options.path)
    return table


def _labelled(table: pa.Table, options: Sequences, where: str) -> np.ndarray:
    """The rows, ascending, that have every target. Raises UserError if there are none."""
    missing = np.zeros(table.num_rows, bool)
    for name in names_of(options.target):
        if holds_lists(table, name):
            missing |= table.column(name).is_null().to_numpy()
        else:
            missing |= missing_rows(get_column(table, name, where, options.missing))
    rows = np.flatnonzero(~missing)
    if not len(rows):
        raise UserError(
            f"{where}: no row has a value for {' and '.join(names_of(options.target))}, the target"
        )
    return rows


def _split(
    table: pa.Table, rows: np.ndarray, options: Sequences
) -> tuple[Arrays, np.ndarray | None]:
    """Places within `rows` that train, validate and test; parts with a file of their own are empty
    here. And the labels [rows] they are divided by, if they are.
    """
    labels = None
    if options.split == "stratified":
        name = next(
            (name for name in names_of(options.target) if not holds_lists(table, name)), None
        )
        if name is None:
            raise UserError(
                "config.data.split: stratified needs a target that is one label per sequence"
            )
        text = read_text(get_column(table, name, options.path, options.missing, rows))
        labels = np.array(text.values)[text.codes]
    valid = 0 if options.valid_path else options.valid
    test = 0 if options.test_path else options.test
    return split_rows(
        len(rows), valid, test, kind=options.split, seed=options.split_seed, labels=labels
    ), labels


def _unseen(encoder: SequenceEncoder, target: Mapping[str, np.ndarray], where: str) -> list[str]:
    """A note for tags that no training row has."""
    counts = {tag.name: int((target[tag.name] >= len(tag.classes)).sum()) for tag in encoder.tags}
    return [
        f"{where}: {n} steps have a tag in {name!r} that no training row has"
        for name, n in counts.items()
        if n
    ]


def _joined(pieces: list[Arrays], heads: Mapping[str, Head]) -> Arrays:
    """The arrays of all files one after the other, padded to the widest."""
    joined = {}
    for name in pieces[0]:
        arrays = [piece[name] for piece in pieces]
        of_steps = name not in heads or heads[name].kind in ("tags", "next_numbers", "next_binary")
        steps = arrays[0].ndim > 1 and of_steps
        if steps:
            width = max(array.shape[1] for array in arrays)
            fill = (NONE if heads[name].kind == "tags" else np.nan) if name in heads else 0
            arrays = [
                np.pad(
                    a,
                    [(0, 0), (0, width - a.shape[1]), *[(0, 0)] * (a.ndim - 2)],
                    constant_values=fill,
                )
                for a in arrays
            ]
        joined[name] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return joined


def _cut(inputs: Arrays, target: Arrays, rows: np.ndarray, most: int) -> list[str]:
    """Shortens training sequences in place; what stands beyond a length is not read. Returns a
    note.
    """
    length = inputs["length"]
    long = rows[length[rows] > most]
    length[long] = most
    for name, array in target.items():
        if array.ndim == 2 and array.dtype == np.int32:
            array[long, most:] = NONE
        elif name == NEXT:
            array[long, max(most - 1, 0) :] = np.nan
    return [f"{len(long)} training sequences are cut at {most} steps"] if len(long) else []

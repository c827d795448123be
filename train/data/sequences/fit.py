"""What is learned of sequences before a network sees them: channels, vocabulary, tags and labels of
training rows.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Table
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.steps import (
    NumberSteps,
    element_type,
    holds_lists,
    read_step_numbers,
    read_step_text,
)
from train.data.sequences.tags import TagColumn, fit_tags
from train.data.sequences.text import Vocabulary, fit_vocabulary
from train.data.table.encoder import TableEncoder
from train.data.table.fit import fit_targets
from train.data.units import shift_and_unit
from train.errors import UserError


def names_of(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    """The columns that an option names, one or several."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def fit_sequences(
    table: pa.Table, rows: np.ndarray, options: Sequences, loss: str
) -> tuple[SequenceEncoder, list[str]]:
    """The encoder of a table with a row per sequence, from its rows `rows` alone, and notes for the
    user.

    Raises UserError if inputs or targets cannot be what the options want of them.
    """
    where = options.path or "data"
    train = table.take(pa.array(rows))
    numbers = []
    token = None
    for name in names_of(options.inputs):
        kind = element_type(table, name, where)
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            numbers.append(_fit_numbers(table, train, name, options))
        elif token is not None:
            raise UserError(
                f"config.data.inputs: {token!r} and {name!r} both hold tokens; name one column of them"
            )
        else:
            token = name
    if options.next_step and token is not None:
        raise UserError(
            f"config.data.next_step: {where} column {token!r} holds tokens; only numbers can be continued"
        )
    vocabulary = Vocabulary(())
    if token is not None:
        text = read_step_text(train, token, where)
        vocabulary = fit_vocabulary(
            text,
            min_count=options.min_count,
            fold_case=options.fold_case,
            fold_digits=options.fold_digits,
            characters=options.characters,
        )
    of_steps = [name for name in names_of(options.target) if holds_lists(table, name)]
    of_rows = tuple(name for name in names_of(options.target) if name not in of_steps)
    tags = tuple(_fit_tags(train, name, where) for name in of_steps)
    target_scaling = "none" if loss == "poisson" else options.target_scaling
    labels = TableEncoder((), (), (), options.missing, target_scaling)
    notes = []
    if of_rows:
        as_table = Table(
            path=options.path,
            target=of_rows,
            missing=options.missing,
            target_scaling=target_scaling,
        )
        targets, heads, notes = fit_targets(table, rows, as_table, loss)
        notes = [note.replace(", or config.data.numeric, makes", " makes") for note in notes]
        labels = TableEncoder((), targets, heads, options.missing, target_scaling)
    next_kind: Literal["", "numbers", "binary"] = ""
    if options.next_step:
        next_kind = (
            "binary"
            if all(_is_binary(train, column.name, where) for column in numbers)
            else "numbers"
        )
    for tag in tags:
        if not tag.iob and any(name.startswith(("B-", "I-")) for name in tag.classes):
            notes.append(
                f"tags {tag.name!r} are not IOB2 (B-X, I-X, O), so any tag may follow any other"
            )
    encoder = SequenceEncoder(
        tuple(numbers),
        token,
        vocabulary,
        labels,
        tags,
        next_kind,
        options.id,
        options.order,
        scaling=options.scaling,
    )
    lengths = encoder.lengths(train, where)
    if not lengths.sum():
        raise UserError(
            f"{where}: column {encoder.input_names[0]!r}: all training rows are empty sequences"
        )
    fitted = {"steps": float(lengths.mean()), "longest": int(lengths.max())}
    return SequenceEncoder(**{**vars(encoder), **fitted}), notes


def _fit_numbers(table: pa.Table, train: pa.Table, name: str, options: Sequences) -> NumberSteps:
    where = options.path or "data"
    # The whole column is read for its errors, which name rows of the file; what is fitted is fitted
    # on training rows.
    flat = read_step_numbers(table, name, where).flat
    values = read_step_numbers(train, name, where).values
    if options.scaling == "none" or (options.next_step and _is_binary(train, name, where)):
        return NumberSteps(name, (0.0,) * values.shape[1], (1.0,) * values.shape[1], flat)
    fitted = []
    for channel_s in values.T:
        known = channel_s[~np.isnan(channel_s)]
        fitted.append(shift_and_unit(known) if len(known) else (0.0, 1.0))
    return NumberSteps(
        name, tuple(shift for shift, _ in fitted), tuple(unit for _, unit in fitted), flat
    )


def _fit_tags(train: pa.Table, name: str, where: str) -> TagColumn:
    kind = element_type(train, name, where)
    if pa.types.is_floating(kind) or pa.types.is_nested(kind):
        raise UserError(
            f"{where}: column {name!r}: a target of {kind} at each step; expected tags, which are text"
        )
    tag = fit_tags(name, read_step_text(train, name, where))
    if len(tag.classes) < 2:
        raise UserError(
            f"{where}: column {name!r}: all steps of the training rows have one tag; two are needed"
        )
    return tag


def _is_binary(train: pa.Table, name: str, where: str) -> bool:
    return bool(np.isin(read_step_numbers(train, name, where).values, (0, 1)).all())

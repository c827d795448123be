"""What is learned of sequences before a network sees them, from training rows alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Table
from train.data.hint import find_hint, hint_of
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.numbers import NumberSteps
from train.data.sequences.schemes import as_iobes, has_ends
from train.data.sequences.steps import (
    column_error,
    element_type,
    holds_lists,
    read_step_numbers,
    read_step_text,
)
from train.data.sequences.tags import TagColumn, fit_tags, odd_tags_note
from train.data.sequences.text import Vocabulary, fit_vocabulary
from train.data.sequences.written import are_numbers
from train.data.table.encoder import TableEncoder
from train.data.table.fit_targets import fit_targets
from train.data.units import shift_and_unit
from train.errors import UserError


def names_of(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    """The columns that an option names, one or several."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def fit_sequences(
    table: pa.Table, rows: np.ndarray, options: Sequences, loss: str
) -> tuple[SequenceEncoder, list[str]]:
    """The encoder of a table with a row per sequence, from its rows `rows` alone, and notes.

    Raises UserError if inputs or targets cannot be what the options want of them.
    """
    where = options.path or "data"
    train = table.take(pa.array(rows))
    numbers, token = _fit_inputs(table, train, options)
    vocabulary = Vocabulary(()) if token is None else _fit_vocabulary(train, token, options)
    of_steps = [name for name in names_of(options.target) if holds_lists(table, name)]
    of_rows = tuple(name for name in names_of(options.target) if name not in of_steps)
    numeric = [name for name in of_steps if _holds_numbers(train, name, where, loss)]
    step_numbers = tuple(_fit_step_target(table, train, name, options) for name in numeric)
    if step_numbers and options.nonnegative:
        raise UserError(
            f"config.data.nonnegative: is for a number a sequence; {numeric[0]!r} has one at every "
            "step; set it to false"
        )
    tags = tuple(_fit_tags(train, name, where) for name in of_steps if name not in numeric)
    labels, notes = _fit_labels(table, rows, of_rows, options, loss)
    for tag in tags:
        notes += filter(None, (_scheme_note(tag), odd_tags_note(tag, train, where)))
    encoder = SequenceEncoder(
        numbers,
        token,
        vocabulary,
        labels,
        tags,
        _next_kind(train, numbers, options),
        options.id,
        options.order,
        scaling=options.scaling,
        step_numbers=step_numbers,
    )
    lengths = encoder.lengths(train, where)
    if not lengths.sum():
        found = "all training rows are empty sequences"
        raise column_error(found, encoder.input_names[0], where)
    if options.next_step:
        notes += _single_notes(lengths, encoder.input_names[0], where)
    return replace(encoder, steps=float(lengths.mean()), longest=int(lengths.max())), notes


def _fit_inputs(
    table: pa.Table, train: pa.Table, options: Sequences
) -> tuple[tuple[NumberSteps, ...], str | None]:
    """The columns of numbers, and the one of tokens, if there is one. Raises UserError."""
    where = options.path or "data"
    numbers = []
    token = None
    for name in names_of(options.inputs):
        kind = element_type(table, name, where)
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            numbers.append(_fit_numbers(table, train, name, options))
        elif token is not None:
            found = f"{token!r} and {name!r} both hold tokens"
            raise UserError(f"config.data.inputs: {found}; name one column of them")
        else:
            token = name
    if options.next_step and token is not None:
        found = f"{where} column {token!r} holds tokens"
        raise UserError(f"config.data.next_step: {found}; only numbers can be continued")
    return tuple(numbers), token


def _fit_numbers(table: pa.Table, train: pa.Table, name: str, options: Sequences) -> NumberSteps:
    """A shift and a unit for each number of a step; 0 and 1 for what is not scaled."""
    where = options.path or "data"
    # The whole column is read for its errors, which name rows of the file; what is fitted is fitted
    # on training rows.
    flat = read_step_numbers(table, name, where).flat
    values = read_step_numbers(train, name, where).values
    width = values.shape[1]
    if options.scaling == "none" or (options.next_step and _is_binary(train, name, where)):
        return NumberSteps(name, (0.0,) * width, (1.0,) * width, flat)
    shifts = []
    units = []
    for channel_s in values.T:
        present = channel_s[~np.isnan(channel_s)]
        shift, unit = shift_and_unit(present) if len(present) else (0.0, 1.0)
        shifts.append(shift)
        units.append(unit)
    return NumberSteps(name, tuple(shifts), tuple(units), flat)


def _fit_vocabulary(train: pa.Table, token: str, options: Sequences) -> Vocabulary:
    return fit_vocabulary(
        read_step_text(train, token, options.path or "data"),
        min_count=options.min_count,
        fold_case=options.fold_case,
        fold_digits=options.fold_digits,
        characters=options.characters,
    )


def _fit_labels(
    table: pa.Table, rows: np.ndarray, names: tuple[str, ...], options: Sequences, loss: str
) -> tuple[TableEncoder, list[str]]:
    """The encoder of the targets that are one per sequence, and notes. Raises UserError."""
    target_scaling = "none" if loss == "poisson" else options.target_scaling
    if not names:
        return TableEncoder((), (), (), options.missing, target_scaling), []
    as_table = Table(
        path=options.path,
        target=names,
        missing=options.missing,
        target_scaling=target_scaling,
        nonnegative=options.nonnegative,
    )
    targets, heads, notes = fit_targets(
        table,
        rows,
        as_table,
        loss,
        find_hint(table, names, rows, options.missing, hint_of(options)),
    )
    for field in ("numeric", "categorical"):  # which are of tables
        notes = [note.replace(f", or config.data.{field}, makes", " makes") for note in notes]
        notes = [note.replace(f" or config.data.{field} says", " says") for note in notes]
    return TableEncoder((), targets, heads, options.missing, target_scaling), notes


def _holds_numbers(train: pa.Table, name: str, where: str, loss: str) -> bool:
    """Whether a target of steps is numbers that are no tags."""
    kind = element_type(train, name, where)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return False
    rows = train.filter(train.column(name).is_valid())
    values = read_step_numbers(rows, name, where).values
    return are_numbers(values[~np.isnan(values)], loss)


def _fit_step_target(
    table: pa.Table, train: pa.Table, name: str, options: Sequences
) -> NumberSteps:
    """A shift and a unit of a target of numbers at each step. Raises UserError."""
    where = options.path or "data"
    rows, own = (each.filter(each.column(name).is_valid()) for each in (table, train))
    column = _fit_numbers(rows, own, name, options)
    values = read_step_numbers(own, name, where).values
    if len(np.unique(values[~np.isnan(values)])) < 2:
        found = "all steps of the training rows have one number; there is nothing to learn"
        raise column_error(found, name, where)
    return column


def _fit_tags(train: pa.Table, name: str, where: str) -> TagColumn:
    """The tags of the training rows. Raises UserError if these are no text, or all the same."""
    kind = element_type(train, name, where)
    if pa.types.is_nested(kind):
        found = f"a target of {kind} at each step; expected a tag or a number"
        raise column_error(found, name, where)
    tag = fit_tags(name, read_step_text(train, name, where))
    if len(tag.classes) < 2:
        found = "all steps of the training rows have one tag; two are needed"
        raise column_error(found, name, where)
    return tag


def _single_notes(lengths: np.ndarray, name: str, where: str) -> list[str]:
    """A line on training rows without a next step. Raises UserError if none has one."""
    n_single = int((lengths < 2).sum())
    if n_single == len(lengths):
        found = "no training row has a second step"
        raise column_error(f"{found}, so config.data.next_step has nothing to learn", name, where)
    if not n_single:
        return []
    found = f"{n_single} of {len(lengths)} training rows have no second step"
    return [f"{where}: column {name!r}: {found}, and teach nothing"]


def _scheme_note(tag: TagColumn) -> str | None:
    """A line on how tags mark entities, if they do."""
    if tag.scheme:
        return f"tags {tag.name!r} mark entities by {tag.scheme}, and predictions keep to its rules"
    rewritten = as_iobes(tag.classes)
    if rewritten is None:
        return None
    if rewritten == list(tag.classes) or has_ends(rewritten):
        broken = "too often against the rules of any scheme, so any tag may follow any other"
        return f"tags {tag.name!r} mark entities, {broken}"
    return f"tags {tag.name!r} are bare kinds: neighbours of one kind count as one entity"


def _next_kind(
    train: pa.Table, numbers: tuple[NumberSteps, ...], options: Sequences
) -> Literal["", "numbers", "binary"]:
    """What the next step is, if it is the target: "binary" where all are 0 or 1."""
    if not options.next_step:
        return ""
    where = options.path or "data"
    is_binary = all(_is_binary(train, column.name, where) for column in numbers)
    return "binary" if is_binary else "numbers"


def _is_binary(train: pa.Table, name: str, where: str) -> bool:
    return bool(np.isin(read_step_numbers(train, name, where).values, (0, 1)).all())

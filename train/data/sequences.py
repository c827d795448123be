"""Sequences in a file, or in files for its parts -> Dataset: read, split, encoded, all fitted on training rows only.

n rows, t steps, f numbers of a step, k tags or classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, missing_rows, read_text
from train.data.dataset import Batch, Dataset
from train.data.encode import Head, TableEncoder
from train.data.fit import fit_targets
from train.data.read import read_table
from train.data.sequence_encode import NEXT, NumberSteps, SequenceEncoder
from train.data.split import split_rows
from train.data.statistics import fit_statistics, shift_and_unit
from train.data.steps import (
    check_columns,
    constant_lists,
    element_type,
    first_of_lists,
    holds_lists,
    read_step_numbers,
    read_step_text,
    to_lists,
)
from train.data.tags import NONE, TagColumn, fit_tags, transition_scores
from train.data.text import FIRST, Vocabulary, fit_vocabulary
from train.errors import UserError
from train.options import Sequences, Table

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class SequenceDataset(Dataset):
    """Sequences, padded to one width: inputs as `SequenceEncoder.encode` has them, targets likewise."""

    encoder: SequenceEncoder
    options: Sequences

    @property
    def arrays(self) -> Batch:
        """The whole pool, row axis first."""
        return Batch(self.inputs, self.target, self.weight, self.inputs["length"])

    def prepared(self, scale: Callable[[Arrays], Arrays], scale_target: Callable[[Arrays], Arrays]) -> Batch:
        """`arrays` with inputs and targets as the network's `prepare` and `prepare_target` give them."""
        batch = super().prepared(scale, scale_target)
        return batch._replace(length=batch.inputs["length"])

    @staticmethod
    def take(arrays: Batch, indices: Any) -> Batch:
        """The rows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so it works under jit."""
        batch = Dataset.take(arrays, indices)
        return batch._replace(length=batch.inputs["length"])

    def statistics(self, rows: np.ndarray, options: Sequences | None = None) -> dict[str, Any]:
        """What is fitted on these training rows (see `sequence_statistics`)."""
        del options
        return sequence_statistics(self.inputs, self.target, rows, self.encoder)


def load_sequences(options: Sequences, loss: str) -> SequenceDataset:
    """Reads `options.path`, and `valid_path` and `test_path` where given (they then are these parts), and encodes them.

    Sequences without a target are left out; training ones are cut at `max_length`. Raises UserError.
    """
    paths = {"train": options.path, "valid": options.valid_path, "test": options.test_path}
    paths = {part: path for part, path in paths.items() if path}
    tables = {part: read_table(path, options.missing) for part, path in paths.items()}
    train = _rows(tables["train"], options)
    for part in tables:
        if part != "train":
            check_columns(tables[part], (*_names(options.inputs), *_names(options.target)), "target", paths[part])
    labelled = _labelled(train, options, options.path)
    splits = _split(train, labelled, options)
    encoder, notes = fit_sequences(train, labelled[splits["train"]], options, loss)
    inputs, targets, kept, start = [], [], [], 0
    for part, path in paths.items():
        table = tables.pop(part)
        encoded, (target, present) = encoder.encode(table, path), encoder.encode_targets(table, path)
        rows = np.flatnonzero(present)
        if not len(rows):
            raise UserError(f"{path}: no row has a value for {' and '.join(_names(options.target))}, the target")
        if len(rows) < len(present):
            notes.append(f"{path}: {len(present) - len(rows)} of {len(present)} rows lack a target, left out")
        inputs.append({name: array[rows] for name, array in encoded.items()})
        targets.append({name: array[rows] for name, array in target.items()})
        kept.append(rows)
        if part != "train":
            splits[part] = np.arange(start, start + len(rows), dtype=np.int32)
        start += len(rows)
        notes += _unseen(encoder, target, path)
    joined, target = _joined(inputs, {}), _joined(targets, {head.name: head for head in encoder.heads})
    if options.max_length is not None:
        notes += _cut(joined, target, splits["train"], options.max_length)
    weight = np.ones(start, np.float32)
    return SequenceDataset(joined, target, weight, splits, np.concatenate(kept), encoder, options, tuple(notes))


def _names(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _rows(table: pa.Table, options: Sequences) -> pa.Table:
    """A row per sequence. Of a file with a row per step, a target of one value throughout each is one per sequence."""
    inputs, targets = _names(options.inputs), _names(options.target)
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
    for name in _names(options.target):
        if holds_lists(table, name):
            missing |= table.column(name).is_null().to_numpy()
        else:
            missing |= missing_rows(get_column(table, name, where, options.missing))
    rows = np.flatnonzero(~missing)
    if not len(rows):
        raise UserError(f"{where}: no row has a value for {' and '.join(_names(options.target))}, the target")
    return rows


def _split(table: pa.Table, rows: np.ndarray, options: Sequences) -> Arrays:
    """Places within `rows` that train, validate and test; parts with a file of their own are empty here."""
    labels = None
    if options.split == "stratified":
        name = next((name for name in _names(options.target) if not holds_lists(table, name)), None)
        if name is None:
            raise UserError("config.data.split: stratified needs a target that is one label per sequence")
        text = read_text(get_column(table, name, options.path, options.missing, rows))
        labels = np.array(text.values)[text.codes]
    valid = 0 if options.valid_path else options.valid
    test = 0 if options.test_path else options.test
    return split_rows(len(rows), valid, test, kind=options.split, seed=options.split_seed, labels=labels)


def fit_sequences(
    table: pa.Table, rows: np.ndarray, options: Sequences, loss: str
) -> tuple[SequenceEncoder, list[str]]:
    """The encoder of a table with a row per sequence, from its rows `rows` alone, and notes for the user.

    Raises UserError if inputs or targets cannot be what the options want of them.
    """
    where, train = options.path or "data", table.take(pa.array(rows))
    numbers, token = [], None
    for name in _names(options.inputs):
        kind = element_type(table, name, where)
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            numbers.append(_fit_numbers(table, train, name, where, options.next_step))
        elif token is not None:
            raise UserError(f"config.data.inputs: {token!r} and {name!r} both hold tokens; name one column of them")
        else:
            token = name
    if options.next_step and token is not None:
        raise UserError(f"config.data.next_step: {where} column {token!r} holds tokens; only numbers can be continued")
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
    of_steps = [name for name in _names(options.target) if holds_lists(table, name)]
    of_rows = tuple(name for name in _names(options.target) if name not in of_steps)
    tags = tuple(_fit_tags(train, name, where) for name in of_steps)
    labels, notes = TableEncoder((), (), (), options.missing), []
    if of_rows:
        as_table = Table(path=options.path, target=of_rows, missing=options.missing)
        targets, heads, notes = fit_targets(table, rows, as_table, loss)
        notes = [note.replace(", or config.data.numeric, makes", " makes") for note in notes]
        labels = TableEncoder((), targets, heads, options.missing, "none" if loss == "poisson" else "standard")
    next_kind = ""
    if options.next_step:
        next_kind = "binary" if all(_is_binary(train, column.name, where) for column in numbers) else "numbers"
    for tag in tags:
        if not tag.iob and any(name.startswith(("B-", "I-")) for name in tag.classes):
            notes.append(f"tags {tag.name!r} are not IOB2 (B-X, I-X, O), so any tag may follow any other")
    encoder = SequenceEncoder(
        tuple(numbers), token, vocabulary, labels, tags, next_kind, options.id, options.order  # type: ignore[arg-type]
    )
    lengths = encoder.lengths(train, where)
    if not lengths.sum():
        raise UserError(f"{where}: column {encoder.input_names[0]!r}: all training rows are empty sequences")
    fitted = {"steps": float(lengths.mean()), "longest": int(lengths.max())}
    return SequenceEncoder(**{**vars(encoder), **fitted}), notes


def _fit_numbers(table: pa.Table, train: pa.Table, name: str, where: str, next_step: bool) -> NumberSteps:
    # The whole column is read for its errors, which name rows of the file; what is fitted is fitted on training rows.
    flat = read_step_numbers(table, name, where).flat
    values = read_step_numbers(train, name, where).values
    if next_step and _is_binary(train, name, where):
        return NumberSteps(name, (0.0,) * values.shape[1], (1.0,) * values.shape[1], flat)
    fitted = []
    for channel_s in values.T:
        known = channel_s[~np.isnan(channel_s)]
        fitted.append(shift_and_unit(known) if len(known) else (0.0, 1.0))
    return NumberSteps(name, tuple(shift for shift, _ in fitted), tuple(unit for _, unit in fitted), flat)


def _fit_tags(train: pa.Table, name: str, where: str) -> TagColumn:
    kind = element_type(train, name, where)
    if pa.types.is_floating(kind) or pa.types.is_nested(kind):
        raise UserError(f"{where}: column {name!r}: a target of {kind} at each step; expected tags, which are text")
    tag = fit_tags(name, read_step_text(train, name, where))
    if len(tag.classes) < 2:
        raise UserError(f"{where}: column {name!r}: all steps of the training rows have one tag; two are needed")
    return tag


def _is_binary(train: pa.Table, name: str, where: str) -> bool:
    return bool(np.isin(read_step_numbers(train, name, where).values, (0, 1)).all())


def _unseen(encoder: SequenceEncoder, target: Mapping[str, np.ndarray], where: str) -> list[str]:
    """A note for tags that no training row has."""
    counts = {tag.name: int((target[tag.name] >= len(tag.classes)).sum()) for tag in encoder.tags}
    return [f"{where}: {n} steps have a tag in {name!r} that no training row has" for name, n in counts.items() if n]


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
                np.pad(a, [(0, 0), (0, width - a.shape[1]), *[(0, 0)] * (a.ndim - 2)], constant_values=fill)
                for a in arrays
            ]
        joined[name] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return joined


def _cut(inputs: Arrays, target: Arrays, rows: np.ndarray, most: int) -> list[str]:
    """Shortens training sequences in place; what stands beyond a length is not read. Returns a note."""
    length = inputs["length"]
    long = rows[length[rows] > most]
    length[long] = most
    for name, array in target.items():
        if array.ndim == 2 and array.dtype == np.int32:
            array[long, most:] = NONE
        elif name == NEXT:
            array[long, max(most - 1, 0) :] = np.nan
    return [f"{len(long)} training sequences are cut at {most} steps"] if len(long) else []


def sequence_statistics(
    inputs: Mapping[str, np.ndarray], target: Mapping[str, np.ndarray], rows: np.ndarray, encoder: SequenceEncoder
) -> dict[str, Any]:
    """The collection `statistics`, float32, from the rows `rows` of encoded arrays alone.

    {"inputs": {"center", "scale" [f] of all valid steps; "count" [v] of every token code}, "targets": {label head: as
    `fit_statistics`; tags: {"rate" [k], "start" [k], "transition" [k, k]}; next step: {"center", "scale" [f]} or
    {"rate" [f]}}}. Rates are (count + 1)/(sum + k), so that none is 0.
    """
    fitted: Arrays = {}
    if "numbers" in inputs:
        numbers, length = inputs["numbers"][rows], inputs["length"][rows]
        steps_sf = numbers[np.arange(numbers.shape[1])[None] < length[:, None]].astype(np.float64)
        fitted |= {"center": np.zeros(steps_sf.shape[1], np.float32), "scale": np.ones(steps_sf.shape[1], np.float32)}
        if encoder.next_kind != "binary":
            fitted |= _center_and_scale(steps_sf)
    if "tokens" in inputs:
        codes = inputs["tokens"][rows]
        width = np.arange(codes.shape[1])[None] < inputs["length"][rows][:, None]
        fitted["count"] = np.bincount(codes[width], minlength=encoder.vocabulary.n_words).astype(np.float32)
    labels = {head.name: target[head.name] for head in encoder.labels.heads}
    by_head = fit_statistics({}, labels, rows, encoder.labels, Table(scaling="none"))["targets"] if labels else {}
    for tag in encoder.tags:
        codes = target[tag.name][rows]
        k = len(tag.classes)
        counts = np.bincount(codes[(codes >= 0) & (codes < k)], minlength=k)
        start, transition = transition_scores(tag.classes, tag.iob)
        rate = ((counts + 1) / (counts.sum() + k)).astype(np.float32)
        by_head[tag.name] = {"rate": rate, "start": start, "transition": transition}
    if encoder.next_kind:
        steps_sf = target[NEXT][rows].reshape(-1, len(encoder.channels)).astype(np.float64)
        steps_sf = steps_sf[~np.isnan(steps_sf).all(-1)]
        if encoder.next_kind == "binary":
            by_head[NEXT] = {"rate": ((np.nansum(steps_sf, 0) + 1) / (len(steps_sf) + 2)).astype(np.float32)}
        else:
            by_head[NEXT] = _center_and_scale(steps_sf)
    return {"inputs": fitted, "targets": by_head}


def _center_and_scale(steps_sf: np.ndarray) -> Arrays:
    """Mean and standard deviation of every channel, missing ones left out; scale 1 where there is no spread."""
    known = ~np.isnan(steps_sf)
    n = np.maximum(known.sum(0), 1)
    center = np.where(known, steps_sf, 0).sum(0) / n
    scale = np.sqrt(np.where(known, (steps_sf - center) ** 2, 0).sum(0) / n)
    return {"center": center.astype(np.float32), "scale": np.where(scale > 1e-7, scale, 1).astype(np.float32)}


__all__ = ["FIRST", "SequenceDataset", "fit_sequences", "load_sequences", "sequence_statistics"]

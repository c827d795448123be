"""The rows with a target, and the answers to them. n rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Series
from train.data.classes import class_sizes, unseen_counts
from train.data.columns import Notes
from train.data.dataset import HostArrays
from train.data.files.row_groups import Piece
from train.data.point_doubts import SHOWN
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.joining import fills_of, join
from train.data.sequences.tags import unseen_note, unseen_tags
from train.data.sequences.weights import sequence_weights
from train.data.table.encoder import TableEncoder
from train.data.table.roles import row_weights
from train.errors import UserError
from train.inference.predictor import Predicted, Predictor


class Known(NamedTuple):
    """Rows with a target, how many of which there are, and the predictions for them.

    `rows` are their numbers in the file.
    """

    counts: dict[str, int]
    predicted: Predicted
    rows: np.ndarray


class _KnownPart(NamedTuple):
    """Rows of a table that have a target: their numbers in it, targets, weights and answers.

    `unseen` counts what no training row has: {head of classes, or of tags: {name: rows, or steps}}.
    `n_rows` are the rows, or sequences, with and without a target.
    """

    rows: np.ndarray
    target: HostArrays
    weight: np.ndarray
    answers: HostArrays
    unseen: dict[str, Counter[str]]
    n_rows: int


def known_rows(
    model: Predictor,
    table: pa.Table,
    where: str,
    echo: Callable[[str], None],
    notes: Notes,
) -> Known:
    """The rows of a table that have a target, and the predictions for them. Raises UserError."""
    assert isinstance(model.encoder, TableEncoder | SequenceEncoder)
    weight = _weights(model, table, where, echo, notes)
    some = _answered(model, model.encoder, table, where, weight, notes)
    return _joined(model.encoder, [some], where, notes)


def known_in_pieces(
    model: Predictor,
    pieces: Iterable[Piece],
    where: str,
    echo: Callable[[str], None],
    notes: Notes,
) -> Known:
    """Those of sequences that come in pieces. Raises UserError."""
    encoder = model.encoder
    assert isinstance(encoder, SequenceEncoder)
    parts: list[_KnownPart] = []
    for piece in pieces:
        weight = _weights(model, piece.table, piece.where, _say_nothing if parts else echo, [])
        some = _answered(model, encoder, piece.table, piece.where, weight, [])
        parts.append(some._replace(rows=piece.first + some.rows))
    return _joined(encoder, parts, where, notes)


def _answered(
    model: Predictor,
    encoder: TableEncoder | SequenceEncoder,
    table: pa.Table,
    where: str,
    weight: np.ndarray,
    notes: Notes,
) -> _KnownPart:
    """The rows of a table, of these weights [n], that have a target, and the answers to them."""
    targets, present = encoder.encode_targets(table, where, notes)
    rows = np.flatnonzero(present)
    encoded = encoder.encode(table, where, notes)
    inputs = {name: array[rows] for name, array in encoded.items()}
    known = {name: array[rows] for name, array in targets.items()}
    unseen: dict[str, Counter[str]] = {}
    labels = encoder
    if isinstance(encoder, SequenceEncoder):
        labels = encoder.labels
        table = encoder.rows(table, where)
        for tag in encoder.tags:
            unseen[tag.name] = Counter(unseen_tags(table, tag, where))
    assert isinstance(labels, TableEncoder)
    unseen |= _unseen_classes(labels, table, known, where)
    return _KnownPart(rows, known, weight[rows], model.answers(inputs), unseen, len(present))


def _joined(
    encoder: TableEncoder | SequenceEncoder,
    parts: list[_KnownPart],
    where: str,
    notes: Notes,
) -> Known:
    """All parts of a file as one; what is to be said of them."""
    fills = fills_of(encoder) if isinstance(encoder, SequenceEncoder) else {}
    target = join([part.target for part in parts], fills)
    answers = join([part.answers for part in parts], fills)
    rows = np.concatenate([part.rows for part in parts])
    weight = np.concatenate([part.weight for part in parts])
    if len(rows) and not weight.any():
        raise UserError(f"{where}: all {len(rows)} rows with a target have weight 0")
    n_rows = sum(part.n_rows for part in parts)
    if len(rows) < n_rows:
        notes.append(f"{where}: {n_rows - len(rows)} of {n_rows} rows lack a target, left out")
    unseen: dict[str, Counter[str]] = {}
    for part in parts:
        for name, counts in part.unseen.items():
            unseen.setdefault(name, Counter()).update(counts)
    found = {"rows": len(rows)}
    if n_unseen := sum(unseen_counts(target, class_sizes(encoder)).values()):
        found["unseen_classes"] = n_unseen
    if isinstance(encoder, SequenceEncoder):
        notes += _unseen_lines(encoder.labels, unseen, where)
        for tag in encoder.tags:
            n_steps = int((target[tag.name] >= len(tag.classes)).sum())
            if n_steps:
                found["unseen_tags"] = found.get("unseen_tags", 0) + n_steps
            notes += unseen_note(unseen[tag.name], tag, where)
    else:
        notes += _unseen_lines(encoder, unseen, where)
    return Known(found, Predicted(target, weight, answers), rows)


def _unseen_classes(
    encoder: TableEncoder, table: pa.Table, known: HostArrays, where: str
) -> dict[str, Counter[str]]:
    """{head of classes: {class that no training row has: rows}}, the commonest first."""
    unseen = {}
    for head in encoder.heads:
        if head.kind not in ("binary", "multiclass"):
            continue
        names = encoder.unseen_classes(table, head.name, where)
        n_unseen = np.bincount(known[head.name], minlength=len(head.classes) + len(names))
        count_k = n_unseen[len(head.classes) :].tolist()
        counts = {name: count for name, count in zip(names, count_k, strict=True) if count}
        unseen[head.name] = Counter(counts)
    return unseen


def _unseen_lines(
    encoder: TableEncoder, unseen: Mapping[str, Counter[str]], where: str
) -> list[str]:
    """A line for each target with classes that no training row has: their names and rows."""
    lines = []
    for head in encoder.heads:
        counts = unseen.get(head.name)
        if not counts:
            continue
        shown = [f"{name[:40]!r} ({count})" for name, count in counts.most_common(SHOWN)]
        if len(counts) > SHOWN:
            shown.append(f"{len(counts) - SHOWN} more classes")
        trained = ", ".join(repr(name[:40]) for name in head.classes[:SHOWN])
        lines.append(
            f"{where}: column {head.name!r}: rows of classes that no training row has: "
            f"{counts.total()}, {', '.join(shown)}; they count as wrong, log_loss and auc leave "
            f"them out; those of training are as {trained}"
        )
    return lines


def _weights(
    model: Predictor, table: pa.Table, where: str, echo: Callable[[str], None], notes: Notes
) -> np.ndarray:
    """What each row of a table, or sequence, counts for: 1 where there are no weights.

    Raises UserError.
    """
    options = model.config.data
    encoder = model.encoder
    if isinstance(options, Series) or options.weight is None:
        return np.ones(table.num_rows, np.float32)
    if options.weight not in table.column_names:
        echo(
            f"{where}: no column {options.weight!r}, the run's config.data.weight; rows count once"
        )
        return np.ones(table.num_rows, np.float32)
    if isinstance(options, Sequences):
        assert isinstance(encoder, SequenceEncoder)
        return sequence_weights(table, options, where, encoder.labels.weight_reading, notes)
    assert isinstance(encoder, TableEncoder)
    return row_weights(table, options, where, encoder.weight_reading, notes)


def _say_nothing(line: str) -> None:
    """Nobody hears it a second time."""

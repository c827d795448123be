"""Tags of steps as codes, and which of them may follow which. n rows, s steps of all, k tags.

Entities in IOB2: B-X begins one of kind X, I-X continues it, O is outside (Tjong Kim Sang &
Veenstra 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.dataset import Head
from train.data.sequences.steps import (
    StepText,
    column_error,
    column_of_lists,
    holds_lists,
    read_step_text,
    row_of_step,
)

NONE = -1  # beyond the end of a row, or of a row without tags
# Stand for tags that no training row has: nothing can answer them.
UNSEEN = ("B-(unseen)", "I-(unseen)")
FORBIDDEN = -1e9
SHOWN = 3  # unseen tags that a line names
# The share of training entities that may begin with I-X in a file that counts as IOB2.
MAX_BROKEN = 0.01


@dataclass(frozen=True)
class TagColumn:
    """A column of tags: those of the training rows, sorted, and whether they keep to IOB2."""

    name: str
    classes: tuple[str, ...]
    iob: bool

    @property
    def head(self) -> Head:
        """The output of the network that predicts it."""
        return Head(self.name, "tags", (self.name,), self.classes, len(self.classes))

    @property
    def labels(self) -> np.ndarray:
        """Tag of each code; the last two are of unseen ones."""
        return np.array([*self.classes, *UNSEEN], object)

    def encode(self, text: StepText) -> np.ndarray:
        """The code of each step's tag, int32 [s], NONE where it is missing."""
        code = {tag: place for place, tag in enumerate(self.classes)}
        k = len(self.classes)
        table = [code.get(tag, k if tag.startswith("B") else k + 1) for tag in text.values]
        return np.array([*table, NONE], np.int32)[text.codes]

    def decode(self, codes_nt: np.ndarray) -> np.ndarray:
        """Lists [n] of the tags of each row's steps; NONE, beyond its end, is left out."""
        labels = self.labels
        return column_of_lists([labels[codes[codes >= 0]].tolist() for codes in codes_nt])


def read_tags(
    table: pa.Table, column: TagColumn, lengths: np.ndarray, beside: str, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """(codes of all rows' steps [s], NONE in rows without tags; which rows have them [n]).

    Raises UserError unless a row has tags for all of its `lengths` [n] steps of the column
    `beside`.
    """
    if not holds_lists(table, column.name):
        kind = table.schema.field(column.name).type
        raise column_error(f"holds {kind}, expected a list of tags per row", column.name, where)
    mask_n = table.column(column.name).is_valid().to_numpy()
    text = read_step_text(table.filter(pa.array(mask_n)), column.name, where)
    found = np.full(len(lengths), -1)
    found[mask_n] = text.lengths
    differ = np.flatnonzero(mask_n & (found != lengths))
    if len(differ):
        row = differ[0]
        counts = f"row {row + 1} has {found[row]} tags for {lengths[row]} steps of {beside!r}"
        raise column_error(f"{counts}; expected one for each", column.name, where)
    missing = np.flatnonzero(text.codes < 0)
    if len(missing):
        row = np.flatnonzero(mask_n)[row_of_step(int(missing[0]), text.lengths)]
        lack = f"row {row + 1} lacks a tag at a step"
        raise column_error(f"{lack}; expected one for each", column.name, where)
    codes = np.full(int(lengths.sum()), NONE, np.int32)
    codes[np.repeat(mask_n, lengths)] = column.encode(text)
    return codes, mask_n


def unseen_tags(table: pa.Table, column: TagColumn, where: str) -> dict[str, int]:
    """{tag that no training row has: steps that have it}, the commonest first."""
    rows = table.column(column.name).is_valid()
    text = read_step_text(table.filter(rows), column.name, where)
    counts = np.bincount(text.codes[text.codes >= 0], minlength=len(text.values))
    found = {}
    for place in np.argsort(-counts, kind="stable"):
        if counts[place] and text.values[place] not in column.classes:
            found[text.values[place]] = int(counts[place])
    return found


def unseen_note(table: pa.Table, column: TagColumn, where: str) -> list[str]:
    """A line on the steps of a file whose tags no training row has, if there are any."""
    found = unseen_tags(table, column, where)
    if not found:
        return []
    shown = [f"{tag[:40]!r} ({count})" for tag, count in list(found.items())[:SHOWN]]
    if len(found) > SHOWN:
        shown.append(f"{len(found) - SHOWN} more tags")
    steps = f"{sum(found.values())} steps have a tag in {column.name!r} that no training row has"
    return [f"{where}: {steps}, and count as wrong: {', '.join(shown)}"]


def fit_tags(name: str, text: StepText) -> TagColumn:
    """The tags of these (training) rows."""
    occurring = np.unique(text.codes)
    classes = tuple(sorted(text.values[code] for code in occurring))
    return TagColumn(name, classes, _keeps_iob(text))


def _keeps_iob(text: StepText) -> bool:
    """Whether entities, but for a few, begin with B-X."""
    prefixes = {tag[:2] for tag in text.values} - {"O"}
    if not prefixes or not prefixes <= {"B-", "I-"}:
        return False
    kind = np.array([tag[2:] for tag in text.values], object)[text.codes]
    is_inside = np.array([tag.startswith("I-") for tag in text.values])[text.codes]
    is_outside = np.array([tag == "O" for tag in text.values])[text.codes]
    is_first = np.zeros(len(text.codes), bool)
    ends = np.cumsum(text.lengths)
    is_first[(ends - text.lengths)[text.lengths > 0]] = True
    goes_on = ~is_first & ~np.roll(is_outside, 1) & (kind == np.roll(kind, 1))
    n_broken = (is_inside & ~goes_on).sum()
    n_begun = (~is_inside & ~is_outside).sum()
    return bool(n_broken <= MAX_BROKEN * (n_broken + n_begun))


def transition_scores(classes: Sequence[str], iob: bool) -> tuple[np.ndarray, np.ndarray]:
    """(start [k], transition [k from, k to]), float32: 0 where a tag may stand, else FORBIDDEN.

    Without `iob` any tag may stand anywhere.
    """
    k = len(classes)
    start = np.zeros(k, np.float32)
    transition = np.zeros((k, k), np.float32)
    if not iob:
        return start, transition
    for to, tag in enumerate(classes):
        if tag.startswith("I-"):
            start[to] = FORBIDDEN
            allowed = [before != "O" and before[2:] == tag[2:] for before in classes]
            transition[~np.array(allowed), to] = FORBIDDEN
    return start, transition

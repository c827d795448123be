"""Tags of steps as codes, and which of them may follow which. n rows, s steps of all, k tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.dataset import Head
from train.data.number_words import counted
from train.data.sequences.schemes import allowed, odd_tags, scheme_of, scores
from train.data.sequences.steps import (
    StepText,
    column_error,
    column_of_lists,
    holds_lists,
    read_step_text,
    row_of_step,
    unlike_steps,
)

NONE = -1  # beyond the end of a row, or of a row without tags
# Stand for tags that no training row has: nothing can answer them.
UNSEEN = ("B-(unseen)", "I-(unseen)")
BEGIN = tuple("BSUW")  # the letters of tags that the first of them stands for
SHOWN = 3  # unseen tags that a line names


@dataclass(frozen=True)
class TagColumn:
    """A column of tags: those of the training rows, sorted, and the scheme that these keep to.

    `iob`: whether that is IOB2, which is all that a schema of 0.1.0 says.
    """

    name: str
    classes: tuple[str, ...]
    iob: bool
    scheme: str = ""

    @property
    def transitions(self) -> dict[str, np.ndarray]:
        """{"start" [k], "transition" [k from, k to]}: 0 where a tag may stand by the scheme.

        float32; and "end" [k] where not all tags may end a row.
        """
        scheme = self.scheme or ("IOB2" if self.iob else "")
        start_k, transition_kk, end_k = allowed(self.classes, scheme)
        ends = {} if end_k.all() else {"end": scores(end_k)}
        return {"start": scores(start_k), "transition": scores(transition_kk), **ends}

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
        table = [code.get(tag, k if tag[:1] in BEGIN else k + 1) for tag in text.values]
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
    if wrong := unlike_steps(mask_n, text.lengths, lengths, "tags", beside):
        raise column_error(wrong, column.name, where)
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


def unseen_note(found: Mapping[str, int], column: TagColumn, where: str) -> list[str]:
    """A line on the steps of a file with each of these tags, which no training row has, if any."""
    if not found:
        return []
    shown = [f"{tag[:40]!r} ({count})" for tag, count in list(found.items())[:SHOWN]]
    if len(found) > SHOWN:
        shown.append(f"{len(found) - SHOWN} more")
    n_steps = sum(found.values())
    steps = counted(n_steps, "step has", "steps have")
    steps += f" a tag in {column.name!r} that no training row has"
    count = "counts" if n_steps == 1 else "count"
    return [f"{where}: {steps}, and {count} as wrong: {', '.join(shown)}"]


def odd_tags_note(column: TagColumn, train: pa.Table, where: str) -> str:
    """A line on a few tags but for which all would mark entities by a scheme; "" without any."""
    if column.scheme or not (odd := odd_tags(read_step_text(train, column.name, where))):
        return ""
    shown = ", ".join(f"{tag[:40]!r} ({count})" for tag, count in list(odd.items())[:SHOWN])
    more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
    found = f"{shown}{more} begin as no tag of entities does, though nearly all others do"
    return (
        f"tags {column.name!r}: {found}, so no entities are scored; correct them if some are meant"
    )


def fit_tags(name: str, text: StepText) -> TagColumn:
    """The tags of these (training) rows."""
    occurring = np.unique(text.codes)
    classes = tuple(sorted(text.values[code] for code in occurring))
    scheme = scheme_of(text)
    return TagColumn(name, classes, scheme == "IOB2", scheme)

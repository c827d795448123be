"""The columns of sequences: which there are, what is answered, what is known of training rows.

f numbers of a step, o outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import pyarrow as pa

from train.config.sequence_recipe import Traits
from train.data.answer_names import AnswerNames, name_answers
from train.data.dataset import Head, HostArrays
from train.data.sequences.label_sets import LabelSet
from train.data.sequences.numbers import NumberSteps, all_units
from train.data.sequences.steps import holds_lists, padded_width
from train.data.sequences.tags import TagColumn
from train.data.sequences.text import Vocabulary
from train.data.sequences.written import Written
from train.data.table.encoder import TableEncoder

NEXT = "next"
# What rows are predicted together: up to so many times the mean length, and up to so many steps.
USUAL = 4
MIN_USUAL = 64


@dataclass(frozen=True)
class SequenceSchema:
    """The columns of sequences, and what is known of their training rows.

    `labels` encodes the targets that are one per sequence, `tags` and `step_numbers` those of each
    step; `next_kind` says what the next step's numbers are, if these are the target. `steps` is the
    mean length of training rows, `longest` their maximum. `scaling` is that of a step's numbers.
    `written` is how text columns of a row per step are written; None for a schema of 0.1.0, which
    did not keep it. `label_sets` are read as targets of `labels`, one for each label.
    """

    numbers: tuple[NumberSteps, ...]
    token: str | None
    vocabulary: Vocabulary
    labels: TableEncoder
    tags: tuple[TagColumn, ...]
    next_kind: Literal["", "numbers", "binary"] = ""
    id: str | None = None
    order: str | None = None
    steps: float = 1.0
    longest: int = 1
    scaling: Literal["standard", "none"] = "standard"
    written: tuple[Written, ...] | None = ()
    step_numbers: tuple[NumberSteps, ...] = ()
    label_sets: tuple[LabelSet, ...] = ()

    @property
    def heads(self) -> tuple[Head, ...]:
        """Labels, tags and numbers of steps, or the next step."""
        if self.next_kind:
            kind = "next_binary" if self.next_kind == "binary" else "next_numbers"
            return (Head(NEXT, kind, (NEXT,), (), self.n_numbers),)
        tags = (tag.head for tag in self.tags)
        return (*self.labels.heads, *tags, *(column.head for column in self.step_numbers))

    @property
    def n_numbers(self) -> int:
        """Numbers of a step, over all columns."""
        return len(all_units(self.numbers))

    @property
    def units(self) -> HostArrays:
        """{head of numbers: units [o] of its columns}."""
        units = dict(self.labels.units)
        for column in self.step_numbers:
            units[column.name] = all_units((column,))
        if self.next_kind == "numbers":
            units[NEXT] = all_units(self.numbers)
        return units

    @property
    def usual_width(self) -> int:
        """Steps that nearly all rows have room in: the longest, or a few times the mean."""
        usual = min(self.longest, max(ceil(USUAL * self.steps), MIN_USUAL))
        return padded_width(np.array([usual]))

    @property
    def input_names(self) -> tuple[str, ...]:
        """The columns that are read at every step."""
        names = tuple(column.name for column in self.numbers)
        return (*names, self.token) if self.token else names

    @property
    def target_names(self) -> tuple[str, ...]:
        """The columns of a file that are predicted; none where that is the next step."""
        of_sets = {column for label_set in self.label_sets for column in label_set.columns}
        labels = [column.name for column in self.labels.targets if column.name not in of_sets]
        steps = (column.name for column in (*self.label_sets, *self.tags, *self.step_numbers))
        return (*labels, *steps)

    def is_by_step(self, table: pa.Table) -> bool:
        """Whether a table has a row per step, as training had, and not a list per sequence."""
        if self.id is None or self.order is None:
            return False
        read = [name for name in self.input_names if name in table.column_names]
        return self.order in table.column_names or not all(holds_lists(table, n) for n in read)

    @property
    def step_names(self) -> tuple[str, ...]:
        """The columns that have a value at every step."""
        targets = (*self.tags, *self.step_numbers)
        return (*self.input_names, *(column.name for column in targets))

    @property
    def traits(self) -> Traits:
        """What the recipe goes by."""
        return Traits(
            longest=self.longest,
            tokens=self.token is not None,
            of_steps=bool(self.tags or self.step_numbers or self.next_kind),
            classes=all(head.kind in ("binary", "multiclass") for head in self.heads),
            numbers=self.n_numbers,
        )

    @property
    def answer_names(self) -> AnswerNames:
        """What the columns of answers are called."""
        columns = (*self.labels.targets, *self.tags, *self.step_numbers)
        targets = [column.name for column in columns]
        targets += [NEXT] if self.next_kind else []
        taken = ("row",) if self.id is None else ("row", self.id)
        probabilities = self.labels.answer_names.probabilities if self.labels.targets else ()
        return name_answers(targets if len(targets) > 1 else ["prediction"], probabilities, taken)

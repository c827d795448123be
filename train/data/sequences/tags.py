"""Tags of steps as codes, and which of them may follow which. n rows, t steps, k tags.

Entities in IOB2: B-X begins one of kind X, I-X continues it, O is outside (Tjong Kim Sang &
Veenstra 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.data.sequences.steps import StepText

NONE = -1  # beyond the end of a row, or of a row without tags
# Stand for tags that no training row has: nothing can answer them.
UNSEEN = ("B-(unseen)", "I-(unseen)")
FORBIDDEN = -1e9
# Of the entities in training rows may begin with I-X in a file that counts as IOB2.
MAX_BROKEN = 0.01


@dataclass(frozen=True)
class TagColumn:
    """A column of tags: those of the training rows, sorted, and whether they keep to IOB2."""

    name: str
    classes: tuple[str, ...]
    iob: bool

    @property
    def labels(self) -> np.ndarray:
        """Tag of each code; the last two are of unseen ones."""
        return np.array([*self.classes, *UNSEEN], object)

    def encode(self, text: StepText) -> np.ndarray:
        """int32 [s]."""
        code = {tag: place for place, tag in enumerate(self.classes)}
        k = len(self.classes)
        table = [code.get(tag, k if tag.startswith("B") else k + 1) for tag in text.values]
        return np.array([*table, NONE], np.int32)[text.codes]


def fit_tags(name: str, text: StepText) -> TagColumn:
    """The tags of these (training) rows."""
    occurring = np.unique(text.codes)
    classes = tuple(sorted(text.values[code] for code in occurring))
    return TagColumn(name, classes, _keeps_iob(text))


def _keeps_iob(text: StepText) -> bool:
    """Whether entities, but for a few, begin with B-X."""
    prefixes = {tag[:2] for tag in text.values} - {"O"}
    if (
        not prefixes
        or not prefixes <= {"B-", "I-"}
        or any(tag.startswith("O") and tag != "O" for tag in text.values)
    ):
        return False
    kind = np.array([tag[2:] for tag in text.values], object)[text.codes]
    inside = np.array([tag.startswith("I-") for tag in text.values])[text.codes]
    outside = np.array([tag == "O" for tag in text.values])[text.codes]
    starts_row = np.zeros(len(text.codes), bool)
    ends = np.cumsum(text.lengths)
    starts_row[(ends - text.lengths)[text.lengths > 0]] = True
    before_kind = np.roll(kind, 1)
    before_outside = np.roll(outside, 1)
    broken = inside & (starts_row | before_outside | (kind != before_kind))
    begun = ~inside & ~outside
    return bool(broken.sum() <= MAX_BROKEN * (broken.sum() + begun.sum()))


def transition_scores(classes: Sequence[str], iob: bool) -> tuple[np.ndarray, np.ndarray]:
    """(start [k], transition [k from, k to]), float32: 0 where a tag may stand, FORBIDDEN where
    IOB2 has it not.
    """
    k = len(classes)
    start = np.zeros(k, np.float32)
    transition = np.zeros((k, k), np.float32)
    for to, tag in enumerate(classes) if iob else ():
        if tag.startswith("I-"):
            start[to] = FORBIDDEN
            allowed = [before != "O" and before[2:] == tag[2:] for before in classes]
            transition[~np.array(allowed), to] = FORBIDDEN
    return start, transition

"""Whether the whole numbers of a target are labels of classes, and the line that says so. n rows.

scikit-learn takes all whole numbers of a target for classes, AutoGluon those of few different
values; here they are where they look like labels: two of them, or few from -1, 0 or 1 on.
"""

from __future__ import annotations

import numpy as np

MAX_CLASSES = 20
MIN_PER_CLASS = 5  # rows of each class, but of one where there are many rows
ROWS_PER_CLASS = 10  # for each of few values, below which they may be few by chance
FEW_PER_CLASS = 2  # the same of whole numbers, which are labels more often


def are_labels(known: np.ndarray) -> bool:
    """Whether numbers [n] look like labels.

    They are two whole numbers, or at most MAX_CLASSES from -1, 0 or 1 on of which less than half of
    a range is left out, and each often; one may be rare.
    """
    distinct, counts = np.unique(known, return_counts=True)
    if not 2 <= len(distinct) <= MAX_CLASSES or np.any(distinct % 1):
        return False
    if len(distinct) == 2:
        return True
    if distinct[0] not in (-1, 0, 1) or distinct[-1] - distinct[0] >= 2 * len(distinct):
        return False
    n_rare = int((counts < MIN_PER_CLASS).sum())
    return n_rare == 0 or (n_rare == 1 and len(known) >= ROWS_PER_CLASS * len(distinct))


def class_note(name: str, labels: tuple[str, ...]) -> str:
    """What is said of a target of numbers that is read as classes."""
    low = labels[0]
    high = labels[-1]
    are_all = int(high) - int(low) == len(labels) - 1
    held = "the" if are_all else f"{len(labels)} of the"
    reading = f"holds {held} integers {low} to {high} and is read as {len(labels)} classes"
    return f"target {name!r} {reading}; config.loss=mse, or config.data.numeric, makes it a number"


def number_note(name: str, known: np.ndarray) -> str:
    """What is said of a target of few different values that is read as a number; "" of many."""
    distinct = np.unique(known)
    least = ROWS_PER_CLASS if np.any(distinct % 1) else FEW_PER_CLASS
    if len(distinct) > MAX_CLASSES or len(known) < least * len(distinct):
        return ""
    ends = f"{len(distinct)} different numbers, {distinct[0]:g} to {distinct[-1]:g},"
    reading = f"holds {ends} and is read as a number"
    advice = "config.loss=categorical_crossentropy, or config.data.categorical, makes them classes"
    return f"target {name!r} {reading}; {advice}"

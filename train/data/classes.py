"""Classes that are rare or in no training row: codes of the latter, and what is said of both.

Training rows decide which classes a net knows. A class that only other rows hold has a code behind
all of them: no answer can be it, so such a row counts as wrong. k classes, n rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from train.data.dataset import Encoder, HostArrays
from train.data.split import PARTS

SHOWN = 3  # classes that a note names


def class_sizes(encoder: Encoder) -> dict[str, int]:
    """{head that answers a class for each row: how many it knows}."""
    sizes = {}
    for head in encoder.heads:
        if head.kind in ("binary", "multiclass"):
            sizes[head.name] = len(head.classes)
    return sizes


def unseen_counts(targets: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> dict[str, int]:
    """{head of `sizes` classes: rows of a class that no training row has}, where there are any."""
    found = {}
    for name, k in sizes.items():
        n_unseen = int((targets[name] >= k).sum())
        if n_unseen:
            found[name] = n_unseen
    return found


def class_notes(
    where: str,
    head: str,
    codes_n: np.ndarray,
    names: Sequence[str],
    n_known: int,
    splits: Mapping[str, np.ndarray],
) -> list[str]:
    """What the user should know of a file's rare classes, a line each for known ones and others.

    `names` are those of all codes, of which the first `n_known` are in training rows; `splits` say
    which of the rows `codes_n` are where. A row whose target is no label has -1, and is none's.
    """
    counts = {}
    for split in PARTS:
        rows = splits.get(split, np.zeros(0, np.int32))
        if len(rows):
            own_n = codes_n[rows]
            counts[split] = np.bincount(own_n[own_n >= 0], minlength=len(names))
    total_k = np.sum(list(counts.values()), axis=0)
    place_k = np.arange(len(names))
    rare = np.flatnonzero((total_k > 0) & (total_k < len(counts)) & (place_k < n_known))
    unseen = np.flatnonzero((total_k > 0) & (place_k >= n_known))
    notes = []
    about = f"{where}: target {head!r}"
    if len(rare):
        notes.append(f"{about}: too few rows for every split: {_listed(rare, names, counts)}")
    if len(unseen):
        shown = _listed(unseen, names, counts)
        notes.append(
            f"{about}: in no training row: {shown}; such rows count as wrong, log_loss and auc "
            "leave them out, their target is null in predictions.parquet"
        )
    return notes


def _listed(classes: np.ndarray, names: Sequence[str], counts: HostArrays) -> str:
    """Some classes by their names, with their rows in each split."""
    shown = []
    for k in classes[:SHOWN]:
        places = [f"{count_k[k]} {split}" for split, count_k in counts.items() if count_k[k]]
        shown.append(f"{names[k]!r} ({', '.join(places)})")
    if len(classes) > SHOWN:
        shown.append(f"{len(classes) - SHOWN} more classes")
    return ", ".join(shown)

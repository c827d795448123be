"""Which training rows are scored, or shown to baselines, at the end: all, or of very many some."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Dataset

SCORED_NUMBERS = 1 << 22  # that training rows are scored on at most: their error is known well then


def rows_to_score(dataset: Dataset, seed: int) -> np.ndarray:
    """The numbers of all training rows, or of as many as have SCORED_NUMBERS answers, in order.

    A row has as many answers as numbers are predicted or known of it. The sample depends on the
    rows and the seed alone.
    """
    rows = dataset.splits["train"]
    if not len(rows):
        return rows
    target = dataset.take(dataset.arrays, rows[:1]).target
    n_known = sum(array.size for array in target.values())
    n_predicted = sum(head.size for head in dataset.heads)
    most = max(SCORED_NUMBERS // max(n_known, n_predicted, 1), 1)
    if len(rows) <= most:
        return rows
    places = np.random.default_rng(seed).choice(len(rows), most, replace=False)
    return rows[np.sort(places)]


def scored_rows(dataset: Dataset, split: str, seed: int) -> np.ndarray:
    """The numbers of the rows of a split that are scored: all, but of very many training rows."""
    return rows_to_score(dataset, seed) if split == "train" else dataset.splits[split]


def sample_in_words(n_scored: int, n_rows: int) -> str:
    """What the scores of the training rows are of."""
    return (
        f"the scores of the training rows are those of {n_scored:,} of them, "
        f"drawn by config.seed from {n_rows:,}"
    )


def part_in_words(fitted_on: Mapping[str, int], n_rows: int) -> str:
    """What baselines were fitted on that did not see every training row."""
    parts = [f"{name} on {n_seen:,}" for name, n_seen in fitted_on.items()]
    return f"baselines are fitted on some of the {n_rows:,} training rows: {', '.join(parts)}"

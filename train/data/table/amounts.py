"""Targets that are amounts with far tails, of which the share that an answer is wrong by counts.

n training rows.
"""

from __future__ import annotations

import numpy as np

from train.data.dataset import Dataset

MIN_REACH = 8.0  # `docs/table_rules.md`, "Amounts with far tails"
MAX_ROWS = 2_000  # that train or validate: of more the gain was not measured
SHARE = 0.01  # of the rows, that lie beyond
NOTE = (
    "target {name!r}: a hundredth of its values, all above 0, lies beyond {reach:.3g} times its "
    "median: config.loss is gamma, for which errors count by their share of the amount; "
    "config.loss=mse takes them as they are"
)


def reach_of(value_n: np.ndarray) -> float:
    """How many times its median what a hundredth of the values lies beyond is, 0 of others.

    Others are those that are not all above 0.
    """
    if not len(value_n) or not value_n.min() > 0:
        return 0.0
    median, far = np.quantile(value_n.astype(np.float64), (0.5, 1 - SHARE))
    return float(far / median)


def amounts_note(dataset: Dataset) -> str | None:
    """What a run says where config.loss="auto" is gamma: of one target, whose tails are far."""
    heads = dataset.encoder.heads
    if len(heads) != 1 or heads[0].kind != "regression" or heads[0].size != 1:
        return None
    value_n, validating_n = (_targets(dataset, part) for part in ("train", "valid"))
    reach = reach_of(value_n)
    # What validates one net may train another.
    if reach < MIN_REACH or not (validating_n > 0).all():
        return None
    return NOTE.format(name=heads[0].columns[0], reach=reach)


def _targets(dataset: Dataset, part: str) -> np.ndarray:
    """The only target of a split's rows [n], in its unit."""
    rows = dataset.take(dataset.arrays, dataset.splits[part])
    return dataset.encoder.to_units(rows.target)[dataset.encoder.heads[0].name][:, 0]

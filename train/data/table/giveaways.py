"""What makes scores look better than answers to new rows will be: said, and left as it is.

Features that tell the target exactly, and test rows that trained too. n rows, f number inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Batch, HostArrays
from train.data.table.encoder import TableEncoder

MIN_ROWS = 20  # of training, below which chance can do it
ROWS_PER_LEVEL = 5  # of each category on average, in which all rows have one class
EXACT = 1e-5  # of the target's variance: what a rounded copy leaves
MAX_ROWS = 1 << 18
MAX_CELLS = 1 << 24
REPEATED_SHARE = 0.01  # of the test rows


def giveaway_notes(
    encoder: TableEncoder,
    pool: Batch[np.ndarray],
    splits: Mapping[str, np.ndarray],
    n_train: int | None = None,
) -> list[str]:
    """Lines on features that tell the target in all training rows, and on rows that repeat.

    `n_train` are all training rows where those of the pool are a sample of them.
    """
    n = len(splits["train"])
    those = "the training rows"
    if n < (n_train or n):
        those = f"{n:,} of {n_train:,} training rows"
    return [
        *_telling_notes(encoder, pool, splits["train"], those),
        *_repeat_notes(pool, splits, those),
    ]


def _telling_notes(
    encoder: TableEncoder, pool: Batch[np.ndarray], train_rows: np.ndarray, those: str
) -> list[str]:
    rows = train_rows[:MAX_ROWS]
    if len(rows) < MIN_ROWS:
        return []
    told: dict[str, str] = {}
    for head in encoder.heads:
        target = pool.target.get(head.name)
        if target is None:
            continue
        if head.kind == "regression":
            for place, name in enumerate(head.columns):
                for column in _linear(encoder, pool.inputs, target[rows, place], rows):
                    told.setdefault(column, name)
        elif head.kind in ("binary", "multiclass"):
            for column in _pure(encoder, pool.inputs, target[rows], rows):
                told.setdefault(column, head.name)
    return [
        f"column {column!r} tells the target {name!r} exactly in all {those.removeprefix('the ')}; "
        f"if new rows will not have it, config.data.ignore={column} leaves it out"
        for column, name in told.items()
    ]


def _linear(
    encoder: TableEncoder, inputs: HostArrays, target_n: np.ndarray, rows: np.ndarray
) -> list[str]:
    """The columns of numbers that are the target, times a number and plus another."""
    if "numbers" not in inputs or len(rows) * inputs["numbers"].shape[1] > MAX_CELLS:
        return []
    x_nf = inputs["numbers"][rows].astype(np.float64)
    there_nf = ~np.isnan(x_nf)
    x_nf[~there_nf] = 0
    t_n = target_n.astype(np.float64)
    n_f = there_nf.sum(0)
    few_f = n_f < MIN_ROWS
    n_f = np.maximum(n_f, 1)
    mean_f = x_nf.sum(0) / n_f
    target_mean_f = t_n @ there_nf / n_f
    x_variance_f = (x_nf**2).sum(0) / n_f - mean_f**2
    t_variance_f = t_n**2 @ there_nf / n_f - target_mean_f**2
    covariance_f = t_n @ x_nf / n_f - mean_f * target_mean_f
    with np.errstate(divide="ignore", invalid="ignore"):
        left_f = 1 - covariance_f**2 / (x_variance_f * t_variance_f)
    places = {int(i) for i in np.flatnonzero((left_f < EXACT) & ~few_f)}
    return [
        name
        for name, (key, own) in encoder.places().items()
        if key == "numbers" and own and own[0] in places
    ]


def _pure(
    encoder: TableEncoder, inputs: HostArrays, class_n: np.ndarray, rows: np.ndarray
) -> list[str]:
    """The columns of categories, or of few numbers, each of which goes with one class."""
    found = []
    for name, (key, places) in encoder.places().items():
        cells = inputs[key][rows, places[0]]
        if key == "numbers" and np.isnan(cells[:MIN_ROWS]).any():
            continue
        # Mostly a few rows suffice to see that a column tells nothing.
        for part in (slice(0, 64), slice(None)):
            levels, level_n = np.unique(cells[part], return_inverse=True)
            low = np.full(len(levels), np.iinfo(np.int32).max)
            high = np.full(len(levels), -1)
            np.minimum.at(low, level_n, class_n[part])
            np.maximum.at(high, level_n, class_n[part])
            is_pure = bool((low == high).all())
            if not is_pure:
                break
        if is_pure and 2 <= len(levels) <= len(rows) / ROWS_PER_LEVEL:
            found.append(name)
    return found


def _repeat_notes(
    pool: Batch[np.ndarray], splits: Mapping[str, np.ndarray], those: str
) -> list[str]:
    """A line on test rows that stand among the training rows too, where those mostly differ."""
    train, test = splits["train"], splits.get("test", np.zeros(0, np.int32))
    arrays = [*pool.inputs.values(), *pool.target.values()]
    n = len(train) + len(test)
    width = sum(array[0].nbytes for array in arrays if len(array))
    if not len(test) or n > MAX_ROWS or n * width > 4 * MAX_CELLS or "numbers" not in pool.inputs:
        return []
    seen = _as_bytes(arrays, train)
    if 2 * len(set(seen)) < len(seen):  # few values, of which rows are alike by nature
        return []
    known = set(seen)
    n_repeated = sum(row in known for row in _as_bytes(arrays, test))
    if n_repeated < max(2, REPEATED_SHARE * len(test)):
        return []
    found = f"{n_repeated:,} of {len(test):,} test rows stand among {those} too"
    return [f"{found}, which flatters their scores; leave copies out of the file"]


def _as_bytes(arrays: list[np.ndarray], rows: np.ndarray) -> list[bytes]:
    """Each of these rows as bytes."""
    parts = [np.ascontiguousarray(array[rows]).reshape(len(rows), -1) for array in arrays]
    joined = np.concatenate([part.view(np.uint8) for part in parts], axis=1)
    return [row.tobytes() for row in joined]

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
SCREENED = 256  # rows by which most columns are seen to be no order of the target
SCREENED_LEFT = 1e-3
MAX_ROWS = 1 << 18
MAX_CELLS = 1 << 24
REPEATED_SHARE = 0.01  # of the test rows
# Of test rows whose inputs stand among the training rows: how many of those that chance would not
# give the target of such a row must have it, to be copies. Inputs of few values meet by nature.
COPIED_SHARE = 0.8
MEASURED_SHARE = 0.75  # of training rows: values of a column, of which two are not alike by nature


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
                target_n = target[rows, place]
                for column in _linear(encoder, pool.inputs, target_n, rows):
                    told.setdefault(column, f"{name!r} exactly")
                for column in _ordered(encoder, pool.inputs, target_n, rows):
                    told.setdefault(column, f"{name!r} by its order")
        elif head.kind in ("binary", "multiclass"):
            for find in (_pure, _parted):
                for column in find(encoder, pool.inputs, target[rows], rows):
                    told.setdefault(column, f"{head.name!r} exactly")
    return [
        f"column {column!r} tells the target {what} in all {those.removeprefix('the ')}; "
        f"if new rows will not have it, config.data.ignore={column} leaves it out"
        for column, what in told.items()
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
    return _named(encoder, np.flatnonzero((left_f < EXACT) & ~few_f))


def _named(encoder: TableEncoder, places: np.ndarray) -> list[str]:
    """The columns of numbers at these places."""
    found = set(places.tolist())
    return [
        name
        for name, (key, own) in encoder.places().items()
        if key == "numbers" and own and own[0] in found
    ]


def _ordered(
    encoder: TableEncoder, inputs: HostArrays, target_n: np.ndarray, rows: np.ndarray
) -> list[str]:
    """The columns of numbers that order the rows as the target does, such as its logarithm."""
    if "numbers" not in inputs or len(rows) * inputs["numbers"].shape[1] > MAX_CELLS:
        return []
    x_nf = inputs["numbers"][rows]
    places = []
    for place in range(x_nf.shape[1]):
        known = np.flatnonzero(~np.isnan(x_nf[:, place]))
        # Mostly a few rows suffice to see that a column tells nothing.
        for part, allowed in ((known[:SCREENED], SCREENED_LEFT), (known, EXACT)):
            if len(part) < MIN_ROWS or _unordered(x_nf[part, place], target_n[part]) > allowed:
                break
        else:
            places.append(place)
    return _named(encoder, np.array(places, int))


def _unordered(x_n: np.ndarray, target_n: np.ndarray) -> float:
    """The share of one's ranks' variance that the other's leave: 1 where either is constant."""
    ranks = []
    for values in (x_n, target_n):
        _, place_n, count_k = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count_k) - (count_k - 1) / 2)[place_n])
    ranks_2n = np.array(ranks) - (len(x_n) + 1) / 2
    product = float((ranks_2n**2).sum(1).prod())
    return 1 - float(ranks_2n[0] @ ranks_2n[1]) ** 2 / product if product else 1.0


def _parted(
    encoder: TableEncoder, inputs: HostArrays, class_n: np.ndarray, rows: np.ndarray
) -> list[str]:
    """The columns of numbers in which each class has a range of its own; gaps are below all."""
    if "numbers" not in inputs or len(rows) * inputs["numbers"].shape[1] > MAX_CELLS:
        return []
    x_nf = np.nan_to_num(inputs["numbers"][rows], nan=-np.inf)
    classes, count_k = np.unique(class_n, return_counts=True)
    if len(classes) < 2 or count_k.min() < ROWS_PER_LEVEL:
        return []
    low_kf = np.array([x_nf[class_n == k].min(0) for k in classes])
    high_kf = np.array([x_nf[class_n == k].max(0) for k in classes])
    order_kf = np.argsort(low_kf, axis=0)
    low_kf = np.take_along_axis(low_kf, order_kf, 0)
    high_kf = np.take_along_axis(high_kf, order_kf, 0)
    return _named(encoder, np.flatnonzero((high_kf[:-1] < low_kf[1:]).all(0)))


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
    n_repeated = _n_copies(pool, train, test, set(seen))
    if not n_repeated:
        return []
    found = f"{n_repeated:,} of {len(test):,} test rows stand among {those} too"
    return [f"{found}, which flatters their scores; leave copies out of the file"]


def _n_copies(
    pool: Batch[np.ndarray], train: np.ndarray, test: np.ndarray, known: set[bytes]
) -> int:
    """How many test rows stand among training rows, the `known`; 0 if few, or alike by nature."""
    inputs_of = _as_bytes([*pool.inputs.values()], test)
    known_inputs = set(_as_bytes([*pool.inputs.values()], train))
    met = [row for row, inputs in enumerate(inputs_of) if inputs in known_inputs]
    least = max(2, REPEATED_SHARE * len(test))
    if not pool.target:
        return len(met) if len(met) >= least else 0
    targets_of = _as_bytes([*pool.target.values()], test)
    n_copied = sum(inputs_of[row] + targets_of[row] in known for row in met)
    if n_copied >= least and _are_measured(pool.inputs["numbers"][train]):
        return n_copied
    shuffled = np.random.default_rng(0).permutation(len(test))
    n_by_chance = sum(inputs_of[row] + targets_of[shuffled[row]] in known for row in met)
    least = max(least, COPIED_SHARE * (len(met) - n_by_chance))
    return n_copied if n_copied - n_by_chance >= least else 0


def _are_measured(numbers_nf: np.ndarray) -> bool:
    """Whether some column has nearly as many values as rows."""
    least = MEASURED_SHARE * len(numbers_nf)
    return any(len(np.unique(column_n)) >= least for column_n in numbers_nf.T)


def _as_bytes(arrays: list[np.ndarray], rows: np.ndarray) -> list[bytes]:
    """Each of these rows as bytes."""
    parts = [np.ascontiguousarray(array[rows]).reshape(len(rows), -1) for array in arrays]
    joined = np.concatenate([part.view(np.uint8) for part in parts], axis=1)
    return [row.tobytes() for row in joined]

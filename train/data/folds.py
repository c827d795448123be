"""Training rows divided into folds: each validates once while others train. n rows, g groups."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from train.errors import UserError

Fold: TypeAlias = tuple[np.ndarray, np.ndarray]  # rows that train, rows that validate


def fold_rows(
    n: int, folds: int, *, kind: str, seed: int, by: np.ndarray | None = None
) -> list[Fold]:
    """`folds` pairs of ascending places within 0..n-1, a function of the seed.

    "random" and "stratified" (each class of `by` [n] spread evenly) and "group" (no group of `by`
    in two folds, the largest first to the smallest fold): a fold validates, all others train.
    "time": the rows in order of `by`, or as they stand, are cut into folds + 1 blocks; fold i
    validates on block i + 1 and trains on those before it, as scikit-learn's TimeSeriesSplit.
    Raises UserError where a fold would be empty.
    """
    blocks = folds + (kind == "time")
    if blocks > n:
        raise UserError(f"config.population.folds: {folds} folds of {n} rows; ask for fewer")
    random = np.random.default_rng(seed)
    if kind == "time":
        order = np.arange(n) if by is None else np.argsort(by, kind="stable")
        parts = np.array_split(order, blocks)
        found = []
        for i in range(folds):
            found.append((np.sort(np.concatenate(parts[: i + 1])), np.sort(parts[i + 1])))
        return found
    if kind == "group":
        assert by is not None
        fold_n = _by_group(by, folds, random)
    elif kind == "stratified":
        assert by is not None
        fold_n = _by_class(by, folds, random)
    else:
        fold_n = np.empty(n, np.int64)
        fold_n[random.permutation(n)] = np.arange(n) % folds
    found = []
    for fold in range(folds):
        found.append((np.flatnonzero(fold_n != fold), np.flatnonzero(fold_n == fold)))
    return found


def _by_class(labels: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """The fold of each row [n]: the rows of each class in random order, dealt out in turns."""
    classes, code_n = np.unique(labels, return_inverse=True)
    shuffled = [random.permutation(np.flatnonzero(code_n == k)) for k in range(len(classes))]
    order = np.concatenate(shuffled)
    fold_n = np.empty(len(labels), np.int64)
    fold_n[order] = np.arange(len(labels)) % folds
    return fold_n


def _by_group(groups: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """The fold of each row [n]: the largest group first, each to the fold with the fewest rows."""
    names, code_n, size_g = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < folds:
        what = f"{folds} folds, but the training and validation rows have {len(names)} groups"
        raise UserError(f"config.population.folds: {what}; ask for at most {len(names)}")
    shuffled = random.permutation(len(names))
    filled = np.zeros(folds, np.int64)
    fold_g = np.empty(len(names), np.int64)
    for group in shuffled[np.argsort(-size_g[shuffled], kind="stable")]:
        fold_g[group] = filled.argmin()
        filled[fold_g[group]] += size_g[group]
    return fold_g[code_n]


def fold_windows(
    starts_n: np.ndarray, firsts_g: np.ndarray, folds: int, *, lookback: int, horizon: int
) -> list[Fold]:
    """Pairs of places within the windows that begin at `starts_n`: folds by time, series by series.

    The rows that windows predict are cut into folds + 1 blocks. Fold i validates on windows that
    predict within block i + 1 alone, and trains on those that predict rows before it alone: a
    window across a cut is in neither.
    """
    _, group_n = np.unique(np.searchsorted(firsts_g, starts_n, side="right"), return_inverse=True)
    begin_n = starts_n.astype(np.int64) + lookback
    end_n = begin_n + horizon
    cuts_cg = _cuts_by_time(group_n, begin_n, end_n, folds + 1)
    block_n = np.full(len(starts_n), -1)
    for cut_g in cuts_cg:
        block_n += cut_g[group_n] <= begin_n
    is_whole_n = end_n <= cuts_cg[np.minimum(block_n + 1, folds + 1), group_n]
    found = []
    for fold in range(folds):
        train = np.flatnonzero(end_n <= cuts_cg[fold + 1, group_n])
        valid = np.flatnonzero((block_n == fold + 1) & is_whole_n)
        if not len(train) or not len(valid):
            what = f"{folds} folds of {len(starts_n)} windows leave fold {fold + 1} without"
            missing = "training" if not len(train) else "validation"
            raise UserError(f"config.population.folds: {what} {missing} windows; ask for fewer")
        found.append((train, valid))
    return found


def _cuts_by_time(
    group_n: np.ndarray, begin_n: np.ndarray, end_n: np.ndarray, n_blocks: int
) -> np.ndarray:
    """The rows that cut what the windows of each group predict into blocks [n_blocks + 1, g]."""
    low_g = np.full(group_n.max() + 1, begin_n.max())
    high_g = np.zeros_like(low_g)
    np.minimum.at(low_g, group_n, begin_n)
    np.maximum.at(high_g, group_n, end_n)
    return np.linspace(low_g, high_g, n_blocks + 1).round().astype(np.int64)

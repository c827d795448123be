"""Which rows train, validate and test: int32, ascending, and a function of the seed.

n rows, k classes, p parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from train.config.bounded import resolved
from train.config.data_options import Sequences, Table
from train.errors import UserError

PARTS = ("train", "valid", "test")


def split_as_asked(
    n: int,
    options: Table | Sequences,
    classes: Sequence[np.ndarray],
    *,
    labels: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """What `split_rows` gives for the options of data; a split with a file of its own is empty."""
    return split_rows(
        n,
        0 if options.valid_path else resolved(options.valid),
        0 if options.test_path else options.test,
        kind=options.split,
        seed=options.split_seed,
        labels=labels,
        classes=classes,
        groups=groups,
        times=times,
    )


def split_rows(
    n: int,
    valid: float,
    test: float,
    *,
    kind: Literal["random", "stratified", "time", "group"],
    seed: int,
    labels: np.ndarray | None = None,
    classes: Sequence[np.ndarray] = (),
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Divides the rows 0..n-1 into "train", "valid" and "test".

    `valid` and `test` are shares of the rows if below 1, otherwise numbers of rows; a share above 0
    is a row at least. "stratified": each of the `labels` [n] has its share of each part, to less
    than one row; of numbers, which are not among `classes`, each must have a row for each part. Of
    both "random" and "stratified", a class of the targets `classes` [n each] that
    would have no row to train on gets one, as far as training rows go: a class of one row trains.
    "time": oldest rows train, newest test, by `times` [n] or by position; equal times
    keep their order. "group": no group of `groups` [n] is in two parts, and a part holds at most as
    many rows as asked for, unless its one group is larger. Raises UserError if the parts cannot be
    made.
    """
    if n < 2:
        found = f"{n or 'no'} row{'s' * (n != 1)} with a target"
        raise UserError(f"config.data.path: {found}: at least two are needed")
    counts = _counts(valid, test, n)
    random = np.random.default_rng(seed)
    if kind == "group":
        part_n = _by_group(_required(groups, "group"), counts, random)
    elif kind == "stratified":
        labels = _required(labels, "stratified")
        part_n = _by_class(labels, counts, random, may_be_rare=len(classes) > 0)
    else:
        part_n = np.empty(n, np.int8)
        oldest_first = np.arange(n) if times is None else np.argsort(times, kind="stable")
        order = oldest_first if kind == "time" else random.permutation(n)
        part_n[order] = np.repeat(np.arange(3), counts)
    if kind in ("random", "stratified"):
        part_n = _with_every_class(part_n, classes, random)
    splits = {}
    for part, name in enumerate(PARTS):
        splits[name] = np.flatnonzero(part_n == part).astype(np.int32)
    return splits


def _counts(valid: float, test: float, n: int) -> np.ndarray:
    """How many rows train, validate and test [3]. Raises UserError if none would train."""
    n_valid = _count("config.data.valid", valid, n)
    n_test = _count("config.data.test", test, n)
    n_train = n - n_valid - n_test
    if n_train < 1:
        asked = f"config.data.valid, config.data.test: {n_valid} and {n_test} rows"
        raise UserError(f"{asked} leave none of {n} for training; ask for fewer")
    return np.array([n_train, n_valid, n_test])


def _count(field: str, asked: float, n: int) -> int:
    if asked < 1:
        return max(round(asked * n), 1) if asked > 0 else 0
    if asked != int(asked):
        raise UserError(f"{field}: expected a share below 1 or a whole number of rows, got {asked}")
    if asked > n:
        raise UserError(f"{field}: asks for {int(asked)} rows of the {n} there are; ask for fewer")
    return int(asked)


def _required(values: np.ndarray | None, kind: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"split_rows: kind={kind!r} needs its values")
    return values


def _by_class(
    labels: np.ndarray, counts: np.ndarray, random: np.random.Generator, *, may_be_rare: bool
) -> np.ndarray:
    """The part of each row [n], with the classes' shares of `_class_counts`.

    Raises UserError where a class has fewer rows than there are parts, unless it `may_be_rare`.
    """
    classes, code_n, size_k = np.unique(labels, return_inverse=True, return_counts=True)
    used = np.flatnonzero(counts)
    if size_k.min() < len(used) and not may_be_rare:
        rare = classes[size_k.argmin()]
        size = size_k.min()
        needs = f"stratified needs {len(used)} rows of each class, one for each part"
        raise UserError(
            f"config.data.split: {needs}, but {str(rare)!r} has {size}; "
            "leave it out, or set config.data.split=random"
        )
    shares_kp = _class_counts(size_k, counts)
    part_n = np.empty(len(labels), np.int8)
    for k in range(len(classes)):
        rows = random.permutation(np.flatnonzero(code_n == k))
        part_n[rows] = np.repeat(np.arange(3), shares_kp[k])
    return part_n


def _with_every_class(
    part_n: np.ndarray, classes: Sequence[np.ndarray], random: np.random.Generator
) -> np.ndarray:
    """Splits of the same sizes, each class with a training row while it has any.

    Such a row changes places with a training row that is not the only one kept for its class.
    """
    part_n = part_n.copy()
    for labels in classes:
        _, code_n = np.unique(labels, return_inverse=True)
        trains_k = np.bincount(code_n, part_n == 0) > 0
        row_n = random.permutation(len(part_n)) if not trains_k.all() else np.arange(0)
        _, first = np.unique(code_n[row_n], return_index=True)
        wanted = row_n[first][~trains_k[code_n[row_n[first]]]]
        spare = random.permutation(_spare_rows(part_n, classes)) if len(wanted) else wanted
        n = min(len(wanted), len(spare))
        part_n[spare[:n]] = part_n[wanted[:n]]
        part_n[wanted[:n]] = 0
    return part_n


def _spare_rows(part_n: np.ndarray, classes: Sequence[np.ndarray]) -> np.ndarray:
    """The training rows but for one of each class of each target."""
    rows = np.flatnonzero(part_n == 0)
    kept = [np.unique(labels[rows], return_index=True)[1] for labels in classes]
    return np.delete(rows, np.unique(np.concatenate(kept)))


def _class_counts(size_k: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rows of each class in each part, int [k, p], of the sums `size_k` and `counts`.

    They are the classes' exact shares, each rounded down or up. Such a table always exists
    (controlled rounding, Cox, JASA 82, 1987) and is a vertex of the transportation problem below.
    As many classes as can be have a row to train on.
    """
    from scipy.optimize import linprog
    from scipy.sparse import hstack, identity, kron, vstack

    share_kp = np.outer(size_k, counts / counts.sum())
    floor_kp = np.floor(share_kp + 1e-9)
    fraction_kp = np.clip(share_kp - floor_kp, 0, None)
    k, p = share_kp.shape
    sums = vstack([kron(identity(k), np.ones((1, p))), hstack([identity(p)] * k)])
    wanted = np.concatenate([size_k - floor_kp.sum(1), counts - floor_kp.sum(0)])
    # Up first where most is lost by rounding down, but before that a class's only training row.
    gain_kp = fraction_kp.copy()
    gain_kp[:, 0] += k * p * (floor_kp[:, 0] == 0)
    bounds = np.stack([np.zeros(k * p), fraction_kp.ravel() > 1e-9], axis=1)
    found = linprog(-gain_kp.ravel(), A_eq=sums, b_eq=wanted, bounds=bounds, method="highs-ds")
    return (floor_kp + np.rint(found.x.reshape(k, p))).astype(int)


def _by_group(groups: np.ndarray, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The part of each row [n]: groups in random order go to test, or to valid, if they fit.

    All others train; a part that stays empty is given the smallest group of another.
    """
    names, code_n, size_g = np.unique(groups, return_inverse=True, return_counts=True)
    used = np.flatnonzero(counts)
    if len(names) < len(used):
        few = f"{len(names)} groups cannot fill {len(used)} parts"
        raise UserError(f"config.data.group: {few}; set config.data.valid or config.data.test to 0")
    room = counts.copy()
    part_g = np.zeros(len(names), np.int8)
    for group in random.permutation(len(names)):
        for part in (2, 1):
            if size_g[group] <= room[part]:
                part_g[group] = part
                break
        room[part_g[group]] -= size_g[group]
    for part in used[::-1]:
        if not (part_g == part).any():
            donors = np.flatnonzero(np.bincount(part_g, minlength=3)[part_g] > 1)
            part_g[donors[size_g[donors].argmin()]] = part
    return part_g[code_n]

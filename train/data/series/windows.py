"""Windows of a series, and which split each belongs to.

A window is named by the flat row that it begins at. It reads `lookback` rows and predicts the
`horizon` rows after them. It belongs to the split (training, then validation, then test, in order
of time) that all of its predicted rows lie in; what it reads may reach back into the split before.
A window whose predicted rows lie in two splits belongs to none: no row is predicted in two of them.
g groups, n windows.
"""

from __future__ import annotations

import numpy as np

from train.config.bounded import resolved
from train.config.data_options import Series
from train.data.split import PARTS
from train.errors import UserError


def split_sizes(n: int, options: Series) -> tuple[int, int, int]:
    """Rows of one series, of `n`, that train, validate and test; its newest rows test."""
    valid = _count(options.valid, n)
    test = _count(options.test, n)
    return n - valid - test, valid, test


def _count(asked: float, n: int) -> int:
    """A number of rows, or a share of `n`, as a number; a share is one row at least."""
    return max(round(asked * n), 1) if 0 < asked < 1 else int(asked)


def split_windows(sizes_g: np.ndarray, options: Series) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({split: first flat rows [n] of its windows}, number of training rows [g]).

    See `windows_of`. Raises UserError if a split that is asked for has none.
    """
    _check_sizes(sizes_g, options)
    splits, train_rows_g = windows_of(sizes_g, options)
    _check_splits(splits, int(sizes_g.max()), options)
    return splits, train_rows_g


def windows_of(sizes_g: np.ndarray, options: Series) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({split: first flat rows [n] of its windows}, number of training rows [g]).

    Groups of these sizes stand one after the other. Windows stand `stride` rows apart within a
    split.
    """
    starts: dict[str, list[np.ndarray]] = {split: [] for split in PARTS}
    lookback = resolved(options.lookback)
    horizon = resolved(options.horizon)
    first = 0
    train_rows_g = np.zeros(len(sizes_g), np.int64)
    for g, size in enumerate(sizes_g):
        edges = np.maximum(np.cumsum([0, *split_sizes(int(size), options)]), 0)
        train_rows_g[g] = edges[1]
        for split, begin, end in zip(PARTS, edges[:-1], edges[1:], strict=True):
            earliest = max(begin, lookback)
            predicted = np.arange(earliest, end - horizon + 1, options.stride)
            starts[split].append(first + predicted - lookback)
        first += int(size)
    splits = {split: np.concatenate(found).astype(np.int32) for split, found in starts.items()}
    return splits, train_rows_g


def _check_sizes(sizes_g: np.ndarray, options: Series) -> None:
    """Raises UserError if the longest series holds no window."""
    longest = int(sizes_g.max())
    lookback = resolved(options.lookback)
    horizon = resolved(options.horizon)
    series = "the series has" if len(sizes_g) == 1 else f"the longest of {len(sizes_g)} series has"
    if horizon >= longest:
        found = f"{horizon} steps ahead, but {series} {longest} rows"
        raise UserError(f"config.data.horizon: {found}; ask for fewer")
    if lookback + horizon > longest:
        needed = f"{lookback} rows back and {horizon} ahead, but {series} {longest} rows"
        train = split_sizes(longest, options)[0]
        advice = f"ask for at most {train - horizon}, for {train} of them train"
        if train <= horizon:
            advice = (
                f"ask for at most {longest - horizon}, and for none in config.data.valid and "
                "config.data.test"
            )
        raise UserError(f"config.data.lookback: {needed}; {advice}")


def _check_splits(splits: dict[str, np.ndarray], longest: int, options: Series) -> None:
    """Raises UserError if a split that is asked for has no window."""
    lookback = resolved(options.lookback)
    horizon = resolved(options.horizon)
    rows = dict(zip(PARTS, split_sizes(longest, options), strict=True))
    if not len(splits["train"]):
        train = max(rows["train"], 0)
        found = f"{train} of {longest} rows train"
        needs = f"{lookback} + {horizon} are needed for one window"
        advice = "ask for fewer rows in config.data.valid and config.data.test"
        if train > horizon:
            advice += f", or for at most {train - horizon} in config.data.lookback"
        raise UserError(f"config.data: {found}, and {needs}; {advice}")
    for split in ("valid", "test"):
        if getattr(options, split) and not len(splits[split]):
            found = f"{rows[split]} of {longest} rows hold no horizon of {horizon} steps"
            raise UserError(
                f"config.data.{split}: {found}; ask for at least {horizon} rows, or for none"
            )


def all_windows(sizes_g: np.ndarray, lookback: int, horizon: int) -> np.ndarray:
    """The first flat rows [n] of every window of every group."""
    firsts = np.cumsum(sizes_g) - sizes_g
    counts = np.maximum(sizes_g - lookback - horizon + 1, 0)
    starts = [np.zeros(0, np.int64)]  # there may be no group
    for first, count in zip(firsts, counts, strict=True):
        starts.append(first + np.arange(count))
    return np.concatenate(starts)


def count_within(mask_tc: np.ndarray, begins_n: np.ndarray, length: int) -> np.ndarray:
    """How many of a mask's entries are true in the `length` rows from each of `begins_n` on [n]."""
    before = np.concatenate([[0], np.cumsum(mask_tc.sum(axis=1))])
    return before[begins_n + length] - before[begins_n]


def rows_covered(starts_n: np.ndarray, length: int, n_rows: int) -> np.ndarray:
    """Which of n_rows flat rows some window of this length holds: booleans."""
    change = np.zeros(n_rows + 1, np.int64)
    np.add.at(change, starts_n, 1)
    np.add.at(change, starts_n + length, -1)
    return np.cumsum(change[:-1]) > 0


def number_windows(starts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """{split: numbers of its windows [n]}, counted from split to split."""
    numbers = {}
    end = 0
    for split, found in starts.items():
        numbers[split] = np.arange(end, end + len(found), dtype=np.int32)
        end += len(found)
    return numbers

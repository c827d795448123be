"""Windows of a series, and which part each belongs to. A window is named by the flat row it begins
at.

A window reads `lookback` rows and predicts the `horizon` rows after them. It belongs to the part
(training, then validation, then test, in order of time) that all of its predicted rows lie in; what
it reads may reach back into the part before. A window whose predicted rows lie in two parts belongs
to none: no row is predicted in two of them. g groups, n windows.
"""

from __future__ import annotations

import numpy as np

from train.config.data_options import Series
from train.data.split import PARTS
from train.errors import UserError


def part_sizes(n: int, options: Series) -> tuple[int, int, int]:
    """Rows of one series that train, validate and test. A share is of its rows; the newest rows
    test.
    """
    valid, test = (
        max(round(asked * n), 1) if 0 < asked < 1 else int(asked)
        for asked in (options.valid, options.test)
    )
    return n - valid - test, valid, test


def split_windows(sizes_g: np.ndarray, options: Series) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({part: first flat rows [n] of its windows}, number of training rows [g]) of groups of these
    sizes, one after the other. Windows stand `stride` rows apart within a part. Raises UserError if
    a part that is asked for has none.
    """
    lookback = options.lookback
    horizon = options.horizon
    _check_sizes(sizes_g, options)
    starts: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    first = 0
    train_rows_g = np.zeros(len(sizes_g), np.int64)
    for g, size in enumerate(sizes_g):
        edges = np.maximum(np.cumsum([0, *part_sizes(int(size), options)]), 0)
        train_rows_g[g] = edges[1]
        for part, begin, end in zip(PARTS, edges[:-1], edges[1:], strict=True):
            predicted = np.arange(max(begin, lookback), end - horizon + 1, options.stride)
            starts[part].append(first + predicted - lookback)
        first += int(size)
    splits = {part: np.concatenate(found).astype(np.int32) for part, found in starts.items()}
    longest = int(sizes_g.max())
    rows = dict(zip(PARTS, part_sizes(longest, options), strict=True))
    if not len(splits["train"]):
        needs = f"{lookback} + {horizon} are needed for one window"
        advice = "ask for fewer rows in config.data.valid and config.data.test, or for a shorter config.data.lookback"
        raise UserError(
            f"config.data: {max(rows['train'], 0)} of {longest} rows train, and {needs}; {advice}"
        )
    for part in ("valid", "test"):
        if getattr(options, part) and not len(splits[part]):
            found = f"{rows[part]} of {longest} rows hold no horizon of {horizon} steps"
            raise UserError(
                f"config.data.{part}: {found}; ask for at least {horizon} rows, or for none"
            )
    return splits, train_rows_g


def _check_sizes(sizes_g: np.ndarray, options: Series) -> None:
    longest = int(sizes_g.max())
    lookback = options.lookback
    horizon = options.horizon
    series = "the series has" if len(sizes_g) == 1 else f"the longest of {len(sizes_g)} series has"
    if horizon >= longest:
        raise UserError(
            f"config.data.horizon: {horizon} steps ahead, but {series} {longest} rows; ask for fewer"
        )
    if lookback + horizon > longest:
        needed = f"{lookback} rows back and {horizon} ahead, but {series} {longest} rows"
        raise UserError(f"config.data.lookback: {needed}; ask for at most {longest - horizon}")


def all_windows(sizes_g: np.ndarray, lookback: int, horizon: int) -> np.ndarray:
    """The first flat rows [n] of every window of every group."""
    firsts = np.cumsum(sizes_g) - sizes_g
    counts = np.maximum(sizes_g - lookback - horizon + 1, 0)
    return np.concatenate(
        [first + np.arange(count) for first, count in zip(firsts, counts, strict=True)]
    )


def rows_covered(starts_n: np.ndarray, length: int, n_rows: int) -> np.ndarray:
    """Which of n_rows flat rows some window of this length holds: booleans."""
    change = np.zeros(n_rows + 1, np.int64)
    np.add.at(change, starts_n, 1)
    np.add.at(change, starts_n + length, -1)
    return np.cumsum(change[:-1]) > 0

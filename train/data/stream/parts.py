"""Which rows of a stream train, validate and test: by their numbers alone. n rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from train.config.bounded import resolved
from train.config.data_options import Sequences, Table
from train.data.columns import get_column, missing_rows
from train.data.counter_random import uniform
from train.data.files.row_groups import Piece
from train.data.table.roles import row_weights, target_names
from train.errors import UserError

# That a share of rows to validate or to test with comes to at most: they stay in memory.
KEPT_ROWS = 100_000
SPLIT = 0  # what random numbers of rows are for


def shares_of(
    options: Table | Sequences, n_rows: int, kept_rows: int | None = None
) -> dict[str, float]:
    """The share of all rows that validates, and that tests; 0 where a file of its own does.

    A number of rows is a share of all; one given as a share is of `kept_rows` (none: KEPT_ROWS)
    at most. Raises UserError if none is left to train.
    """
    kept_rows = KEPT_ROWS if kept_rows is None else kept_rows
    shares = {}
    for part in ("test", "valid"):
        asked = 0 if getattr(options, f"{part}_path") else resolved(getattr(options, part))
        shares[part] = asked / n_rows if asked >= 1 else min(asked, kept_rows / n_rows)
    if sum(shares.values()) >= 1:
        asked = f"{options.valid} and {options.test} rows"
        raise UserError(
            f"config.data.valid, config.data.test: {asked} leave none of {n_rows} for training"
        )
    return shares


def check_training_rows(n_rows: int, path: str) -> None:
    """Raises UserError if there are too few training rows with a target."""
    if n_rows < 2:
        raise UserError(f"{path}: {n_rows} training rows with a target: at least two are needed")


def part_of(
    options: Table | Sequences, shares: Mapping[str, float], rows: np.ndarray
) -> np.ndarray:
    """0 for a row, by its number, that trains, 1 that validates, 2 that tests [n]."""
    u_n = uniform((options.split_seed, SPLIT), rows)
    return np.where(u_n < shares["test"], 2, np.where(u_n < shares["test"] + shares["valid"], 1, 0))


def training_rows(piece: Piece, options: Table, shares: Mapping[str, float]) -> np.ndarray:
    """The places in a piece of the rows that train: with every target and a weight above 0."""
    trains = labelled(piece.table, options, piece.where)
    trains &= row_weights(piece.table, options, piece.where) > 0
    trains &= part_of(options, shares, piece.first + np.arange(len(trains))) == 0
    return np.flatnonzero(trains)


def labelled(table: pa.Table, options: Table, where: str) -> np.ndarray:
    """Which rows have every target [n]."""
    present = np.ones(table.num_rows, bool)
    for name in target_names(options):
        present &= ~missing_rows(get_column(table, name, where, options.missing))
    return present

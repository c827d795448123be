"""Options of the three kinds of data: tables, series and sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from train.config.bounded import LAST_SEED, bounded

# Strings that mean "no value" in a text file; pandas and Keras users write all of these.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?")


@dataclass
class Table:
    """Rows and columns of a table, for every net but an LSTM.

    Clusters and autoencoders have no `target`; `label` is a column to judge clusters, and to colour
    codes, by. `weight` is a column of what each row counts for, in the loss and in all scores.
    How text is written is found in the training rows, and kept: `decimal` and `thousands` (marks),
    `dates` (columns, also 20250204) and `date_format` (dmy, mdy, ymd, or as %d.%m.%Y) say it
    where it could be otherwise.
    `stream`: training rows stay on the disk, in a Parquet file or a folder of them; row groups come
    in random order, and rows are shuffled within windows of `shuffle_window` rows.
    """

    path: str = ""
    valid_path: str | None = None
    test_path: str | None = None
    target: str | tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    categorical: tuple[str, ...] | None = None
    numeric: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    date_format: str | None = None
    ignore: tuple[str, ...] = ()
    weight: str | None = None
    label: str | None = None
    valid: float | int = bounded(0.15, 0)
    test: float | int = bounded(0.15, 0)
    split: Literal["random", "stratified", "time", "group"] = "random"
    split_seed: int = bounded(0, 0, LAST_SEED)
    group: str | None = None
    time: str | None = None
    missing: tuple[str, ...] = MISSING
    scaling: Literal["auto", "standard", "robust", "quantile", "none"] = "standard"
    target_scaling: Literal["standard", "none"] = "standard"
    one_hot: int = bounded(64, 0)
    stream: bool = False
    shuffle_window: int = bounded(1 << 18, 1)


@dataclass
class Series:
    """One series, or many (`group`), in time order, for an LSTM to forecast.

    `target` columns are read `lookback` rows back and forecast `horizon` rows ahead. `observed`
    columns are read beside them (None: all other numbers), `known` ones, such as a price to come,
    over the horizon too, and with `calendar` the place of each stamp in its day, week and year.
    Windows begin `stride` rows apart; `rows` takes the first of each series only. `valid` and
    `test` are rows, or shares, of each series: its newest. `season`: rows until it repeats, found
    from the stamps where None. `decimal`, `thousands` and `date_format` (of `time`): see `Table`.
    """

    path: str = ""
    target: str | tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    known: tuple[str, ...] = ()
    observed: tuple[str, ...] | None = ()
    ignore: tuple[str, ...] = ()
    calendar: bool = False
    lookback: int = bounded(96, 1)
    horizon: int = bounded(24, 1)
    stride: int = bounded(1, 1)
    rows: int | None = bounded(None, 1)
    valid: float | int = bounded(0.15, 0)
    test: float | int = bounded(0.15, 0)
    season: int | None = bounded(None, 1)
    missing: tuple[str, ...] = MISSING
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    date_format: str | None = None


@dataclass
class Sequences:
    """Sequences of any length, of numbers, of tokens or of both, for an LSTM to read.

    The target is a label of each sequence, a tag of each step, both, or the next step. A file has a
    line per sequence (JSON lines or Parquet with lists), or, with `id` and `order`, a row per step.
    `decimal`, `thousands` and `date_format` (of `order`): see `Table`.
    "None" and "null" are words here: among numbers they are missing values anyway, and `missing`
    names texts that are so everywhere.
    """

    path: str = ""
    valid_path: str | None = None
    test_path: str | None = None
    inputs: str | tuple[str, ...] = ()
    target: str | tuple[str, ...] = ()
    next_step: bool = False
    id: str | None = None
    order: str | None = None
    valid: float | int = bounded(0.15, 0)
    test: float | int = bounded(0.15, 0)
    split: Literal["random", "stratified"] = "random"
    split_seed: int = bounded(0, 0, LAST_SEED)
    missing: tuple[str, ...] = ()
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    date_format: str | None = None
    min_count: int = bounded(1, 1)
    fold_case: bool = False
    fold_digits: bool = False
    characters: bool = False
    max_length: int | None = bounded(None, 1)
    scaling: Literal["standard", "none"] = "standard"
    target_scaling: Literal["standard", "none"] = "standard"


Data: TypeAlias = Table | Series | Sequences


def has_valid_rows(data: Data) -> bool:
    """Whether there are validation rows: a share of the rows, or a file of their own."""
    if isinstance(data, Series):
        return bool(data.valid)
    return bool(data.valid or data.valid_path)

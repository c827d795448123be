"""Options of the three kinds of data: tables, series and sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from train.config.bounded import LAST_SEED, Auto, bounded
from train.config.table_options import MISSING, Table


@dataclass
class Series:
    """One series, or many (`group`), in time order, for an LSTM to forecast.

    `valid` and `test` are of each series, its newest rows.
    """

    path: str = ""
    """A CSV, Parquet or JSON lines file, a folder of Parquet files, or builtin:NAME."""
    target: str | tuple[str, ...] = ()
    """The column to forecast, or several."""
    time: str | None = None
    """The column of time stamps; none: rows are a step apart."""
    group: str | None = None
    """The column that names the series, where a file holds many."""
    known: tuple[str, ...] = ()
    """Columns known ahead, such as a price to come, read over the horizon too."""
    observed: tuple[str, ...] | None = ()
    """Columns read beside the targets; none: all other numbers. Texts are categories."""
    static: tuple[str, ...] = ()
    """Columns that say something of their series, each value being that of its first row."""
    categorical: tuple[str, ...] = ()
    """Columns of numbers that are categories, among `observed`, `known` and `static`."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out."""
    calendar: bool | Literal["shortest"] = False
    """Whether the place of each stamp in its day, week and year is read.

    Not in those that training rows hold less than once. "shortest": in the first of these alone
    that stamps can tell apart, such as the day of hours, the week of days.
    """
    frequency: str | None = None
    """The step of `time`, such as 15min, B, ME, 'Mon Fri', rows or irregular; none: found."""
    zone: str | None = None
    """The zone whose clock days and hours go by, such as Europe/Berlin; none: that of `time`."""
    lookback: int | Auto = bounded(96, 1)
    """How many rows back the net reads; "auto": 96, of few rows two seasons."""
    horizon: int | Auto = bounded(24, 1)
    """How many rows ahead it forecasts; "auto": 24, of few rows a season."""
    nonnegative: bool = False
    """Whether answers and their intervals stay at 0 or above, for targets that never were below."""
    stride: int = bounded(1, 1)
    """How many rows apart windows begin."""
    rows: int | None = bounded(None, 1)
    """Takes the first rows of each series only."""
    valid: float | int = bounded(0.15, 0)
    """How many of the newest rows validate: a share below 1, or a number; 0: none."""
    test: float | int = bounded(0.15, 0)
    """How many of the newest rows test: a share below 1, or a number; 0: none."""
    season: int | None = bounded(None, 1)
    """After how many rows a series repeats; none: found from the stamps."""
    scaling: Literal["auto", "group", "shared"] = "auto"
    """Whether each group has scales of its own; "auto": where those of groups differ."""
    log1p: tuple[str, ...] = ()
    """Columns above -1 that are read, and forecast, as log(1 + x)."""
    signed_log: tuple[str, ...] = ()
    """Columns that are read, and forecast, as sign(x) log(1 + |x|)."""
    asinh: tuple[str, ...] | Auto = ()
    """Columns read, and forecast, as asinh of deviations from the median; "auto": by outliers."""
    missing: tuple[str, ...] = MISSING
    """Texts that stand for no value."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark; none: found in the training rows."""
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    """The mark between thousands; none: found in the training rows."""
    date_format: str | None = None
    """The order in `time`: dmy, mdy, ymd, or a pattern such as %d.%m.%Y; none: found."""
    stream: bool = False
    """Whether training windows stay on the disk: Parquet, or a folder of it, series by series."""
    shuffle_window: int = bounded(1 << 18, 1)
    """stream: how many windows are shuffled at once; fewer where they are long."""


@dataclass
class Sequences:
    """Sequences of any length, of numbers, of tokens or of both, for an LSTM to read.

    The target is a label of each sequence, a tag of each step, both, or the next step. A file has a
    line per sequence (JSON lines or Parquet with lists), or, with `id` and `order`, a row per step.
    Among numbers "None" and "null" are missing values anyway; `missing` names texts that are so
    everywhere.
    """

    path: str = ""
    """A JSON lines, Parquet or CSV file, or builtin:NAME; with `stream` a folder of files too."""
    valid_path: str | None = None
    """A file of its own for the validation sequences."""
    test_path: str | None = None
    """A file of its own for the test sequences."""
    inputs: str | tuple[str, ...] = ()
    """The columns to read: numbers of each step, tokens, or both."""
    target: str | tuple[str, ...] = ()
    """A label of each sequence, tags of each step, or both."""
    next_step: bool = False
    """Whether the target is the next step of the input."""
    id: str | None = None
    """The column that names the sequence, where a file has a row per step."""
    order: str | None = None
    """The column that orders the steps of a sequence."""
    weight: str | None = None
    """The column of the sequences' weights, in training and in scores; none: all weigh the same."""
    valid: float | int | Auto = bounded(0.15, 0)
    """How many sequences validate: a share below 1, or a number; "auto": 0 where there are few."""
    test: float | int = bounded(0.15, 0)
    """How many sequences test: a share below 1, or a number; 0: none."""
    split: Literal["random", "stratified"] = "random"
    """How sequences are split: at random, or by class."""
    split_seed: int = bounded(0, 0, LAST_SEED)
    """Decides which sequences validate and test; `config.seed` does not."""
    missing: tuple[str, ...] = ()
    """Texts that stand for no value; "None" and "null" are words here."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark; none: found in the training rows."""
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    """The mark between thousands; none: found in the training rows."""
    date_format: str | None = None
    """The order in `order`: dmy, mdy, ymd, or a pattern; none: found."""
    min_count: int = bounded(1, 1)
    """How often a token occurs in training to be known."""
    fold_case: bool = False
    """Whether tokens are read in lower case."""
    fold_digits: bool = False
    """Whether all digits are read as 0."""
    characters: bool = False
    """Whether a token's characters are read beside it."""
    max_length: int | Auto | None = bounded(None, 1)
    """The longest training sequence in steps ("auto" of tokens: a few means); the rest is cut."""
    scaling: Literal["standard", "none"] = "standard"
    """How numbers are scaled, by statistics of the training rows."""
    target_scaling: Literal["standard", "none"] = "standard"
    """Whether targets are scaled for the net; scores have their own units anyway."""
    nonnegative: bool = False
    """Whether answers and their intervals stay at 0 or above, for targets that never were below."""
    stream: bool = False
    """Whether training sequences stay on the disk: Parquet or JSON lines, or a folder of them."""
    shuffle_window: int = bounded(1 << 18, 1)
    """stream: how many are shuffled at once; fewer where they are long."""


Data: TypeAlias = Table | Series | Sequences


def columns_by_log(data: Series) -> dict[str, tuple[str, ...]]:
    """{"log1p", "signed_log", "asinh": the columns that are read so}, as far as they are named."""
    asinh = data.asinh if isinstance(data.asinh, tuple) else ()
    return {"log1p": data.log1p, "signed_log": data.signed_log, "asinh": asinh}


def has_valid_rows(data: Data) -> bool:
    """Whether there are validation rows: a share of the rows, or a file of their own."""
    if isinstance(data, Series):
        return bool(data.valid)
    return bool(data.valid or data.valid_path)

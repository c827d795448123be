"""Options of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from train.config.bounded import LAST_SEED, Auto, bounded

# Strings that mean "no value" in a text file; pandas and Keras users write all of these.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?")

# Scores that may be what counts, by the kind of the target.
METRICS = {
    "regression": ("rmse", "mse", "mae", "r2"),
    "binary": ("accuracy", "auc", "f1", "log_loss"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
}
Metric: TypeAlias = Literal[
    "rmse", "mse", "mae", "r2", "accuracy", "auc", "f1", "macro_f1", "log_loss"
]


@dataclass
class Table:
    """Rows and columns of a table, for every net but an LSTM.

    How text is written is found in the training rows, and kept; the options say it where it could
    be otherwise. With `stream` row groups come in random order, and rows are shuffled within
    windows of them.
    """

    path: str = ""
    """A CSV, Parquet or JSON lines file, a folder of Parquet files, or builtin:NAME."""
    valid_path: str | None = None
    """A file of its own for the validation rows."""
    test_path: str | None = None
    """A file of its own for the test rows."""
    target: str | tuple[str, ...] = ()
    """The column to predict, or several; none for clusters and autoencoders."""
    metric: Metric | None = None
    """The score that counts: shown first, and what "auto" follows; none: rmse, of classes accuracy.

    It says whether a single target is a number or a class. With mae the loss is mae too.
    """
    features: tuple[str, ...] | None = None
    """The columns to predict from; none: all others."""
    categorical: tuple[str, ...] | None = None
    """The columns that are categories, whatever they look like; none: found."""
    numeric: tuple[str, ...] = ()
    """Columns that are numbers, whatever they look like."""
    dates: tuple[str, ...] = ()
    """Columns that are dates, also where they are written as 20250204."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark; none: found in the training rows."""
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    """The mark between thousands; none: found in the training rows."""
    date_format: str | None = None
    """The order in dates: dmy, mdy, ymd, or a pattern such as %d.%m.%Y; none: found."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out."""
    weight: str | None = None
    """A column of row weights, in the loss and in all scores."""
    label: str | None = None
    """A column to judge clusters, and to colour codes, by; it is never learned from."""
    valid: float | int | Auto = bounded(0.15, 0)
    """How many rows validate: a share below 1, or a number; 0: none; "auto": 0.15, or folds do."""
    test: float | int = bounded(0.15, 0)
    """How many rows test: a share below 1, or a number of rows; 0: none."""
    split: Literal["random", "stratified", "time", "group"] = "random"
    """How rows are split: at random, by class, the newest last, or whole groups."""
    split_seed: int = bounded(0, 0, LAST_SEED)
    """Decides which rows validate and test; `config.seed` does not."""
    group: str | None = None
    """The column whose rows stay together with split=group."""
    time: str | None = None
    """The column that orders the rows with split=time."""
    missing: tuple[str, ...] = MISSING
    """Texts that stand for no value."""
    scaling: Literal["auto", "standard", "robust", "quantile", "none"] = "standard"
    """How number columns are scaled, by statistics of the training rows."""
    target_scaling: Literal["standard", "none"] = "standard"
    """Whether targets are scaled for the net; scores have their own units anyway."""
    nonnegative: bool = False
    """Whether answers and their intervals stay at 0 or above, for targets that never were below."""
    one_hot: int = bounded(64, 0)
    """Columns of at most so many categories are one-hot encoded; others get a vector a category."""
    stream: bool = False
    """Whether training rows stay on the disk: Parquet alone, or a folder of it."""
    shuffle_window: int = bounded(1 << 18, 1)
    """stream: how many rows are shuffled at once."""


def columns_by_role(data: Table) -> dict[str, tuple[str | None, ...]]:
    """{field: the columns that it names, None where it names none}, of all that name columns."""
    targets = (data.target,) if isinstance(data.target, str) else data.target
    return {
        "target": tuple(filter(None, targets)),
        "features": data.features or (),
        "categorical": data.categorical or (),
        "numeric": data.numeric,
        "dates": data.dates,
        "ignore": data.ignore,
        "weight": (data.weight,),
        "label": (data.label,),
        "group": (data.group,),
        "time": (data.time,),
    }

"""What a report is drawn from, in records; `train.results.report_data` makes them of a run.

n rows, d features, f number columns, k classes or units or numbers of a code, p places of a plane,
l steps before a forecast, h steps of its horizon, w weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from train.data.table.reading import NOTHING, Reading
from train.report.result import Evaluation, Result

Array = np.ndarray
Arrays = Mapping[str, Array]

SPLITS = ("test", "valid", "train")  # the first of these that has scores is shown
MAX_TARGETS = 4  # of which there are pictures and a headline; the table has all


class Target(NamedTuple):
    """A column that is learned, and the kind of its head."""

    name: str
    kind: str


@dataclass(frozen=True)
class ReportHead:
    """An output of the net, of a `kind` by which its first metric is chosen."""

    name: str
    kind: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class About:
    """What a page says of its run first: its data, how it was begun, and when it ended."""

    file: str = ""
    command: str = ""
    finished: str = ""


class Interval(NamedTuple):
    """The ends of the intervals of a head's numbers [n, o], and the share they are to hold."""

    low: Array
    high: Array
    level: float


@dataclass(frozen=True)
class Forecast:
    """One window of a series and target: its last steps, what came, and what was forecast.

    Stamps are microseconds since 1970 where `is_dated`, else numbers or steps from the last known
    value; `rival_h` is the best baseline's forecast, `low_h` and `high_h` the interval's ends.
    """

    about: str
    past_l: Array
    target_h: Array
    forecast_h: Array
    stamp_l: Array
    stamp_h: Array
    is_dated: bool = False
    rival_h: Array | None = None
    low_h: Array | None = None
    high_h: Array | None = None


@dataclass(frozen=True)
class Forecasts:
    """Windows to draw of each target, and errors by step of the net and of every baseline [h].

    `step` is how far one step reaches, such as "1 hour", "" where nothing says so; `rival` the
    baseline that is drawn, `level` the share that intervals are to hold.
    """

    windows: Mapping[str, Sequence[Forecast]]
    error_by_step: Arrays
    step: str = ""
    rival: str = ""
    level: float | None = None
    axis: str = "steps ahead"


class Sentence(NamedTuple):
    """A row of tokens, and of each the true tag and the answered one."""

    tokens: Sequence[str]
    truth: Sequence[str]
    answer: Sequence[str]


@dataclass(frozen=True)
class Tags:
    """Tags of a head at every step [n, t], -1 where there is none, and some rows to read.

    `weight_n` is what rows count for, None: all the same.
    """

    target_nt: Array
    answer_nt: Array
    tags: Sequence[str]
    sentences: Sequence[Sentence]
    weight_n: Array | None = None


@dataclass(frozen=True)
class Plane:
    """What a net answers over two number columns: at [p, ...], the product of the two axes."""

    names: tuple[str, str]
    rows_n2: Array
    x_axis: Array
    y_axis: Array
    answers: Arrays


@dataclass(frozen=True)
class Codes:
    """Codes of rows, each row's error, and the share of each column that comes back.

    `label_n` are places in `classes`, -1 where a row has none; None without a column of labels.
    """

    code_nk: Array
    error_n: Array
    label_n: Array | None
    classes: Sequence[str]
    columns: Sequence[str]
    r2_f: Array
    shown: Sequence[tuple[str, Array, Array]] = ()
    """Of some rows: which it is, its numbers and those that come back, in raw units [f]."""


@dataclass(frozen=True)
class Clusters:
    """Scaled rows, the unit of each, and the units; `shape` and `grid` are those of a map.

    `names` are those of the first features: categories have none.
    """

    row_nd: Array
    cluster_n: Array
    units_kd: Array
    names: Sequence[str]
    shape: tuple[int, int] | None
    grid: str
    raw_nf: Array | None = None
    """The numbers of the rows in raw units [n, f], nan where missing."""
    label_n: Array | None = None
    """The places of the rows' labels in `classes`, -1 where one has none."""
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class ReportData:
    """All that a report is drawn from.

    `targets` and `answers` {head: array} are of the rows of the shown split: numbers [n, o] in
    original units; classes by index [n], answered by P(second class) [n] or probabilities [n, k].
    `importance` {column: {"mean", "sd"}} is None, or empty, where it was not measured;
    `kernels_w` are all weights of kernels, None where a net learns without a gradient. `weight_n`
    is what the rows count for, None where all count for the same. `reading` says how columns of a
    table were read; `intervals` and `tags` are by head.
    """

    result: Result
    config: Mapping[str, object]
    history: Sequence[Evaluation]
    heads: Sequence[ReportHead]
    targets: Arrays
    answers: Arrays
    importance: Mapping[str, Mapping[str, float]] | None = None
    kernels_w: Array | None = None
    weight_n: Array | None = None
    forecasts: Forecasts | None = None
    plane: Plane | None = None
    codes: Codes | None = None
    clusters: Clusters | None = None
    reading: Reading = NOTHING
    about: About = About()
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    tags: Mapping[str, Tags] = field(default_factory=dict)

    @property
    def split(self) -> str:
        """The split whose scores are shown."""
        return next(split for split in SPLITS if self.result["metrics"].get(split))

    @property
    def columns(self) -> list[Target]:
        """The columns of all heads."""
        return [Target(column, head.kind) for head in self.heads for column in head.columns]

    @property
    def drawn(self) -> list[Target]:
        """The columns that have pictures."""
        return self.columns[:MAX_TARGETS]

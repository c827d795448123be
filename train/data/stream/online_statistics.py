"""One pass over rows that do not fit in memory: all that encoder and statistics are fitted on.

Counts, sums, labels and extremes are of all training rows. For whatever else is fitted there is a
uniform sample of them and, beside it, `extreme_rows`: the first row with each label, with a
column's extremes, and without a value. So what is fitted on both together knows every label and
every gap. n rows of a piece.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import (
    Numbers,
    RawColumn,
    Text,
    get_column,
    missing_rows,
    read_text,
)
from train.data.counter_random import uniform
from train.data.files.row_groups import Files, Piece, read_pieces
from train.data.stream.parts import labelled, part_of, shares_of, training_rows
from train.data.table.class_labels import MIN_PER_CLASS
from train.data.table.roles import feature_names, row_weights, target_names
from train.data.units import less_shift
from train.data.values import read_numbers

SAMPLE_ROWS = 100_000
MAX_LABELS = 100_000  # of a column; one with more is no category
SAMPLE = 1  # what random numbers of rows are for, beside `parts.SPLIT`


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of numbers less `pivot`, and their extremes.

    Pieces are merged as by Chan, Golub & LeVeque 1979. The pivot, the first number, keeps the
    digits of numbers far from 0.
    """

    pivot: int | float = 0
    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = np.inf
    high: float = -np.inf

    def add(self, values: Numbers) -> list[int]:
        """Takes in a piece; returns the places of new extremes in it."""
        known = np.flatnonzero(~values.missing)
        if not len(known):
            return []
        data_n = values.data[known]
        if self.n == 0:
            self.pivot = data_n[0].item()
        less_n = less_shift(data_n, self.pivot).astype(np.float64)
        n = len(less_n)
        mean = float(less_n.mean())
        gap = mean - self.mean
        total = self.n + n
        self.squares += float(np.square(less_n - mean).sum()) + gap * gap * self.n * n / total
        self.mean = self.mean + gap * n / total
        self.n = total
        found = []
        if less_n.min() < self.low:
            found.append(int(known[less_n.argmin()]))
            self.low = float(less_n.min())
        if less_n.max() > self.high:
            found.append(int(known[less_n.argmax()]))
            self.high = float(less_n.max())
        return found

    def scaled(self, shift: float, unit: float) -> dict[str, float]:
        """{"center", "scale", "low", "high"} of (number - shift) / unit.

        The center is the mean, the scale the standard deviation, 1 where there is none.
        """
        # Integers are subtracted without rounding.
        exact = isinstance(self.pivot, int) and shift.is_integer()
        offset = self.pivot - (int(shift) if exact else shift)
        low = (offset + self.low) / unit
        high = (offset + self.high) / unit
        if self.low == self.high:
            return {"center": low, "scale": 1.0, "low": low, "high": high}
        scale = (self.squares / self.n) ** 0.5 / unit
        return {"center": (offset + self.mean) / unit, "scale": scale, "low": low, "high": high}


@dataclass
class Labels:
    """How often each text stands in a column, and what those rows count for together.

    Of neither is anything known once they `overflowed`, with more than `most`; None: MAX_LABELS.
    """

    most: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    overflowed: bool = False

    def add(self, text: Text, least: int, weight_n: np.ndarray) -> list[int]:
        """Takes in a piece; returns the places of labels seen fewer than `least` times so far."""
        mass_k = np.bincount(text.codes + 1, weight_n, len(text.values) + 1)[1:]
        count_k = np.bincount(text.codes + 1, minlength=len(text.values) + 1)[1:]
        needed_k = np.array([least - self.counts.get(label, 0) for label in text.values], int)
        for label, count, mass in zip(text.values, count_k.tolist(), mass_k.tolist(), strict=True):
            self.counts[label] = self.counts.get(label, 0) + count
            self.weights[label] = self.weights.get(label, 0.0) + mass
        if len(self.counts) > (self.most or MAX_LABELS):
            self.counts = {}
            self.weights = {}
            self.overflowed = True
            return []
        order = np.argsort(text.codes, kind="stable")[(text.codes < 0).sum() :]
        rank_n = np.arange(len(order)) - np.repeat(np.cumsum(count_k) - count_k, count_k)
        return order[rank_n < needed_k[text.codes[order]]].tolist()


@dataclass
class StreamRows:
    """Rows kept on the way, in pieces."""

    numbers: list[np.ndarray] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)

    def add(self, piece: Piece, places: np.ndarray) -> None:
        """Copies the rows at these places."""
        if len(places):
            self.numbers.append(piece.first + places)
            self.tables.append(piece.table.take(pa.array(places)))

    def with_those_of(self, others: StreamRows) -> StreamRows:
        """These rows and the others."""
        return StreamRows(self.numbers + others.numbers, self.tables + others.tables)

    def joined(self) -> tuple[np.ndarray, pa.Table]:
        """The rows, and their numbers in increasing order, each once."""
        numbers, first = np.unique(np.concatenate(self.numbers), return_index=True)
        return numbers, pa.concat_tables(self.tables).take(pa.array(first))


@dataclass
class Survey:
    """What a pass found.

    `counts` are the training rows of each row group and `weight_sum` what all count for together,
    `columns` those that were read, `gaps` those in which a training row lacks a value;
    `n_idle` rows of weight 0 do not train.
    """

    columns: tuple[str, ...]
    counts: list[int] = field(default_factory=list)
    weight_sum: float = 0.0
    n_unlabelled: int = 0
    n_idle: int = 0
    moments: dict[str, Moments] = field(default_factory=dict)
    labels: dict[str, Labels] = field(default_factory=dict)
    gaps: set[str] = field(default_factory=set)
    sample: StreamRows = field(default_factory=StreamRows)
    extreme_rows: StreamRows = field(default_factory=StreamRows)
    valid: StreamRows = field(default_factory=StreamRows)
    test: StreamRows = field(default_factory=StreamRows)


def survey(files: Files, options: Table) -> Survey:
    """The pass over all rows. Raises UserError for a value that no column admits."""
    names = dict.fromkeys(
        (*feature_names(files.schema.empty_table(), options), *target_names(options))
    )
    found = Survey((*names, options.weight) if options.weight else tuple(names))
    shares = shares_of(options, files.n_rows)
    sampled = SAMPLE_ROWS / (files.n_rows * (1 - sum(shares.values())))
    for group in files.groups:
        n_train = 0
        for piece in read_pieces(group, found.columns):
            present = labelled(piece.table, options, piece.where)
            rows = piece.first + np.arange(len(present))
            part_n = part_of(options, shares, rows)
            train = training_rows(piece, options, shares)
            found.n_idle = found.n_idle + int((present & (part_n == 0)).sum()) - len(train)
            n_train = n_train + len(train)
            found.n_unlabelled = found.n_unlabelled + int((~present).sum())
            found.valid.add(piece, np.flatnonzero(present & (part_n == 1)))
            found.test.add(piece, np.flatnonzero(present & (part_n == 2)))
            found.sample.add(
                piece, train[uniform((options.split_seed, SAMPLE), rows[train]) < sampled]
            )
            found.extreme_rows.add(piece, _take_in(found, piece, train, options))
        found.counts.append(n_train)
    return found


def _take_in(found: Survey, piece: Piece, train: np.ndarray, options: Table) -> np.ndarray:
    """Adds the training rows of a piece to what was found; returns the places of extreme ones."""
    places: list[np.ndarray] = []
    weight_n = row_weights(piece.table, options, piece.where)[train]
    found.weight_sum += float(weight_n.sum(dtype=np.float64))
    for name in found.columns:
        raw = get_column(piece.table, name, piece.where, options.missing, train)
        if name not in found.gaps and (missing := missing_rows(raw)).any():
            found.gaps.add(name)
            places.append(train[missing.argmax()][None])
        if raw.family == "number":
            places.append(train[found.moments.setdefault(name, Moments()).add(read_numbers(raw))])
        if _has_labels(raw, options):
            labels = found.labels.setdefault(name, Labels())
            least = MIN_PER_CLASS if name in target_names(options) else 1
            if not labels.overflowed:
                places.append(train[labels.add(read_text(raw), least, weight_n)])
    return np.unique(np.concatenate(places)) if places else np.zeros(0, np.int64)


def _has_labels(raw: RawColumn, options: Table) -> bool:
    """Whether the labels of a column may be needed."""
    declared = raw.name in {*(options.categorical or ()), *target_names(options)}
    return declared or raw.family in ("text", "boolean")

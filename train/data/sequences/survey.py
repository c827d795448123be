"""One pass over sequences that do not fit in memory: what encoder and statistics are fitted on.

Words, labels, lengths, counts and sums are of all training rows. For whatever else is fitted there
is a uniform sample of them and, beside it, `extreme_rows`: those with each tag, label and class,
and with the largest and smallest numbers of a target.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.config.data_options import Sequences
from train.data.columns import get_column, read_text
from train.data.counter_random import uniform
from train.data.files.row_groups import MAX_ROWS, Files, Piece
from train.data.sequences.encoded_file import labelled
from train.data.sequences.fit import names_of
from train.data.sequences.rows_on_disk import is_text, kept_rows, read_sequences, shortened
from train.data.sequences.step_moments import Channels, StepLabels
from train.data.sequences.steps import (
    StepNumbers,
    check_lengths,
    column_error,
    element_type,
    holds_lists,
    read_step_numbers,
    read_step_text,
    unlike_steps,
)
from train.data.sequences.text import Vocabulary, Words
from train.data.stream.online_statistics import SAMPLE, Labels, Moments, StreamRows
from train.data.stream.parts import part_of
from train.data.table.class_labels import MIN_PER_CLASS
from train.data.values import read_numbers

MAX_WORDS = 1_000_000  # that a vocabulary is counted of
MAX_NUMBER_LABELS = 1_000  # of numbers; a column with more holds no labels
PIECE_BYTES = 1 << 23  # of rows that are read at once, as they are in the file


@dataclass
class Survey:
    """What a pass over the rows found; all but `valid` and `test` is of training rows."""

    options: Sequences
    limit: int | None
    """Steps of a row that are read; None: all, also where "auto" is yet to say how many."""
    counts: list[int] = field(default_factory=list)
    """Rows of each row group."""
    n_unlabelled: int = 0
    """Rows, of all splits, without a target."""
    n_steps: int = 0
    n_read: int = 0
    """Those of `n_steps` that are within `limit`."""
    n_empty: int = 0
    """Rows without steps."""
    n_without_token: int = 0
    """Steps without a token."""
    longest: int = 0
    """Steps of the longest row."""
    inputs: dict[str, Channels] = field(default_factory=dict)
    """Of columns of numbers, within `limit`."""
    following: dict[str, Channels] = field(default_factory=dict)
    """The same without each row's first step."""
    step_targets: dict[str, Channels] = field(default_factory=dict)
    """Of targets of numbers at each step, within `limit`."""
    words: Words = field(init=False)
    """Of all tokens."""
    read_words: Words = field(init=False)
    """Of those within `limit`."""
    tags: dict[str, StepLabels] = field(default_factory=dict)
    """Of targets that are lists."""
    read_tags: dict[str, StepLabels] = field(default_factory=dict)
    """Of those within `limit`."""
    moments: dict[str, Moments] = field(default_factory=dict)
    """Of targets of one number a row."""
    labels: dict[str, Labels] = field(default_factory=dict)
    """Of targets of one label a row; of numbers too, which may be classes."""
    unlike: dict[str, str] = field(default_factory=dict)
    """{target of lists: which row has another number of steps than the inputs}, if one has."""
    sample: StreamRows = field(default_factory=StreamRows)
    extreme_rows: StreamRows = field(default_factory=StreamRows)
    """Rows that show each tag, label and class, whatever the sample holds."""
    valid: StreamRows = field(default_factory=StreamRows)
    test: StreamRows = field(default_factory=StreamRows)

    def __post_init__(self) -> None:
        folding = Vocabulary((), (), self.options.fold_case, self.options.fold_digits)
        self.words = Words(folding)
        self.read_words = Words(folding) if self.limit else self.words

    def forget_rows(self) -> None:
        """Gives the rows back that were kept on the way, once they are encoded."""
        for rows in (self.sample, self.extreme_rows, self.valid, self.test):
            rows.numbers.clear()
            rows.tables.clear()

    def take_in(self, piece: Piece, train: np.ndarray) -> None:
        """Adds the rows at these places of a piece, which train. Raises UserError."""
        trains = np.zeros(piece.table.num_rows, bool)
        trains[train] = True
        length_n, odd_rows = self._take_inputs(piece, trains)
        own_n = length_n[train]
        self.n_steps += int(own_n.sum())
        self.n_empty += int((own_n == 0).sum())
        self.longest = max(self.longest, int(own_n.max(initial=0)))
        self.n_read += int(np.minimum(own_n, self.limit or self.longest).sum())
        self.extreme_rows.add(piece, odd_rows)
        table = piece.table.take(pa.array(train))
        places = [np.zeros(0, np.int64)]
        for name in names_of(self.options.target):
            if holds_lists(table, name):
                self._check_steps(piece, name, trains, length_n)
                places.append(self._take_steps(piece, table, name))
            else:
                places += self._take_labels(piece, name, train)
        self.extreme_rows.add(piece, train[np.unique(np.concatenate(places))])

    def _take_inputs(self, piece: Piece, trains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Adds the inputs of the rows of a piece that train.

        The lengths of all its rows [n], and the place of one that is the first to hold another
        number than 0 and 1, if next steps are the target.
        """
        lengths = {}
        odd_rows = np.zeros(0, np.int64)
        for name in names_of(self.options.inputs):
            if is_text(element_type(piece.table, name, piece.where)):
                text = read_step_text(piece.table, name, piece.where)
                lengths[name] = text.lengths
                own = text._replace(codes=text.codes[np.repeat(trains, text.lengths)])
                self.n_without_token += int((own.codes < 0).sum())
                self.words.add(own)
                if self.read_words is not self.words:
                    mask_s = _mask(text.lengths, trains, self.limit)
                    self.read_words.add(text._replace(codes=text.codes[mask_s]))
                if len(self.words.counts) > MAX_WORDS:
                    found = f"more than {MAX_WORDS:,} different tokens"
                    raise column_error(f"{found}; write rare ones as one", name, self.options.path)
            else:
                steps = read_step_numbers(piece.table, name, piece.where)
                lengths[name] = steps.lengths
                odd_rows = np.append(odd_rows, self._take_numbers(name, steps, trains, piece.where))
        return check_lengths(lengths, piece.where), np.unique(odd_rows)

    def _take_numbers(
        self, name: str, steps: StepNumbers, trains: np.ndarray, where: str
    ) -> np.ndarray:
        mask_s = _mask(steps.lengths, trains, self.limit)
        channels = self.inputs.setdefault(name, Channels(name))
        was_binary = channels.is_binary
        channels.add(steps.values[mask_s], where)
        if not self.options.next_step:
            return np.zeros(0, np.int64)
        is_odd_s = mask_s & ~np.isin(steps.values, (0, 1)).all(1)
        mask_s[(np.cumsum(steps.lengths) - steps.lengths)[steps.lengths > 0]] = False
        self.following.setdefault(name, Channels(name)).add(steps.values[mask_s], where)
        odd = np.flatnonzero(is_odd_s)[: was_binary and not channels.is_binary]
        return np.searchsorted(np.cumsum(steps.lengths), odd, side="right")

    def _check_steps(
        self, piece: Piece, name: str, trains: np.ndarray, length_n: np.ndarray
    ) -> None:
        """Remembers the first row that trains whose list of a target is not one for each step."""
        if name in self.unlike:
            return
        own = pc.list_value_length(piece.table.column(name)).filter(pa.array(trains)).to_numpy()
        beside = names_of(self.options.inputs)[0]
        if wrong := unlike_steps(trains, own, length_n, "values", beside):
            self.unlike[name] = f"{piece.where}: column {name!r}: {wrong}"

    def _take_steps(self, piece: Piece, table: pa.Table, name: str) -> np.ndarray:
        """Adds a target of lists; the places of rows that show what it may hold."""
        kind = element_type(table, name, piece.where)
        least = 1 if is_text(kind) else MIN_PER_CLASS
        if name not in self.tags:
            self.tags[name] = _step_labels(is_text(kind))
            self.read_tags[name] = _step_labels(is_text(kind)) if self.limit else self.tags[name]
        read = table if self.limit is None else shortened(table, (name,), self.limit)
        places = np.zeros(0, np.int64)
        if not self.tags[name].steps.overflowed:
            places = self.tags[name].add(read_step_text(table, name, piece.where), least)
            if self.read_tags[name] is not self.tags[name]:
                self.read_tags[name].add(read_step_text(read, name, piece.where), least)
        if not is_text(kind) and not pa.types.is_nested(kind):
            values = read_step_numbers(read, name, piece.where).values
            self.step_targets.setdefault(name, Channels(name)).add(values, piece.where)
        return places

    def _take_labels(self, piece: Piece, name: str, train: np.ndarray) -> list[np.ndarray]:
        """Adds a target that is one a sequence; the places of rows that show what it may hold."""
        raw = get_column(piece.table, name, piece.where, self.options.missing, train)
        is_number = raw.family == "number"
        places = []
        if is_number:
            found = self.moments.setdefault(name, Moments()).add(read_numbers(raw))
            places.append(np.array(found, np.int64))
        labels = self.labels.setdefault(name, Labels(MAX_NUMBER_LABELS if is_number else None))
        if not labels.overflowed:
            found = labels.add(read_text(raw), MIN_PER_CLASS, np.ones(len(train)))
            places.append(np.array(found, np.int64))
        return places


def survey(files: Files, options: Sequences, shares: dict[str, float], row_bytes: float) -> Survey:
    """The pass over all rows. Raises UserError for a value that no column admits."""
    limit = options.max_length if isinstance(options.max_length, int) else None
    found = Survey(options, limit)
    columns = (*names_of(options.inputs), *names_of(options.target))
    n_rows = int(np.clip(PIECE_BYTES / row_bytes, 1, MAX_ROWS))
    sampled = kept_rows(row_bytes) / (files.n_rows * (1 - sum(shares.values())))
    for group in files.groups:
        n_train = 0
        for piece in read_sequences(group, columns, options.missing, n_rows):
            present = labelled(piece.table, options, piece.where)
            rows = piece.first + np.arange(len(present))
            part_n = part_of(options, shares, rows)
            train = np.flatnonzero(present & (part_n == 0))
            found.n_unlabelled += int((~present).sum())
            found.valid.add(piece, np.flatnonzero(present & (part_n == 1)))
            found.test.add(piece, np.flatnonzero(present & (part_n == 2)))
            is_drawn = uniform((options.split_seed, SAMPLE), rows[train]) < sampled
            found.sample.add(piece, train[is_drawn])
            found.take_in(piece, train)
            n_train += len(train)
        found.counts.append(n_train)
    return found


def _step_labels(has_text: bool) -> StepLabels:
    return StepLabels(Labels(None if has_text else MAX_NUMBER_LABELS))


def _mask(lengths: np.ndarray, trains: np.ndarray, limit: int | None) -> np.ndarray:
    """Which of all steps [s] are of rows that train, and among the first `limit` of their row."""
    mask_s = np.repeat(trains, lengths)
    if limit is not None:
        first_n = np.cumsum(lengths) - lengths
        mask_s &= np.arange(len(mask_s)) - np.repeat(first_n, lengths) < limit
    return mask_s

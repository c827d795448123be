"""One pass over series that do not fit in memory: what encoder and statistics are fitted on.

Groups and their steps, gaps, windows, means and deviations are of all training rows; shifts,
medians, categories and the calendar are those of an encoder that a sample of series was fitted on.
t flat rows, c columns of the encoder, g groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from train.config.data_options import Series
from train.data.columns import Notes, Numbers, Reading, Source, get_column
from train.data.dataset import HostArrays
from train.data.files.row_groups import Files, Piece
from train.data.series.blocks import read_block
from train.data.series.columns import SeriesColumn
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fills import group_fills
from train.data.series.flat import Flat
from train.data.series.scales import Levels
from train.data.series.statistics import (
    GroupStatistics,
    ScaledRows,
    fit_groups,
    group_statistics,
    values_in_logs,
)
from train.data.series.step import guess_season
from train.data.series.whole_series import (
    Steps,
    counts_rows,
    found_steps,
    long_series,
    used_series,
    windows_in,
)
from train.data.series.windows import rows_covered, split_sizes
from train.data.stream.online_statistics import Moments
from train.data.table.fit_targets import check_counts
from train.data.values import read_numbers

MAX_LINES = 3  # on single blocks that a run says


@dataclass
class Survey:
    """What a pass found of series, encoded by `encoder` without marks and calendar.

    `counts` are the training windows of each block, `weight_sum` what they count for together, and
    `n_windows` those of each split. `moments` are of the rows that training windows cover, as the
    network takes them, `raw` of all training rows, encoded; `levels`, `changes` and `fills` of each
    of the `groups`. Of `n_series`, `n_blank` have no target, `n_short` no window. `shared` are the
    levels of columns that groups share in the sample.
    """

    encoder: SeriesEncoder
    options: Series
    loss: str
    shared: Levels
    counts: list[int] = field(default_factory=list)
    weight_sum: float = 0.0
    n_windows: dict[str, int] = field(default_factory=dict)
    n_values: int = 0
    n_gaps_c: np.ndarray = field(init=False)
    has_gap_c: np.ndarray = field(init=False)
    moments: list[Moments] = field(init=False)
    raw: list[Moments] = field(init=False)
    levels: list[dict[int, Levels]] = field(default_factory=list)
    changes: list[np.ndarray] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    fills: list[tuple[float, ...]] = field(default_factory=list)
    steps: Steps = field(default_factory=Steps)
    n_series: int = 0
    n_blank: int = 0
    n_short: int = 0
    lines: Notes = field(default_factory=list)
    n_lines: int = 0

    def __post_init__(self) -> None:
        n_columns = len(self.encoder.columns)
        self.n_gaps_c = np.zeros(n_columns, np.int64)
        self.has_gap_c = np.zeros(n_columns, bool)
        self.moments = [Moments() for _ in range(n_columns)]
        self.raw = [Moments() for _ in range(n_columns)]

    def take_in(self, piece: Piece, n_series: int) -> None:
        """Adds a block of `n_series` whole series. Raises UserError."""
        lines: Notes = []
        source = Source(piece.table, piece.where, self.options.missing, lines)
        flat = used_series(source, self.encoder, self.options)
        self.n_series += n_series
        self.n_blank += n_series - len(flat.sizes)
        encoder = self.encoder
        if encoder.time is not None and len(flat.sizes):
            before = flat
            time, flat = found_steps(flat, encoder.time, self.options, piece.where, lines)
            if not counts_rows(self.options):
                self.steps.add(before, time)
        n_used = len(flat.sizes)
        flat = long_series(flat, self.options)
        self.n_short += n_used - len(flat.sizes)
        n_windows = 0
        if len(flat.sizes):
            assert flat.names is not None
            values_tc = encoder.encode(piece.table, flat, piece.where, lines)
            fills = group_fills(values_tc, encoder.columns, flat, self._trains(flat))
            self.fills += fills
            encoder = replace(encoder, groups=tuple(flat.names.tolist()), fills=fills)
            n_windows = self._take_windows(windows_in(encoder, values_tc, flat, self.options))
            self._check_cells(piece, flat)
        self.counts.append(n_windows)
        self.n_lines += len(lines)
        self.lines += lines[: MAX_LINES - len(self.lines)]

    def _take_windows(self, block: SeriesDataset) -> int:
        """Adds the rows of a block; how many windows of it train."""
        flat = block.flat
        train = block.splits["train"]
        for split, windows in block.splits.items():
            self.n_windows[split] = self.n_windows.get(split, 0) + len(windows)
        self.weight_sum += float(block.weight[train].sum(dtype=np.float64))
        known_tc = np.ones(block.values.shape, bool) if block.gaps is None else ~block.gaps
        is_train_t = self._trains(flat)
        self.n_values += len(known_tc)
        self.n_gaps_c += (~known_tc).sum(axis=0)
        self.has_gap_c |= (~known_tc[is_train_t]).any(axis=0)
        length = self.encoder.lookback + self.encoder.horizon
        covered_t = rows_covered(block.starts[train], length, len(block.values))
        logs_tc = values_in_logs(block.encoder, block.values)
        for i in range(len(self.moments)):
            _add(self.moments[i], logs_tc[covered_t & known_tc[:, i], i])
            is_own_t = is_train_t & known_tc[:, i] & (flat.rows >= 0)
            _add(self.raw[i], block.values[is_own_t, i])
        self.groups += block.encoder.groups
        if self.encoder.has_group_scales:
            rows = ScaledRows(flat, logs_tc, block.gaps, covered_t)
            found = fit_groups(block.encoder, rows, block.seasons, self.shared)
            self.levels.append(dict(found.levels))
            self.changes.append(found.change_go)
        return len(train)

    def _trains(self, flat: Flat) -> np.ndarray:
        """Which rows are among the first of their series, which train [t]."""
        n_train_g = [max(split_sizes(int(n), self.options)[0], 0) for n in flat.sizes]
        return flat.places < flat.per_row(np.array(n_train_g))

    def _check_cells(self, piece: Piece, flat: Flat) -> None:
        """Raises UserError where a cell of a training row is none that its column admits."""
        rows = flat.rows[self._trains(flat) & (flat.rows >= 0)]
        for column in self.encoder.columns:
            if column.log != "log1p" and not column.count:
                continue
            raw = get_column(piece.table, column.name, piece.where, self.options.missing, rows)
            values = read_numbers(raw.read_by(Reading(column.notation)))
            check_counts(raw, values, self.loss)
            if column.log == "log1p" and len(values.known) and values.known.min() <= -1:
                found = f"{values.known.min():g} in a training row has no log(1 + x)"
                raise raw.error(f"{found}; name the column in config.data.signed_log instead")

    def fitted(self, sample: SeriesEncoder) -> SeriesEncoder:
        """The encoder of a sample with what the pass found exactly in place of its own."""
        columns = []
        for column, moments in zip(sample.columns, self.raw, strict=True):
            is_counted = column.of == "numbers" and not column.static
            columns.append(_with_deviation(column, moments) if is_counted else column)
        has_gap_c = self.has_gap_c.copy()
        has_gap_c[: sample.n_targets] = has_gap_c[: sample.n_targets].any()
        marked = tuple(sample.columns[i].name for i in np.flatnonzero(has_gap_c))
        fills = dict(zip(self.groups, self.fills, strict=True)) if self.fills else {}
        found = replace(
            sample,
            columns=tuple(columns),
            marked=marked,
            groups=tuple(dict.fromkeys(self.groups)),
            fills=tuple(fills.values()),
        )
        if self.encoder.time is None or counts_rows(self.options):
            return found
        time = self.steps.of_all(self.encoder.time)
        return replace(found, time=time, season=self.options.season or guess_season(time.step))

    def exact(self, encoder: SeriesEncoder, fitted: HostArrays) -> HostArrays:
        """The statistics of a sample, with those of all training rows in place of its own.

        Of columns that are read as asinh, whose levels are medians, those that groups share stay.
        """
        exact = {name: array.copy() for name, array in fitted.items()}
        mean_c = exact["center"].astype(np.float64)
        deviation_c = exact["scale"].astype(np.float64)
        for i, place in enumerate(encoder.places.tolist()):
            if encoder.columns[i].log != "asinh" and self.moments[i].n:
                own = self.moments[i].scaled(0.0, 1.0)
                mean_c[place] = own["center"]
                deviation_c[place] = own["scale"]
        exact["center"] = mean_c.astype(np.float32)
        exact["scale"] = deviation_c.astype(np.float32)
        if encoder.has_group_scales:
            found = GroupStatistics(_joined(self.levels), np.concatenate(self.changes))
            exact |= group_statistics(encoder, found, Levels(mean_c, deviation_c))
        return exact


def survey(
    files: Files,
    blocks: Files,
    n_series: np.ndarray,
    columns: tuple[str, ...],
    found: Survey,
) -> None:
    """The pass over all blocks, each of `n_series` [blocks] series. Raises UserError."""
    for block, n_own in zip(blocks.groups, n_series.tolist(), strict=True):
        found.take_in(read_block(files, block, columns, found.options.missing), n_own)


def _add(moments: Moments, values_n: np.ndarray) -> None:
    moments.add(Numbers(values_n.astype(np.float64), np.zeros(len(values_n), bool)))


def _with_deviation(column: SeriesColumn, moments: Moments) -> SeriesColumn:
    """The column with the deviation of all training rows, 1 where there is none."""
    if moments.n == 0 or moments.low == moments.high:
        return replace(column, deviation=1.0) if moments.n else column
    return replace(column, deviation=(moments.squares / moments.n) ** 0.5 * column.unit)


def _joined(parts: list[dict[int, Levels]]) -> dict[int, Levels]:
    """The levels of the groups of all blocks, one after the other."""
    joined = {}
    for i in parts[0]:
        mean_g = np.concatenate([part[i].mean for part in parts])
        joined[i] = Levels(mean_g, np.concatenate([part[i].deviation for part in parts]))
    return joined

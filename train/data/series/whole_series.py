"""Whole series as a stream takes them: cut at their last targets, on their steps, encoded.

t flat rows, g groups, n windows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from train.config.bounded import resolved
from train.config.data_options import Series
from train.config.frequency import parse_frequency
from train.data.columns import Notes, Source
from train.data.series.columns import encode_columns
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.find_group_steps import find_steps
from train.data.series.find_step import find_step
from train.data.series.flat import Flat, order_rows
from train.data.series.gaps import has_known_target
from train.data.series.group_steps import name_of, on_steps, with_steps
from train.data.series.load_windows import of_windows
from train.data.series.step import TimeStep
from train.data.series.time_column import Counting, GroupStep, TimeColumn
from train.data.series.windows import windows_of


def used_series(source: Source, encoder: SeriesEncoder, options: Series) -> Flat:
    """The rows in order, up to each group's last one with a target; others are gone.

    Of the first `options.rows` of each. Raises UserError as `order_rows`.
    """
    flat = order_rows(source, encoder.group, encoder.time)
    targets_to = encode_columns(source._replace(notes=None), encoder.targets, flat)
    n_missing_t = np.isnan(targets_to).sum(axis=1)
    last_g = flat.last_places(n_missing_t < encoder.n_targets)
    if options.rows is not None:
        last_g = np.minimum(last_g, options.rows - 1)
    return flat.up_to(last_g)


def found_steps(
    flat: Flat, time: TimeColumn, options: Series, where: str, notes: Notes
) -> tuple[TimeColumn, Flat]:
    """(the column with the steps of these groups, their rows on them). Raises UserError.

    Where rows count, all of them have the step that the column has already.
    """
    if counts_rows(options):
        return time, with_steps(flat, [time.step] * len(flat.sizes))
    asked = None if options.frequency is None else parse_frequency(options.frequency)
    before = flat
    unknown = replace(time, step=None, counts="rows", others=())
    time, flat = find_steps(flat, unknown, asked, counts_rows=False)
    if time.counts == "rows":
        return time, with_steps(flat, _own_steps(before, time))
    longest = resolved(options.lookback) + resolved(options.horizon)
    return time, on_steps(flat, time, longest, where, notes, options.frequency)


def counts_rows(options: Series) -> bool:
    """Whether each row stands for a step, whatever its stamp."""
    return options.frequency is not None and parse_frequency(options.frequency) is None


def _own_steps(flat: Flat, time: TimeColumn) -> list[TimeStep | None]:
    """What comes nearest to a step of each group."""
    assert flat.stamps is not None
    return [find_step(stamps, time.kind, time.clock) for stamps in flat.by_group(flat.stamps)]


def known_steps(flat: Flat, encoder: SeriesEncoder, where: str, notes: Notes) -> Flat:
    """The rows of groups on the steps that were found for them. Raises UserError."""
    time = encoder.time
    if time is None or not len(flat.sizes):
        return flat
    steps_g: list[TimeStep | None] = [time.step] * len(flat.sizes)
    for g in range(len(steps_g)):
        if (own := time.of_group.get(name_of(flat, g))) is not None:
            steps_g[g] = own.step
    flat = with_steps(flat, steps_g)
    return on_steps(flat, time, encoder.lookback + encoder.horizon, where, notes)


def long_series(flat: Flat, options: Series) -> Flat:
    """The groups that hold a window."""
    if not len(flat.sizes):
        return flat
    window = resolved(options.lookback) + resolved(options.horizon)
    return flat.select(flat.per_row(flat.sizes >= window))


def series_on_steps(source: Source, encoder: SeriesEncoder, options: Series) -> Flat:
    """The rows of a table as the windows of a stream are taken from them. Raises UserError."""
    flat = used_series(source, encoder, options)
    lines: Notes = []
    return long_series(known_steps(flat, encoder, source.where, lines), options)


def windows_in(
    encoder: SeriesEncoder, values_tc: np.ndarray, flat: Flat, options: Series
) -> SeriesDataset:
    """All windows of encoded rows that have a known target."""
    gaps_tc = np.isnan(values_tc)
    starts, _ = windows_of(flat.sizes, options)
    for split, starts_n in starts.items():
        starts[split] = starts_n[has_known_target(encoder, gaps_tc, starts_n)]
    return of_windows(encoder, values_tc, gaps_tc, flat, starts)


@dataclass
class Steps:
    """The steps of all groups, found some groups at a time: as `find_steps` finds them together."""

    rows: Counter[TimeStep] = field(default_factory=Counter)
    groups: list[tuple[str, TimeStep | None, Counting]] = field(default_factory=list)
    longest: tuple[int, TimeStep | None] = (0, None)

    def add(self, before: Flat, time: TimeColumn) -> None:
        """Takes in groups whose rows, `before` they are laid out, keep to the steps of `time`."""
        steps_g: Sequence[TimeStep | None] = [time.step] * len(before.sizes)
        if time.counts == "rows":
            steps_g = _own_steps(before, time)
        for g, step in enumerate(steps_g):
            counts = time.counts
            if (other := time.of_group.get(name_of(before, g))) is not None:
                step = other.step
                counts = other.counts
            size = int(before.sizes[g])
            if size > self.longest[0]:
                self.longest = (size, step)
            if counts == "steps":
                assert step is not None
                self.rows[step] += size
            self.groups.append((name_of(before, g), step, counts))

    def of_all(self, time: TimeColumn) -> TimeColumn:
        """The column with the step of most rows, and those of groups that keep to another."""
        if not self.rows:
            return replace(time, step=self.longest[1], counts="rows", others=())
        main = self.rows.most_common(1)[0][0]
        others = []
        for name, step, counts in self.groups:
            if counts == "rows" or step != main:
                others.append(GroupStep(name, step, counts))
        return replace(time, step=main, counts="steps", others=tuple(others))

"""What the user should know of series that are streamed."""

from __future__ import annotations

import numpy as np

from train.data.series.stream import StreamedSeries

SERIES_MIXED = 4  # series in a chunk below which a run says that it shuffles little


def notes_on_stream(dataset: StreamedSeries, n_sampled: int, *, is_whole: bool) -> list[str]:
    """What is streamed, what stays in memory and judges, what is missing, and what mixes little."""
    stream = dataset.stream
    found = stream.found
    path = stream.options.path
    n_files = len({group.path for group in stream.files.groups})
    sampled = f"{n_sampled:,} of them" if not is_whole else "them all"
    notes = [
        f"{path}: {stream.n_rows:,} training windows of {found.n_series:,} series are streamed "
        f"from {n_files} file{'s' * (n_files != 1)}; in memory stand {sampled}, by which shifts, "
        "medians, categories, baselines and the scores of train go"
    ]
    judged = []
    for split in ("valid", "test"):
        n_all = found.n_windows.get(split, 0)
        if len(dataset.splits[split]) < n_all:
            judged.append(f"{len(dataset.splits[split]):,} of {n_all:,} windows {split}")
    if judged:
        notes.append(f"{path}: {' and '.join(judged)}: those of the {n_sampled:,} series in memory")
    if not is_whole:
        notes += _notes_on_all(dataset)
    n_windows = np.array(stream.counts)
    n_groups = len(dataset.encoder.groups)
    mixed = stream.chunk_rows * n_groups / max(int(n_windows.sum()), 1)
    if mixed < min(SERIES_MIXED, n_groups):
        more = "ask for more"
        if stream.chunk_rows < stream.options.shuffle_window:
            more = "they weigh much; ask for a larger config.data.stride or a shorter lookback"
        notes.append(
            f"config.data.shuffle_window: {stream.chunk_rows:,} windows are shuffled at once, of "
            f"about {mixed:.1f} series; {more}"
        )
    return notes


def _notes_on_all(dataset: StreamedSeries) -> list[str]:
    """What a pass over all series found missing in them."""
    found = dataset.stream.found
    path = dataset.stream.options.path
    notes = []
    for n_left, what in (
        (found.n_blank, "have no value of a target"),
        (found.n_short, "have fewer rows than a window"),
    ):
        if n_left:
            notes.append(f"{path}: {n_left:,} of {found.n_series:,} series {what}; left out")
    for column, n_gaps in zip(dataset.encoder.columns, found.n_gaps_c.tolist(), strict=True):
        if n_gaps:
            mark = "with a mark" if column.name in dataset.encoder.marked else "without a mark"
            what = f"{n_gaps:,} of {found.n_values:,} values of all series are missing, {mark}"
            notes.append(f"{path}: column {column.name!r}: {what}")
    notes += found.lines
    if found.n_lines > len(found.lines):
        notes.append(f"{path}: {found.n_lines - len(found.lines):,} more such lines on its rows")
    return notes

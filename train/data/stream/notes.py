"""What the user should know of rows that are streamed."""

from __future__ import annotations

from train.config.data_options import Sequences, Table
from train.data.stream.dataset import TableStream
from train.data.stream.online_statistics import Survey
from train.data.stream.rows import RowStream

GROUPS_MIXED = 4  # row groups in a chunk below which a run says that it shuffles little


def notes_on_stream(options: Table, found: Survey, stream: TableStream, n_sample: int) -> list[str]:
    """The rows that are streamed and left out, and what mixes little."""
    streamed = streamed_from(stream, options.path, "rows")
    sampled = f"quantiles, baselines and the scores of train are of {n_sample:,} of them"
    notes = [
        f"{streamed}; {sampled}",
        *unlabelled_notes(stream, options.path, found.n_unlabelled),
        *cut_notes(stream, options),
    ]
    if mixes_little(stream):
        window = options.shuffle_window
        mixed = f"{window:,} rows mix few row groups of {max(stream.counts):,} rows"
        notes.append(f"config.data.shuffle_window: {mixed}; widen it, or write smaller row groups")
    return notes


def streamed_from(stream: RowStream, path: str, rows: str) -> str:
    """The beginning of a line on the training rows, which are called `rows`."""
    n_files = len({group.path for group in stream.files.groups})
    files = f"{n_files} file{'s' * (n_files != 1)}"
    return f"{path}: {stream.n_rows:,} training {rows} are streamed from {files}"


def unlabelled_notes(stream: RowStream, path: str, n_unlabelled: int) -> list[str]:
    """A line on the rows that lack a target."""
    if not n_unlabelled:
        return []
    return [f"{path}: {n_unlabelled} of {stream.files.n_rows} rows lack a target, left out"]


def cut_notes(stream: RowStream, options: Table | Sequences) -> list[str]:
    """A line on each share to validate or to test with that is more rows than memory is to hold."""
    n_all = stream.files.n_rows
    notes = []
    for part, share in stream.shares.items():
        asked = getattr(options, part)
        if share and asked < 1 and share < asked:
            kept = f"a share of {n_all:,} rows is cut to about {share * n_all:,.0f}"
            more = "for they stay in memory; give a number of rows to have more"
            notes.append(f"config.data.{part}: {kept}, {more}")
    return notes


def mixes_little(stream: RowStream) -> bool:
    """Whether the rows that are shuffled at once are those of few row groups."""
    is_partial = stream.n_rows > stream.chunk_rows
    return is_partial and max(stream.counts) * GROUPS_MIXED > stream.chunk_rows

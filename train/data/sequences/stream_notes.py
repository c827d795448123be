"""What the user should know of sequences that are streamed."""

from __future__ import annotations

from train.data.sequences.stream import StreamedSequences
from train.data.sequences.text import missing_tokens_note

GROUPS_MIXED = 4  # row groups in a chunk below which a run says that it shuffles little


def notes_on_stream(dataset: StreamedSequences, n_sample: int) -> list[str]:
    """The rows that are streamed and left out, what is cut and missing, and what mixes little."""
    stream = dataset.stream
    options = dataset.options
    found = stream.found
    n_files = len({group.path for group in stream.files.groups})
    n_all = stream.files.n_rows
    notes = [
        f"{options.path}: {stream.n_rows:,} training sequences are streamed from "
        f"{n_files} file{'s' * (n_files != 1)}; shifts, baselines and the scores of train "
        f"are of {n_sample:,} of them"
    ]
    if found.n_unlabelled:
        notes.append(
            f"{options.path}: {found.n_unlabelled} of {n_all} rows lack a target, left out"
        )
    n_missing = sum(channels.n_missing for channels in found.inputs.values())
    if n_missing:
        notes.append(
            f"{options.path}: {n_missing} numbers of steps are missing; read as their column's mean"
        )
    if dataset.encoder.token:
        notes += missing_tokens_note(
            found.n_without_token, found.n_steps, dataset.encoder.token, options.path
        )
    if found.n_empty:
        notes.append(
            f"{options.path}: {found.n_empty} training sequences are empty, and are answered by "
            "what the training rows are"
        )
    if options.max_length is not None and dataset.encoder.longest > dataset.longest_read:
        notes.append(
            f"training sequences are cut at {options.max_length} steps; the longest has "
            f"{dataset.encoder.longest}"
        )
    for part, share in stream.shares.items():
        asked = getattr(options, part)
        if share and asked < 1 and share < asked:
            kept = f"a share of {n_all:,} rows is cut to about {share * n_all:,.0f}"
            more = "for they stay in memory; give a number of rows to have more"
            notes.append(f"config.data.{part}: {kept}, {more}")
    largest = max(stream.counts)
    if stream.n_rows > stream.chunk_rows and largest * GROUPS_MIXED > stream.chunk_rows:
        mixed = f"{stream.chunk_rows:,} rows of {stream.width} steps are shuffled at once"
        notes.append(
            f"config.data.shuffle_window: {mixed}, of few parts of {largest:,} rows that are read "
            "in random order; write smaller row groups, or shuffle the file"
        )
    return notes

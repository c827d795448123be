"""What the user should know of sequences that are streamed."""

from __future__ import annotations

from train.data.sequences.stream import StreamedSequences
from train.data.sequences.text import missing_tokens_note
from train.data.stream.notes import cut_notes, mixes_little, streamed_from, unlabelled_notes


def notes_on_stream(dataset: StreamedSequences, n_sample: int) -> list[str]:
    """The rows that are streamed and left out, what is cut and missing, and what mixes little."""
    stream = dataset.stream
    path = dataset.options.path
    streamed = streamed_from(stream, path, "sequences")
    sampled = f"shifts, baselines and the scores of train are of {n_sample:,} of them"
    notes = [
        f"{streamed}; {sampled}",
        *unlabelled_notes(stream, path, stream.found.n_unlabelled),
        *_notes_on_steps(dataset),
        *cut_notes(stream, dataset.options),
    ]
    if mixes_little(stream):
        mixed = f"{stream.chunk_rows:,} rows of {stream.width} steps are shuffled at once"
        notes.append(
            f"config.data.shuffle_window: {mixed}, of few parts of {max(stream.counts):,} rows "
            "that are read in random order; write smaller row groups, or shuffle the file"
        )
    return notes


def _notes_on_steps(dataset: StreamedSequences) -> list[str]:
    """What a pass over all training sequences found missing in them, and where they are cut."""
    found = dataset.stream.found
    path = dataset.options.path
    token = dataset.encoder.token
    notes = []
    n_missing = sum(channels.n_missing for channels in found.inputs.values())
    if n_missing:
        notes.append(
            f"{path}: {n_missing} numbers of steps are missing; read as their column's mean"
        )
    if token:
        notes += missing_tokens_note(found.n_without_token, found.n_steps, token, path)
    if found.n_empty:
        notes.append(
            f"{path}: {found.n_empty} training sequences are empty, and are answered by what the "
            "training rows are"
        )
    max_length = dataset.options.max_length
    longest = dataset.encoder.longest
    if max_length is not None and longest > dataset.longest_read:
        notes.append(f"training sequences are cut at {max_length} steps; the longest has {longest}")
    return notes

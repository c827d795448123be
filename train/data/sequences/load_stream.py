"""Files of sequences whose training rows do not fit in memory -> StreamedSequences.

In memory stand the rows that validate and test, and a sample of the training rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.bounded import resolved
from train.config.data_options import Sequences
from train.config.sequence_recipe import auto_max_length, auto_valid
from train.data.columns import Notes
from train.data.dataset import Batch
from train.data.files.line_groups import find_rows
from train.data.files.memory import return_memory
from train.data.files.read import read_table
from train.data.files.row_groups import MAX_ROWS, Files
from train.data.reading_of_steps import reading_of_sequences
from train.data.sequences.encoded_file import EncodedFile, encode_file
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.fit import names_of
from train.data.sequences.joining import fills_of, join
from train.data.sequences.load import fit_encoder
from train.data.sequences.rows_on_disk import bytes_of_rows, kept_rows, shortened
from train.data.sequences.steps import check_columns, column_error, padded_width
from train.data.sequences.stream import SequenceStream, StreamedSequences
from train.data.sequences.stream_notes import notes_on_stream
from train.data.sequences.survey import Survey, survey
from train.data.sequences.text import MAX_CHARACTERS
from train.data.stream.online_statistics import MAX_LABELS, StreamRows
from train.data.stream.parts import check_training_rows, shares_of
from train.data.table.encoded_file import notes_on_classes
from train.errors import UserError

CHUNK_BYTES = 1 << 26  # of encoded rows that are shuffled at once
PIECE_BYTES = 1 << 25  # and of those that are encoded at once


def load_sequence_stream(options: Sequences, loss: str) -> StreamedSequences:
    """One pass over `options.path`, a file or a folder of them, and what was fitted in it.

    The pool of the data set holds a sample of the training rows, and the rows that validate and
    test; `stream` reads the training rows. Raises UserError.
    """
    columns = (*names_of(options.inputs), *names_of(options.target))
    files = find_rows(options.path, columns)
    for names, field in ((options.inputs, "inputs"), (options.target, "target")):
        check_columns(files.schema.empty_table(), names_of(names), field, options.path)
    notes: Notes = []
    options = _with_auto_valid(options, files.n_rows, notes)
    row_bytes = bytes_of_rows(files, columns)
    shares = shares_of(options, files.n_rows, kept_rows(row_bytes))
    found = survey(files, options, shares, row_bytes)
    check_training_rows(sum(found.counts), options.path)
    encoder, fitting, numbers = _fit(found, options, loss, notes)
    if options.max_length == "auto":
        most = auto_max_length(encoder.steps, tokens=encoder.token is not None)
        options = replace(options, max_length=most)
    own = _encoded_sample(found, fitting, numbers, encoder, options)
    n_sample = len(own.rows)
    pool = [own]
    splits = {"train": np.arange(n_sample, dtype=np.int32)}
    start = n_sample
    for part, rows in (("valid", found.valid), ("test", found.test)):
        file = _held_out(part, rows, shares[part], encoder, options, notes)
        n_rows = len(file.rows) if file else 0
        splits[part] = np.arange(start, start + n_rows, dtype=np.int32)
        start += n_rows
        pool += [file] if file else []
    inputs = join([file.inputs for file in pool], dict.fromkeys(own.inputs, 0))
    target = join([file.target for file in pool], fills_of(encoder))
    reading = reading_of_sequences(fitting, encoder, options)
    found.forget_rows()
    del fitting
    return_memory()
    stream = _stream(files, columns, encoder, options, found, shares)
    dataset = StreamedSequences(
        inputs,
        target,
        np.ones(start, np.float32),
        splits,
        np.concatenate([file.rows for file in pool]),
        encoder,
        options,
        reading=reading,
        stream=stream,
    )
    return replace(dataset, notes=(*notes_on_stream(dataset, n_sample), *notes))


def _with_auto_valid(options: Sequences, n_rows: int, notes: Notes) -> Sequences:
    """The options with the share of so many rows that validate, where it is "auto"."""
    if options.valid != "auto":
        return options
    options = replace(options, valid=auto_valid(n_rows))
    if not options.valid and not options.valid_path:
        notes.append(f"none of {n_rows} sequences validate (config.data.valid)")
    return options


def _encoded_sample(
    found: Survey,
    fitting: pa.Table,
    numbers: np.ndarray,
    encoder: SequenceEncoder,
    options: Sequences,
) -> EncodedFile:
    """The sample of training rows, cut and encoded; `numbers` are those of `fitting`'s rows."""
    rows = np.concatenate(found.sample.numbers)
    sample = fitting.take(pa.array(np.searchsorted(numbers, rows)))
    sample = shortened(sample, encoder.step_names, resolved(options.max_length))
    encoded = encode_file(encoder, sample, f"{options.path}, in a sample of its rows", options)
    return encoded._replace(rows=rows)


def _fit(
    found: Survey, options: Sequences, loss: str, notes: Notes
) -> tuple[SequenceEncoder, pa.Table, np.ndarray]:
    """The encoder, the sample with the extreme rows that it was fitted on, and their numbers.

    Raises UserError.
    """
    numbers, fitting = found.sample.with_those_of(found.extreme_rows).joined()
    sampled_from = replace(options, path=f"{options.path}, in a sample of its rows")
    encoder = fit_encoder(fitting, np.arange(fitting.num_rows), sampled_from, loss, notes)
    _check_classes(encoder, found, options.path)
    for column in (*encoder.tags, *encoder.step_numbers):
        if column.name in found.unlike:
            raise UserError(found.unlike[column.name])
    vocabulary = encoder.vocabulary
    if encoder.token:
        vocabulary = found.words.vocabulary(options.min_count, characters=options.characters)
    steps = found.n_steps / sum(found.counts)
    encoder = replace(encoder, vocabulary=vocabulary, steps=steps, longest=found.longest)
    return encoder, fitting, numbers


def _check_classes(encoder: SequenceEncoder, found: Survey, path: str) -> None:
    """Raises UserError for a target of more classes than are counted."""
    counted = {**found.labels, **{name: tags.steps for name, tags in found.tags.items()}}
    for head in encoder.heads:
        if head.classes and head.name in counted and counted[head.name].overflowed:
            more = f"more than {counted[head.name].most or MAX_LABELS:,} classes"
            raise column_error(f"{more}; is it a number?", head.name, path)


def _held_out(
    part: str,
    rows: StreamRows,
    share: float,
    encoder: SequenceEncoder,
    options: Sequences,
    notes: Notes,
) -> EncodedFile | None:
    """The encoded rows of a split that stays in memory, if there is one. Raises UserError."""
    path = getattr(options, f"{part}_path")
    if not path and not share:
        return None
    if path:
        table = read_table(path, options.missing)
        file = encode_file(encoder, table, path, options)
    elif rows.numbers:
        path = f"{options.path}, of the rows of {part}"
        numbers, table = rows.joined()
        file = encode_file(encoder, table, path, options)._replace(rows=numbers)
    else:
        raise UserError(
            f"config.data.{part}: none of so few rows was drawn for it; ask for more, or for 0"
        )
    notes += file.notes
    own = {part: np.arange(len(file.rows))}
    by_row = encoder.rows(table, path)
    notes += notes_on_classes(encoder.labels, by_row, file.target, own, path)
    return file


def _stream(
    files: Files,
    columns: tuple[str, ...],
    encoder: SequenceEncoder,
    options: Sequences,
    found: Survey,
    shares: dict[str, float],
) -> SequenceStream:
    """Where training rows are, and how many of them are read, and shuffled, at once."""
    longest = min(encoder.longest, resolved(options.max_length) or encoder.longest)
    width = padded_width(np.array([longest]))
    row_bytes = width * _step_bytes(encoder)
    stream = SequenceStream(
        files,
        columns,
        tuple(found.counts),
        shares,
        float(sum(found.counts)),
        is_weighted=False,
        chunk_rows=int(np.clip(CHUNK_BYTES // row_bytes, 1, options.shuffle_window)),
        template=Batch({}, {}, np.zeros(0, np.float32)),
        encoder=encoder,
        options=options,
        found=found,
        width=width,
        piece_rows=int(np.clip(PIECE_BYTES // row_bytes, 1, MAX_ROWS)),
    )
    empty = files.schema.empty_table().select(list(columns))
    target, _ = encoder.encode_targets(empty, options.path)
    return replace(stream, template=stream.padded(encoder.encode(empty, options.path), target))


def _step_bytes(encoder: SequenceEncoder) -> int:
    """What an encoded step weighs, with its targets."""
    numbers = encoder.n_numbers * (2 if encoder.next_kind else 1)
    numbers += sum(len(column.units) for column in encoder.step_numbers) + len(encoder.tags)
    n_characters = encoder.vocabulary.n_characters
    characters = MAX_CHARACTERS * (1 if n_characters <= 256 else 2) if n_characters else 0
    return 4 * (numbers + (encoder.token is not None)) + characters

"""The data set of a config, and its schema read back, by the kind of `config.data`."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from train.config.data_options import Sequences, Series, Table
from train.config.imported import Imported
from train.config.members import settings_of, with_values
from train.config.options import Config
from train.config.recipe import with_valid
from train.data.answer_names import check_heads
from train.data.checks import check_augment, check_net, check_steps
from train.data.dataset import Dataset, Encoder, Json
from train.data.files.read import read_table
from train.data.files.tables import Read
from train.data.row_dataset import RowDataset
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.load import load_sequences
from train.data.sequences.load_stream import load_sequence_stream
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.group_steps import step_lines
from train.data.series.load import load_series
from train.data.series.load_stream import load_series_stream
from train.data.stream.load import load_stream
from train.data.table.clusters import ClusterEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder
from train.data.table.load import load_table
from train.data.table.reading import NOTHING, Reading, reading_lines, use_lines
from train.data.unread import unread_of_rows
from train.errors import UserError

SHARE_OF_SCREEN = 0.4  # that lines on columns may take


def load_dataset(
    config: Config,
    read: Read = read_table,
    encoder: Encoder | None = None,
    first: tuple[str, ...] = (),
) -> Dataset:
    """Reads, splits and encodes the data. Raises UserError.

    `read` gives tables by their paths; rows that are not streamed are encoded by `encoder`, if
    there is one, and by one that is fitted on training rows else. Its notes begin with the `first`.
    """
    config = with_valid(config)
    # By a loss of the user's own a target is what it looks like.
    loss = "auto" if isinstance(config.loss, Imported) else config.loss
    match config.data:
        case Table():
            if config.data.stream:
                dataset = load_stream(config.data, loss)
            else:
                assert encoder is None or isinstance(encoder, TableEncoder)
                dataset = load_table(config.data, loss, read, encoder)
            for setting in settings_of(config):
                check_net(with_values(config, setting).net, dataset)
        case Series():
            assert encoder is None or isinstance(encoder, SeriesEncoder)
            if config.data.stream:
                dataset = load_series_stream(config.data, config.loss)
            else:
                dataset = load_series(config.data, read, encoder, config.loss)
        case Sequences():
            if config.data.stream:
                dataset = load_sequence_stream(config.data, loss)
            else:
                assert encoder is None or isinstance(encoder, SequenceEncoder)
                dataset = load_sequences(config.data, loss, read, encoder)
            for setting in settings_of(config):
                check_steps(with_values(config, setting), dataset)
    check_augment(config, dataset)
    check_heads(head.name for head in dataset.heads)
    notes = (*first, *dataset.notes, *dataset.encoder.answer_names.notes)
    notes = (*notes, *unread_of_rows(config, dataset))
    if isinstance(dataset, RowDataset):
        notes = (*notes, *_fold_notes(config, dataset))
    return replace(dataset, notes=notes)


def _fold_notes(config: Config, dataset: RowDataset) -> list[str]:
    """What the user should know of classes with fewer rows than folds, which share them out."""
    folds = config.population.n_folds
    if folds == 1 or dataset.options.split != "stratified" or dataset.split_by is None:
        return []
    names, counts = np.unique(dataset.split_by[dataset.splits["train"]], return_counts=True)
    rare = np.flatnonzero(counts < folds)
    if not len(rare):
        return []
    shown = f"{len(rare)} of {len(names)} classes have fewer rows than the {folds} folds"
    first = f"such as {str(names[rare[0]])!r} ({counts[rare[0]]})"
    return [f"config.population.folds: {shown}, {first}; some folds validate none of them"]


def how_read(dataset: Dataset, screen: os.terminal_size | None = None) -> list[str]:
    """Lines on how each column was read, and the stamps of series.

    Where they would take much of a `screen`, columns are shown by what is done with them.
    """
    reading = reading_in(dataset)
    lines = reading_lines(reading)
    if screen is not None and len(lines) > screen.lines * SHARE_OF_SCREEN:
        shorter = use_lines(reading, screen.columns - 1)
        lines = shorter if len(shorter) < len(lines) else lines
    if isinstance(dataset, SeriesDataset):
        encoder = dataset.encoder
        lines += step_lines(encoder.time, encoder.season, encoder.cycles)
    return lines


def reading_in(dataset: Dataset) -> Reading:
    """How the columns of a data set were read."""
    if isinstance(dataset, TableDataset | SeriesDataset | SequenceDataset):
        return dataset.reading
    return NOTHING


def read_encoder(plain: Json) -> Encoder:
    """The encoder that encoder.json holds. Raises UserError."""
    if not isinstance(plain, dict):
        raise UserError(f"encoder.json: expected an object, got {str(plain)[:40]}")
    match plain.get("kind"):
        case "Clusters":
            return ClusterEncoder.from_json(plain)
        case "Reconstruction":
            return ReconstructionEncoder.from_json(plain)
        case "Series":
            return SeriesEncoder.from_json(plain)
        case "Sequences":
            return SequenceEncoder.from_json(plain)
        case _:
            return TableEncoder.from_json(plain)

"""The data set of a config, and its schema read back, by the kind of `config.data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.data.dataset import Dataset
from train.data.encode import TableEncoder
from train.data.sequence_encode import SequenceEncoder
from train.data.sequences import load_sequences
from train.data.series import SeriesDataset, load_series
from train.data.series_encode import SeriesEncoder
from train.data.table import load_table
from train.options import Config, Sequences, Series, Table


def load_dataset(config: Config) -> Dataset | SeriesDataset:
    """Reads, splits and encodes the data. Raises UserError."""
    match config.data:
        case Table():
            return load_table(config.data, config.loss)
        case Series():
            return load_series(config.data)
        case Sequences():
            return load_sequences(config.data, config.loss)


def read_encoder(plain: Mapping[str, Any]) -> TableEncoder | SeriesEncoder | SequenceEncoder:
    """The encoder that encoder.json holds."""
    match plain.get("kind"):
        case "Series":
            return SeriesEncoder.from_json(plain)
        case "Sequences":
            return SequenceEncoder.from_json(plain)
        case _:
            return TableEncoder.from_json(plain)

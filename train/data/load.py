"""The data set of a config, and its schema read back, by the kind of `config.data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.data.dataset import Dataset
from train.data.encode import TableEncoder
from train.data.table import load_table
from train.options import Config, Table


def load_dataset(config: Config) -> Dataset:
    """Reads, splits and encodes the data. Raises UserError."""
    match config.data:
        case Table():
            return load_table(config.data, config.loss)
        case _:
            raise NotImplementedError(type(config.data).__name__)


def read_encoder(plain: Mapping[str, Any]) -> TableEncoder:
    """The encoder that encoder.json holds."""
    return TableEncoder.from_json(plain)

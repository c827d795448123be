"""What a run begins with: its rows, and the weights of an earlier net where there are some."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nets.base import Variables
from train import config as configs
from train.config.data_options import Table
from train.config.members import is_population, pooled
from train.config.options import Config
from train.data.dataset import Dataset, Encoder
from train.data.files.read import read_table
from train.data.files.tables import Read, in_memory
from train.data.load import load_dataset
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.run.metadata import as_begun


class Start(NamedTuple):
    """A net that training goes on with: its columns, its scales and its weights stay."""

    config: Config
    """The resolved one that it was trained with."""
    encoder: Encoder
    variables: Variables


def read_rows(
    config: Config, folder: Path | None, data: object, start: Start | None
) -> tuple[Config, Dataset]:
    """The config that holds, and the data set of its file, or of `data` in memory.

    With a `start` rows are encoded as its own were. Raises UserError.
    """
    read: Read = read_table
    if data is not None:
        config, read = in_memory(config, data)
    encoder = None
    if start is not None:
        config = _as_before(config, start)
        assert isinstance(start.encoder, TableEncoder)
        encoder = start.encoder
    configs.validate(config)
    return config, load_dataset(pooled(as_begun(config, folder)), read, encoder)


def _as_before(config: Config, start: Start) -> Config:
    """The config with all that the weights of `start` depend on as it was.

    Raises UserError where its weights cannot be those of the config's net.
    """
    before = start.config
    if not isinstance(config.data, Table) or not isinstance(before.data, Table):
        raise UserError(
            "start: a net of a table goes on with new rows, of series and sequences not"
        )
    if config.data.stream or is_population(config) or start.encoder.heads == ():
        raise UserError("start: one net with a target goes on, and its rows stand in memory")
    if before.loss != config.loss:
        raise UserError(f"config.loss: {config.loss}, but the net was trained on {before.loss}")
    data = replace(config.data, scaling=before.data.scaling, one_hot=before.data.one_hot)
    return replace(config, data=data, net=before.net)

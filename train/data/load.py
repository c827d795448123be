"""The data set of a config, and its schema read back, by the kind of `config.data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.config.members import settings_of, with_values
from train.config.options import (
    LSTM,
    Competitive,
    Config,
    Dense,
    Perceptron,
    SelfOrganizingMap,
    Sequences,
    Series,
    Table,
)
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.load import load_sequences
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import SeriesDataset, load_series
from train.data.stream.dataset import load_stream
from train.data.table.clusters import ClusterEncoder, check_distinct
from train.data.table.codes import ANSWERS, ReconstructionEncoder
from train.data.table.dataset import Dataset
from train.data.table.encoder import TableEncoder
from train.data.table.load import load_table
from train.errors import UserError


def load_dataset(config: Config) -> Dataset | SeriesDataset:
    """Reads, splits and encodes the data. Raises UserError."""
    match config.data:
        case Table():
            load = load_stream if config.data.stream else load_table
            dataset = load(config.data, config.loss)
            for setting in settings_of(config):
                _check_net(with_values(config, setting).net, dataset)
        case Series():
            dataset = load_series(config.data)
        case Sequences():
            dataset = load_sequences(config.data, config.loss)
    _check_augment(config, dataset)
    return dataset


def _check_net(net: object, dataset: Dataset) -> None:
    """Raises UserError for a net that cannot learn what these rows hold."""
    match net:
        case Competitive(units=units):
            check_distinct(dataset, units, "config.net.units")
        case SelfOrganizingMap(shape=(rows, columns)):
            check_distinct(dataset, rows * columns, "config.net.shape")
        case Dense(code=int()) if dataset.encoder.targets and ANSWERS.fullmatch(dataset.encoder.targets[0].name):
            name = dataset.encoder.targets[0].name
            raise UserError(f"config.data.label: {name!r} is the name of a column of the answers; rename it")
        case Perceptron():
            numbers = [head.columns for head in dataset.encoder.heads if head.kind == "regression"]
            if numbers:
                names = " and ".join(map(repr, numbers[0]))
                raise UserError(f"config.net: a Perceptron tells classes, but {names} is a number; use Dense")


def _check_augment(config: Config, dataset: Dataset | SeriesDataset) -> None:
    """Raises UserError for an augmentation that does not fit the columns, or the targets."""
    if isinstance(dataset, SeriesDataset):
        return
    augment, net = config.augment, config.net
    of_numbers = {"config.augment.noise": augment.noise}
    of_tokens, moving = {}, {}
    if isinstance(dataset.encoder, SequenceEncoder) and isinstance(net, LSTM):
        names = ("scaling", "warp", "time_mask", "channel_mask", "mixup")
        of_numbers = {f"config.augment.{name}": getattr(augment, name) for name in names}
        of_numbers |= {f"config.net.{name}": getattr(net, name) for name in ("noise", "offset")}
        of_tokens = {f"config.augment.{name}": getattr(augment, name) for name in ("token_drop", "token_swap")}
        moving = {f"config.augment.{name}": getattr(augment, name) for name in ("warp", "reverse", "mixup")}
        moving["config.net.crop"] = 0 if net.crop == "auto" else 1 - net.crop
    on = [field for field, strength in (of_numbers | of_tokens | moving).items() if strength not in (0, "auto")]
    has_tokens = "tokens" in dataset.inputs
    for field in on:
        if field in of_numbers and "numbers" not in dataset.inputs:
            raise UserError(f"{field}: varies numbers, and the inputs have none; set it to 0")
        if field in of_tokens and not has_tokens:
            raise UserError(f"{field}: varies tokens, and the inputs have none; set it to 0")
        if field in ("config.augment.warp", "config.augment.mixup") and has_tokens:
            raise UserError(f"{field}: there is nothing between two tokens; set it to 0")
        if field in moving and getattr(dataset.encoder, "traits", {}).get("of_steps"):
            off = 1 if field == "config.net.crop" else 0
            raise UserError(f"{field}: moves steps, but the target has a value at each of them; set it to {off}")


def read_encoder(plain: Mapping[str, Any]) -> TableEncoder | SeriesEncoder | SequenceEncoder:
    """The encoder that encoder.json holds."""
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

"""What "auto" stands for, once the rows are read."""

from __future__ import annotations

from dataclasses import replace

from train.config.data_options import Sequences
from train.config.options import Config
from train.config.own_net import Own
from train.config.recipe import resolve
from train.config.sequence_recipe import resolve_sequences, truncated
from train.config.series_recipe import resolve_series
from train.data.dataset import Dataset
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder


def resolve_config(config: Config, dataset: Dataset) -> Config:
    """The config with every "auto" replaced by what suits the data."""
    encoder = dataset.encoder
    if isinstance(encoder, SequenceEncoder):
        if isinstance(dataset, SequenceDataset) and isinstance(config.data, Sequences):
            read = dataset.options
            data = replace(config.data, valid=read.valid, max_length=read.max_length)
            config = replace(config, data=data)
        if not isinstance(config.net, Own):
            config = resolve_sequences(config, dataset.n_train, **encoder.traits)
    head = encoder.heads[0]
    classes = 0
    if head.kind not in ("regression", "reconstruction"):
        classes = max(len(head.classes), 1)
    if isinstance(encoder, SeriesEncoder) and not isinstance(config.net, Own):
        config = resolve_series(config, encoder.season, max(len(encoder.groups), 1))
    return resolve(config, dataset.n_train, classes=classes)


def window_of(config: Config, dataset: Dataset) -> int | None:
    """The steps that an update goes back through, where some training sequence has more."""
    if not isinstance(dataset, SequenceDataset):
        return None
    return truncated(replace(config, data=dataset.options), dataset.encoder.longest)

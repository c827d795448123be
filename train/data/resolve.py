"""What "auto" stands for, once the rows are read."""

from __future__ import annotations

from train.config.options import Config
from train.config.recipe import resolve, resolve_sequences
from train.data.dataset import Dataset
from train.data.sequences.encoder import SequenceEncoder


def resolve_config(config: Config, dataset: Dataset) -> Config:
    """The config with every "auto" replaced by what suits the data."""
    encoder = dataset.encoder
    if isinstance(encoder, SequenceEncoder):
        config = resolve_sequences(config, dataset.n_train, **encoder.traits)
    classes = encoder.heads[0].kind not in ("regression", "reconstruction")
    season = getattr(encoder, "season", None)
    return resolve(config, dataset.n_train, classes=classes, season=season)

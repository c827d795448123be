"""What "auto" stands for, once the rows are read."""

from __future__ import annotations

from dataclasses import replace

from train.config.data_options import Sequences, Series
from train.config.lstm_checks import check_window
from train.config.net_options import LSTM
from train.config.options import Config
from train.config.own_net import Own
from train.config.recipe import resolve
from train.config.sequence_recipe import resolve_sequences, truncated
from train.config.series_recipe import HEAVY_TAILS, resolve_series
from train.data.dataset import Dataset
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.outliers import tail_ratio
from train.data.series.window_sizes import with_window_of


def resolve_config(config: Config, dataset: Dataset) -> Config:
    """The config with every "auto" replaced by what suits the data."""
    encoder = dataset.encoder
    if isinstance(encoder, SequenceEncoder):
        if isinstance(dataset, SequenceDataset) and isinstance(config.data, Sequences):
            read = dataset.options
            data = replace(config.data, valid=read.valid, max_length=read.max_length)
            config = replace(config, data=data)
        if not isinstance(config.net, Own):
            config = resolve_sequences(config, dataset.n_train, encoder.traits)
    if isinstance(encoder, SeriesEncoder) and isinstance(config.data, Series):
        config = replace(config, data=as_read(config.data, encoder))
    head = encoder.heads[0]
    classes = 0
    if head.kind not in ("regression", "reconstruction"):
        classes = max(len(head.classes), 1)
    if isinstance(encoder, SeriesEncoder) and not isinstance(config.net, Own):
        n_series = max(len(encoder.groups), 1)
        config = resolve_series(config, encoder.season, n_series, _tail_ratio(config, dataset))
        if isinstance(config.data, Series) and isinstance(config.net, LSTM):
            check_window(config.data, config.net)
    return resolve(config, dataset.n_train, classes=classes)


def as_read(data: Series, encoder: SeriesEncoder) -> Series:
    """The options with what an encoder has in place of each "auto" that goes by the rows."""
    if data.asinh == "auto":
        data = replace(data, asinh=encoder.asinh)
    return with_window_of(data, encoder)


def loss_lines(config: Config, dataset: Dataset) -> list[str]:
    """Lines where the loss of forecasts, and asinh, are chosen for the outliers of their series."""
    ratio = _tail_ratio(config, dataset)
    if ratio <= HEAVY_TAILS:
        return []
    found = f"changes of the targets deviate {ratio:.1f} times as far as their median says"
    lines = [f"config.loss: auto is mae, for {found}; forecasts are medians, with mse means"]
    asinh = dataset.encoder.asinh if isinstance(dataset, SeriesDataset) else ()
    if isinstance(config.data, Series) and config.data.asinh == "auto" and asinh:
        names = ", ".join(map(repr, asinh))
        what = f"auto reads {names} as asinh of deviations from the median, for the same reason"
        lines.append(f"config.data.asinh: {what}; config.data.asinh=() does not")
    return lines


def _tail_ratio(config: Config, dataset: Dataset) -> float:
    """How far the outliers of a series reach, where its loss goes by that."""
    is_read = config.loss == "auto" and not isinstance(config.net, Own)
    return tail_ratio(dataset) if is_read and isinstance(dataset, SeriesDataset) else 0.0


def window_of(config: Config, dataset: Dataset) -> int | None:
    """The steps that an update goes back through, where some training sequence has more."""
    if not isinstance(dataset, SequenceDataset):
        return None
    return truncated(replace(config, data=dataset.options), dataset.encoder.longest)

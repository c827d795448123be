"""Where the flat array of a series holds columns that the network scales in a way of their own."""

from __future__ import annotations

from nets.series_scales import SeriesScales
from train.config.net_options import LSTM
from train.config.options import Config
from train.data.series.encoder import SeriesEncoder


def reads_groups(config: Config, encoder: SeriesEncoder) -> bool:
    """Whether a net goes by the group that a window is of."""
    has_vectors = isinstance(config.net, LSTM) and config.net.group_size > 0
    return encoder.group is not None and (has_vectors or encoder.has_group_scales)


def series_scales(encoder: SeriesEncoder) -> SeriesScales:
    """The places of columns with scales of their group, and of those read by a function."""
    by_group: list[int] = []
    by_log: dict[str, list[int]] = {"log1p": [], "signed_log": [], "asinh": []}
    for column, place in zip(encoder.columns, encoder.places.tolist(), strict=True):
        if column.by_group:
            by_group.append(place)
        if column.log:
            by_log[column.log].append(place)
    return SeriesScales(tuple(by_group), **{log: tuple(found) for log, found in by_log.items()})

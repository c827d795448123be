"""What training begins with where it goes on from a trained net: its columns, scales, weights."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from nets.base import Variables
from train.config.data_options import Sequences, Series, Table
from train.config.members import is_population
from train.config.net_options import LSTM, Net
from train.config.options import Config
from train.core.network import tasks_of
from train.data.dataset import Encoder
from train.errors import UserError

# Options of the data that a net's columns and windows depend on.
OF_A_SERIES_NET = (
    *("target", "time", "group", "known", "observed", "static", "categorical", "calendar"),
    *("frequency", "zone", "lookback", "horizon", "season", "missing"),
    *("scaling", "log1p", "signed_log", "asinh"),
)
OF_A_SEQUENCE_NET = (
    *("inputs", "target", "next_step", "id", "order", "missing", "decimal", "thousands"),
    *("date_format", "min_count", "fold_case", "fold_digits", "characters", "scaling"),
    *("target_scaling", "nonnegative"),
)
# Options of a net that are refused where it has no convolutions.
OF_CONVOLUTIONS = (
    *("widths", "later_width", "dilation", "stride", "pool", "convolution_readout"),
    "convolution_dropout",
)


class Start(NamedTuple):
    """A net that training goes on with: its columns, its scales and its weights stay."""

    config: Config
    """The resolved one that it was trained with."""
    encoder: Encoder
    variables: Variables
    """Without statistics where these are to be fitted on the new training rows."""
    name: str = ""
    """What messages call it."""

    @property
    def note(self) -> str:
        """A line on what stays of it."""
        statistics = "means and deviations too"
        if "statistics" not in self.variables:
            statistics = "means and deviations are those of the new training rows"
        return f"training goes on from {self.name}: its columns and weights stay, {statistics}"


def with_trained_net(config: Config, start: Start) -> Config:
    """The config with all that the weights of `start` depend on as it was.

    Raises UserError where its weights cannot be those of the config's net.
    """
    before = start.config
    if is_population(config) or start.encoder.heads == ():
        raise UserError("start: one net with a target goes on, and its rows stand in memory")
    _check_loss(config.loss, start)
    config = replace(config, loss=before.loss, net=before.net, quantiles=before.quantiles)
    match config.data, before.data:
        case Table() as data, Table() as old if not data.stream:
            data = replace(data, scaling=old.scaling, one_hot=old.one_hot)
            return replace(config, data=data)
        case Series() as data, Series() as old if not data.stream:
            kept = {name: getattr(old, name) for name in OF_A_SERIES_NET}
            return replace(config, data=replace(data, **kept))
        case Sequences() as data, Sequences() as old if not data.stream:
            kept = {name: getattr(old, name) for name in OF_A_SEQUENCE_NET}
            return replace(config, data=replace(data, **kept), net=_as_written(before.net))
    raise UserError("start: a net goes on with new rows of its kind, which are not streamed")


def _check_loss(asked: str, start: Start) -> None:
    """Raises UserError where a loss is not what the heads of `start` were trained on."""
    if asked == "auto":
        return
    wanted, trained = (
        [task.loss for task in tasks_of(config, start.encoder)]
        for config in (replace(start.config, loss=asked), start.config)
    )
    if wanted != trained:
        raise UserError(f"config.loss: {asked}, but the net was trained on {', '.join(trained)}")


def _as_written(net: Net) -> Net:
    """A resolved net whose options of convolutions, where it has none, are as nobody set them."""
    if not isinstance(net, LSTM) or net.convolutions != ():
        return net
    plain = LSTM()
    return replace(net, **{name: getattr(plain, name) for name in OF_CONVOLUTIONS})

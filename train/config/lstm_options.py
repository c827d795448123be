"""Options of recurrent networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from train.config.bounded import Auto, bounded
from train.config.net_base import Activation, NetOptions


@dataclass
class LSTM(NetOptions):
    """A stack of (bi)LSTM layers, a readout, dense layers, and one linear layer per target.

    For sequences there may be `convolutions` in front, whose first layer is of all `widths`.
    """

    hidden: tuple[int, ...] | Auto = bounded((64,), 1)
    """The units of each recurrent layer."""
    cell: Literal["lstm", "gru", "plain"] = "lstm"
    """The cell: three gates, two (Cho et al. 2014), or none, to show what gates are for."""
    bidirectional: bool | Auto = False
    """Whether a second net reads from the end; not for what is to come."""
    merge: Literal["concat", "sum", "average", "mul"] = "concat"
    """How the outputs of both directions become one."""
    dropout: float | Auto = bounded(0.0, 0, 0.99)
    """The share of a layer's outputs left out in training."""
    input_dropout: float | Auto = bounded(0.0, 0, 0.99)
    """The share of the inputs left out in training, the same ones at all steps."""
    recurrent_dropout: float = bounded(0.0, 0, 0.99)
    """The share of the state left out in training on its way to the next step."""
    readout: Literal["auto", "last", "mean", "max", "mean_max", "mean_max_last", "attention"] = (
        "auto"
    )
    """What of all steps is read for one answer."""
    head: tuple[int, ...] | Auto = bounded((), 1)
    """The units of dense layers behind the readout."""
    head_activation: Activation = "relu"
    """The activation of `head`."""
    patch: int | Auto = bounded(1, 1)
    """How many steps are read at once."""
    patch_units: int | Auto = bounded(0, 0)
    """Series: the units of a layer with ReLU that reads what is read at once; 0: none."""
    decoder: Literal["auto", "direct", "segments", "steps"] = "direct"
    """Series: one layer for the whole horizon, or a step of the LSTM for each patch to come.

    These steps all from the last state (segments), or each from the forecast before it (steps).
    """
    tells_columns: bool = False
    """Series: whether those steps are told which column they are of, where columns are apart."""
    convolutions: tuple[int, ...] | Auto = bounded((), 1)
    """Numbers of sequences: the filters of each layer of convolution in front, with batch norm."""
    widths: tuple[int, ...] | Auto = bounded((9, 19, 39), 1)
    """The widths in steps that the first convolution has, side by side."""
    later_width: int | Auto = bounded(5, 1)
    """The width of later convolutions."""
    dilation: int | Auto = bounded(1, 1)
    """How much further apart than those before it each later convolution reads its steps."""
    stride: int | Auto = bounded(1, 1)
    """At each how many steps the first convolution is taken."""
    pool: int | Auto = bounded(1, 1)
    """Of how many steps of the convolutions the LSTM reads the maximum."""
    convolution_readout: Literal["auto", "none", "mean", "max", "mean_max"] = "mean"
    """What of the convolutions stands beside the LSTM's own readout."""
    convolution_dropout: float | Auto = bounded(0.0, 0, 0.99)
    """The share of that readout that is dropped in training."""
    fixed_filters: int | Auto = bounded(0, 0)
    """Numbers of sequences: about how many features of fixed convolutions stand beside; 0: none."""
    own_scale: bool | Auto = False
    """Whether numbers scaled by their sequence alone stand beside those scaled by all of them."""
    window: Literal["auto", "none", "last", "last_deviation", "mean_deviation", "revin"] = "none"
    """Series: what is taken out of each window before the net, and put back after it."""
    columns: Literal["joint", "independent"] = "joint"
    """Series: whether one net reads all columns, or each alone with the same weights."""
    shortcut: bool = False
    """Series: whether a linear map from the lookback to the horizon stands beside the LSTM."""
    shortcut_period: int | Auto = bounded(1, 1)
    """Series: that map reads the values whole periods of so many rows before; 1: all values."""
    linear_fallback: bool | Auto = False
    """Series: whether that map alone answers where no trained weights do better on validation rows.

    It is then fitted by a ridge regression, whose strength the validation rows choose; of few rows
    near the season before, or what else few numbers tell. Not for losses whose answers say how sure
    they are.
    """
    cycle: Literal["none", "day", "week", "year"] = "none"
    """Series with a calendar: the cycle whose values are learned, taken out and put back."""
    group_size: int = bounded(0, 0)
    """Series with `data.group`: the size of a vector that is learned of each group; 0: none."""
    token_size: int = bounded(64, 1)
    """The size of a token's vector."""
    character_size: int = bounded(64, 1)
    """The size of what is made of a token's characters (`data.characters`)."""
    rare: float = bounded(0.0, 0)
    """The count at which a token is taken for unknown half of the time in training."""
    crf: bool = False
    """Whether tags are chosen together, by what follows what (a conditional random field)."""
    noise: float | Auto = bounded(0.0, 0)
    """Numbers, in training: the deviation of noise on each, in deviations of its channel."""
    offset: float | Auto = bounded(0.0, 0)
    """Numbers, in training: the deviation of what is added to a whole channel."""
    crop: float | Auto = bounded(1.0, 0.01, 1)
    """Numbers, in training: the smallest share of a sequence that is read."""

    reads_steps: ClassVar[bool] = True
    parameters: ClassVar[tuple[str, ...]] = (
        "kernel",
        "recurrent_kernel",
        "bias",
        "recurrent_bias",
        "embedding",
        "context",
        "scale",
        "revin_scale",
        "revin_bias",
        "place",
        "column",
        "value",
        "vector",
        "shortcut_kernel",
        "*_start",
        "*_transition",
    )

    @property
    def runs_lstm(self) -> bool:
        """Whether an LSTM computes any of it, and so the core that `nets.kernels` may have."""
        return self.cell == "lstm"

    def has_dropout(self) -> bool:
        """Whether anything is dropped in training."""
        front = self.convolutions and self.convolution_dropout
        return bool(self.dropout or self.input_dropout or self.recurrent_dropout or front)

    def strengths(self) -> dict[str, float | Auto]:
        """How strongly its own options vary a row in training, by their names; at 0 one is off."""
        left_out = self.crop if isinstance(self.crop, str) else 1 - self.crop
        return {"noise": self.noise, "offset": self.offset, "crop": left_out}

    def undisturbed(self) -> Self:
        """The options with nothing that varies a row in training but dropout."""
        return replace(self, noise=0.0, offset=0.0, crop=1.0, rare=0.0)

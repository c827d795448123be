"""Options of the networks, and what other packages may ask about any of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, TypeAlias

from train.config.bounded import Auto, bounded
from train.config.net_base import Activation, Initializer, NetOptions


@dataclass
class Dense(NetOptions):
    """A feed-forward net: layers `hidden` of `activation`, then one linear layer per target.

    `hidden=()` is a single neuron per output: linear, logistic or softmax regression. With
    `loss="reconstruction"` it is an autoencoder: `hidden`, a linear layer of `code` numbers,
    `hidden` in reverse, and its input given back.

    `members` that share the weights answer by their mean (TabM, Gorishniy et al. 2025): each has
    factors of its own (`adapters`) on the input alone, or around every layer, a head of its own,
    and takes the rows in an order of its own, unless `member_rows` are shared.
    """

    hidden: tuple[int, ...] | Auto = bounded((64, 64), 1)
    code: int | None = bounded(None, 1)
    activation: Activation | Auto = "relu"
    kernel_init: Initializer = "glorot_uniform"
    output_init: Initializer = "glorot_uniform"
    dropout: float | Auto = bounded(0.0, 0, 0.99)
    dropout_schedule: Literal["auto", "constant", "flat_cosine"] = "constant"
    norm: Literal["none", "layer", "batch"] = "none"
    residual: bool = False
    embedding: Literal[
        "none", "piecewise_linear", "piecewise_linear_b", "periodic", "densely_periodic"
    ] = "none"
    embedding_size: int = bounded(16, 1)
    embedding_bins: int = bounded(48, 1)
    embedding_scale: float = bounded(0.1, above=0)
    parametrization: Literal["standard", "ntk"] = "standard"
    activation_slope: bool = False
    input_scale: bool = False
    clip_outputs: bool = False
    members: int = bounded(1, 1)
    adapters: Literal["input", "layers"] = "input"
    member_rows: Literal["own", "shared"] = "own"

    parameters: ClassVar[tuple[str, ...]] = (
        "kernel",
        "bias",
        "scale",
        "slope",
        "input_scale",
        "embedding_kernel",
        "embedding_bias",
        "bins_kernel",
        "adapter",
        "adapter_out",
        "frequency",
        "phase",
        "table",
    )

    def has_dropout(self) -> bool:
        """Whether anything is dropped in training."""
        return bool(self.dropout) and bool(self.hidden)

    @property
    def n_orders(self) -> int:
        """In how many orders the rows are taken at once: one for each member, or one for all."""
        return self.members if self.member_rows == "own" else 1


@dataclass
class LSTM(NetOptions):
    """A stack of (bi)LSTM layers, a readout, dense layers, and one linear layer per target.

    `hidden` are the units of the recurrent layers, `head` those of the dense ones. `patch` steps
    are read at once. For sequences: `convolutions` in front, the filters of each layer, with batch
    norm (the first layer's are of all `widths`, at every `stride`-th step, those of later ones of
    `later_width`), of which the LSTM reads the maxima of `pool` steps each, and whose own readout
    `convolution_readout` stands beside the LSTM's; and numbers scaled by each sequence alone beside
    those scaled by the data set (`own_scale`). For series: what is taken out of each window before
    the net and put back after it (`window`), whether one net reads all columns or is shared over
    single ones (`columns`), and a linear map from the lookback to the horizon beside the LSTM
    (`shortcut`). For tokens: sizes of their vectors and of the character features, the count at
    which a word is replaced by "unknown" half of the time (`rare`), and a CRF over tags. For
    numbers of sequences, in training: `noise` on each and an `offset` on a channel, in deviations,
    and the smallest share of a sequence that is read (`crop`); what else may be varied is in
    `Augment`. `cell="gru"` has two gates in place of
    three (Cho et al. 2014), `cell="plain"` none, to show what they are for.
    """

    hidden: tuple[int, ...] | Auto = bounded((64,), 1)
    cell: Literal["lstm", "gru", "plain"] = "lstm"
    bidirectional: bool | Auto = False
    merge: Literal["concat", "sum", "average", "mul"] = "concat"
    dropout: float | Auto = bounded(0.0, 0, 0.99)
    input_dropout: float | Auto = bounded(0.0, 0, 0.99)
    recurrent_dropout: float = bounded(0.0, 0, 0.99)
    readout: Literal["auto", "last", "mean", "max", "mean_max", "mean_max_last", "attention"] = (
        "auto"
    )
    head: tuple[int, ...] = bounded((), 1)
    head_activation: Activation = "relu"
    patch: int | Auto = bounded(1, 1)
    convolutions: tuple[int, ...] | Auto = bounded((), 1)
    widths: tuple[int, ...] | Auto = bounded((9, 19, 39), 1)
    later_width: int | Auto = bounded(5, 1)
    stride: int | Auto = bounded(1, 1)
    pool: int | Auto = bounded(1, 1)
    convolution_readout: Literal["auto", "none", "mean", "max", "mean_max"] = "mean"
    own_scale: bool | Auto = False
    window: Literal["none", "last", "last_deviation", "revin"] = "none"
    columns: Literal["joint", "independent"] = "joint"
    shortcut: bool = False
    token_size: int = bounded(64, 1)
    character_size: int = bounded(64, 1)
    rare: float = bounded(0.0, 0)
    crf: bool = False
    noise: float | Auto = bounded(0.0, 0)
    offset: float | Auto = bounded(0.0, 0)
    crop: float | Auto = bounded(1.0, 0.01, 1)

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
        "*_start",
        "*_transition",
    )

    @property
    def runs_lstm(self) -> bool:
        """Whether an LSTM computes any of it, and so the core that `nets.kernels` may have."""
        return self.cell == "lstm"

    def has_dropout(self) -> bool:
        """Whether anything is dropped in training."""
        return bool(self.dropout or self.input_dropout or self.recurrent_dropout)

    def strengths(self) -> dict[str, float | Auto]:
        """How strongly its own options vary a row in training, by their names; at 0 one is off."""
        left_out = self.crop if isinstance(self.crop, str) else 1 - self.crop
        return {"noise": self.noise, "offset": self.offset, "crop": left_out}

    def undisturbed(self) -> Self:
        """The options with nothing that varies a row in training but dropout."""
        return replace(self, noise=0.0, offset=0.0, crop=1.0, rare=0.0)


@dataclass
class Perceptron(NetOptions):
    """One layer of threshold neurons: one for two classes, else one for each class.

    "rosenblatt" corrects itself by each row that it tells wrongly, and ends once there is none. For
    rows that no plane parts, "pocket" answers with the weights that told the longest run of rows,
    "averaged" with the mean of all. These rules take the place of `config.optim`;
    "straight_through" and "surrogate" descend by it, on a made-up derivative.
    """

    rule: Literal["rosenblatt", "pocket", "averaged", "straight_through", "surrogate"] = (
        "rosenblatt"
    )

    parameters: ClassVar[tuple[str, ...]] = ("*_kernel", "*_bias")


@dataclass
class Competitive(NetOptions):
    """Units that compete for the rows of a table; each cluster is the rows nearest to one.

    "kmeans" moves units to the means of their rows once an epoch, "mini_batch" at every update.
    "winner" (of two units the one that has won less often wins more easily, by `conscience`) and
    "neural_gas" (all units move by their rank, about `neighbours` of them, None: half) learn row by
    row at a rate that falls from `rate` to `final_rate`. Of `restarts` from other starts the one
    with the smallest error answers.
    """

    units: int = bounded(8, 2)
    rule: Literal["kmeans", "mini_batch", "winner", "neural_gas"] = "kmeans"
    start: Literal["kmeans++", "rows", "normal"] = "kmeans++"
    restarts: int = bounded(1, 1)
    conscience: float = bounded(2.0, 0)
    neighbours: float | None = bounded(None, above=0)
    rate: float = bounded(0.5, above=0, high=1)
    final_rate: float = bounded(0.01, above=0, high=1)


@dataclass
class SelfOrganizingMap(NetOptions):
    """Units on a map, `shape`, that move with their neighbours (Kohonen 1982).

    The neighbourhood shrinks from `radius` (None: half of the longer side) to `final_radius`.
    "batch" moves units to means once an epoch, "online" row by row at a rate that falls from `rate`
    to `final_rate`.
    """

    shape: tuple[int, ...] = bounded((8, 8), 1)
    grid: Literal["rectangular", "hexagonal"] = "rectangular"
    neighbourhood: Literal["gaussian", "bubble"] = "gaussian"
    rule: Literal["batch", "online"] = "batch"
    start: Literal["plane", "rows", "normal"] = "plane"
    restarts: int = bounded(1, 1)
    radius: float | None = bounded(None, above=0)
    final_radius: float = bounded(0.5, above=0)
    rate: float = bounded(0.5, above=0, high=1)
    final_rate: float = bounded(0.01, above=0, high=1)


Net: TypeAlias = Dense | LSTM | Perceptron | Competitive | SelfOrganizingMap

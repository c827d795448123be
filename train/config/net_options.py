"""Options of the networks, and what other packages may ask about any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from train.config.bounded import Auto, bounded
from train.config.lstm_options import LSTM
from train.config.net_base import Activation, Initializer, NetOptions
from train.config.own_net import Own
from train.config.unit_options import Competitive, Perceptron, SelfOrganizingMap


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
    """The units of each hidden layer; () is one neuron per output."""
    code: int | None = bounded(None, 1)
    """loss=reconstruction: how many numbers stand for a row."""
    activation: Activation | Auto = "relu"
    """What each neuron makes of its sum."""
    kernel_init: Initializer = "glorot_uniform"
    """How the weights of hidden layers begin."""
    output_init: Initializer = "glorot_uniform"
    """How the weights of the last layer begin."""
    dropout: float | Auto = bounded(0.0, 0, 0.99)
    """The share of neurons left out at each update, and never where the net is judged."""
    dropout_schedule: Literal["auto", "constant", "flat_cosine"] = "constant"
    """Whether dropout stays, or fades in the second half of a run."""
    norm: Literal["none", "layer", "batch"] = "none"
    """What brings the sums of a layer to one size: those of a row, or those of a batch."""
    residual: bool = False
    """Whether a layer's input is added to its output, where both have one size."""
    embedding: Literal[
        "auto", "none", "piecewise_linear", "piecewise_linear_b", "periodic", "densely_periodic"
    ] = "none"
    """What each number is turned into before the first layer (Gorishniy et al. 2022)."""
    embedding_size: int = bounded(16, 1)
    """How many features a number becomes."""
    embedding_bins: int = bounded(48, 1)
    """Into how many bins "piecewise_linear_b" cuts a column, by how its rows lie."""
    embedding_scale: float = bounded(0.1, above=0)
    """The deviation of the first frequencies of the periodic embeddings."""
    parametrization: Literal["standard", "ntk"] = "standard"
    """Whether weights are scaled by the width of their layer while training ("ntk")."""
    activation_slope: bool = False
    """Whether each neuron learns how much of its activation it takes."""
    input_scale: bool = False
    """Whether each input learns a factor of its own."""
    linear_start: bool | Auto = False
    """Whether the net begins as the ridge, or logistic, regression of its training rows."""
    clip_outputs: bool = False
    """Whether numbers are kept between the smallest and largest target of training."""
    members: int = bounded(1, 1)
    """How many nets share the weights and answer by their mean."""
    adapters: Literal["input", "layers"] = "input"
    """Where members have factors of their own: on the input, or around every layer."""
    member_rows: Literal["own", "shared"] = "own"
    """Whether each member takes the rows in an order of its own."""

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
    embedding_parameters: ClassVar[tuple[str, ...]] = (
        "embedding_kernel",
        "embedding_bias",
        "bins_kernel",
        "frequency",
        "phase",
    )

    @property
    def has_plain_layers(self) -> bool:
        """Whether it has dense layers of the form that the core of `nets.kernels` may train."""
        is_plain = self.norm == "none" and not self.residual and self.members == 1
        return is_plain and self.hidden != ()

    def has_dropout(self) -> bool:
        """Whether anything is dropped in training."""
        return bool(self.dropout) and bool(self.hidden)

    @property
    def n_orders(self) -> int:
        """In how many orders the rows are taken at once: one for each member, or one for all."""
        return self.members if self.member_rows == "own" else 1


Net: TypeAlias = Dense | LSTM | Perceptron | Competitive | SelfOrganizingMap | Own

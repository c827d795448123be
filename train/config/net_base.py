"""What the options of every network share: names of activations, and what may be asked of any."""

from __future__ import annotations

from typing import ClassVar, Literal, Self, TypeAlias

from train.config.bounded import Auto

Activation: TypeAlias = Literal[
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "tanh",
    "step",
    "exponential",
    "softmax",
    "log_softmax",
]

Initializer: TypeAlias = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "orthogonal", "normal", "zeros",
]  # fmt: skip


class NetOptions:
    """What may be asked about the options of any network; none of it is an option itself."""

    reads_steps: ClassVar[bool] = False  # of series or sequences, one after the other
    # Names that its parameters may have, which `Optim.rates` goes by; * stands for a head's.
    parameters: ClassVar[tuple[str, ...]] = ()

    @property
    def runs_lstm(self) -> bool:
        """Whether an LSTM computes any of it, and so the core that `nets.kernels` may have."""
        return False

    @property
    def has_plain_layers(self) -> bool:
        """Whether it has dense layers of the form that the core of `nets.kernels` may train."""
        return False

    @property
    def n_orders(self) -> int:
        """In how many orders the rows are taken at once, each by a member that has its own."""
        return 1

    def has_dropout(self) -> bool:
        """Whether anything is dropped in training."""
        return False

    def strengths(self) -> dict[str, float | Auto]:
        """How strongly its own options vary a row in training, by their names; at 0 one is off."""
        return {}

    def undisturbed(self) -> Self:
        """The options with nothing that varies a row in training but dropout."""
        return self

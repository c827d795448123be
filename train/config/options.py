"""Every option of a run, as typed dataclasses. Imports nothing heavy: a config is checked before jax is loaded.

A field whose type admits "auto" may be left to `train.config.recipe`, which fills it from the number of training rows.
The bounds in `bounded(...)` are checked by `train.config.validate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from train.config.bounded import LAST_SEED, Auto, bounded, known
from train.config.device_options import Devices
from train.config.net_options import Competitive, Perceptron, SelfOrganizingMap
from train.config.population_options import Population

__all__ = [
    "LAST_SEED",
    "LSTM",
    "Augment",
    "Auto",
    "Competitive",
    "Config",
    "Dense",
    "Devices",
    "Optim",
    "Perceptron",
    "SelfOrganizingMap",
    "Sequences",
    "Series",
    "Table",
    "Train",
    "bounded",
    "known",
]

Activation = Literal[
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "softsign",
    "sigmoid", "hard_sigmoid", "hard_silu", "tanh", "step", "exponential", "softmax", "log_softmax",
]  # fmt: skip
Initializer = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "orthogonal", "normal", "zeros",
]  # fmt: skip
Loss = Literal[
    "auto", "mse", "mae", "huber", "log_cosh", "poisson", "quantile", "gaussian", "binary_crossentropy",
    "categorical_crossentropy", "reconstruction",
]  # fmt: skip
# Strings that mean "no value" in a text file; pandas and Keras users write all of these.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?")


@dataclass
class Table:
    """Rows and columns: a dense net's data. Clusters and autoencoders have no `target`; `label` is a column to judge
    clusters, and to colour codes, by.

    `stream`: training rows stay on the disk, in a Parquet file or a folder of them; row groups come in random order,
    and rows are shuffled within windows of `shuffle_window` rows.
    """

    path: str = ""
    valid_path: str | None = None
    test_path: str | None = None
    target: str | tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    categorical: tuple[str, ...] | None = None
    numeric: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    weight: str | None = None
    label: str | None = None
    valid: float | int = bounded(0.15, 0)
    test: float | int = bounded(0.15, 0)
    split: Literal["random", "stratified", "time", "group"] = "random"
    split_seed: int = bounded(0, 0, LAST_SEED)
    group: str | None = None
    time: str | None = None
    missing: tuple[str, ...] = MISSING
    scaling: Literal["auto", "standard", "robust", "quantile", "none"] = "standard"
    target_scaling: Literal["standard", "none"] = "standard"
    one_hot: int = bounded(64, 0)
    stream: bool = False
    shuffle_window: int = bounded(1 << 18, 1)


@dataclass
class Dense:
    """A feed-forward net: `hidden` layers of `activation`, then one linear layer per target.

    `hidden=()` is a single neuron per output: linear, logistic or softmax regression. With `loss="reconstruction"` it
    is an autoencoder: `hidden`, a linear layer of `code` numbers, `hidden` in reverse, and its input given back.
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
    embedding: Literal["none", "piecewise_linear", "periodic", "densely_periodic"] = "none"
    embedding_size: int = bounded(16, 1)
    embedding_scale: float = bounded(0.1, above=0)
    parametrization: Literal["standard", "ntk"] = "standard"
    activation_slope: bool = False
    input_scale: bool = False
    clip_outputs: bool = False


@dataclass
class Series:
    """One series, or many (`group`), in time order: what an LSTM forecasts.

    `target` columns are read `lookback` rows back and forecast `horizon` rows ahead. `observed` columns are read beside
    them (None: all other numbers), `known` ones, such as a price to come, over the horizon too, and with `calendar` the
    place of each stamp in its day, week and year. Windows begin `stride` rows apart; `rows` takes the first of each
    series only. `valid` and `test` are rows, or shares, of each series: its newest. `season`: rows until it repeats,
    found from the stamps where None.
    """

    path: str = ""
    target: str | tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    known: tuple[str, ...] = ()
    observed: tuple[str, ...] | None = ()
    ignore: tuple[str, ...] = ()
    calendar: bool = False
    lookback: int = bounded(96, 1)
    horizon: int = bounded(24, 1)
    stride: int = bounded(1, 1)
    rows: int | None = bounded(None, 1)
    valid: float | int = bounded(0.15, 0)
    test: float | int = bounded(0.15, 0)
    season: int | None = bounded(None, 1)
    missing: tuple[str, ...] = MISSING


@dataclass
class Sequences:
    """Sequences of any length: numbers per step, tokens, or both; a label each, tags per step, both, or the next step.

    A file has a line per sequence (JSON lines or Parquet with lists), or, with `id` and `order`, a row per step.
    """

    path: str = ""
    valid_path: str | None = None
    test_path: str | None = None
    inputs: str | tuple[str, ...] = ()
    target: str | tuple[str, ...] = ()
    next_step: bool = False
    id: str | None = None
    order: str | None = None
    valid: float | int = bounded(0.15, 0)
    test: float | int = bounded(0.15, 0)
    split: Literal["random", "stratified"] = "random"
    split_seed: int = bounded(0, 0, LAST_SEED)
    missing: tuple[str, ...] = MISSING
    min_count: int = bounded(1, 1)
    fold_case: bool = False
    fold_digits: bool = False
    characters: bool = False
    max_length: int | None = bounded(None, 1)
    scaling: Literal["standard", "none"] = "standard"
    target_scaling: Literal["standard", "none"] = "standard"


@dataclass
class LSTM:
    """A stack of (bi)LSTM layers of `hidden` units, a readout, dense layers `head`, and one linear layer per target.

    `patch` steps are read at once. For series: what is taken out of each window before the net and put back after it
    (`window`), whether one net reads all columns or is shared over single ones (`columns`), and a linear map from the
    lookback to the horizon beside the LSTM (`shortcut`). For tokens: sizes of their vectors and of the character
    features, the count at which a word is replaced by "unknown" half of the time (`rare`), and a CRF over tags. For
    numbers of sequences, in training: `noise` on each and an `offset` on a channel, in deviations, and the smallest
    share of a sequence that is read (`crop`); what else may be varied is in `Augment`. `cell="plain"` takes the gates
    away, to show what they are for.
    """

    hidden: tuple[int, ...] | Auto = bounded((64,), 1)
    cell: Literal["lstm", "plain"] = "lstm"
    bidirectional: bool = False
    merge: Literal["concat", "sum", "average", "mul"] = "concat"
    dropout: float | Auto = bounded(0.0, 0, 0.99)
    input_dropout: float | Auto = bounded(0.0, 0, 0.99)
    recurrent_dropout: float = bounded(0.0, 0, 0.99)
    readout: Literal["auto", "last", "mean", "max", "mean_max", "attention"] = "auto"
    head: tuple[int, ...] = bounded((), 1)
    head_activation: Activation = "relu"
    patch: int | Auto = bounded(1, 1)
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


@dataclass
class Augment:
    """How training rows are varied at every update, and never at an evaluation. A strength of 0 is off.

    Tables: `noise` on each number, in its column's deviations; the share of cells that are left out (`drop`: the
    column's mean, or no category) or taken from another row (`swap`). Sequences: `scaling` of a channel by a factor of
    this deviation, `warp` of the time by log-speeds of this deviation, the largest share of the steps that is masked in
    one piece (`time_mask`), the share of channels masked (`channel_mask`), of sequences reversed (`reverse`), and of
    tokens made unknown (`token_drop`) or taken from other sequences (`token_swap`); further an LSTM's own `noise`,
    `offset` and `crop`. Both: `mixup` and, for tables, `cutmix` of two rows and their targets; the numbers are a and
    their shares follow Beta(a, a).
    """

    noise: float = bounded(0.0, 0)
    drop: float = bounded(0.0, 0, 1)
    swap: float = bounded(0.0, 0, 1)
    mixup: float = bounded(0.0, 0)
    cutmix: float = bounded(0.0, 0)
    scaling: float = bounded(0.0, 0)
    warp: float = bounded(0.0, 0)
    time_mask: float = bounded(0.0, 0, 1)
    channel_mask: float = bounded(0.0, 0, 1)
    reverse: float = bounded(0.0, 0, 1)
    token_drop: float = bounded(0.0, 0, 1)
    token_swap: float = bounded(0.0, 0, 1)


@dataclass
class Optim:
    """The optimizer, its schedule and every penalty. Defaults are those of Keras.

    `l1_step="proximal"` takes `l1` out of the gradient: after each update kernels shrink by learning_rate * l1 and stop
    at 0, so that weights become exactly 0.
    """

    name: Literal["rmsprop", "adam", "adamw", "nadam", "sgd", "lion"] = "rmsprop"
    learning_rate: float | Auto = bounded(1e-3, above=0)
    decay: float = bounded(0.9, 0, below=1)
    momentum: float = bounded(0.0, 0, below=1)
    nesterov: bool = False
    beta1: float = bounded(0.9, 0, below=1)
    beta2: float = bounded(0.999, 0, below=1)
    epsilon: float = bounded(1e-7, above=0)
    schedule: Literal["constant", "cosine", "flat_cosine", "exponential", "one_cycle", "plateau"] = "constant"
    final: float = bounded(0.0, 0, 1)
    plateau_factor: float = bounded(0.1, above=0)
    plateau_patience: int = bounded(10, 0)
    warmup: float | int = bounded(0, 0)
    clip_norm: float | None = bounded(None, above=0)
    l1: float = bounded(0.0, 0)
    l1_step: Literal["gradient", "proximal"] = "gradient"
    l2: float = bounded(0.0, 0)
    weight_decay: float = bounded(0.0, 0)
    weight_decay_schedule: Literal["auto", "constant", "flat_cosine"] = "constant"
    ema: float = bounded(0.0, 0, 0.999999)
    rates: dict[str, float] = bounded({}, 0)


@dataclass
class Train:
    """How long, in what pieces, and what decides the best weights. `gradient_norms` of layers are logged and drawn."""

    epochs: int | Auto = bounded(100, 1)
    batch_size: int | Auto = bounded(32, 1)
    eval_every: int = bounded(1, 1)
    patience: int | None = bounded(None, 1)
    monitor: Literal["loss", "error"] = "loss"
    restore: Literal["auto", "best", "last"] = "best"
    checkpoint_every: int | None = bounded(None, 1)
    keep: int = bounded(2, 1)
    gradient_norms: bool = False


@dataclass
class Config:
    """A whole run. `name` is taken from the config file; `loss="auto"` follows the target. `quantiles` are the levels
    that `loss="quantile"` answers at, the median among them."""

    name: str = "run"
    seed: int = bounded(0, 0, LAST_SEED)
    loss: Loss = "auto"
    quantiles: tuple[float, ...] = bounded((0.05, 0.5, 0.95), above=0, below=1)
    label_smoothing: float | Auto = bounded(0.0, 0, 0.99)
    class_weight: Literal["balanced"] | dict[str, float] | None = bounded(None, 0)
    data: Table | Series | Sequences = field(default_factory=Table)
    net: Dense | LSTM | Perceptron | Competitive | SelfOrganizingMap = field(default_factory=Dense)
    augment: Augment = field(default_factory=Augment)
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    population: Population = field(default_factory=Population)
    devices: Devices = field(default_factory=Devices)

"""Every option of a run, as typed dataclasses.

A field whose type admits "auto" may be left to `train.config.recipe`, which fills it from the
number of training rows. The bounds in `bounded(...)` are checked by `train.config.validate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from train.config.bounded import LAST_SEED, Auto, bounded
from train.config.data_options import Data, Table
from train.config.net_options import Dense, Net

Loss: TypeAlias = Literal[
    "auto",
    "mse",
    "mae",
    "huber",
    "log_cosh",
    "poisson",
    "quantile",
    "gaussian",
    "binary_crossentropy",
    "categorical_crossentropy",
    "reconstruction",
]


@dataclass
class Augment:
    """How training rows are varied at every update, and never at an evaluation.

    A strength of 0 is off. Tables: `noise` on each number, in its column's deviations; the share of
    cells that are left out (`drop`: the column's mean, or no category) or taken from another row
    (`swap`). Sequences: `scaling` of a channel by a factor of this deviation, `warp` of the time by
    log-speeds of this deviation, the largest share of the steps that is masked in one piece
    (`time_mask`), the share of channels masked (`channel_mask`), of sequences reversed (`reverse`),
    and of tokens made unknown (`token_drop`) or taken from other sequences (`token_swap`); further
    an LSTM's own `noise`, `offset` and `crop`. Both: `mixup` and, for tables, `cutmix` of two rows
    and their targets; the numbers are a and their shares follow Beta(a, a).
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
    """The optimizer, its schedule and every penalty.

    Formulas and defaults are those of Keras 3, but that Keras' learning rate of sgd is .01, and its
    weight decay of adamw .004: here "adamw" is "adam", and any optimizer may have `weight_decay`.
    Nesterov's momentum of rmsprop, which Keras has not, is that of optax. "auto" for `beta2` is
    .999, of lion .99. `final` is the share of the rate that "cosine" and "exponential" end at.
    `l1_step="proximal"` takes `l1` out of the gradient: after each update kernels shrink by
    learning_rate * l1 (times their rate in `rates`) and stop at 0, so that weights become
    exactly 0.
    """

    name: Literal["rmsprop", "adam", "adamw", "nadam", "sgd", "lion"] = "rmsprop"
    learning_rate: float | Auto = bounded(1e-3, above=0)
    decay: float = bounded(0.9, 0, below=1)
    momentum: float = bounded(0.0, 0, below=1)
    nesterov: bool = False
    beta1: float = bounded(0.9, 0, below=1)
    beta2: float | Auto = bounded("auto", 0, below=1)
    epsilon: float = bounded(1e-7, above=0)
    schedule: Literal[
        "constant", "cosine", "flat_cosine", "exponential", "one_cycle", "plateau"
    ] = "constant"
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

    def own_beta2(self) -> float:
        """`beta2`; where it is "auto", what Keras has for the optimizer."""
        if not isinstance(self.beta2, str):
            return self.beta2
        return 0.99 if self.name == "lion" else 0.999

    def has_own_beta2(self) -> bool:
        """Whether `beta2` is what "auto" stands for, as the config of a saved run has it."""
        return self.beta2 in ("auto", replace(self, beta2="auto").own_beta2())


@dataclass
class Train:
    """How long a run trains, in what pieces, and what decides the best weights.

    `gradient_norms` of layers are logged and drawn. After the training of a table the linear model
    that stands beside its scores takes `linear_seconds` at most, and the importance of its columns
    `importance_seconds`; 0 leaves them out. None: a twentieth of the seconds of training, and as
    many as of training, but 10 at the least.
    """

    epochs: int | Auto = bounded(100, 1)
    batch_size: int | Auto = bounded(32, 1)
    eval_every: int = bounded(1, 1)
    patience: int | None = bounded(None, 1)
    monitor: Literal["loss", "error"] = "loss"
    restore: Literal["auto", "best", "last"] = "best"
    checkpoint_every: int | None = bounded(None, 1)
    keep: int = bounded(2, 1)
    gradient_norms: bool = False
    linear_seconds: float | None = bounded(None, 0)
    importance_seconds: float | None = bounded(None, 0)


@dataclass
class Devices:
    """How a run is laid over devices: members of a population, and the rows of each batch.

    `count` devices are used (None: as many as are worth it, see
    `train.parallel.layout.make_layout`), `members` of them along the members (None: as many as
    divide both). `parallel` compiles the same step by jit on sharded arrays, or by pmap, which
    shares out batches only. With `exact=8` a batch is always added up from the same parts in one
    order, so that 1, 2, 4 and 8 devices train the same bits. A run may go on with other devices
    than it began with.
    """

    parallel: Literal["jit", "pmap"] = "jit"
    count: int | None = bounded(None, 1)
    members: int | None = bounded(None, 1)
    exact: int | None = bounded(None, 2)


@dataclass(frozen=True)
class Processes:
    """Which of several processes that train one run this is: number `process` of `count`, from 0.

    They meet at `coordinator`, "HOST:PORT" of number 0, where each waits `seconds` for the others.
    """

    coordinator: str
    count: int
    process: int
    seconds: int = 300


GridValue: TypeAlias = int | float | bool | str | tuple[int, ...]


@dataclass
class Population:
    """Nets trained side by side: `seeds` of every fold of every setting.

    `folds` divide the training and validation rows as `data.split` says; each net validates on one
    fold and trains on the others (by time: on those before it). `grid` gives fields several values,
    {"optim.l2": (0, 1e-4)}, and settings are all combinations of them; or, with `samples`, so many
    random ones, drawn from the range between two numbers, on a log scale if both are above 0, or
    from the values. `halving=3`: only the best third of all settings trains on after a 9th and
    after a 3rd of its epochs. What answers in the end (`keep`): the best net, the nets of the best
    setting averaged, the average of all, or (`refit`) one net of the best setting that is trained
    on all training and validation rows for as many epochs as were best in the folds, on average.
    `member` trains one of them alone.
    """

    seeds: int = bounded(1, 1)
    folds: int = bounded(1, 1)
    grid: dict[str, tuple[GridValue, ...]] = field(default_factory=dict)
    samples: int | None = bounded(None, 1)
    halving: int | None = bounded(None, 2)
    keep: Literal["ensemble", "best", "all", "refit"] = "ensemble"
    member: int | None = bounded(None, 0)


@dataclass
class Config:
    """All options of a run.

    `name` is taken from the config file; `loss="auto"` follows the target. `quantiles` are the
    levels that `loss="quantile"` answers at, the median among them. `class_weight` multiplies the
    rows of a class in the loss and in what is monitored; "balanced": so that all classes weigh the
    same.
    """

    name: str = "run"
    seed: int = bounded(0, 0, LAST_SEED)
    loss: Loss = "auto"
    quantiles: tuple[float, ...] = bounded((0.05, 0.5, 0.95), above=0, below=1)
    label_smoothing: float | Auto = bounded(0.0, 0, 0.99)
    class_weight: Literal["balanced"] | dict[str, float] | None = bounded(None, 0)
    data: Data = field(default_factory=Table)
    net: Net = field(default_factory=Dense)
    augment: Augment = field(default_factory=Augment)
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    population: Population = field(default_factory=Population)
    devices: Devices = field(default_factory=Devices)


Group: TypeAlias = Config | Data | Net | Augment | Optim | Train | Population | Devices

"""Every option of a run, as typed dataclasses; each field's docstring is what --help says of it.

A field whose type admits "auto" may be left to `train.config.recipe`, which fills it from the
number of training rows. The bounds in `bounded(...)` are checked by `train.config.validate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from train.config.augment_options import Augment
from train.config.bounded import LAST_SEED, Auto, bounded
from train.config.data_options import Data, Table
from train.config.imported import Imported
from train.config.net_options import Dense, Net
from train.config.optim_options import Optim

Loss: TypeAlias = Literal[
    "auto",
    "mse",
    "mae",
    "huber",
    "log_cosh",
    "poisson",
    "gamma",
    "quantile",
    "gaussian",
    "student_t",
    "negative_binomial",
    "zero_inflated",
    "binary_crossentropy",
    "categorical_crossentropy",
    "reconstruction",
]
# Losses of densities, and of counts and amounts, whose means are answered by their logarithms.
DENSITIES = ("gaussian", "student_t", "negative_binomial", "zero_inflated")
COUNT_DENSITIES = ("negative_binomial", "zero_inflated")
LOG_LOSSES = ("poisson", "gamma", *COUNT_DENSITIES)
SPREAD_LOSSES = ("quantile", *DENSITIES)  # whose answers say how sure they are
MEDIAN = 0.5  # this quantile is the prediction of loss=quantile
DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
UNREAD_LEVELS = (DECILES, (0.05, 0.5, 0.95))  # defaults of now and of 0.1.0, which nobody means


@dataclass
class Train:
    """How long a run trains, in what pieces, and which weights are best."""

    epochs: int | Auto = bounded(100, 1)
    """How many times training goes through all training rows."""
    batch_size: int | Auto = bounded(32, 1)
    """How many rows make a batch: each update is computed from one."""
    truncate: int | None = bounded(None, 1)
    """Sequences: steps that an update goes back through; a longer one has an update every so many.

    The state is carried on from one to the next. None: updates go through whole sequences.
    """
    eval_every: int = bounded(1, 1)
    """How many epochs lie between evaluations on the validation rows."""
    patience: int | None = bounded(None, 1)
    """Early stopping after so many evaluations without a better one; none: all epochs."""
    monitor: Literal["auto", "loss", "error"] = "loss"
    """What is best: the lowest loss, or error: squared error of numbers, share of wrong classes.

    "auto": the loss of classes, the error of numbers.
    """
    restore: Literal["auto", "best", "last"] = "best"
    """Which weights answer: those of the best evaluation, or the last ones."""
    checkpoint_every: int | None = bounded(None, 1)
    """Epochs between saved states; none: each minute."""
    keep: int = bounded(2, 1)
    """How many saved states stay on the disk."""
    temperature: bool = False
    """Whether logits of classes are divided by a temperature fitted on the validation rows.

    It makes their log-loss lowest (Guo et al. 2017).
    """
    skip_spikes: bool = False
    """Whether updates are left out whose loss or gradient's norm is a spike.

    It is one if it is 6 deviations above the mean of the last 128 updates. One that is not finite
    is always left out.
    """
    gradient_norms: bool = False
    """Whether the norm of each layer's gradient is logged and drawn."""
    linear_seconds: float | None = bounded(None, 0)
    """Seconds that the linear model beside a table's scores may take; 0 leaves it out.

    None: a twentieth of the seconds of training, but 10 at the least.
    """
    tree_seconds: float | None = bounded(None, 0)
    """Seconds that boosted trees beside a table's scores may take; 0 leaves them out.

    None: as many as training took, but 1 at the least, of up to 100,000 training rows.
    """
    importance_seconds: float | None = bounded(None, 0)
    """Seconds that the importance of a table's columns may take; 0 leaves it out.

    None: as many as training took, but .25 at the least; each column is shuffled once within 10.
    """
    report: bool = True
    """Whether report.html is drawn, which takes a second or two."""


@dataclass
class Devices:
    """How members of a population, and the rows of each batch, are laid over devices.

    A run may go on with other devices than it began with.
    """

    parallel: Literal["jit", "pmap"] = "jit"
    """How the step is compiled: jit on sharded arrays, or pmap, which shares out batches only."""
    count: int | None = bounded(None, 1)
    """How many devices are used; none: as many as get 64 rows of a batch each."""
    members: int | None = bounded(None, 1)
    """How many of them share out the members; none: as many as divide both."""
    exact: int | None = bounded(None, 2)
    """Into how many parts a batch is always cut; with 8, 1, 2, 4 and 8 devices train equal bits."""


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
    """Nets trained side by side: `seeds` of every fold of every setting."""

    seeds: int | Auto = bounded(1, 1)
    """How many nets of each setting and fold, from `config.seed` on.

    "auto": as many nets for sequences as train in a few minutes, of few that have a number each one
    for each of four folds; 1 where you say what else there are several nets of, and of nets that
    answer step by step.
    """
    folds: int | Auto = bounded(1, 1)
    """Into how many parts training and validation rows are cut, each validating one net.

    They are cut as `data.split` says; by time each net trains on the parts before its own. "auto":
    as many as do well by the rows of a table; 1 where you say which rows validate (any `data.valid`
    but "auto"), or what else there are several nets of.
    """
    grid: dict[str, tuple[GridValue, ...]] = field(default_factory=dict)
    """Fields and their values: settings are all combinations, or with `samples` random ones.

    {"optim.l2": (0, 1e-4)} are two values. With `samples` two numbers are the ends of a range that
    is drawn from, on a log scale if both are above 0; three numbers are always values.
    """
    samples: int | None = bounded(None, 1)
    """How many settings are drawn at random from the grid; none: all combinations are tried."""
    halving: int | None = bounded(None, 2)
    """With 3 the best third of all settings trains on after a 9th and a 3rd of its epochs."""
    keep: Literal["ensemble", "best", "all", "refit"] = "ensemble"
    """What answers in the end: the nets of the best setting averaged, the best net, all averaged.

    "refit": one net of the best setting, trained on all training and validation rows for as many
    epochs as were best in the folds, on average.
    """
    member: int | None = bounded(None, 0)
    """Trains this net of the population alone."""

    @property
    def n_seeds(self) -> int:
        """The seeds; while the rows are not read yet, "auto" stands for one."""
        return 1 if self.seeds == "auto" else self.seeds

    @property
    def n_folds(self) -> int:
        """The folds; while the rows are not read yet, "auto" stands for one."""
        return 1 if self.folds == "auto" else self.folds


@dataclass
class Config:
    """The run's name and seed, its loss, and the groups below."""

    name: str = "run"
    """What the run is called; "run" stands for the config file's name."""
    seed: int = bounded(0, 0, LAST_SEED)
    """Decides weights, order of rows and dropout; another one is another net."""
    loss: Loss | Imported = "auto"
    """What is minimised; "auto" follows the target: mse of numbers, a cross-entropy of classes.

    Of forecasts mae where outliers reach far, which is said.
    Answers that say how sure they are: quantile, or of a density gaussian, student_t (far
    outliers), and of counts negative_binomial or zero_inflated (more zeros than it has);
    poisson answers a mean alone, and gamma that of amounts above 0, whose errors count by their
    share of the amount: of tables of 2,000 rows and fewer "auto" is gamma for far tails, which is
    said. "reconstruction" makes the input its own target: an autoencoder.
    A function of yours, or its import path, takes outputs and targets of a batch and gives the loss
    of each row.
    """
    quantiles: tuple[float, ...] = bounded(DECILES, above=0, below=1)
    """The levels that loss=quantile answers at, and that a density is judged at, in any order.

    The median, which is the prediction of loss=quantile, is always among them.
    """
    label_smoothing: float | Auto = bounded(0.0, 0, 0.99)
    """The share of a class's target that is given to all classes."""
    class_weight: Literal["balanced"] | dict[str, float] | None = bounded(None, 0)
    """What each class weighs in the loss; "balanced": all classes weigh the same."""
    data: Data = field(default_factory=Table)
    net: Net = field(default_factory=Dense)
    augment: Augment = field(default_factory=Augment)
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    population: Population = field(default_factory=Population)
    devices: Devices = field(default_factory=Devices)

    def levels(self) -> tuple[float, ...]:
        """The levels in increasing order, the median among them."""
        return tuple(sorted({*self.quantiles, MEDIAN}))


Group: TypeAlias = Config | Data | Net | Augment | Optim | Train | Population | Devices

"""What "auto" stands for of tables and of all training: rules by the training rows, in one place.

For tables the recipe follows RealMLP (Holzmueller et al. 2024, "Better by default"), re-tuned on
the sets of `docs/table_rules.md`. Each part is an ordinary option and makes sense alone. The
recipe of sequences is `train.config.sequence_recipe`, that of nets for series `series_recipe`.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import replace
from typing import Literal

from train.config.bounded import filled
from train.config.data_options import Data, Table
from train.config.imported import Imported
from train.config.net_checks import NOT_LINEAR
from train.config.net_options import Dense, Net
from train.config.options import Config, Loss, Population

STEPS = 3000  # updates of a whole run, whatever the number of rows
BATCH_SIZES = ((1500, 32), (4500, 64), (12_000, 128))  # of fewer rows than the first number
MAX_BATCH = 256
SMALL_ROWS = 2_500  # rows below which regularisation must fade for the net to fit well
# Rows from which columns are mapped to the normal distribution and read by bins: on fewer what is
# smooth does better, and a line to start from.
QUANTILE_ROWS = 10_000
LARGE_ROWS = 20_000  # rows from which epochs count, not updates
# Of classes, which are seldom certain, and of steps in time: with much dropout.
FEW_EPOCHS = 12
DROPOUT_OF_FEW = 0.3
# Of numbers: with little dropout.
MANY_EPOCHS = 30
MAX_STEPS = 12_000
DROPOUT_OF_MANY = 0.05
# Few rows are cut into folds: those that would validate one net are too few to choose its weights
# by, or the temperature of classes. The rows are those that train or validate.
FOLDS = 5
FOLDED_KINDS = frozenset({"regression", "binary", "multiclass"})
FOLDED_ROWS = 2_000
FEWEST_FOLDED_ROWS = 50
MEAN_METRICS = (None, "rmse", "mse", "r2")  # which means are best at
SMOOTHING = 0.1
DROPOUT = 0.15  # of tables that are not large

# Parameters that an embedding which "auto" may stand for has not.
ABSENT_PARAMETERS = {
    "densely_periodic": ("bins_kernel",),
    "piecewise_linear_b": ("frequency", "phase"),
}

LEARNING_RATE = 0.1  # of a dense net that predicts numbers
CLASS_LEARNING_RATE = 0.04
LSTM_LEARNING_RATE = 3e-3


def resolve(config: Config, n_train: int, *, classes: int) -> Config:
    """The config with every "auto" of a table or of series replaced.

    `classes`: how many the (first) target has, 0 of numbers. Options of the net that reads a series
    are those of `train.config.series_recipe`.
    """
    metric = config.data.metric if isinstance(config.data, Table) else None
    batch_size = filled(config.train.batch_size, _batch_size(n_train))
    train = replace(
        config.train,
        batch_size=batch_size,
        epochs=filled(config.train.epochs, _epochs(n_train, batch_size, config.net, classes)),
        # Counted errors of a few validation rows say little.
        monitor=filled(config.train.monitor, "loss" if classes or metric == "mae" else "error"),
        restore=filled(config.train.restore, "best"),
    )
    net = _resolve_net(config, n_train, classes)
    optim = replace(
        config.optim,
        rates=_rates(config, net),
        learning_rate=filled(config.optim.learning_rate, _learning_rate(config.net, classes)),
        beta2=config.optim.own_beta2(),
        weight_decay_schedule=filled(config.optim.weight_decay_schedule, _fade_schedule(n_train)),
    )
    augment = config.augment
    augment = replace(
        augment,
        mixup=filled(augment.mixup, 0.0),
        mixup_until=filled(augment.mixup_until, 1.0),
    )
    return replace(
        config,
        loss="mae" if config.loss == "auto" and metric == "mae" else config.loss,
        label_smoothing=filled(config.label_smoothing, _smoothing(config.loss, metric, classes)),
        data=_resolve_data(config.data, n_train),
        augment=augment,
        net=net,
        optim=optim,
        train=train,
    )


def may_fold(config: Config) -> bool:
    """Whether population.folds="auto" may be more than one: nobody says what validates, or how."""
    data = config.data
    if not isinstance(data, Table) or not isinstance(config.net, Dense) or data.stream:
        return False
    is_own = data.valid_path is not None or data.valid != "auto"
    is_own |= data.split not in ("random", "stratified") or config.loss == "reconstruction"
    return not is_own and config.population == Population(folds="auto")


def may_be_of_amounts(config: Config) -> bool:
    """Whether loss="auto" goes by how far a table's target reaches (`train.data.table.amounts`).

    So it is where a line to start from, which is chosen with it, is "auto" too.
    """
    data = config.data
    if not isinstance(data, Table) or not isinstance(config.net, Dense) or data.stream:
        return False
    is_open = config.loss == "auto" and config.net.linear_start == "auto"
    return is_open and data.metric in MEAN_METRICS


def with_valid(config: Config) -> Config:
    """The config with the share of a table's rows that validate, where nobody says it."""
    data = config.data
    if not isinstance(data, Table):
        return config
    return replace(config, data=replace(data, valid=filled(data.valid, Table.valid)))


def folds_of(n_rows: int, kinds: Set[str]) -> int:
    """How many folds "auto" stands for, by the rows that train or validate and kinds of heads."""
    is_few = FEWEST_FOLDED_ROWS <= n_rows < FOLDED_ROWS
    return FOLDS if is_few and kinds <= FOLDED_KINDS else 1


def _batch_size(n_train: int) -> int:
    for limit, size in BATCH_SIZES:
        if n_train < limit:
            return size
    return MAX_BATCH


def _epochs(n_train: int, batch_size: int, net: Net, classes: int) -> int:
    """About STEPS updates; of very many rows as many epochs as do well."""
    steps_per_epoch = math.ceil(n_train / batch_size)
    epochs = math.ceil(STEPS / steps_per_epoch)
    if n_train <= LARGE_ROWS:
        return epochs
    if classes or net.reads_steps:
        return min(epochs, FEW_EPOCHS)
    return min(max(epochs, MANY_EPOCHS), math.ceil(MAX_STEPS / steps_per_epoch))


def _smoothing(loss: Loss | Imported, metric: str | None, classes: int) -> float:
    """The smoothing of labels: SMOOTHING of more than two classes, unless log_loss counts."""
    if isinstance(loss, Imported):
        return 0.0
    return SMOOTHING if classes > 2 and metric != "log_loss" else 0.0


def _dropout(n_train: int, classes: int) -> float:
    if n_train <= LARGE_ROWS:
        return DROPOUT
    return DROPOUT_OF_FEW if classes else DROPOUT_OF_MANY


def _learning_rate(net: Net, classes: int) -> float:
    if net.reads_steps:
        return LSTM_LEARNING_RATE
    return CLASS_LEARNING_RATE if classes else LEARNING_RATE


def _rates(config: Config, net: Net) -> dict[str, float]:
    """The rates of parameters, where "auto" chose the embedding without those that it lacks."""
    rates = config.optim.rates
    if not (isinstance(config.net, Dense) and config.net.embedding == "auto"):
        return rates
    assert isinstance(net, Dense)
    lacking = ABSENT_PARAMETERS[net.embedding]
    return {name: rate for name, rate in rates.items() if name not in lacking}


def _fade_schedule(n_train: int) -> Literal["constant", "flat_cosine"]:
    """The schedule of dropout and weight decay."""
    return "flat_cosine" if n_train < SMALL_ROWS else "constant"


def _resolve_data(data: Data, n_train: int) -> Data:
    if not isinstance(data, Table):
        return data
    scaling = "robust" if n_train < QUANTILE_ROWS else "quantile"
    return replace(data, scaling=filled(data.scaling, scaling))


def _resolve_net(config: Config, n_train: int, classes: int) -> Net:
    net = config.net
    if not isinstance(net, Dense):
        return net
    is_small = n_train < QUANTILE_ROWS
    return replace(
        net,
        hidden=filled(net.hidden, (256, 256, 256)),
        activation=filled(net.activation, "selu" if classes else "mish"),
        embedding=filled(net.embedding, "densely_periodic" if is_small else "piecewise_linear_b"),
        linear_start=filled(net.linear_start, is_small and config.loss not in NOT_LINEAR),
        dropout=filled(net.dropout, _dropout(n_train, classes)),
        dropout_schedule=filled(net.dropout_schedule, _fade_schedule(n_train)),
    )

"""What "auto" stands for: every rule by the training rows, in one place.

For tables the recipe follows RealMLP (Holzmueller et al. 2024, "Better by default"), re-tuned on
the sets named in `configs/table.py`; that for sequences was tuned on those in
`configs/sequences.py`. Each part is an ordinary option and makes sense alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeVar

from train.config.bounded import Auto
from train.config.data_options import Data, Sequences, Series, Table
from train.config.net_checks import NOT_LINEAR
from train.config.net_options import LSTM, Dense, Net
from train.config.options import Config

T = TypeVar("T")

STEPS = 3000  # updates of a whole run, whatever the number of rows
BATCH_SIZES = ((1500, 32), (4500, 64), (12_000, 128))  # of fewer rows than the first number
LARGEST_BATCH = 256
SMALL = 2_500  # rows below which regularisation must fade for the net to fit well
# Rows from which columns are mapped to the normal distribution and read by bins: on fewer what is
# smooth does better, and a line to start from.
QUANTILE = 10_000
LARGE = 20_000  # rows from which epochs count, not updates
# Of classes, which are seldom certain, and of steps in time: with much dropout.
FEW_EPOCHS = 12
DROPOUT_OF_FEW = 0.3
# Of numbers: with little dropout.
MANY_EPOCHS = 30
MOST_STEPS = 12_000
DROPOUT_OF_MANY = 0.05
SMOOTHING = 0.1
DROPOUT = 0.15  # of tables that are not large

# Parameters that an embedding which "auto" may stand for has not.
LACKING = {"densely_periodic": ("bins_kernel",), "piecewise_linear_b": ("frequency", "phase")}

LEARNING_RATE = 0.1  # of a dense net that predicts numbers
CLASS_LEARNING_RATE = 0.04
LSTM_LEARNING_RATE = 3e-3

# Steps that an LSTM reads one by one; of longer sequences it reads patches, about PATCHES of them.
MAX_STEPS = 40
PATCHES = 30
MIN_PATCH = 5

# Updates, and passes over the rows, that sequences need at the least.
TOKEN_STEPS = 4500
TOKEN_EPOCHS = 10
NUMBER_STEPS = 700
NUMBER_EPOCHS = 40
SEQUENCE_BATCH = 16

# Sequences of which none are spared to validate on: the last weights answer anyway.
FEW_ROWS = 500

# Tokens that are read of a training sequence: so many times the mean, from and up to so many.
CUT = 8
LEAST_CUT = 64
MOST_CUT = 1024

# Longer sequences of numbers than MAX_STEPS that one answer each is asked for are convolved: at
# FINE_STEPS places at the most, of which the LSTM reads maxima, COARSE_STEPS at the most.
FILTERS = (48, 32, 32)
WIDTHS = (9, 19, 39)
LATER_WIDTH = 5
DILATION = 2
FINE_STEPS = 600
COARSE_STEPS = 64
CONVOLVED_LEARNING_RATE = 5e-3
CONVOLVED_STEPS = 1000
MOST_CONVOLVED_STEPS = 3000
CONVOLVED_EPOCHS = 150


def resolve(config: Config, n_train: int, *, classes: int, season: int | None = None) -> Config:
    """The config with every "auto" of a table or of series replaced.

    `classes`: how many the (first) target has, 0 of numbers; `season`: after how many steps a
    series repeats.
    """
    metric = config.data.metric if isinstance(config.data, Table) else None
    batch_size = _auto(config.train.batch_size, _batch_size(n_train))
    train = replace(
        config.train,
        batch_size=batch_size,
        epochs=_auto(config.train.epochs, _epochs(n_train, batch_size, config.net, classes)),
        # Counted errors of a few validation rows say little.
        monitor=_auto(config.train.monitor, "loss" if classes or metric == "mae" else "error"),
        restore=_auto(config.train.restore, "best"),
    )
    net = _resolve_net(config, n_train, classes, season)
    optim = replace(
        config.optim,
        rates=_rates(config, net),
        learning_rate=_auto(config.optim.learning_rate, _learning_rate(config.net, classes)),
        beta2=config.optim.own_beta2(),
        weight_decay_schedule=_auto(config.optim.weight_decay_schedule, _fading(n_train)),
    )
    return replace(
        config,
        loss="mae" if config.loss == "auto" and metric == "mae" else config.loss,
        label_smoothing=_auto(config.label_smoothing, _smoothing(metric, classes)),
        data=_resolve_data(config.data, n_train),
        net=net,
        optim=optim,
        train=train,
    )


def _batch_size(n_train: int) -> int:
    for limit, size in BATCH_SIZES:
        if n_train < limit:
            return size
    return LARGEST_BATCH


def _epochs(n_train: int, batch_size: int, net: Net, classes: int) -> int:
    """About STEPS updates; of very many rows as many epochs as do well."""
    steps_per_epoch = math.ceil(n_train / batch_size)
    epochs = math.ceil(STEPS / steps_per_epoch)
    if n_train <= LARGE:
        return epochs
    if classes or net.reads_steps:
        return min(epochs, FEW_EPOCHS)
    return min(max(epochs, MANY_EPOCHS), math.ceil(MOST_STEPS / steps_per_epoch))


def _smoothing(metric: str | None, classes: int) -> float:
    """Of many classes smoothed labels are told better, at probabilities that are less sure."""
    return SMOOTHING if classes > 2 and metric != "log_loss" else 0.0


def _dropout(n_train: int, classes: int) -> float:
    if n_train <= LARGE:
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
    lacking = LACKING[net.embedding]
    return {name: rate for name, rate in rates.items() if name not in lacking}


def _fading(n_train: int) -> Literal["constant", "flat_cosine"]:
    """The schedule of dropout and weight decay."""
    return "flat_cosine" if n_train < SMALL else "constant"


def _resolve_data(data: Data, n_train: int) -> Data:
    if not isinstance(data, Table):
        return data
    scaling = "robust" if n_train < QUANTILE else "quantile"
    return replace(data, scaling=_auto(data.scaling, scaling))


def _resolve_net(config: Config, n_train: int, classes: int, season: int | None) -> Net:
    match config.data, config.net:
        case _, Dense() as net:
            return replace(
                net,
                hidden=_auto(net.hidden, (256, 256, 256)),
                activation=_auto(net.activation, "selu" if classes else "mish"),
                embedding=_auto(
                    net.embedding,
                    "densely_periodic" if n_train < QUANTILE else "piecewise_linear_b",
                ),
                linear_start=_auto(
                    net.linear_start, n_train < QUANTILE and config.loss not in NOT_LINEAR
                ),
                dropout=_auto(net.dropout, _dropout(n_train, classes)),
                dropout_schedule=_auto(net.dropout_schedule, _fading(n_train)),
            )
        case Series() as data, LSTM() as net:
            return replace(
                net,
                hidden=_auto(net.hidden, (64,)),
                bidirectional=_auto(net.bidirectional, False),
                dropout=_auto(net.dropout, 0.3),
                input_dropout=_auto(net.input_dropout, 0.0),
                readout=_auto(net.readout, "last"),
                patch=_auto(net.patch, series_patch(data.lookback, season)),
            )
        case _, net:
            return net


def series_patch(lookback: int, season: int | None) -> int:
    """Rows of a series that are read at once: a season, if it fits twice, or an eighth of all."""
    if season is not None and 2 * season <= lookback:
        return season
    return max(1, round(lookback / 8))


def resolve_sequences(
    config: Config, n_train: int, *, longest: int, tokens: bool, of_steps: bool
) -> Config:
    """The config with every "auto" of an LSTM on sequences replaced.

    `longest`: the longest training sequence; `tokens`: whether words are read; `of_steps`: whether
    some answer is asked for at every step.
    """
    assert isinstance(config.net, LSTM)
    assert isinstance(config.data, Sequences)
    next_step = config.data.next_step
    batch_size = _auto(config.train.batch_size, SEQUENCE_BATCH)
    steps_per_epoch = math.ceil(n_train / batch_size)
    learning_rate = LSTM_LEARNING_RATE
    if tokens:
        epochs = max(TOKEN_EPOCHS, math.ceil(TOKEN_STEPS / steps_per_epoch))
    else:
        epochs = max(NUMBER_EPOCHS, math.ceil(NUMBER_STEPS / steps_per_epoch))
    if _convolves(config, longest, one_answer=not (tokens or of_steps)):
        config = replace(config, net=_convolved(config.net, longest))
        learning_rate = CONVOLVED_LEARNING_RATE
        epochs = _convolved_epochs(steps_per_epoch)
    train = replace(
        config.train,
        batch_size=batch_size,
        epochs=_auto(config.train.epochs, epochs),
        monitor=_auto(config.train.monitor, "loss"),
        restore=_auto(config.train.restore, "last"),
    )
    learning_rate = _auto(config.optim.learning_rate, learning_rate)
    assert isinstance(config.net, LSTM)
    return replace(
        config,
        net=_resolve_sequence_net(
            replace(config.net, bidirectional=_auto(config.net.bidirectional, not next_step)),
            longest,
            tokens,
            of_steps,
        ),
        train=train,
        optim=replace(config.optim, learning_rate=learning_rate),
        label_smoothing=_auto(config.label_smoothing, 0.0),
    )


def _convolved_epochs(steps_per_epoch: int) -> int:
    """Passes over the rows: few rows need many, and very many need but some."""
    most = min(CONVOLVED_EPOCHS, math.ceil(MOST_CONVOLVED_STEPS / steps_per_epoch))
    return max(NUMBER_EPOCHS // 2, math.ceil(CONVOLVED_STEPS / steps_per_epoch), most)


def _convolves(config: Config, longest: int, *, one_answer: bool) -> bool:
    """Whether "auto" stands for convolutions."""
    assert isinstance(config.net, LSTM)
    # Batch norm takes a batch in one piece.
    is_whole = config.devices.exact is None
    return config.net.convolutions == "auto" and one_answer and longest > MAX_STEPS and is_whole


def _convolved(net: LSTM, longest: int) -> LSTM:
    """The options of an LSTM behind convolutions, where they are "auto"."""
    stride = _auto(net.stride, math.ceil(longest / FINE_STEPS))
    return replace(
        net,
        # Few units, of which little is left in training: convolutions tell more, and what an LSTM
        # remembers of a few hundred rows it would else answer by.
        hidden=_auto(net.hidden, (8,)),
        dropout=_auto(net.dropout, 0.8),
        convolutions=FILTERS,
        widths=_auto(net.widths, WIDTHS),
        later_width=_auto(net.later_width, LATER_WIDTH),
        dilation=_auto(net.dilation, DILATION),
        stride=stride,
        pool=_auto(net.pool, math.ceil(math.ceil(longest / stride) / COARSE_STEPS)),
        patch=_auto(net.patch, 1),
        own_scale=_auto(net.own_scale, True),
        readout=_auto(net.readout, "mean_max_last"),
        noise=_auto(net.noise, 0.05),
        offset=_auto(net.offset, 0.1),
        crop=_auto(net.crop, 0.9),
    )


def _resolve_sequence_net(net: LSTM, longest: int, tokens: bool, of_steps: bool) -> LSTM:
    step_by_step = of_steps or tokens
    return replace(
        net,
        hidden=_auto(net.hidden, (128,) if tokens else (64,)),
        dropout=_auto(net.dropout, 0.4 if tokens else 0.5),
        input_dropout=_auto(net.input_dropout, 0.4 if tokens else 0.0),
        noise=_auto(net.noise, 0.0 if of_steps else 0.3),
        offset=_auto(net.offset, 0.0 if of_steps else 0.3),
        crop=_auto(net.crop, 1.0 if step_by_step else 0.6),
        readout=_auto(net.readout, "mean_max" if tokens else "max"),
        patch=_auto(net.patch, 1 if step_by_step else patch_of(longest)),
        convolutions=_auto(net.convolutions, ()),
        widths=_auto(net.widths, WIDTHS),
        later_width=_auto(net.later_width, LATER_WIDTH),
        dilation=_auto(net.dilation, DILATION),
        stride=_auto(net.stride, 1),
        pool=_auto(net.pool, 1),
        convolution_readout=_auto(net.convolution_readout, "mean"),
        convolution_dropout=_auto(net.convolution_dropout, 0.0),
        own_scale=_auto(net.own_scale, False),
    )


def max_length_of(steps: float, *, tokens: bool) -> int | None:
    """What "auto" of `max_length` stands for, by the mean length of training rows."""
    return min(max(math.ceil(CUT * steps), LEAST_CUT), MOST_CUT) if tokens else None


def valid_of(n_rows: int) -> float:
    """What "auto" of `valid` stands for, by the rows there are to train and to validate."""
    return 0.0 if n_rows < FEW_ROWS else 0.15


def patch_of(longest: int) -> int:
    """Steps that are read at once of sequences up to this long."""
    return 1 if longest <= MAX_STEPS else max(MIN_PATCH, math.ceil(longest / PATCHES))


def _auto(value: T | Auto, rule: T) -> T:
    """The value; what the rule says where it is "auto"."""
    return rule if isinstance(value, str) and value == "auto" else value

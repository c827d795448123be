"""What "auto" stands for: every rule by the number of training rows, in one place.

The recipe follows RealMLP (Holzmueller et al. 2024, "Better by default"), re-tuned on the sets
named in `configs/table.py`; each part is an ordinary option and makes sense alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from train.config.data_options import Series, Table
from train.config.net_options import LSTM, Dense
from train.config.options import Config

STEPS = 3000  # updates of a whole run, whatever the number of rows
LARGE = 20_000  # rows from which a few epochs with much dropout do better than many with little
SMALL = 2_500  # rows below which regularisation must fade for the net to fit well
# Rows from which columns are mapped to the normal distribution: on fewer it loses more than it
# gains.
QUANTILE = 10_000


def resolve(config: Config, n_train: int, *, classes: bool, season: int | None = None) -> Config:
    """The config with every "auto" replaced. `classes` says whether the (first) target is a class,
    `season` after how many steps a series repeats.
    """
    by_size = next(
        (size for limit, size in ((1500, 32), (4500, 64), (12_000, 128)) if n_train < limit), 256
    )
    batch_size = _auto(config.train.batch_size, by_size)
    epochs = math.ceil(STEPS / math.ceil(n_train / batch_size))
    fading = "flat_cosine" if n_train < SMALL else "constant"
    data = config.data
    net = config.net
    if isinstance(data, Table):
        data = replace(
            data, scaling=_auto(data.scaling, "robust" if n_train < QUANTILE else "quantile")
        )
    if isinstance(net, Dense):
        net = replace(
            net,
            hidden=_auto(net.hidden, (256, 256, 256)),
            activation=_auto(net.activation, "selu" if classes else "mish"),
            dropout=_auto(net.dropout, 0.3 if n_train > LARGE else 0.15),
            dropout_schedule=_auto(net.dropout_schedule, fading),
        )
    if isinstance(data, Series) and isinstance(net, LSTM):
        net = replace(
            net,
            hidden=_auto(net.hidden, (64,)),
            dropout=_auto(net.dropout, 0.3),
            input_dropout=_auto(net.input_dropout, 0.0),
            readout=_auto(net.readout, "last"),
            patch=_auto(net.patch, series_patch(data.lookback, season)),
        )
    rate = 3e-3 if isinstance(net, LSTM) else 0.04 if classes else 0.1
    return replace(
        config,
        label_smoothing=_auto(config.label_smoothing, 0.1 if classes else 0.0),
        data=data,
        net=net,
        optim=replace(
            config.optim,
            learning_rate=_auto(config.optim.learning_rate, rate),
            weight_decay_schedule=_auto(config.optim.weight_decay_schedule, fading),
        ),
        train=replace(
            config.train,
            batch_size=batch_size,
            epochs=_auto(config.train.epochs, min(epochs, 12) if n_train > LARGE else epochs),
            # Counted errors of a few validation rows say little once the schedule has come to rest.
            restore=_auto(config.train.restore, "last" if classes else "best"),
        ),
    )


def series_patch(lookback: int, season: int | None) -> int:
    """Rows of a series that an LSTM reads at once: a season where the lookback has two, else an
    eighth of it.
    """
    if season is not None and 2 * season <= lookback:
        return season
    return max(1, round(lookback / 8))


def _auto(value: Any, rule: Any) -> Any:
    return rule if value == "auto" else value


# Steps that an LSTM reads one by one; of longer sequences it reads patches, about PATCHES of them.
MAX_STEPS = 40


PATCHES = 30
MIN_PATCH = 5


# updates, and passes over the rows, that words need at the least
TOKEN_STEPS = 4500
TOKEN_EPOCHS = 10


NUMBER_STEPS = 700
NUMBER_EPOCHS = 40


def resolve_sequences(
    config: Config, n_train: int, *, longest: int, tokens: bool, of_steps: bool
) -> Config:
    """The config with the "auto" fields of an LSTM on sequences replaced, and of how long it is
    trained.

    `longest`: the longest training sequence; `tokens`: whether words are read; `of_steps`: whether
    some answer is asked for at every step.
    """
    net = config.net
    assert isinstance(net, LSTM)
    net = replace(
        net,
        hidden=_auto(net.hidden, (128,) if tokens else (64,)),
        dropout=_auto(net.dropout, 0.4 if tokens else 0.5),
        input_dropout=_auto(net.input_dropout, 0.4 if tokens else 0.0),
        noise=_auto(net.noise, 0.0 if of_steps else 0.3),
        offset=_auto(net.offset, 0.0 if of_steps else 0.3),
        crop=_auto(net.crop, 1.0 if of_steps or tokens else 0.6),
        readout=_auto(net.readout, "mean_max" if tokens else "max"),
        patch=_auto(net.patch, 1 if of_steps or tokens else patch_of(longest)),
    )
    batch_size = _auto(config.train.batch_size, 16)
    steps_per_epoch = -(-n_train // batch_size)
    steps, epochs = (TOKEN_STEPS, TOKEN_EPOCHS) if tokens else (NUMBER_STEPS, NUMBER_EPOCHS)
    train = replace(
        config.train,
        batch_size=batch_size,
        epochs=_auto(config.train.epochs, max(epochs, -(-steps // steps_per_epoch))),
        restore=_auto(config.train.restore, "last"),
    )
    optim = replace(config.optim, learning_rate=_auto(config.optim.learning_rate, 3e-3))
    return replace(
        config,
        net=net,
        train=train,
        optim=optim,
        label_smoothing=_auto(config.label_smoothing, 0.0),
    )


def patch_of(longest: int) -> int:
    """Steps that are read at once of sequences up to this long."""
    return 1 if longest <= MAX_STEPS else max(MIN_PATCH, -(-longest // PATCHES))

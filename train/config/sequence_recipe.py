"""What "auto" stands for where sequences are read. Measured on the sets named in `configs/sequences.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from train.config.options import LSTM, Config

LONGEST = 40  # steps that an LSTM reads one by one; of longer sequences it reads patches, about PATCHES of them
PATCHES, SMALLEST_PATCH = 30, 5
TOKEN_STEPS, TOKEN_EPOCHS = 4500, 10  # updates, and passes over the rows, that words need at the least
NUMBER_STEPS, NUMBER_EPOCHS = 700, 40


def resolve_sequences(config: Config, n_train: int, *, longest: int, tokens: bool, of_steps: bool) -> Config:
    """The config with the "auto" fields of an LSTM on sequences replaced, and of how long it is trained.

    `longest`: the longest training sequence; `tokens`: whether words are read; `of_steps`: whether some answer is
    asked for at every step.
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
    return replace(config, net=net, train=train, optim=optim, label_smoothing=_auto(config.label_smoothing, 0.0))


def patch_of(longest: int) -> int:
    """Steps that are read at once of sequences up to this long."""
    return 1 if longest <= LONGEST else max(SMALLEST_PATCH, -(-longest // PATCHES))


def _auto(value: Any, rule: Any) -> Any:
    return rule if value == "auto" else value

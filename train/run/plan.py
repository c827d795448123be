"""The least that a run would need, told before anything is made: numbers of steps, and memory.

These are lower bounds, by the fields of the config and the shape of a row alone: a run that is
refused could never have trained, and one that is let pass may still be too large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import jax
import numpy as np

from train.config.bounded import resolved
from train.config.net_options import LSTM, Competitive, Dense, SelfOrganizingMap
from train.config.options import Config
from train.data.dataset import Dataset
from train.errors import UserError
from train.run.memory import bytes_in_words, free_bytes

MAX_STEPS = 2**31 - 1  # that an int32 counts
MIN_CHECKED_BYTES = 2**28  # bytes below which nobody asks what is free
STATES = 3  # copies of the weights that every run has: those of now, of before a round, the best
GATES = {"lstm": 4, "gru": 3, "plain": 1}


class Need(NamedTuple):
    """The bytes that the value of a field asks for, and what they are for."""

    field: str
    value: object
    what: str
    size: int


def check_plan(config: Config, dataset: Dataset) -> None:
    """Raises UserError if a resolved config has more steps or asks for more memory than there is.

    The message names the field.
    """
    train = config.train
    epochs = resolved(train.epochs)
    n_steps = -(-dataset.n_train // resolved(train.batch_size))
    if epochs * n_steps > MAX_STEPS:
        raise UserError(
            f"config.train.epochs: {epochs:.10g} epochs of {n_steps:,} updates are too many: at "
            f"most {MAX_STEPS:,} updates are counted; lower it, or stop early by "
            "config.train.patience"
        )
    if train.eval_every > MAX_STEPS:
        raise UserError(
            f"config.train.eval_every: {train.eval_every:.10g} is too large; epochs are at most "
            f"{epochs:,}, and the last one is always evaluated"
        )
    needs = [need for need in _needs(config, dataset) if need.size >= MIN_CHECKED_BYTES]
    free = free_bytes() if needs else None
    for need in needs:
        if free is not None and need.size > free:
            raise UserError(
                f"config.{need.field}: {_short(need.value)} is too large: {need.what} "
                f"at the least {bytes_in_words(need.size)}, and {bytes_in_words(free)} are free"
            )


def _needs(config: Config, dataset: Dataset) -> Iterator[Need]:
    rows = dataset.take(dataset.arrays, np.zeros(1, np.int64))
    shapes = [leaf.shape[1:] for leaf in jax.tree.leaves(rows.inputs)]
    width = sum(math.prod(shape) for shape in shapes)
    batch = resolved(config.train.batch_size)
    net = config.net
    match net:
        case Dense():
            hidden = resolved(net.hidden)
            sizes = (width, *hidden, *([net.code] if net.code else []))
            weights = sum(a * b for a, b in pairwise(sizes))
            at_once = net.members * sum(sizes)
            yield _weights("net.hidden", hidden, weights)
            yield _weights("net.members", net.members, net.members * width)
            if net.embedding != "none":
                n_bins = net.embedding_bins if net.embedding == "piecewise_linear_b" else 0
                yield _weights("net.embedding_bins", n_bins, width * n_bins)
                yield _weights("net.embedding_size", net.embedding_size, width * net.embedding_size)
        case LSTM():
            hidden = resolved(net.hidden)
            at_once = width + sum(hidden)
            weights = GATES[net.cell] * sum(size * size for size in hidden)
            yield _weights("net.hidden", hidden, weights)
            units = resolved(net.head)
            yield _weights("net.head", net.head, sum(a * b for a, b in pairwise(units)))
            yield _weights("net.convolutions", net.convolutions, sum(resolved(net.convolutions)))
        case Competitive():
            at_once = width + net.units
            yield _weights("net.units", net.units, net.units * net.restarts * width)
        case SelfOrganizingMap():
            n_units = math.prod(net.shape)
            at_once = width + n_units
            yield _weights("net.shape", net.shape, n_units * width)
        case _:
            at_once = width
    what = "a batch and what its layers give take"
    yield Need("train.batch_size", batch, what, 4 * batch * at_once)


def _weights(field: str, value: object, count: int) -> Need:
    return Need(field, value, "the weights take", 4 * STATES * count)


def _short(value: object) -> str:
    if isinstance(value, int):
        return f"{value:.10g}"
    if isinstance(value, tuple):
        return f"({', '.join(f'{item:.10g}' for item in value)}{',' * (len(value) == 1)})"
    return str(value)

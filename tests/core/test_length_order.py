"""The order of sequences in an epoch: batches of about one length, and every row once.

No two epochs are alike.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.config.options import Config, Train
from train.core.batch_parts import WHOLE
from train.core.batching import epoch_rows
from train.core.program import Data
from train.data.dataset import Batch

N = 1003
SIZE = 16


def order(lengths: np.ndarray | None, epoch: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    train = jnp.arange(5, 5 + N)  # rows of a pool are not counted from 0
    arrays = Batch({}, {}, jnp.ones(N + 5), None if lengths is None else jnp.asarray(lengths))
    data = Data(arrays, jnp.ones(N + 5), train, train[:0], {}, jax.random.key(seed))
    config = Config(data=Sequences(), net=LSTM(), train=Train(batch_size=SIZE))
    program: Any = SimpleNamespace(
        config=config, steps_per_epoch=-(-N // SIZE), parts=WHOLE, places=lambda rows_n: rows_n
    )
    rows, real = epoch_rows(program, data, jnp.int32(epoch))
    return np.asarray(rows), np.asarray(real)


@pytest.fixture(scope="module")
def lengths() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60, N + 5)


def test_every_row_comes_once(lengths):
    rows, real = order(lengths, 0)
    assert sorted(rows[real == 1]) == list(range(5, 5 + N))
    assert real.sum() == N


def test_what_fills_the_last_batch_counts_for_nothing(lengths):
    rows, real = order(lengths, 3)
    (short,) = np.flatnonzero((real == 0).any(1))
    n = int(real[short].sum())
    assert (rows[short, n:] == rows[short, n - 1]).all()


def test_batches_are_of_nearly_one_length(lengths):
    sorted_rows, _ = order(lengths, 0)
    mixed_rows, _ = order(None, 0)
    padded = {
        name: lengths[rows].max(1).mean()
        for name, rows in (("sorted", sorted_rows), ("mixed", mixed_rows))
    }
    assert padded["sorted"] < 1.35 * lengths.mean() < 0.8 * padded["mixed"]


def test_batches_come_in_no_order_of_length(lengths):
    means = lengths[order(lengths, 0)[0]].mean(1)
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.35


def test_the_order_is_a_function_of_seed_and_epoch(lengths):
    first = order(lengths, 1)[0]
    np.testing.assert_array_equal(order(lengths, 1)[0], first)
    for other in (order(lengths, 2)[0], order(lengths, 1, seed=1)[0]):
        together = {frozenset(batch) for batch in first.tolist()} & {
            frozenset(batch) for batch in other.tolist()
        }
        assert not together

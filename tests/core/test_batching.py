"""The order of an epoch: every row once, in an order of its own."""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_runs import (
    make_run,
)

from train.config.net_options import Dense
from train.config.options import Config, Train
from train.core.batching import batch_rows, epoch_rows


@pytest.mark.parametrize(
    ("n_train", "batch_size"), [(1, 1), (1, 7), (20, 5), (23, 5), (23, 23), (23, 24), (7, 1)]
)
def test_an_epoch_takes_every_training_row_once(n_train: int, batch_size: int) -> None:
    program, data, _ = make_run(
        Config(train=Train(epochs=1, batch_size=batch_size)), n_train=n_train
    )
    epochs = jnp.concatenate([jnp.arange(30), jnp.array([10**6, 2**31 - 1])])
    rows_esb, mask_esb = jax.vmap(partial(epoch_rows, program, data))(epochs)
    assert rows_esb.shape == mask_esb.shape == (32, -(-n_train // batch_size), batch_size)
    for rows, real in zip(
        np.asarray(rows_esb).reshape(32, -1), np.asarray(mask_esb).reshape(32, -1), strict=True
    ):
        np.testing.assert_array_equal(np.sort(rows[real == 1]), np.sort(data.train))
        np.testing.assert_array_equal(real, np.arange(len(real)) < n_train)
        assert set(rows[real == 0]) <= {rows[n_train - 1]}


@pytest.mark.parametrize("n_own", [1, 11, 23])
def test_of_rows_that_are_longer_than_a_members_own_only_these_count(n_own: int) -> None:
    """As in a fold with fewer rows than another: each own one once, and first."""
    program, data, _ = make_run()
    data = dataclasses.replace(data, n_train=jnp.int32(n_own))
    rows_esb, mask_esb = jax.vmap(partial(epoch_rows, program, data))(jnp.arange(8))
    for rows, real in zip(
        np.asarray(rows_esb).reshape(8, -1), np.asarray(mask_esb).reshape(8, -1), strict=True
    ):
        np.testing.assert_array_equal(np.sort(rows[real == 1]), np.sort(data.train[:n_own]))
        np.testing.assert_array_equal(real, np.arange(len(real)) < n_own)


@pytest.mark.parametrize(("n_own", "members"), [(None, 4), (11, 3), (2, 3)])
def test_each_member_takes_every_row_once_in_an_order_of_its_own(
    n_own: int | None, members: int
) -> None:
    config = Config(train=Train(epochs=1, batch_size=5), net=Dense(members=members))
    program, data, _ = make_run(config)
    if n_own is not None:
        data = dataclasses.replace(data, n_train=jnp.int32(n_own))
    batches = epoch_rows(program, data, jnp.int32(3))
    steps = jnp.arange(len(batches[0]))
    rows, real = jax.vmap(partial(batch_rows, program, data, batches))(steps)
    by_member = np.asarray(rows).reshape(-1, members).T
    real = np.asarray(real).reshape(-1, members).T
    own = data.train[:n_own]
    orders = set()
    for rows_n, real_n in zip(by_member, real, strict=True):
        np.testing.assert_array_equal(np.sort(rows_n[real_n == 1]), np.sort(own))
        orders.add(tuple(rows_n[real_n == 1]))
    assert len(orders) == (members if len(own) >= members else 1)


def test_orders_differ_between_epochs_and_seeds_and_come_back() -> None:
    program, data, _ = make_run()
    rows_of = jax.jit(partial(epoch_rows, program))
    orders = {}
    for seed in (0, 1):
        seeded = dataclasses.replace(data, key=jax.random.key(seed))
        for epoch in (0, 1, 2, 1000):
            orders[seed, epoch] = tuple(np.ravel(rows_of(seeded, jnp.int32(epoch))[0]))
    assert len(set(orders.values())) == 8
    assert tuple(np.ravel(rows_of(data, jnp.int32(2))[0])) == orders[0, 2]


def test_every_row_comes_at_every_place_equally_often() -> None:
    config = Config(train=Train(epochs=1, batch_size=8))
    program, data, _ = make_run(config)
    data = dataclasses.replace(data, train=jnp.arange(8, dtype=jnp.int32))
    program = dataclasses.replace(program, steps_per_epoch=1)
    n = 4000
    orders = np.asarray(
        jax.vmap(lambda epoch: epoch_rows(program, data, epoch)[0][0])(jnp.arange(n))
    )
    counts = np.array([[(orders[:, place] == row).sum() for row in range(8)] for place in range(8)])
    chi_square = ((counts - n / 8) ** 2 / (n / 8)).sum()
    assert abs(chi_square - 49) < 5 * np.sqrt(2 * 49)  # 7 x 7 degrees of freedom
    # A row and the next one side by side: by chance, 1 in 8.
    follows = (orders[:, 1:] - orders[:, :-1] == 1).mean()
    assert abs(follows - 1 / 8) < 0.01

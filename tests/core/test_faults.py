"""Updates that are left out: which, what stays as it was, and when there were too many of them."""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_runs import assert_same_bits, make_run

from train.config.net_options import Dense
from train.config.options import Config, Optim, Train
from train.core.batching import batch_rows, epoch_rows
from train.core.faults import MAX_IN_ROW, Candidate, accept, are_finite, no_faults
from train.core.step import train_epoch, update_on_rows

EVERYTHING = Config(
    net=Dense(dropout=0.2, norm="batch"),
    optim=Optim("adam", 0.01, clip_norm=1.0, ema=0.9, l2=1e-3),
    train=Train(epochs=4, batch_size=5),
)


def judged(loss: float, grad: float = 1.0, weight: float = 1.0) -> Candidate:
    numbers = (loss, grad, weight)
    loss_, grad_, weight_ = (jnp.float32(number) for number in numbers)
    return Candidate(loss_, {"kernel": jnp.stack([grad_, jnp.float32(0)])}, {"kernel": weight_})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["loss", "grad", "weight"])
def test_what_is_not_finite_is_left_out_wherever_it_is(place: str, bad: float) -> None:
    found = judged(**({"loss": 1.0} | {place: bad}))
    is_made, faults = accept(no_faults(spikes=False), jnp.int32(7), found, MAX_IN_ROW)
    assert not is_made
    assert (int(faults.skipped), int(faults.in_row), int(faults.first)) == (1, 1, 7)


def test_a_gradient_whose_square_is_no_float_is_left_out_and_large_weights_are_not() -> None:
    faults = no_faults(spikes=False)
    assert not accept(faults, jnp.int32(0), judged(1.0, grad=-1e20), MAX_IN_ROW)[0]
    assert accept(faults, jnp.int32(0), judged(1.0, grad=-1e18, weight=3e38), MAX_IN_ROW)[0]


def test_numbers_that_are_finite_are_and_whole_ones_always() -> None:
    tree = {"a": jnp.array([0.0, -3.4e38, 1e-45]), "n": jnp.array([2**31 - 1]), "e": jnp.zeros(0)}
    assert are_finite(tree) and are_finite(())
    assert not are_finite(tree | {"b": jnp.array([1.0, -jnp.nan])})


def test_a_limit_of_faults_in_a_row_ends_all_updates() -> None:
    faults = no_faults(spikes=False)
    made = []
    for step, loss in enumerate([1, np.nan, 1, np.nan, np.nan, np.nan, 1, 1]):
        is_made, faults = accept(faults, jnp.int32(step), judged(loss), limit=3)
        made.append(bool(is_made))
    assert made == [True, False, True, False, False, False, False, False]
    assert (int(faults.in_row), int(faults.first), int(faults.skipped)) == (5, 3, 6)


def test_spikes_are_six_deviations_above_the_last_updates() -> None:
    """By numpy in float64; a spike is among what the next is told by, and no fault in a row."""
    random = np.random.default_rng(0)
    losses = random.normal(10, 0.1, 300)
    norms = random.normal(3, 0.1, 300)
    losses[[20, 100, 250, 251]] = 12, 12, 11, 1e4
    norms[[150, 299]] = 4.5, 3.2
    wanted = []
    for step in range(300):
        spike = False
        for values in (losses, norms):
            seen = values[max(0, step - 128) : step]
            if len(seen) >= 64:
                spike |= values[step] > seen.mean() + 6 * seen.std(ddof=1)
        wanted.append(not spike)
    assert wanted.count(False) == 4 and wanted[20]

    def one(faults, now):
        step, loss, norm = now
        is_made, faults = accept(faults, step, Candidate(loss, {"w": norm[None]}, ()), MAX_IN_ROW)
        return faults, is_made

    rows = jnp.arange(300), jnp.float32(losses), jnp.float32(norms)
    faults, made = jax.lax.scan(one, no_faults(spikes=True), rows)
    assert np.asarray(made).tolist() == wanted
    assert (int(faults.skipped), int(faults.spikes), int(faults.in_row)) == (4, 4, 0)


@pytest.mark.slow
def test_an_epoch_with_a_spoilt_row_is_the_epoch_without_its_batch() -> None:
    """In every bit: weights, running statistics, average, moments; only the step goes on.

    Updates of a careful program on rows that are sound: a plain one may round otherwise.
    """
    program, data, state = make_run(EVERYTHING)
    careful = dataclasses.replace(program, careful=True)
    row = int(data.train[3])
    value = data.arrays.target["value"].at[row].set(1e30)
    spoilt = data.replace(arrays=data.arrays._replace(target={"value": value}))
    after, sums = jax.jit(partial(train_epoch, careful))(spoilt, state)

    batches = epoch_rows(program, data, jnp.int32(0))
    one_update = jax.jit(partial(update_on_rows, careful))
    wanted = state
    weight = 0.0
    (place,) = [s for s in range(5) if row in batch_rows(program, data, batches, jnp.int32(s))[0]]
    for step in range(5):
        rows_b, mask_b = batch_rows(program, data, batches, jnp.int32(step))
        if step == place:
            wanted = wanted.replace(step=wanted.step + 1)
            continue
        wanted, own = one_update(data, wanted, rows_b, mask_b)
        weight += float(own["weight"])
    assert_same_bits(after.replace(faults=wanted.faults), wanted)
    faults = after.faults
    assert (int(faults.skipped), int(faults.first), int(faults.spikes)) == (1, place, 0)
    assert float(sums["weight"]) == pytest.approx(weight) and np.isfinite(sums["loss"])

"""Dropout's hash: its rate, independence of its bits, and that a key gives the same ones again.

Bounds are five deviations, so that chance fails none.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.dense import Dense
from nets.dropout import dropout, is_off, keep_mask, random_bits

KEY = jax.random.key(7)
N = 1 << 18


def fold_keys(n: int, key: jax.Array = KEY) -> jax.Array:
    """Keys as training makes them: one fold_in per step."""
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(np.ravel(a).astype(float), np.ravel(b).astype(float))[0, 1])


def within_chance(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two samples of n are as uncorrelated as independent ones are: within 5 / sqrt(n)."""
    return abs(correlation(a, b)) < 5 / math.sqrt(np.size(a))


@pytest.mark.parametrize("rate", [0.01, 0.15, 0.3, 0.5, 0.77, 0.99])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_rate_is_within_binomial_bounds(rate: float, seed: int) -> None:
    dropped = N - int(keep_mask(jax.random.key(seed), rate, (512, N // 512)).sum())
    assert abs(dropped - N * rate) < 5 * math.sqrt(N * rate * (1 - rate))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_rate_holds_in_every_row_column_and_step(rate: float) -> None:
    kept_srf = np.asarray(jax.vmap(lambda key: keep_mask(key, rate, (256, 64)))(fold_keys(64)))
    for axes in ((1, 2), (0, 2), (0, 1)):
        share = 1 - kept_srf.mean(axes)
        bound = 5 * math.sqrt(rate * (1 - rate) / (kept_srf.size / share.size))
        assert np.abs(share - rate).max() < bound, f"axes {axes}"


def test_expected_value_is_preserved() -> None:
    for rate in (0.15, 0.5):
        mean = float(dropout(KEY, jnp.ones((1024, 256)), rate).mean())
        assert abs(mean - 1) < 5 * math.sqrt(rate / (1 - rate) / N)


def test_kept_values_are_scaled_and_the_others_zero() -> None:
    x = jax.random.normal(jax.random.key(1), (64, 8))
    y = dropout(KEY, x, 0.4)
    kept = keep_mask(KEY, 0.4, x.shape)
    np.testing.assert_allclose(y, np.where(kept, x / 0.6, 0), rtol=1e-6)
    assert 0 < int(kept.sum()) < kept.size


def test_gradient_flows_through_the_kept_alone() -> None:
    x = jax.random.normal(jax.random.key(1), (64, 8))
    gradient = jax.grad(lambda x: dropout(KEY, x, 0.4).sum())(x)
    np.testing.assert_allclose(
        gradient, np.where(keep_mask(KEY, 0.4, x.shape), 1 / 0.6, 0), rtol=1e-6
    )


def test_a_mask_is_a_function_of_the_key() -> None:
    same = [keep_mask(jax.random.fold_in(KEY, 3), 0.5, (128, 16)) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert (same[0] != keep_mask(jax.random.fold_in(KEY, 4), 0.5, (128, 16))).mean() > 0.45


def test_jit_gives_the_same_bits() -> None:
    jitted = jax.jit(random_bits, static_argnums=1)(KEY, (333, 7))
    np.testing.assert_array_equal(jitted, random_bits(KEY, (333, 7)))


def test_masks_of_consecutive_steps_are_uncorrelated() -> None:
    masks_sn = np.asarray(
        jax.vmap(lambda key: keep_mask(key, 0.3, (128, 64)))(fold_keys(40))
    ).reshape(40, -1)
    off_diagonal = np.corrcoef(masks_sn.astype(float))[~np.eye(40, dtype=bool)]
    n = masks_sn.shape[1]
    assert np.abs(off_diagonal).max() < 5 / math.sqrt(n)
    # Together they must scatter as independent ones do, not merely keep within the bound.
    assert 0.9 < off_diagonal.std() * math.sqrt(n) < 1.1


@pytest.mark.parametrize("word", [0, 1])
def test_every_bit_of_a_key_makes_another_mask(word: int) -> None:
    """No word of a key is unused, and no bit of it weak."""
    words = np.zeros((33, 2), np.uint32)
    words[1:, word] = np.uint32(1) << np.arange(32, dtype=np.uint32)
    keys = jax.random.wrap_key_data(jnp.asarray(words + np.uint32(77)))
    masks = np.asarray(jax.vmap(lambda key: keep_mask(key, 0.5, (256, 64)))(keys)).reshape(33, -1)
    off_diagonal = np.corrcoef(masks.astype(float))[~np.eye(33, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / math.sqrt(masks.shape[1])


def test_masks_of_neighbouring_seeds_are_uncorrelated() -> None:
    """Keys of neighbouring seeds, with nothing folded in, give masks that are not alike."""
    masks = np.asarray(
        jax.vmap(lambda seed: keep_mask(jax.random.key(seed), 0.5, (256, 64)))(jnp.arange(40))
    )
    off_diagonal = np.corrcoef(masks.reshape(40, -1).astype(float))[~np.eye(40, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / math.sqrt(masks[0].size)


def test_masks_of_layers_of_one_step_are_uncorrelated() -> None:
    step_key = jax.random.fold_in(KEY, 5)
    masks = [
        np.asarray(keep_mask(jax.random.fold_in(step_key, i), 0.5, (512, 64))) for i in range(4)
    ]
    assert all(within_chance(masks[i], masks[j]) for i in range(4) for j in range(i))


@pytest.mark.parametrize("width", [1, 3, 16, 64, 100, 256])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_neighbours_within_a_mask_are_uncorrelated(width: int, rate: float) -> None:
    mask_bf = np.asarray(keep_mask(KEY, rate, (N // width, width)))
    flat = mask_bf.ravel()
    for lag in (1, 2, width, 2 * width, 4096):
        assert within_chance(flat[lag:], flat[:-lag]), f"lag {lag}"


@pytest.mark.parametrize("bit", range(32))
def test_every_bit_is_fair_and_follows_no_neighbour(bit: int) -> None:
    bits = (np.asarray(random_bits(KEY, (N,))) >> bit) & 1
    assert abs(int(bits.sum()) - N / 2) < 5 * math.sqrt(N / 4)
    assert within_chance(bits[1:], bits[:-1])


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
@pytest.mark.parametrize("seed", [0, 99])
def test_bytes_are_uniform(shift: int, seed: int) -> None:
    counts = np.bincount(
        (np.asarray(random_bits(jax.random.key(seed), (N,))) >> shift) & 255, minlength=256
    )
    chi_square = float(((counts - N / 256) ** 2 / (N / 256)).sum())
    assert abs(chi_square - 255) < 5 * math.sqrt(2 * 255)  # too even is as suspect as uneven


def test_elements_of_one_mask_never_repeat() -> None:
    # The hash is one to one: sorting by it has no ties.
    assert len(np.unique(random_bits(KEY, (N,)))) == N


def test_rate_may_be_traced() -> None:
    x = jnp.ones((64, 32))
    traced = jax.jit(lambda rate: dropout(KEY, x, rate))
    for rate in (0.0, 0.25, 0.5):
        np.testing.assert_allclose(traced(rate), dropout(KEY, x, rate), rtol=1e-6)
    np.testing.assert_array_equal(traced(0.0), x)


def test_vmap_over_keys_and_rates_gives_each_its_own() -> None:
    keys = fold_keys(5)
    rates = jnp.array([0.0, 0.2, 0.4, 0.6, 0.8])
    x = jnp.ones((32, 16))
    together = jax.vmap(lambda key, rate: dropout(key, x, rate))(keys, rates)
    for i in range(5):
        np.testing.assert_allclose(together[i], dropout(keys[i], x, rates[i]), rtol=1e-6)


def test_shape_shares_one_decision_along_its_axes_of_size_one() -> None:
    x_btf = jnp.ones((16, 10, 8))
    y_btf = np.asarray(dropout(KEY, x_btf, 0.5, shape=(16, 1, 8)))
    np.testing.assert_array_equal(y_btf, np.broadcast_to(y_btf[:, :1], y_btf.shape))
    assert 0.3 < (y_btf[:, 0] == 0).mean() < 0.7


def test_is_off_only_for_a_zero_known_before_tracing() -> None:
    assert is_off(0.0) and is_off(0)
    assert not is_off(0.1)
    assert not is_off(jnp.zeros(()))


def test_a_net_drops_in_training_alone() -> None:
    x_bf = jax.random.normal(jax.random.key(0), (32, 4))
    plain = Dense((16, 16))
    dropping = Dense((16, 16), dropout=0.5)
    variables = plain.init(jax.random.key(1), x_bf, train=False)
    apply = partial(dropping.apply, variables, x_bf)
    np.testing.assert_array_equal(apply(train=False), plain.apply(variables, x_bf, train=False))
    trained = [apply(train=True, rngs={"dropout": jax.random.fold_in(KEY, i)}) for i in (0, 0, 1)]
    np.testing.assert_array_equal(trained[0], trained[1])
    assert not np.array_equal(trained[0], trained[2])
    assert not np.array_equal(trained[0], apply(train=False))

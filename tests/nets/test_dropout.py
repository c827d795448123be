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
from small_nets import applied, drawn, keep_mask

from nets.dense import Dense
from nets.dropout import dropout, is_off, random_bits

KEY = jax.random.key(7)
N = 1 << 18
X = np.random.default_rng(1).normal(size=(64, 8)).astype(np.float32)


@partial(jax.jit, static_argnums=0)
def fold_keys(n: int, key: jax.Array = KEY) -> jax.Array:
    """Keys as training makes them: one fold_in per step."""
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))


# One program a shape, whatever the rate.
mask_of = jax.jit(keep_mask, static_argnums=2)
bits_of = jax.jit(random_bits, static_argnums=1)
dropped = jax.jit(dropout, static_argnames="shape")


@partial(jax.jit, static_argnums=2)
def masks_of(keys: jax.Array, rate: float, shape: tuple[int, ...]) -> jax.Array:
    return jax.vmap(lambda key: keep_mask(key, rate, shape))(keys)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(np.ravel(a).astype(float), np.ravel(b).astype(float))[0, 1])


def within_chance(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two samples of n are as uncorrelated as independent ones are: within 5 / sqrt(n)."""
    return abs(correlation(a, b)) < 5 / math.sqrt(np.size(a))


@pytest.mark.parametrize("rate", [0.01, 0.15, 0.3, 0.5, 0.77, 0.99])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_rate_is_within_binomial_bounds(rate: float, seed: int) -> None:
    n_dropped = N - int(np.sum(mask_of(jax.random.key(seed), rate, (512, N // 512))))
    assert abs(n_dropped - N * rate) < 5 * math.sqrt(N * rate * (1 - rate))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_rate_holds_in_every_row_column_and_step(rate: float) -> None:
    kept_srf = np.asarray(masks_of(fold_keys(64), rate, (256, 64)))
    for axes in ((1, 2), (0, 2), (0, 1)):
        share = 1 - kept_srf.mean(axes)
        bound = 5 * math.sqrt(rate * (1 - rate) / (kept_srf.size / share.size))
        assert np.abs(share - rate).max() < bound, f"axes {axes}"


def test_expected_value_is_preserved() -> None:
    for rate in (0.15, 0.5):
        mean = float(np.mean(dropped(KEY, np.ones((1024, 256), np.float32), rate)))
        assert abs(mean - 1) < 5 * math.sqrt(rate / (1 - rate) / N)


def test_kept_values_are_scaled_and_the_others_zero() -> None:
    y = dropped(KEY, X, 0.4)
    kept = np.asarray(mask_of(KEY, 0.4, X.shape))
    np.testing.assert_allclose(y, np.where(kept, X / 0.6, 0), rtol=1e-6)
    assert 0 < int(kept.sum()) < kept.size


def test_gradient_flows_through_the_kept_alone() -> None:
    gradient = jax.jit(jax.grad(lambda x: dropout(KEY, x, 0.4).sum()))(X)
    kept = np.asarray(mask_of(KEY, 0.4, X.shape))
    np.testing.assert_allclose(gradient, np.where(kept, 1 / 0.6, 0), rtol=1e-6)


def test_a_mask_is_a_function_of_the_key() -> None:
    keys = fold_keys(5)
    same = [np.asarray(mask_of(keys[3], 0.5, (128, 16))) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    other = np.asarray(mask_of(keys[4], 0.5, (128, 16)))
    assert np.mean(same[0] != other) > 0.45


def test_jit_gives_the_same_bits() -> None:
    np.testing.assert_array_equal(bits_of(KEY, (333, 7)), random_bits(KEY, (333, 7)))


def test_masks_of_consecutive_steps_are_uncorrelated() -> None:
    masks_sn = np.asarray(masks_of(fold_keys(40), 0.3, (128, 64))).reshape(40, -1)
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
    masks = np.asarray(masks_of(keys, 0.5, (256, 64))).reshape(33, -1)
    off_diagonal = np.corrcoef(masks.astype(float))[~np.eye(33, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / math.sqrt(masks.shape[1])


def test_masks_of_neighbouring_seeds_are_uncorrelated() -> None:
    """Keys of neighbouring seeds, with nothing folded in, give masks that are not alike."""
    keys = jax.vmap(jax.random.key)(np.arange(40))
    masks = np.asarray(masks_of(keys, 0.5, (256, 64)))
    off_diagonal = np.corrcoef(masks.reshape(40, -1).astype(float))[~np.eye(40, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / math.sqrt(masks[0].size)


def test_masks_of_layers_of_one_step_are_uncorrelated() -> None:
    masks = np.asarray(masks_of(fold_keys(4, fold_keys(6)[5]), 0.5, (512, 64)))
    assert all(within_chance(masks[i], masks[j]) for i in range(4) for j in range(i))


@pytest.mark.parametrize("width", [1, 3, 16, 64, 100, 256])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_neighbours_within_a_mask_are_uncorrelated(width: int, rate: float) -> None:
    mask_bf = np.asarray(mask_of(KEY, rate, (N // width, width)))
    flat = mask_bf.ravel()
    for lag in (1, 2, width, 2 * width, 4096):
        assert within_chance(flat[lag:], flat[:-lag]), f"lag {lag}"


@pytest.mark.parametrize("bit", range(32))
def test_every_bit_is_fair_and_follows_no_neighbour(bit: int) -> None:
    bits = (np.asarray(bits_of(KEY, (N,))) >> bit) & 1
    assert abs(int(bits.sum()) - N / 2) < 5 * math.sqrt(N / 4)
    assert within_chance(bits[1:], bits[:-1])


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
@pytest.mark.parametrize("seed", [0, 99])
def test_bytes_are_uniform(shift: int, seed: int) -> None:
    bits = np.asarray(bits_of(jax.random.key(seed), (N,)))
    counts = np.bincount((bits >> shift) & 255, minlength=256)
    chi_square = float(((counts - N / 256) ** 2 / (N / 256)).sum())
    assert abs(chi_square - 255) < 5 * math.sqrt(2 * 255)  # too even is as suspect as uneven


def test_elements_of_one_mask_never_repeat() -> None:
    # The hash is one to one: sorting by it has no ties.
    assert len(np.unique(np.asarray(bits_of(KEY, (N,))))) == N


def test_rate_may_be_traced() -> None:
    for rate in (0.0, 0.25, 0.5):
        np.testing.assert_allclose(dropped(KEY, X, rate), dropout(KEY, X, rate), rtol=1e-6)
    np.testing.assert_array_equal(dropped(KEY, X, 0.0), X)


def test_vmap_over_keys_and_rates_gives_each_its_own() -> None:
    keys = fold_keys(5)
    rates = np.array([0.0, 0.2, 0.4, 0.6, 0.8], np.float32)
    together = np.asarray(jax.jit(jax.vmap(dropout, (0, None, 0)))(keys, X, rates))
    for i in range(5):
        np.testing.assert_allclose(together[i], dropped(keys[i], X, rates[i]), rtol=1e-6)


def test_shape_shares_one_decision_along_its_axes_of_size_one() -> None:
    x_btf = np.ones((16, 10, 8), np.float32)
    y_btf = np.asarray(dropped(KEY, x_btf, 0.5, shape=(16, 1, 8)))
    np.testing.assert_array_equal(y_btf, np.broadcast_to(y_btf[:, :1], y_btf.shape))
    assert 0.3 < (y_btf[:, 0] == 0).mean() < 0.7


def test_is_off_only_for_a_zero_known_before_tracing() -> None:
    assert is_off(0.0) and is_off(0)
    assert not is_off(0.1)
    assert not is_off(jnp.zeros(()))


def test_a_net_drops_in_training_alone() -> None:
    plain = Dense((16, 16))
    variables = drawn(plain, X, train=False)
    apply = partial(applied, Dense((16, 16), dropout=0.5), variables, X)
    np.testing.assert_array_equal(apply(train=False), applied(plain, variables, X, train=False))
    keys = fold_keys(2)
    trained = [apply(train=True, rngs={"dropout": keys[i]}) for i in (0, 0, 1)]
    np.testing.assert_array_equal(trained[0], trained[1])
    assert not np.array_equal(trained[0], trained[2])
    assert not np.array_equal(trained[0], apply(train=False))

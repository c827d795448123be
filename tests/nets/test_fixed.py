"""Fixed filters against loops over the steps of rows that are not padded."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from nets.fixed import KERNELS, TOGETHER, FixedFilters
from train.run import fixed as fixed_fit

LENGTHS = np.array([30, 12, 0, 21])
X_BTF = np.random.default_rng(0).standard_normal((4, 30, 2)).astype(np.float32)
FIXED = FixedFilters(200, 30)


def by_hand(x_t: np.ndarray, kernel: tuple[int, ...], dilation: int, edge: int) -> np.ndarray:
    """The responses of a filter at the steps that count."""
    weights = np.full(9, -1.0)
    weights[list(kernel)] = 2
    responses = []
    for t in range(edge, len(x_t) - edge):
        places = t + dilation * (np.arange(9) - 4)
        inside = (places >= 0) & (places < len(x_t))
        responses.append(float(weights[inside] @ x_t[places[inside]]))
    return np.array(responses)


def test_shares_are_those_of_loops_whatever_stands_beyond_the_ends():
    threshold_e = np.random.default_rng(1).standard_normal(FIXED.size).astype(np.float32)
    wide = np.full((4, 37, 2), np.nan, np.float32)
    for row, length in enumerate(LENGTHS):
        wide[row, :length] = X_BTF[row, :length]
    got = np.asarray(FIXED.shares(jnp.asarray(wide), jnp.asarray(LENGTHS), threshold_e))
    assert got.shape == (4, FIXED.size)
    start = 0
    for place, (dilation, count) in enumerate(FIXED.dilations):
        for q in range(count):
            for k in range(0, len(KERNELS), 11):
                e = start + q * len(KERNELS) + k
                edge = 4 * dilation * ((k + place) % 2)
                for row, length in enumerate(LENGTHS):
                    known = by_hand(X_BTF[row, :length, k % 2], KERNELS[k], dilation, edge)
                    wanted = (known > threshold_e[e]).mean() if len(known) else 0
                    np.testing.assert_allclose(got[row, e], wanted, atol=1e-5)
        start += count * len(KERNELS)


def test_rounding_moves_no_step_of_a_training_row_over_a_threshold():
    """A row with one known step is its own quantile: nothing else decides such a tie."""
    x_btf = np.zeros((4, 9, 1), np.float32)
    x_btf[:, 4] = np.array([1.0, -2.0, 0.5, 3.0])[:, None]
    length_b = np.full(4, 9)
    fixed = FixedFilters(84, 9)
    threshold_e = fixed.fit(x_btf, length_b)
    shares = np.asarray(fixed.shares(jnp.asarray(x_btf), length_b, threshold_e))
    for rounding in (1 - 1e-6, 1 + 1e-6):
        moved = np.asarray(fixed.shares(jnp.asarray(x_btf * rounding), length_b, threshold_e))
        np.testing.assert_array_equal(moved, shares)


def test_thresholds_part_the_responses_of_training_rows():
    threshold_e = FIXED.fit(X_BTF, LENGTHS)
    assert threshold_e.shape == (FIXED.size,) and np.isfinite(threshold_e).all()
    shares = np.asarray(FIXED.shares(jnp.asarray(X_BTF), jnp.asarray(LENGTHS), threshold_e))
    of_rows = shares[LENGTHS > 20]
    assert 0.3 < of_rows.mean() < 0.7


def test_few_steps_and_few_features_are_served():
    assert FixedFilters(1, 3).size == 84
    assert [d for d, _ in FixedFilters(2016, 427).dilations][-1] == 53
    assert FixedFilters(2016, 427).size == 2016


def test_what_is_fitted_is_of_rows_of_all_of_the_file(monkeypatch):
    monkeypatch.setattr(fixed_fit, "MAX_ROWS", 40)
    random = np.random.default_rng(0)
    numbers = random.standard_normal((200, 9, 1)).astype(np.float32)
    numbers[:100, ::2] += 4  # the class that stands first
    inputs = {"numbers": numbers, "length": np.full(200, 9)}
    fixed = FixedFilters(84, 9)
    fitted = fixed_fit.fit_fixed(fixed, inputs, np.arange(200))
    features = np.asarray(fixed.features(jnp.asarray(numbers), inputs["length"], fitted))
    spread = TOGETHER / fixed.size**0.5
    assert np.abs(features.mean(0)).max() < 0.5 * spread

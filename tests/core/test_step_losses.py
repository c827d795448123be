"""Losses of heads that answer at every step, against loops over the steps that there are."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.core.losses import crf_loss, next_binary_crossentropy, next_mse, tag_crossentropy

RANDOM = np.random.default_rng(4)
K = 3
LOGITS = RANDOM.normal(0, 2, size=(4, 5, K)).astype(np.float32)
# Rows of five, three, one and no steps; what stands at K and beyond is in no training row.
TAGS = np.array(
    [[0, 2, 1, 1, 0], [2, K, 1, -1, -1], [K + 1, -1, -1, -1, -1], [-1, -1, -1, -1, -1]], np.int32
)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_tags_cost_at_known_steps_alone(smoothing: float) -> None:
    wanted = np.zeros(len(TAGS))
    for b, t in zip(*np.nonzero((TAGS >= 0) & (TAGS < K)), strict=True):
        log_k = LOGITS[b, t] - np.log(np.exp(LOGITS[b, t].astype(np.float64)).sum())
        wanted[b] -= (1 - smoothing) * log_k[TAGS[b, t]] + smoothing * log_k.mean()
    found = tag_crossentropy(jnp.asarray(LOGITS), jnp.asarray(TAGS), smoothing)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert wanted[2] == wanted[3] == 0


def test_a_path_costs_its_share_of_all_paths_and_an_unseen_tag_nothing() -> None:
    start_k = jnp.asarray(RANDOM.normal(size=K), jnp.float32)
    transition_kk = jnp.asarray(RANDOM.normal(size=(K, K)), jnp.float32)

    def score(path: tuple[int, ...], b: int) -> float:
        emitted = sum(LOGITS[b, t, tag] for t, tag in enumerate(path))
        moved = sum(transition_kk[pair] for pair in itertools.pairwise(path))
        return float(start_k[path[0]] + emitted + moved)

    tags = np.where(TAGS == K, 1, TAGS)
    found = crf_loss(jnp.asarray(LOGITS), jnp.asarray(tags), start_k, transition_kk)
    for b in (0, 1):
        own = tuple(tags[b][tags[b] >= 0])
        paths = itertools.product(range(K), repeat=len(own))
        total = np.log(sum(np.exp(np.float64(score(path, b))) for path in paths))
        np.testing.assert_allclose(found[b], total - score(own, b), rtol=1e-4)
    assert found[2] == found[3] == 0


@pytest.mark.parametrize("is_binary", [False, True])
def test_next_steps_cost_where_there_is_one(is_binary: bool) -> None:
    target_btf = RANDOM.integers(0, 2, size=(4, 5, K)).astype(np.float32)
    target_btf[1, 2:] = np.nan
    target_btf[2, 0, 1] = np.nan  # one number of a step is missing
    target_btf[3] = np.nan
    wanted = np.zeros(4)
    for b, t, i in zip(*np.nonzero(~np.isnan(target_btf)), strict=True):
        output = float(LOGITS[b, t, i])
        target = float(target_btf[b, t, i])
        if is_binary:
            wanted[b] += np.logaddexp(0, output) - target * output
        else:
            wanted[b] += (output - target) ** 2 / np.isfinite(target_btf[b, t]).sum()
    loss = next_binary_crossentropy if is_binary else next_mse
    found = loss(jnp.asarray(LOGITS), jnp.asarray(target_btf))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    slope_btf = jax.grad(lambda o: loss(o, jnp.asarray(target_btf)).sum())(jnp.asarray(LOGITS))
    np.testing.assert_array_equal(slope_btf == 0, np.isnan(target_btf))

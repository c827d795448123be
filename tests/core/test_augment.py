"""Augmentation of tables: which cells change and by how much, and what a mixed row counts for."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow

from train.config.net_options import Dense
from train.config.options import Augment
from train.core.augment import augment
from train.data.dataset import Batch

B = 2000
F = 3
C = 2
STATISTICS = {"mean": np.array([0, 1, -1], np.float32), "spread": np.array([1, 0, 4], np.float32)}
MISSING = (2,)


def make_batch(shift: float = 0.0) -> Batch:
    """Rows whose cells tell their row: number r + shift, code 1 (2 with a shift)."""
    row_b = jnp.arange(B, dtype=jnp.float32) / B + shift
    inputs = {
        "numbers": jnp.tile(row_b[:, None], (1, F)),
        "missing": jnp.full((B, 1), float(shift > 0)),
        "codes": jnp.full((B, C), 2 if shift else 1, jnp.int32),
    }
    weight = jnp.full(B, 3.0 if shift else 1.0).at[-3:].set(0)
    return Batch(inputs, {"value": row_b[:, None]}, weight)


def run(seed: int = 0, **strengths: Any) -> tuple[Batch, ...]:
    def vary(key: jax.Array, batch: Batch, mate: Batch) -> tuple[Batch, ...]:
        return augment(
            key, batch, lambda key: mate, Augment(**strengths), Dense(), STATISTICS, MISSING
        )

    concrete = not any(isinstance(strength, jax.Array) for strength in strengths.values())
    return (jax.jit(vary) if concrete else vary)(
        jax.random.key(seed), make_batch(), make_batch(10.0)
    )


def changed(varied: Batch, name: str) -> np.ndarray:
    return np.asarray(varied.inputs[name] != make_batch().inputs[name])


def test_nothing_is_drawn_where_nothing_is_varied():
    batch = make_batch()
    (same,) = augment(
        jax.random.key(0), batch, lambda key: pytest.fail("drawn"), Augment(), Dense(), None
    )
    assert same is batch


def test_noise_is_in_deviations_of_its_column():
    (varied,) = run(noise=0.5)
    noise_bf = np.asarray(varied.inputs["numbers"] - make_batch().inputs["numbers"])
    np.testing.assert_allclose(noise_bf.std(0), [0.5, 0, 2], rtol=0.06)
    np.testing.assert_allclose(noise_bf.mean(0), 0, atol=0.15)
    assert abs(np.corrcoef(noise_bf[:, 0], noise_bf[:, 2])[0, 1]) < 0.08
    assert not changed(varied, "codes").any()


def test_cells_left_out_are_the_mean_or_no_category():
    (varied,) = run(drop=0.25)
    for name, blank in (("numbers", STATISTICS["mean"]), ("codes", np.zeros(C))):
        out = changed(varied, name)
        cells = np.asarray(varied.inputs[name])
        np.testing.assert_allclose(out.mean(0), 0.25, atol=0.04)
        np.testing.assert_array_equal(cells[out], np.broadcast_to(blank, cells.shape)[out])


def test_swapped_cells_are_those_of_another_row_with_their_flag():
    (varied,) = run(swap=0.3)
    np.testing.assert_allclose(changed(varied, "numbers").mean(0), 0.3, atol=0.04)
    np.testing.assert_allclose(changed(varied, "codes").mean(0), 0.3, atol=0.04)
    np.testing.assert_array_equal(
        changed(varied, "missing")[:, 0], changed(varied, "numbers")[:, 2]
    )
    swapped = changed(varied, "numbers")
    other = make_batch(10.0).inputs["numbers"]
    np.testing.assert_array_equal(varied.inputs["numbers"][swapped], other[swapped])


def test_mixup_adds_rows_and_weights_in_one_share():
    shares = []
    batch = make_batch()
    other = make_batch(10.0)
    options = Augment(mixup=0.4)
    mix = jax.jit(
        lambda key: augment(key, batch, lambda _: other, options, Dense(), STATISTICS, MISSING)
    )
    for seed in range(40):
        own, mate = mix(jax.random.key(seed))
        share = 1 - float(own.inputs["numbers"][0, 0]) / 10
        assert 0 <= share <= 1
        blend = (
            share * make_batch().inputs["numbers"]
            + (1 - share) * make_batch(10.0).inputs["numbers"]
        )
        np.testing.assert_allclose(own.inputs["numbers"], blend, atol=1e-4)
        np.testing.assert_allclose(own.inputs["missing"], 1 - share, atol=1e-5)
        np.testing.assert_allclose((own.inputs["codes"] == 1).mean(), share, atol=0.04)
        np.testing.assert_allclose(own.weight, share * make_batch().weight, atol=1e-5)
        np.testing.assert_allclose(mate.weight[:-3], 3 * (1 - share), atol=1e-5)
        assert not np.asarray(mate.weight[-3:]).any()
        np.testing.assert_array_equal(own.target["value"], make_batch().target["value"])
        np.testing.assert_array_equal(mate.target["value"], make_batch(10.0).target["value"])
        jax.tree.map(np.testing.assert_array_equal, own.inputs, mate.inputs)
        shares.append(share)
    # Beta(.4, .4): mean 1/2, deviation .37.
    assert np.mean(shares) == pytest.approx(0.5, abs=0.18) and np.std(shares) == pytest.approx(
        0.37, abs=0.08
    )


def test_cutmix_counts_the_cells_of_each_row():
    own, mate = run(3, cutmix=1.0)
    theirs = np.concatenate([changed(own, "numbers"), changed(own, "codes")], 1).mean(1)
    assert 0 < theirs.mean() < 1 and theirs.std() > 0.1
    np.testing.assert_array_equal(changed(own, "missing")[:, 0], changed(own, "numbers")[:, 2])
    np.testing.assert_allclose(own.weight[:-3], 1 - theirs[:-3], atol=1e-6)
    np.testing.assert_allclose(mate.weight[:-3], 3 * theirs[:-3], atol=1e-5)


@pytest.mark.parametrize("name", ["noise", "cutmix", *slow("drop", "swap", "mixup")])
def test_a_traced_strength_of_zero_changes_nothing(name: str):
    """The members of a population differ in a strength that is 0 for one of them."""

    def vary(strength: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        batches = run(1, **{name: strength})
        return batches[0].inputs, batches[0].weight, batches[-1].weight

    inputs, own, other = jax.jit(jax.vmap(vary))(jnp.array([0.0, 0.7]))
    batch = make_batch()
    for column, array in batch.inputs.items():
        np.testing.assert_allclose(inputs[column][0], array, atol=1e-6)
    np.testing.assert_array_equal(own[0], batch.weight)
    if name in ("mixup", "cutmix"):
        assert not np.asarray(other[0]).any()
    alone = run(1, **{name: 0.7})
    assert (np.asarray(inputs["numbers"][1]) != np.asarray(batch.inputs["numbers"])).any()
    np.testing.assert_allclose(inputs["numbers"][1], alone[0].inputs["numbers"], atol=1e-5)

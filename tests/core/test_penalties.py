"""What acts on which parameters: penalties and decay on kernels, rates by name, clipping on all."""

from __future__ import annotations

import math
from typing import get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from train.config.options import Optim
from train.core.optim import make_optimizer
from train.core.penalties import kernel_mask, leaf_name, penalties, penalty
from train.core.schedules import learning_rate

TOTAL = 10
NAMES = get_args(get_type_hints(Optim)["name"])
PARAMS = {
    "body": {
        "layer_0": {"kernel": jnp.full((2, 2), 3.0), "bias": jnp.full(2, 3.0)},
        "slope_0": jnp.full(2, 3.0),
    },
    "inputs": {
        "numbers": {
            "embedding_kernel": jnp.full((1, 1, 2), 3.0),
            "frequency": jnp.full((1, 2), 3.0),
        },
        "categories": {"table_12": jnp.full((2, 2), 3.0)},
        "input_scale": jnp.full(2, 3.0),
    },
    "norm_0": {"scale": jnp.full(2, 3.0), "bias": jnp.full(2, 3.0)},
}


def by_path(tree: dict) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {"/".join(str(part.key) for part in path): np.asarray(leaf) for path, leaf in leaves}


def moved(
    options: Optim, gradient: float, steps: int = 1, total: int = TOTAL
) -> dict[str, np.ndarray]:
    """Each parameter after updates with a gradient that is the same everywhere."""
    optimizer = make_optimizer(options, total)
    params = PARAMS
    state = optimizer.init(params)
    for _ in range(steps):
        gradients = jax.tree.map(lambda leaf: jnp.full_like(leaf, gradient), params)
        updates, state = optimizer.update(gradients, state, params)
        params = optax.apply_updates(params, updates)
    return by_path(params)


KERNELS = {"body/layer_0/kernel", "inputs/numbers/embedding_kernel"}


def test_a_proximal_l1_stops_kernels_at_zero() -> None:
    """The proximal step of l1 |w|: the gradient's step, then rate * l1 towards 0 and no further.

    The reference is numpy's.
    """
    options = Optim(
        "sgd", learning_rate=0.1, l1=0.5, l1_step="proximal", schedule="cosine", final=0.5
    )
    optimizer = make_optimizer(options, 3)
    params = {"kernel": jnp.array([1.0, 0.03, -0.06, -1.0, 0.0]), "bias": jnp.array([0.01])}
    gradient = {"kernel": jnp.array([1.0, -0.1, 0.1, 1.0, 0.3]), "bias": jnp.array([0.0])}
    state = optimizer.init(params)
    wanted = np.array([1.0, 0.03, -0.06, -1.0, 0.0])
    for i in range(3):
        rate = float(learning_rate(options, 3)(i))
        moved = wanted - rate * np.asarray(gradient["kernel"])
        wanted = np.sign(moved) * np.maximum(np.abs(moved) - rate * 0.5, 0)
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(params["kernel"], wanted, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(np.asarray(params["kernel"]) == 0, wanted == 0)
    assert (wanted == 0).sum() == 3 and float(params["bias"][0]) == np.float32(0.01)


@pytest.mark.parametrize("factor", [0.0, 0.1, 1.0])
def test_a_proximal_l1_is_at_the_rate_of_a_name(factor: float) -> None:
    options = Optim(
        "sgd", learning_rate=0.1, l1=0.5, l1_step="proximal", rates={"embedding_kernel": factor}
    )
    after = moved(options, gradient=0.0, steps=4)
    for path, value in after.items():
        wanted = {"body/layer_0/kernel": 2.8, "inputs/numbers/embedding_kernel": 3 - 0.2 * factor}
        np.testing.assert_allclose(value, np.full_like(value, wanted.get(path, 3.0)), rtol=1e-6)


def test_a_proximal_l1_is_in_the_loss_but_not_in_the_gradient() -> None:
    params = {"kernel": jnp.array([1.0, -2.0])}
    options = Optim(l1=0.5, l2=0.25, l1_step="proximal")
    value, gradient = jax.value_and_grad(penalties)(params, options)
    assert float(value) == 0.5 * 3 + 0.25 * 5
    np.testing.assert_allclose(gradient["kernel"], [0.5, -1.0])


def test_kernels_are_found_by_name() -> None:
    assert {path for path, chosen in by_path(kernel_mask(PARAMS)).items() if chosen} == KERNELS


def test_leaf_name_is_the_last_part_of_a_path() -> None:
    names = [leaf_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(PARAMS)]
    inputs = ["table_12", "input_scale", "embedding_kernel", "frequency"]
    assert names == ["bias", "kernel", "slope_0", *inputs, "bias", "scale"]


@pytest.mark.parametrize("name", NAMES)
def test_decay_shrinks_kernels_by_rate_times_decay_and_nothing_else(name: str) -> None:
    after = moved(Optim(name, learning_rate=0.1, weight_decay=0.02), gradient=0.0, steps=2)
    for path, value in after.items():
        wanted = 3 * (1 - 0.1 * 0.02) ** 2 if path in KERNELS else 3.0
        np.testing.assert_allclose(value, np.full_like(value, wanted), rtol=1e-6)


def test_decay_does_not_pass_through_the_moments() -> None:
    """Decoupled decay: it moves a kernel by rate * decay * w alone, whatever the gradient."""
    decayed = moved(Optim("adamw", learning_rate=0.1, weight_decay=0.02), gradient=1.0)
    plain = moved(Optim("adamw", learning_rate=0.1), gradient=1.0)
    for path in decayed:
        wanted = 0.1 * 0.02 * 3 if path in KERNELS else 0
        np.testing.assert_allclose(
            plain[path] - decayed[path], np.full_like(plain[path], wanted), atol=1e-6
        )


def test_decay_fades_with_its_own_schedule() -> None:
    options = Optim("sgd", learning_rate=0.1, weight_decay=0.5, weight_decay_schedule="flat_cosine")
    w = 3.0
    wanted = []
    for factor in (1, 1, 1, 0.5):  # at 0, 1, 2 and 3 of 4 steps
        w *= 1 - 0.1 * 0.5 * factor
        wanted.append(w)
    ours = [
        moved(options, 0.0, steps, total=4)["body/layer_0/kernel"][0, 0] for steps in (1, 2, 3, 4)
    ]
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_rates_go_by_name() -> None:
    names = {"bias": 0.1, "slope": 0.5, "table": 2.0, "embedding_kernel": 0.0}
    after = moved(Optim("sgd", learning_rate=1.0, rates=names), gradient=1.0)
    wanted = {
        "body/layer_0/kernel": 2.0,
        "body/layer_0/bias": 2.9,
        "body/slope_0": 2.5,
        "inputs/numbers/embedding_kernel": 3.0,
        "inputs/numbers/frequency": 2.0,
        "inputs/categories/table_12": 1.0,
        "inputs/input_scale": 2.0,
        "norm_0/scale": 2.0,
        "norm_0/bias": 2.9,
    }
    for path, value in after.items():
        np.testing.assert_allclose(value, np.full_like(value, wanted[path]), rtol=1e-6)


def test_the_rate_of_a_name_scales_its_decay_too() -> None:
    options = Optim("sgd", learning_rate=1.0, rates={"embedding_kernel": 0.1}, weight_decay=0.5)
    after = moved(options, gradient=0.0)
    np.testing.assert_allclose(
        after["inputs/numbers/embedding_kernel"], np.full((1, 1, 2), 3 * (1 - 0.05)), rtol=1e-6
    )
    np.testing.assert_allclose(after["body/layer_0/kernel"], np.full((2, 2), 1.5), rtol=1e-6)


def test_a_full_name_goes_before_its_group() -> None:
    after = moved(
        Optim("sgd", learning_rate=1.0, rates={"slope": 0.0, "slope_0": 2.0}), gradient=1.0
    )
    np.testing.assert_allclose(after["body/slope_0"], [1, 1])


@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_clip_bounds_the_norm_of_all_gradients_together(size: float) -> None:
    after = moved(Optim("sgd", learning_rate=1.0, clip_norm=0.5), gradient=size)
    steps = np.concatenate([np.ravel(3 - value) for value in after.values()])
    wanted = min(size * math.sqrt(len(steps)), 0.5)
    np.testing.assert_allclose(np.linalg.norm(steps), wanted, rtol=1e-5)
    # One direction for all.
    np.testing.assert_allclose(steps, np.full_like(steps, steps[0]), rtol=1e-4, atol=1e-6)


def test_clipping_comes_before_the_optimizer() -> None:
    """Adam forgets the size of gradients: a clip before it leaves its first step as it is.

    One after it would not.
    """
    clipped, free = (
        moved(Optim("adam", learning_rate=1.0, clip_norm=c), gradient=100.0) for c in (0.5, None)
    )
    for path in free:
        np.testing.assert_allclose(clipped[path], free[path], rtol=1e-4)


def test_penalty_is_that_of_keras_on_kernels_alone() -> None:
    params = {
        "a": {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([100.0])},
        "b": {"embedding_kernel": jnp.array([[[0.5]]]), "scale": jnp.array([100.0])},
    }
    np.testing.assert_allclose(penalty(params, 0.1, 0.0), 0.1 * 3.5, rtol=1e-6)
    np.testing.assert_allclose(penalty(params, 0.0, 0.2), 0.2 * 5.25, rtol=1e-6)
    np.testing.assert_allclose(penalty(params, 0.1, 0.2), 0.35 + 1.05, rtol=1e-6)
    gradient = jax.grad(penalty)(params, 0.1, 0.2)
    np.testing.assert_allclose(gradient["a"]["kernel"], [[0.1 + 0.4, -0.1 - 0.8]], rtol=1e-6)
    np.testing.assert_allclose(gradient["b"]["embedding_kernel"], [[[0.1 + 0.2]]], rtol=1e-6)
    assert float(gradient["a"]["bias"][0]) == float(gradient["b"]["scale"][0]) == 0


def test_penalty_without_kernels_is_zero() -> None:
    assert float(penalty({"bias": jnp.ones(3)}, 1.0, 1.0)) == 0

"""The GPU's own LSTM kernel, and cuDNN behind the same door, against this process' CPU."""

from __future__ import annotations

from typing import Any, cast

import jax
import numpy as np
import pytest
from accelerator_sides import assert_same_answer
from marks import slow

from nets.kernels.gpu import choice
from nets.recurrence import lstm

pytestmark = [
    pytest.mark.accelerator,
    pytest.mark.skipif(jax.default_backend() != "gpu", reason="both are for GPUs"),
]

B = 33
T = 12
F = 5
LENGTHS = np.array([T, 0, 1, 7] + [T] * (B - 4), np.int32)


@pytest.fixture(autouse=True)
def asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(choice.SWITCH, "kernel")
    cast(Any, lstm).clear_cache()
    yield
    cast(Any, lstm).clear_cache()


def drawn(size: int, n_directions: int, *members: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    shapes = {
        "x": (B, T, F),
        "kernel": (n_directions, F, 4 * size),
        "recurrent": (n_directions, size, 4 * size),
        "bias": (n_directions, 4 * size),
        "h": (n_directions, B, size),
        "c": (n_directions, B, size),
    }
    scales = {"kernel": F**-0.5, "recurrent": size**-0.5}
    return {
        name: (scales.get(name, 1) * random.standard_normal((*members, *shape))).astype(np.float32)
        for name, shape in shapes.items()
    }


def gradients(given: dict[str, jax.Array], lengths_b: Any, mask_dbh: Any) -> Any:
    """Of all numbers that the recurrence is a function of, each output with a weight of its own."""

    def loss(given: dict[str, jax.Array]) -> jax.Array:
        layer = given["kernel"], given["recurrent"], given["bias"]
        carry = given["h"], given["c"]
        reverse = (False, True)[: given["bias"].shape[0]]
        parts = lstm(given["x"], *layer, carry, lengths_b, mask_dbh, reverse=reverse)
        leaves = jax.tree.leaves(parts)
        return sum(
            ((leaf * jax.numpy.cos(jax.numpy.arange(leaf.size)).reshape(leaf.shape)).mean())
            for leaf in leaves
        ) + jax.numpy.zeros(())

    return jax.value_and_grad(loss)(given)


@pytest.mark.parametrize("precision", ["highest", *slow("default")])
@pytest.mark.parametrize("with_options", [True, *slow(False)])
@pytest.mark.parametrize("n_directions", [2, *slow(1)])
@pytest.mark.parametrize("size", [64, 100, *slow(1, 7, 32, 96, 128)])
def test_answers_and_gradients(size, n_directions, with_options, precision):
    chosen = choice.chosen(choice.Kind(size))
    assert chosen.core == "kernel", chosen.reason
    mask = 2 * np.random.default_rng(1).integers(0, 2, (n_directions, B, size))
    options = (LENGTHS, mask.astype(np.float32)) if with_options else (None, None)

    def answers(given: dict[str, jax.Array]) -> Any:
        return gradients(given, *options)

    assert_same_answer(precision, answers, drawn(size, n_directions))


@pytest.mark.parametrize("precision", ["highest", *slow("default")])
@pytest.mark.parametrize("n_directions", [2, *slow(1)])
@pytest.mark.parametrize("size", [64, *slow(1, 100, 256)])
def test_answers_and_gradients_of_cudnn(size, n_directions, precision, monkeypatch):
    monkeypatch.setenv(choice.SWITCH, "cudnn")
    cast(Any, lstm).clear_cache()

    def answers(given: dict[str, jax.Array]) -> Any:
        return gradients(given, LENGTHS, None)

    assert_same_answer(precision, answers, drawn(size, n_directions))


@pytest.mark.parametrize("core", ["kernel", "cudnn"])
def test_members_side_by_side(core, monkeypatch):
    monkeypatch.setenv(choice.SWITCH, core)
    cast(Any, lstm).clear_cache()

    def answers(given: dict[str, jax.Array]) -> Any:
        return jax.vmap(lambda one: gradients(one, LENGTHS, None))(given)

    assert_same_answer("highest", answers, drawn(32, 2, 6))


def test_the_same_bits_again():
    given = drawn(64, 2)
    run = jax.jit(lambda given: gradients(given, LENGTHS, None))
    first, again = (jax.device_get(run(given)) for _ in range(2))
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)

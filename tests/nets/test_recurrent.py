"""Plain recurrent layers against a float64 loop over each row's own steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nets.recurrent import Recurrent

B = 4
T = 6
F = 3
LENGTHS = np.array([6, 0, 1, 4], np.int32)
X = np.random.default_rng(0).normal(size=(B, T, F)).astype(np.float32)


def start(network: Recurrent) -> dict:
    drawn = network.init(jax.random.key(0), X, LENGTHS)["params"]
    random = np.random.default_rng(1)  # biases begin at 0, which would hide them
    return {
        "params": jax.tree.map(
            lambda leaf: jnp.asarray(random.normal(size=leaf.shape) * 0.5, leaf.dtype), drawn
        )
    }


def plain_loop(params: dict, x_btf: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    below = x_btf.astype(np.float64)
    last = []
    for name in sorted(params):
        weights = {key: np.asarray(leaf, np.float64) for key, leaf in params[name].items()}
        outputs = np.zeros((B, T, len(weights["bias"])))
        ends = np.zeros((B, len(weights["bias"])))
        for b, length in enumerate(LENGTHS):
            h = np.zeros(len(weights["bias"]))
            for t in range(length):
                h = np.tanh(
                    below[b, t] @ weights["kernel"]
                    + h @ weights["recurrent_kernel"]
                    + weights["bias"]
                )
                outputs[b, t] = h
            ends[b] = h
        below = outputs
        last.append(ends)
    return below, last


def test_outputs_and_carry_are_those_of_a_loop_whatever_stands_beyond() -> None:
    network = Recurrent((5, 2))
    variables = start(network)
    spoiled = np.where((np.arange(T)[None] < LENGTHS[:, None])[..., None], X, np.nan)
    outputs_bth, carry = network.apply(variables, spoiled, LENGTHS)
    wanted, last = plain_loop(variables["params"], X)
    np.testing.assert_allclose(outputs_bth, wanted, rtol=1e-5, atol=1e-6)
    for layer, ends in zip(carry, last, strict=True):
        np.testing.assert_allclose(layer.h_dbh[0], ends, rtol=1e-5, atol=1e-6)
        assert not np.asarray(layer.c_dbh).any()


def test_a_carry_continues() -> None:
    network = Recurrent((5, 2))
    variables = start(network)
    whole, _ = network.apply(variables, X)
    first, carry = network.apply(variables, X[:, :2])
    second, _ = network.apply(variables, X[:, 2:], None, carry)
    np.testing.assert_allclose(jnp.concatenate([first, second], 1), whole, rtol=1e-5, atol=1e-6)


def test_dropout_is_for_training() -> None:
    network = Recurrent((5, 2), dropout=0.5, input_dropout=0.3)
    variables = start(network)
    rngs = {"dropout": jax.random.key(3)}
    calm = network.apply(variables, X, LENGTHS)[0]
    np.testing.assert_array_equal(calm, Recurrent((5, 2)).apply(variables, X, LENGTHS)[0])
    assert (
        np.asarray(network.apply(variables, X, LENGTHS, train=True, rngs=rngs)[0])
        != np.asarray(calm)
    ).any()

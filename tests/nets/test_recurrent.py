"""Recurrent nets of every cell against a float64 loop over each row's own steps."""

from __future__ import annotations

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow
from small_nets import applied, drawn

from nets.dropout import dropout
from nets.recurrent import Cell, Recurrent

B = 4
T = 6
F = 3
LENGTHS = np.array([6, 0, 1, 4], np.int32)
X = np.random.default_rng(0).normal(size=(B, T, F)).astype(np.float32)
SPOILED = np.where((np.arange(T)[None] < LENGTHS[:, None])[..., None], X, np.nan)
CELLS = get_args(Cell)


def plain_step(weights: dict, x: np.ndarray, h: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    return np.tanh(x @ weights["kernel"] + dropped @ weights["recurrent_kernel"] + weights["bias"])


def gru_step(weights: dict, x: np.ndarray, h: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    x_r, x_z, x_n = np.split(x @ weights["kernel"] + weights["bias"], 3)
    fed_back = dropped @ weights["recurrent_kernel"] + weights["recurrent_bias"]
    h_r, h_z, h_n = np.split(fed_back, 3)
    r = 1 / (1 + np.exp(-(x_r + h_r)))
    z = 1 / (1 + np.exp(-(x_z + h_z)))
    return (1 - z) * np.tanh(x_n + r * h_n) + z * h


STEPS = {"plain": plain_step, "gru": gru_step}


def direction_loop(
    cell: str, weights: dict, x_btf: np.ndarray, mask_bh: np.ndarray, backward: bool
) -> tuple[np.ndarray, np.ndarray]:
    weights = {key: np.asarray(leaf, np.float64) for key, leaf in weights.items()}
    size = weights["recurrent_kernel"].shape[0]
    outputs = np.zeros((B, T, size))
    ends = np.zeros((B, size))
    for b, length in enumerate(LENGTHS):
        h = np.zeros(size)
        for t in reversed(range(length)) if backward else range(length):
            h = STEPS[cell](weights, x_btf[b, t], h, h * mask_bh[b])
            outputs[b, t] = h
        ends[b] = h
    return outputs, ends


def loop(network: Recurrent, params: dict, x_btf: np.ndarray) -> tuple[np.ndarray, list]:
    below = x_btf.astype(np.float64)
    carry = []
    for i, size in enumerate(network.hidden):
        found = [
            direction_loop(network.cell, params[name], below, np.ones((B, size)), backward)
            for name, backward in ((f"layer_{i}", False), (f"layer_{i}_backward", True))
            if name in params
        ]
        merge = network.merge if isinstance(network.merge, str) else network.merge[i]
        below = merged(merge, [outputs for outputs, _ in found])
        carry.append(np.stack([ends for _, ends in found]))
    return below, carry


def merged(merge: str, outputs: list[np.ndarray]) -> np.ndarray:
    if len(outputs) == 1:
        return outputs[0]
    forward, backward = outputs
    return {
        "concat": np.concatenate(outputs, -1),
        "sum": forward + backward,
        "average": (forward + backward) / 2,
        "mul": forward * backward,
    }[merge]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "merge",
    [
        None,
        pytest.param("concat", marks=pytest.mark.slow),
        ("sum", "mul"),
        pytest.param(("mul", "average"), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_outputs_and_carry_are_those_of_a_loop_whatever_stands_beyond(cell, merge) -> None:
    fields = {} if merge is None else {"bidirectional": True, "merge": merge}
    network = Recurrent((5, 2), cell=cell, **fields)
    variables = drawn(network, X, LENGTHS)
    outputs_bth, carry = applied(network, variables, SPOILED, LENGTHS)
    wanted, ends = loop(network, variables["params"], X)
    np.testing.assert_allclose(outputs_bth, wanted, rtol=1e-5, atol=2e-6)
    for layer, ends_dbh in zip(carry, ends, strict=True):
        np.testing.assert_allclose(layer.h_dbh, ends_dbh, rtol=1e-5, atol=2e-6)
        assert not np.asarray(layer.c_dbh).any()


def test_directions_that_are_not_merged_come_as_a_pair() -> None:
    network = Recurrent((5,), bidirectional=True, merge="none")
    variables = drawn(network, X, LENGTHS)
    forward, backward = applied(network, variables, X, LENGTHS)[0]
    same = Recurrent((5,), bidirectional=True)
    joined, _ = applied(same, variables, X, LENGTHS)
    np.testing.assert_array_equal(np.concatenate([forward, backward], -1), joined)


@pytest.mark.parametrize("cell", ["plain", *slow("gru")])
def test_what_stands_beyond_a_row_has_no_gradient_and_spoils_none(cell) -> None:
    network = Recurrent((5, 2), cell=cell, bidirectional=True)
    variables = drawn(network, X, LENGTHS)

    def loss(variables, x):
        outputs_bth, carry = network.apply(variables, x, LENGTHS)
        return (outputs_bth**2).sum() + sum(layer.h_dbh.sum() for layer in carry)

    slopes = jax.jit(jax.grad(loss, argnums=(0, 1)))
    of_weights, of_x = slopes(variables, X)
    spoiled, of_spoiled_x = slopes(variables, SPOILED)
    jax.tree.map(np.testing.assert_array_equal, spoiled, of_weights)
    np.testing.assert_array_equal(of_spoiled_x, of_x)
    beyond = np.arange(T)[None] >= LENGTHS[:, None]
    assert not np.asarray(of_x)[beyond].any()


@pytest.mark.parametrize("cell", ["gru", *slow("plain")])
def test_a_carry_continues(cell) -> None:
    network = Recurrent((5, 2), cell=cell)
    variables = drawn(network, X, LENGTHS)
    whole, _ = applied(network, variables, X)
    first, carry = applied(network, variables, X[:, :2], None, network.initial_carry(B))
    second, _ = applied(network, variables, X[:, 2:], None, carry)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", ["plain", *slow("gru")])
def test_bfloat16_keeps_its_carry_in_float32(cell) -> None:
    network = Recurrent((5, 2), cell=cell, bidirectional=True)
    variables = drawn(network, X, LENGTHS)
    outputs_bth, carry = applied(network, variables, X.astype(jnp.bfloat16), LENGTHS)
    assert outputs_bth.dtype == jnp.bfloat16 and carry[0].h_dbh.dtype == jnp.float32
    wanted, _ = applied(network, variables, X, LENGTHS)
    np.testing.assert_allclose(outputs_bth.astype(np.float32), wanted, atol=0.03)


def test_dropout_is_for_training() -> None:
    network = Recurrent((5, 2), dropout=0.5, input_dropout=0.3)
    variables = drawn(network, X, LENGTHS)
    rngs = {"dropout": jax.random.key(3)}
    calm = applied(network, variables, X, LENGTHS)[0]
    np.testing.assert_array_equal(calm, applied(Recurrent((5, 2)), variables, X, LENGTHS)[0])
    assert (
        np.asarray(applied(network, variables, X, LENGTHS, train=True, rngs=rngs)[0])
        != np.asarray(calm)
    ).any()


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_dropout_drops_the_same_state_features_at_every_step(cell) -> None:
    network = Recurrent((40,), cell=cell, recurrent_dropout=0.5)
    variables = drawn(network, X, LENGTHS)
    rngs = {"dropout": jax.random.key(3)}
    outputs_bth, _ = applied(network, variables, X, LENGTHS, train=True, rngs=rngs)

    def with_mask(mask_bh: np.ndarray) -> np.ndarray:
        return direction_loop(cell, variables["params"]["layer_0"], X, mask_bh, False)[0]

    # The only draw of this net is its mask.
    def draw(rngs: dict) -> jax.Array:
        key = network.apply({}, rngs=rngs, method=lambda module: module.make_rng("dropout"))
        return dropout(key, jnp.ones((1, B, 40)), 0.5, batch_axis=1)

    mask_dbh = jax.jit(draw)(rngs)
    np.testing.assert_allclose(outputs_bth, with_mask(np.asarray(mask_dbh[0])), atol=1e-4)

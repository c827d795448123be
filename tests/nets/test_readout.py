"""Readouts against hand arithmetic on each row's valid steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.lstm import LSTM
from nets.readout import Attention, last, maximum, mean

B = 4
T = 5
H = 3
KEY = jax.random.key(0)
LENGTHS = jnp.array([5, 0, 1, 3], jnp.int32)
# Mostly negative: a padded zero would win a maximum.
OUTPUTS = jax.random.normal(KEY, (B, T, H)) - 2.0
ROWS = [np.asarray(row[:length]) for row, length in zip(OUTPUTS, LENGTHS.tolist(), strict=True)]
READOUTS = {
    "mean": mean,
    "max": maximum,
    "attention": lambda outputs, lengths: Attention().apply(
        attention_variables(), outputs, lengths
    ),
}


def attention_variables() -> dict:
    return Attention().init(jax.random.key(1), OUTPUTS)


def attended(row_th: np.ndarray) -> np.ndarray:
    params = jax.tree.map(np.asarray, attention_variables()["params"])
    score_t = np.tanh(row_th @ params["key"]["kernel"] + params["key"]["bias"]) @ params["context"]
    weight_t = np.exp(score_t) / np.exp(score_t).sum()
    return weight_t @ row_th


BY_HAND = {
    "mean": lambda row_th: row_th.mean(0),
    "max": lambda row_th: row_th.max(0),
    "attention": attended,
}


@pytest.mark.parametrize("name", READOUTS)
def test_a_readout_is_that_of_the_valid_steps(name: str) -> None:
    expected = [BY_HAND[name](row) if len(row) else np.zeros(H) for row in ROWS]
    np.testing.assert_allclose(READOUTS[name](OUTPUTS, LENGTHS), expected, atol=1e-6)


@pytest.mark.parametrize("name", READOUTS)
def test_no_lengths_are_full_lengths(name: str) -> None:
    full = READOUTS[name](OUTPUTS, jnp.full(B, T))
    np.testing.assert_allclose(READOUTS[name](OUTPUTS, None), full, atol=1e-6)


@pytest.mark.parametrize("content", [1e9, np.nan])
@pytest.mark.parametrize("name", READOUTS)
def test_padding_reaches_neither_readout_nor_gradient(name: str, content: float) -> None:
    mask_bt1 = (jnp.arange(T)[None] < LENGTHS[:, None])[:, :, None]

    def read(outputs: jax.Array) -> jax.Array:
        return READOUTS[name](jnp.where(mask_bt1, outputs, content), LENGTHS)

    np.testing.assert_allclose(read(OUTPUTS), READOUTS[name](OUTPUTS, LENGTHS), atol=1e-6)
    gradient = jax.grad(lambda outputs: jnp.sum(READOUTS[name](outputs, LENGTHS) ** 2))(OUTPUTS)
    assert np.isfinite(gradient).all() and not np.where(mask_bt1, 0, gradient).any()
    assert np.abs(gradient[0]).max() > 0


def test_last_is_the_last_step_forward_and_the_first_backward() -> None:
    net = LSTM((2, H), bidirectional=True)
    x_btf = jax.random.normal(KEY, (B, T, 2))
    outputs_bth, carry = net.apply(net.init(KEY, x_btf), x_btf, LENGTHS)
    outputs = np.asarray(outputs_bth)
    read = np.asarray(last(carry[-1]))
    for b, length in enumerate(LENGTHS.tolist()):
        expected = (
            np.concatenate([outputs[b, length - 1, :H], outputs[b, 0, H:]])
            if length
            else np.zeros(2 * H)
        )
        np.testing.assert_allclose(read[b], expected, atol=1e-6)
    forward = read[:, :H]
    backward = read[:, H:]
    np.testing.assert_allclose(last(carry[-1], ("concat", "mul")), forward * backward, atol=1e-6)
    np.testing.assert_allclose(last(carry[-1], "average"), (forward + backward) / 2, atol=1e-6)
    with pytest.raises(ValueError, match='merge="none"'):
        last(carry[-1], "none")

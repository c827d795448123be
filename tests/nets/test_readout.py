"""Readouts against hand arithmetic on each row's valid steps."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_nets import applied, drawn

from nets.lstm import LSTM
from nets.readout import Attention, last, maximum, mean, read_steps

B = 4
T = 5
H = 3
RANDOM = np.random.default_rng(0)
LENGTHS = np.array([5, 0, 1, 3], np.int32)
# Mostly negative: a padded zero would win a maximum.
OUTPUTS = RANDOM.normal(-2, 1, (B, T, H)).astype(np.float32)
ROWS = [row[:length] for row, length in zip(OUTPUTS, LENGTHS.tolist(), strict=True)]
READOUTS = {
    "mean": mean,
    "max": maximum,
    "attention": lambda outputs, lengths: Attention().apply(
        attention_variables(), outputs, lengths
    ),
}


def attention_variables() -> dict:
    return drawn(Attention(), OUTPUTS)


def attended(row_th: np.ndarray) -> np.ndarray:
    params = attention_variables()["params"]
    score_t = np.tanh(row_th @ params["key"]["kernel"] + params["key"]["bias"]) @ params["context"]
    weight_t = np.exp(score_t) / np.exp(score_t).sum()
    return weight_t @ row_th


BY_HAND = {
    "mean": lambda row_th: row_th.mean(0),
    "max": lambda row_th: row_th.max(0),
    "attention": attended,
}


@partial(jax.jit, static_argnums=0)
def read_out(name: str, outputs: jax.Array, lengths_b: jax.Array | None) -> jax.Array:
    return READOUTS[name](outputs, lengths_b)


@partial(jax.jit, static_argnums=0)
@partial(jax.value_and_grad, argnums=1, has_aux=True)
def read_padded(name: str, outputs: jax.Array, content: float) -> tuple[jax.Array, jax.Array]:
    """The sum of the squares of a readout, and the readout, its padding filled with `content`."""
    mask_bt1 = (jnp.arange(T)[None] < LENGTHS[:, None])[:, :, None]
    read = READOUTS[name](jnp.where(mask_bt1, outputs, content), LENGTHS)
    return jnp.sum(read**2), read


@pytest.mark.parametrize("name", READOUTS)
def test_a_readout_is_that_of_the_valid_steps(name: str) -> None:
    expected = [BY_HAND[name](row) if len(row) else np.zeros(H) for row in ROWS]
    np.testing.assert_allclose(read_out(name, OUTPUTS, LENGTHS), expected, atol=1e-6)


@pytest.mark.parametrize("name", READOUTS)
def test_no_lengths_are_full_lengths(name: str) -> None:
    full = read_out(name, OUTPUTS, np.full(B, T))
    np.testing.assert_allclose(read_out(name, OUTPUTS, None), full, atol=1e-6)


@pytest.mark.parametrize("content", [1e9, np.nan])
@pytest.mark.parametrize("name", READOUTS)
def test_padding_reaches_neither_readout_nor_gradient(name: str, content: float) -> None:
    (_, read), gradient = jax.device_get(read_padded(name, OUTPUTS, content))
    np.testing.assert_allclose(read, read_out(name, OUTPUTS, LENGTHS), atol=1e-6)
    mask_bt1 = (np.arange(T)[None] < LENGTHS[:, None])[:, :, None]
    assert np.isfinite(gradient).all() and not np.where(mask_bt1, 0, gradient).any()
    assert np.abs(gradient[0]).max() > 0


last_of = jax.jit(last, static_argnums=1)


def test_last_is_the_last_step_forward_and_the_first_backward() -> None:
    net = LSTM((2, H), bidirectional=True)
    x_btf = RANDOM.normal(size=(B, T, 2)).astype(np.float32)
    outputs, carry = applied(net, drawn(net, x_btf), x_btf, LENGTHS)
    read = last_of(carry[-1])
    for b, length in enumerate(LENGTHS.tolist()):
        expected = (
            np.concatenate([outputs[b, length - 1, :H], outputs[b, 0, H:]])
            if length
            else np.zeros(2 * H)
        )
        np.testing.assert_allclose(read[b], expected, atol=1e-6)
    forward = read[:, :H]
    backward = read[:, H:]
    product = last_of(carry[-1], ("concat", "mul"))
    np.testing.assert_allclose(product, forward * backward, atol=1e-6)
    np.testing.assert_allclose(last_of(carry[-1], "average"), (forward + backward) / 2, atol=1e-6)
    with pytest.raises(ValueError, match='merge="none"'):
        last(carry[-1], "none")


def test_a_readout_that_there_is_not_is_no_other() -> None:
    with pytest.raises(ValueError, match='readout="avg": expected one of last, mean, max,'):
        read_steps("avg", OUTPUTS)  # type: ignore[arg-type]

"""Augmentation of sequences: how often each way acts, and what it must leave alone."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow

from train.config.net_options import LSTM
from train.config.options import Augment
from train.core.augment import augment
from train.core.augment_sequences import normal, stretch, uniform
from train.data.dataset import Batch

B = 600
T = 12
F = 3
LENGTH = np.where(np.arange(B) % 3 == 0, T, 7).astype(np.int32)
LENGTH[-1] = 0
STEP = np.arange(T, dtype=np.float32)
THERE = STEP[None] < LENGTH[:, None]


def make_batch(tokens: int = 0) -> Batch:
    """Number 1 + t at step t of every channel, or tokens of one code, 0 beyond the end."""
    numbers = np.where(
        THERE[..., None], np.broadcast_to(1 + STEP[None, :, None], (B, T, F)), 0
    ).astype(np.float32)
    inputs: dict[str, Any] = {"length": LENGTH, "numbers": numbers}
    if tokens:
        codes = np.where(THERE, tokens, 0).astype(np.int32)
        inputs = {
            "length": LENGTH,
            "tokens": codes,
            "characters": np.stack([codes, codes], -1).astype(np.uint8),
        }
    inputs = {name: jnp.asarray(array) for name, array in inputs.items()}
    return Batch(inputs, {"y": jnp.zeros(B, jnp.int32)}, jnp.ones(B), inputs["length"])


def varied_by(
    options: Augment, net: LSTM, batch: Batch, others: Batch, seed: int = 0
) -> tuple[Batch, ...]:
    vary = jax.jit(
        lambda key, batch, others: augment(key, batch, lambda _: others, options, net, {})
    )
    return vary(jax.random.key(seed), batch, others)


def run(
    net: LSTM | None = None, tokens: int = 0, seed: int = 0, **strengths: Any
) -> tuple[Batch, np.ndarray]:
    """The varied batch and, where there are numbers, how they changed at steps that are there."""
    batch = make_batch(tokens)
    others = make_batch(tokens + 1) if tokens else batch
    varied = varied_by(Augment(**strengths), net or LSTM(), batch, others, seed)[0]
    if tokens:
        return varied, np.asarray(varied.inputs["tokens"])
    return varied, np.asarray(varied.inputs["numbers"] - batch.inputs["numbers"])


def test_noise_and_offset_are_in_deviations():
    _, change = run(LSTM(noise=0.5))
    assert change.std() == pytest.approx(0.5, rel=0.03)
    assert abs(np.corrcoef(change[:, 0, 0], change[:, 1, 0])[0, 1]) < 0.15
    _, change = run(LSTM(offset=0.5))
    assert change.std() == pytest.approx(0.5, rel=0.1)
    np.testing.assert_allclose(change, np.broadcast_to(change[:, :1], change.shape), atol=1e-5)
    assert abs(np.corrcoef(change[:, 0, 0], change[:, 0, 1])[0, 1]) < 0.15


def test_scaling_is_one_factor_for_a_channel_of_a_sequence():
    varied, _ = run(scaling=0.2)
    factor = np.asarray(varied.inputs["numbers"])[:, :7] / (1 + STEP[None, :7, None])
    np.testing.assert_allclose(
        factor[:-1], np.broadcast_to(factor[:-1, :1], factor[:-1].shape), rtol=1e-5
    )
    assert factor[:-1, 0].std() == pytest.approx(0.2, rel=0.1) and factor[
        :-1, 0
    ].mean() == pytest.approx(1, abs=0.03)


def test_a_crop_is_a_piece_at_least_so_long():
    varied, _ = run(LSTM(crop=0.4))
    length = np.asarray(varied.length)
    first = np.asarray(varied.inputs["numbers"])[:, 0, 0] - 1
    long = LENGTH == T
    assert length[long].min() == 5 and length[long].max() == T and length[-1] == 0
    assert (first[:-1] >= 0).all() and (first + length <= LENGTH)[:-1].all()
    assert first[long].max() > 3
    numbers = np.asarray(varied.inputs["numbers"])
    for row in range(0, B - 1, 7):
        np.testing.assert_allclose(
            numbers[row, : length[row], 0], 1 + first[row] + np.arange(length[row]), atol=1e-5
        )


def test_a_crop_cuts_tokens_and_their_characters_alike():
    batch = make_batch(3)
    place = jnp.asarray(np.where(THERE, 2 + STEP[None], 0), jnp.int32)
    inputs = batch.inputs | {
        "tokens": place,
        "characters": jnp.stack([place, place], -1).astype(jnp.uint8),
    }
    given = batch._replace(inputs=inputs)
    varied = varied_by(Augment(), LSTM(crop=0.4), given, given)[0]
    tokens, characters = (np.asarray(varied.inputs[name]) for name in ("tokens", "characters"))
    np.testing.assert_array_equal(tokens, characters[:, :, 0])
    assert (tokens[:-1, 0] > 2).any()


def test_a_warp_keeps_the_ends_and_the_order():
    varied, change = run(warp=0.7)
    np.testing.assert_array_equal(varied.length, LENGTH)
    numbers = np.asarray(varied.inputs["numbers"])[:, :, 0]
    np.testing.assert_allclose(numbers[:, 0][:-1], 1, atol=1e-4)
    np.testing.assert_allclose(numbers[np.arange(B - 1), LENGTH[:-1] - 1], LENGTH[:-1], rtol=1e-4)
    assert (np.diff(numbers[LENGTH == T], axis=1) >= 0).all()
    assert 0.5 < np.abs(change[LENGTH == T]).max() < T


def test_a_reversed_sequence_is_read_from_its_own_end():
    varied, _ = run(reverse=0.3)
    numbers = np.asarray(varied.inputs["numbers"])[:-1]
    turned = numbers[:, 0, 0] != 1
    assert turned.mean() == pytest.approx(0.3, abs=0.06)
    rows = np.flatnonzero(turned & (LENGTH[:-1] == 7))
    np.testing.assert_allclose(
        numbers[rows, :7, 0], np.broadcast_to(7 - STEP[:7], (len(rows), 7)), atol=1e-5
    )
    as_before = np.asarray(make_batch().inputs["numbers"])[:-1][~turned]
    np.testing.assert_array_equal(numbers[~turned][:, :7], as_before[:, :7])


def test_a_time_mask_is_one_piece_over_all_channels():
    varied, _ = run(time_mask=0.5)
    masked = (np.asarray(varied.inputs["numbers"]) == 0) & THERE[..., None]
    assert (masked == masked[..., :1]).all()
    share = masked[..., 0].sum(1)[:-1] / LENGTH[:-1]
    assert share.max() <= 0.5 and share.mean() == pytest.approx(0.25, abs=0.05)
    starts = np.diff(masked[..., 0].astype(int), axis=1, prepend=0) == 1
    assert starts.sum(1).max() == 1 and starts.sum(0)[:4].all()


def test_a_channel_mask_takes_whole_channels():
    varied, _ = run(channel_mask=0.25)
    masked = np.asarray(varied.inputs["numbers"])[:-1, :7] == 0
    assert (masked == masked[:, :1]).all()
    np.testing.assert_allclose(masked[:, 0].mean(0), 0.25, atol=0.06)


def test_tokens_become_unknown_at_their_rate():
    varied, tokens = run(tokens=5, token_drop=0.2)
    assert set(np.unique(tokens[THERE])) == {1, 5} and not tokens[~THERE].any()
    assert (tokens[THERE] == 1).mean() == pytest.approx(0.2, abs=0.02)
    characters = np.asarray(varied.inputs["characters"])
    np.testing.assert_array_equal(
        characters[tokens == 1], np.broadcast_to([1, 0], ((tokens == 1).sum(), 2))
    )
    np.testing.assert_array_equal(characters[tokens == 5], np.full(((tokens == 5).sum(), 2), 5))


def test_tokens_are_replaced_by_those_of_other_rows():
    varied, tokens = run(tokens=5, token_swap=0.2)
    assert set(np.unique(tokens[THERE])) == {5, 6} and not tokens[~THERE].any()
    assert (tokens[THERE] == 6).mean() == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(varied.inputs["characters"][..., 0], tokens)


def test_a_stretched_sequence_lasts_as_long_as_wanted():
    x_btf = jnp.asarray(np.arange(8, dtype=np.float32)[None, :, None] * [[[1.0, 10.0]]])
    np.testing.assert_allclose(stretch(x_btf, jnp.array([5]), jnp.array([3]))[0, :3, 0], [0, 2, 4])
    np.testing.assert_allclose(
        stretch(x_btf, jnp.array([3]), jnp.array([5]))[0, :5, 1], [0, 5, 10, 15, 20]
    )
    assert np.isfinite(stretch(x_btf, jnp.array([0]), jnp.array([0]))).all()


def test_mixed_sequences_last_as_long_as_the_row():
    batch = make_batch()
    theirs = {"numbers": batch.inputs["numbers"][::-1] + 100.0, "length": jnp.asarray(LENGTH[::-1])}
    own, other = varied_by(Augment(mixup=1.0), LSTM(), batch, batch._replace(inputs=theirs), 4)
    np.testing.assert_array_equal(own.length, LENGTH)
    share = float(own.weight[0])
    assert 0.02 < share < 0.98
    np.testing.assert_allclose(own.weight + other.weight, 1, atol=1e-6)
    expected = share * 1 + (1 - share) * 101
    np.testing.assert_allclose(own.inputs["numbers"][1:-1, 0], expected, rtol=1e-5)
    last = np.asarray(own.inputs["numbers"])[np.arange(1, B - 1), LENGTH[1:-1] - 1, 0]
    np.testing.assert_allclose(
        last, share * LENGTH[1:-1] + (1 - share) * (100 + LENGTH[::-1][1:-1]), rtol=1e-5
    )


NAMES = [
    "scaling",
    "warp",
    "time_mask",
    "channel_mask",
    "reverse",
    "token_drop",
    "token_swap",
    "mixup",
]


@pytest.mark.parametrize("name", ["noise", *slow(*NAMES, "offset", "crop")])
def test_a_traced_strength_of_zero_changes_nothing(name: str):
    tokens = 5 if name.startswith("token") else 0
    of_net = name in ("noise", "offset", "crop")

    def vary(strength: jax.Array) -> Any:
        net = LSTM(**{name: 1 - strength if name == "crop" else strength}) if of_net else LSTM()
        return run_traced(net, tokens, {} if of_net else {name: strength})

    inputs = jax.jit(jax.vmap(vary))(jnp.array([0.0, 0.6]))
    for column, array in make_batch(tokens).inputs.items():
        there = THERE.reshape(THERE.shape + (1,) * (array.ndim - 2)) if array.ndim > 1 else True
        np.testing.assert_allclose(
            np.where(there, inputs[column][0], 0), np.where(there, array, 0), atol=1e-5
        )
    last = "tokens" if tokens else "numbers"
    assert (np.asarray(inputs[last][1]) != np.asarray(inputs[last][0])).mean() > 0.02


def run_traced(net: LSTM, tokens: int, strengths: dict[str, Any]) -> Any:
    batch = make_batch(tokens)
    others = make_batch(tokens + 1 if tokens else 0)
    others = (
        others
        if tokens
        else others._replace(inputs=others.inputs | {"numbers": others.inputs["numbers"] + 1})
    )
    return augment(jax.random.key(1), batch, lambda key: others, Augment(**strengths), net, {})[
        0
    ].inputs


def test_random_numbers_have_their_distribution():
    u, z = (
        np.asarray(jax.jit(draw, static_argnums=1)(jax.random.key(3), (10**6,)))
        for draw in (uniform, normal)
    )
    assert 0 < u.min() and u.max() < 1
    np.testing.assert_allclose(np.quantile(u, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.005)
    np.testing.assert_allclose(
        [z.mean(), z.std(), (z**3).mean(), (z**4).mean()], [0, 1, 0, 3], atol=0.05
    )

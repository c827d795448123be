"""Convolutions of padded sequences against loops in float64 over sequences that are not padded."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.convolution import Convolutions, own_scaled, pooled, windows_of

B = 4
T = 11
F = 2
FRONT = Convolutions(filters=(5, 3), widths=(2, 5), later_width=3, stride=2, dilation=2)
RANDOM = np.random.default_rng(0)
X_BTF = RANDOM.standard_normal((B, T, F))


def randomised() -> dict[str, Any]:
    """Variables without the zeros and ones of initial ones; variances are positive."""
    init = partial(FRONT.init, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), X_BTF, np.full(B, T))

    def draw(path: Any, leaf: Any) -> jax.Array:
        values = RANDOM.standard_normal(leaf.shape)
        return jnp.asarray(np.abs(values) + 0.5 if path[-1].key == "var" else values, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)


VARIABLES = randomised()
ANSWER = jax.jit(partial(FRONT.apply, train=False))
TRAIN = jax.jit(partial(FRONT.apply, train=True, mutable=["batch_stats"]))


def convolved(
    x_tf: np.ndarray, kernels: list[np.ndarray], stride: int, dilation: int
) -> np.ndarray:
    """Every filter at every place that it is read, with zeros beyond both ends."""
    rows = []
    for t in range(0, len(x_tf), stride):
        row = []
        for kernel_wfe in kernels:
            for e in range(kernel_wfe.shape[2]):
                total = 0.0
                for w in range(len(kernel_wfe)):
                    place = t + (w - (len(kernel_wfe) - 1) // 2) * dilation
                    if 0 <= place < len(x_tf):
                        total += float(x_tf[place] @ kernel_wfe[w, :, e])
                row.append(total)
        rows.append(row)
    return np.array(rows).reshape(len(rows), sum(k.shape[2] for k in kernels))


def by_hand(
    rows: list[np.ndarray], weights: list[float] | None
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The features of each row, and the statistics afterwards; with weights as in training."""
    params, stats = (jax.tree.map(partial(np.asarray, dtype=np.float64), dict(VARIABLES[name]))
                     for name in ("params", "batch_stats"))  # fmt: skip
    moved = {}
    for i, (stride, dilation) in enumerate(((2, 1), (1, 2))):
        layer = params[f"layer_{i}"]
        kernels = [layer[name]["kernel"] for name in sorted(layer)]
        rows = [convolved(row, kernels, stride, dilation) for row in rows]
        mean, var = stats[f"norm_{i}"]["mean"], stats[f"norm_{i}"]["var"]  # fmt: skip
        if weights is not None:
            steps = [row for row, weight in zip(rows, weights, strict=True) if weight > 0]
            steps = np.concatenate([*steps, np.zeros((0, len(mean)))])
            old = {"mean": mean, "var": var}
            mean, var = (steps.mean(0), steps.var(0)) if len(steps) else (0 * mean, 0 * var)
            new = {"mean": mean, "var": var}
            kept = 0.9 if len(steps) else 1.0
            moved[f"norm_{i}"] = {name: kept * old[name] + (1 - kept) * new[name] for name in old}
        norm = params[f"norm_{i}"]
        rows = [(row - mean) / np.sqrt(var + 1e-3) * norm["scale"] + norm["bias"] for row in rows]
        rows = [np.maximum(row, 0) for row in rows]
    return rows, moved


def padded(lengths: list[int], beyond: float, width: int = T) -> np.ndarray:
    x_btf = np.full((B, width, F), beyond, np.float32)
    for row, length in enumerate(lengths):
        x_btf[row, :length] = X_BTF[row, :length]
    return x_btf


def assert_rows(got: tuple[jax.Array, jax.Array], wanted: list[np.ndarray]) -> None:
    """The features of the rows' steps, zeros beyond."""
    features, lengths = map(np.asarray, got)
    for row, expected in enumerate(wanted):
        assert lengths[row] == len(expected)
        np.testing.assert_allclose(features[row, : len(expected)], expected, rtol=1e-4, atol=2e-5)
        assert (features[row, len(expected) :] == 0).all()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, T), min_size=B, max_size=B),
    st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=B, max_size=B),
    st.sampled_from([0.0, 1e6, np.nan, np.inf]),
)
def test_what_stands_beyond_the_ends_changes_nothing(lengths, weights, beyond):
    x_btf = padded(lengths, beyond)
    rows = [X_BTF[row, :length] for row, length in enumerate(lengths)]
    answers, _ = by_hand(rows, None)
    assert_rows(ANSWER(VARIABLES, x_btf, jnp.array(lengths)), answers)
    answers, moved = by_hand(rows, weights)
    got, after = TRAIN(VARIABLES, x_btf, jnp.array(lengths), jnp.array(weights))
    if any(weight and length for weight, length in zip(weights, lengths, strict=True)):
        assert_rows(got, answers)
    for name, norm in moved.items():
        for kind in norm:
            np.testing.assert_allclose(after["batch_stats"][name][kind], norm[kind], atol=1e-5)


def test_a_wider_batch_and_other_rows_change_nothing():
    lengths = [11, 4, 0, 7]
    rows = [X_BTF[row, :length] for row, length in enumerate(lengths)]
    wanted, moved = by_hand(rows, [1.0] * B)
    wide = np.concatenate([padded(lengths, np.nan, T + 6)] * 2)
    weights = np.repeat([1.0, 0.0], B)
    wide[B:] *= 3
    got, after = TRAIN(VARIABLES, wide, jnp.array(lengths * 2), weights)
    assert_rows((got[0][:B], got[1][:B]), wanted)
    np.testing.assert_allclose(after["batch_stats"]["norm_1"]["var"], moved["norm_1"]["var"], 1e-4)


@pytest.mark.parametrize(
    ("width", "stride", "dilation"), [(1, 1, 1), (4, 1, 1), (5, 3, 2), (13, 2, 1), (9, 1, 2)]
)
def test_windows_stand_about_their_step(width, stride, dilation):
    x_btf = np.arange(1, 2 * 7 * F + 1, dtype=np.float32).reshape(2, 7, F)
    around = np.pad(x_btf, ((0, 0), ((width - 1) // 2 * dilation, width * dilation), (0, 0)))
    ends = [t + width * dilation for t in range(0, 7, stride)]
    wanted = [around[:, e - width * dilation : e : dilation].reshape(2, -1) for e in ends]
    np.testing.assert_array_equal(
        windows_of(jnp.asarray(x_btf), width, stride, dilation), np.stack(wanted, 1)
    )


def test_maxima_are_of_the_steps_that_rows_have():
    lengths = [11, 4, 0, 5]
    got, ends = pooled(jnp.asarray(padded(lengths, np.nan)) - 9, jnp.array(lengths), 4)
    assert ends.tolist() == [3, 1, 0, 2]
    for row, length in enumerate(lengths):
        x_tf = X_BTF[row, :length] - 9
        wanted = np.zeros((3, F))
        for place in range(0, length, 4):
            wanted[place // 4] = x_tf[place : place + 4].max(0)
        np.testing.assert_allclose(got[row], wanted, rtol=1e-5)


def test_each_row_is_scaled_by_its_own_steps():
    lengths = [11, 4, 0, 1]
    x_btf = padded(lengths, np.nan)
    x_btf[1, :, 1] = 5.0  # a channel without spread
    got = np.asarray(own_scaled(jnp.asarray(x_btf), jnp.array(lengths)))
    for row, length in enumerate(lengths):
        x_tf = x_btf[row, :length].astype(np.float64)
        wanted = np.zeros((T, F))
        if length:
            wanted[:length] = (x_tf - x_tf.mean(0)) / np.sqrt(x_tf.var(0) + 1e-6)
        np.testing.assert_allclose(got[row], wanted, atol=1e-4)


def test_no_layers_and_too_few_filters_are_refused():
    for filters in ((), (1, 4)):
        with pytest.raises(ValueError, match="filters="):
            jax.eval_shape(
                partial(Convolutions(filters, (3, 5)).init, train=False),
                jax.random.key(0),
                X_BTF,
                np.full(B, T),
            )

"""Rosenblatt's rule against a loop over integers and Novikoff's bound; what each variant says."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nets import applied, initial

from nets.activations import step
from nets.heads import HeadShape
from nets.inputs import Inputs
from nets.perceptron import (
    Perceptron,
    PerceptronState,
    learn_rows,
    start_perceptron,
    surrogate_step,
)

B = 40
F = 3
K = 2


def whole_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(-9, 10, (B, F)), random.choice([-1, 1], (B, K))


def plain_loop(
    x_bf: np.ndarray, sign_bk: np.ndarray, weight_b: np.ndarray, epochs: int
) -> dict[str, np.ndarray]:
    """The textbook's loop, in Python's own numbers, with what each variant should answer."""
    n = x_bf.shape[1] + 1
    k = sign_bk.shape[1]
    w = np.zeros((n, k))
    pocket = np.zeros((n, k))
    total = np.zeros((n, k))
    run = [0] * k
    longest = [0] * k
    mistakes = 0
    rows = 0
    for _ in range(epochs):
        for x, signs, weight in zip(x_bf, sign_bk, weight_b, strict=True):
            if weight == 0:
                continue
            x1 = np.append(x, 1)
            rows = rows + weight
            for j in range(k):
                if signs[j] * (x1 @ w[:, j]) <= 0:
                    w[:, j] += weight * signs[j] * x1
                    mistakes = mistakes + 1
                    run[j] = 0
                else:
                    run[j] += weight
                if run[j] > longest[j]:
                    longest[j] = run[j]
                    pocket[:, j] = w[:, j]
            total += weight * w
    return {
        "rosenblatt": w,
        "pocket": pocket,
        "averaged": total / rows,
        "mistakes": np.array(mistakes),
    }


learn = jax.jit(learn_rows, static_argnums=4)


def run(
    x: np.ndarray,
    sign: np.ndarray,
    weight: np.ndarray,
    epochs: int,
    rule: str,
    dtype: type,
    batch: int = B,
):
    state = start_perceptron(x.shape[1], sign.shape[1], dtype)
    mistakes = 0
    for _ in range(epochs):
        for i in range(0, len(x), batch):
            rows = (a[i : i + batch].astype(dtype) for a in (x, sign, weight))
            state, wrong = jax.device_get(learn(state, *rows, rule))
            mistakes += int(wrong.sum())
    return state, mistakes


@pytest.mark.parametrize("rule", ["rosenblatt", "pocket", "averaged"])
@pytest.mark.parametrize("batch", [1, 8, B])
def test_the_rule_is_the_textbooks_loop_whatever_the_batches(rule: str, batch: int) -> None:
    x, sign = whole_rows(0)
    weight = np.random.default_rng(1).integers(0, 3, B)
    state, mistakes = run(x, sign, weight, 3, rule, jnp.float32, batch)
    wanted = plain_loop(x, sign, weight, 3)
    np.testing.assert_array_equal(state.running, wanted["rosenblatt"])
    np.testing.assert_allclose(
        state.answer, wanted[rule], rtol=1e-5, atol=1e-4 if rule == "averaged" else 0
    )
    assert mistakes == wanted["mistakes"] and mistakes > 20


def test_whole_numbers_stay_whole() -> None:
    x, sign = whole_rows(2)
    state, mistakes = run(x * 300, sign, np.ones(B), 2, "rosenblatt", jnp.int32)
    assert state.answer.dtype == jnp.int32
    wanted = plain_loop(x * 300, sign, np.ones(B), 2)
    np.testing.assert_array_equal(state.answer, wanted["rosenblatt"])
    assert mistakes == wanted["mistakes"]


@jax.jit
def until_right(
    x_bf: jax.Array, sign_bk: jax.Array, most: jax.Array
) -> tuple[jax.Array, jax.Array, PerceptronState]:
    """Mistakes in all, mistakes of the last epoch, and the state, once an epoch passes without any.

    At most about `most` mistakes are made.
    """

    def epoch(
        carry: tuple[jax.Array, jax.Array, PerceptronState],
    ) -> tuple[jax.Array, jax.Array, PerceptronState]:
        state, wrong_b = learn_rows(carry[2], x_bf, sign_bk, jnp.ones(len(x_bf), x_bf.dtype))
        return carry[0] + wrong_b.sum(), wrong_b.sum(), state

    start = jnp.int32(0), jnp.int32(1), start_perceptron(x_bf.shape[1], 1, jnp.int32)
    return jax.lax.while_loop(lambda carry: (carry[1] > 0) & (carry[0] <= most), epoch, start)


@settings(max_examples=300)
@given(
    st.lists(st.integers(-20, 20), min_size=F + 1, max_size=F + 1).filter(any),
    st.integers(0, 2**32 - 1),
)
def test_separable_rows_are_learned_within_the_bound(plane: list[int], seed: int) -> None:
    """At most (R / gamma)^2 mistakes (Novikoff 1962), and then none."""
    x_bf = np.random.default_rng(seed).integers(-9, 10, (B, F))
    x1_bf = np.append(x_bf, np.ones((B, 1), int), 1)
    score_b = x1_bf @ plane
    parted = score_b != 0
    # Rows on the plane itself are of no side: they are replaced by one that is, or all stand at a
    # corner.
    if not parted.any():
        return
    x_bf[~parted] = x_bf[parted][0]
    score_b[~parted] = score_b[parted][0]
    x1_bf = np.append(x_bf, np.ones((B, 1), int), 1)
    bound = (x1_bf**2).sum(1).max() * (np.array(plane) ** 2).sum() / (np.abs(score_b).min() ** 2)
    sign_bk = np.sign(score_b)[:, None]
    mistakes, left, state = until_right(jnp.asarray(x_bf), jnp.asarray(sign_bk), jnp.int32(bound))
    assert int(left) == 0 and int(mistakes) <= bound
    assert ((x1_bf @ np.asarray(state.answer)) * sign_bk > 0).all()


def test_made_up_derivatives_leave_the_threshold_as_it_is() -> None:
    x = jnp.array([-3.0, -0.5, 0.0, 0.5, 3.0])
    np.testing.assert_array_equal(surrogate_step(x), step(x))
    slopes = jax.vmap(jax.grad(surrogate_step))(x)
    np.testing.assert_allclose(slopes, [1 / 16, 1 / 2.25, 1, 1 / 2.25, 1 / 16], rtol=1e-6)
    np.testing.assert_array_equal(jax.vmap(jax.grad(step))(x), [0, 1, 1, 1, 0])


def test_the_net_learns_all_heads_and_answers_with_thresholds() -> None:
    heads = (HeadShape("sex", "binary", 1), HeadShape("kind", "multiclass", 3))
    network = Perceptron(Inputs(), heads, "rosenblatt", scaling="none")
    random = np.random.default_rng(0)
    columns = {"numbers": random.integers(-9, 10, (B, F)).astype(np.float32)}
    target = {"sex": random.integers(0, 2, B), "kind": random.integers(0, 3, B)}
    statistics = {"inputs": {}, "targets": {}}
    given = initial(network, columns, given={"statistics": statistics}, train=False)
    mistakes_b, moved = applied(
        network,
        given,
        columns,
        target,
        np.ones(B, np.float32),
        step=0,
        method="learn",
        mutable=("params", "batch_stats"),
    )
    x = columns["numbers"]
    sex = target["sex"]
    kind = target["kind"]
    sign = {"sex": 2 * sex[:, None] - 1, "kind": 2 * np.eye(3)[kind] - 1}
    wanted = {name: plain_loop(x, signs, np.ones(B), 1) for name, signs in sign.items()}
    assert mistakes_b.sum() == wanted["sex"]["mistakes"] + wanted["kind"]["mistakes"]
    for i, name in enumerate(("sex", "kind")):
        weights = wanted[name]["rosenblatt"]
        np.testing.assert_array_equal(moved["params"][f"head_{i}_{name}_kernel"], weights[:-1])
        np.testing.assert_array_equal(moved["params"][f"head_{i}_{name}_bias"], weights[-1])
    statistics = {"inputs": {"fill": np.zeros(F, np.float32)}}
    answers = applied(network, {**moved, "statistics": statistics}, columns, method="predict")
    score = np.append(x, np.ones((B, 1)), 1) @ wanted["kind"]["rosenblatt"]
    np.testing.assert_array_equal(answers["kind"], np.eye(3)[score.argmax(1)])
    score = np.append(x, np.ones((B, 1)), 1) @ wanted["sex"]["rosenblatt"]
    np.testing.assert_array_equal(answers["sex"], score[:, 0] > 0)


def test_the_first_of_equal_runs_stays_in_the_pocket():
    """Two mistakes, each with one right answer behind it."""
    x_b1 = np.float32([[1.0], [1.0], [-3.0], [-3.0]])
    ones = np.ones(4, np.float32)
    state, wrong_b = learn(start_perceptron(1, 1), x_b1, ones[:, None], ones, "pocket")
    assert wrong_b.tolist() == [1, 0, 1, 0]
    assert state.answer[:, 0].tolist() == [1, 1]
    assert state.running[:, 0].tolist() == [-2, 2]

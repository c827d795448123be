"""Rounds: their grouping into calls, what they log, and when they end."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_runs import (
    ALL,
    SEX,
    VALUE,
    assert_same_bits,
    make_run,
    plain_loss,
)
from marks import slow

from nets.inputs import Inputs
from nets.perceptron import Perceptron
from train.config.net_options import Dense
from train.config.options import Config, Optim, Train
from train.core.forward import evaluate_split
from train.core.program import Data, Program
from train.core.rounds import end_round, run_rounds, train_round
from train.core.state import State, Sums
from train.core.tasks import Task
from train.core.weights import Weights

EVERYTHING = Config(
    net=Dense(dropout=0.2, dropout_schedule="flat_cosine", norm="batch"),
    optim=Optim(
        "rmsprop",
        0.01,
        momentum=0.5,
        schedule="plateau",
        plateau_patience=1,
        warmup=4,
        clip_norm=1.0,
        ema=0.9,
        l2=1e-3,
        weight_decay=0.01,
    ),
    train=Train(epochs=7, batch_size=5, eval_every=2),
)


def compile_rounds(
    program: Program, data: Data, state: State, counter: list[int] | None = None
) -> Any:
    """run_rounds as training compiles it, logs for four rounds and all; the state is donated."""
    _, log = jax.eval_shape(partial(train_round, program), data, state)

    def call(data: Data, state: State, n_rounds: jax.Array) -> tuple[State, Any, jax.Array]:
        if counter is not None:
            counter.append(1)
        logs = jax.tree.map(lambda leaf: jnp.zeros((4, *leaf.shape), leaf.dtype), log)
        return run_rounds(program, data, state, logs, n_rounds)

    return jax.jit(call, donate_argnums=1)


@pytest.fixture(scope="module")
def everything() -> tuple[Program, Data, State, Any, list[int]]:
    """A run with every option that keeps something in the state, its rounds, and a counter.

    The counter has an entry for each time that the rounds were compiled.
    """
    program, data, state = make_run(EVERYTHING, ALL)
    counter: list[int] = []
    return program, data, state, compile_rounds(program, data, state, counter), counter


def copy(state: State) -> State:
    """For a call to be donated."""
    return jax.tree.map(jnp.copy, state)


@pytest.mark.slow
def test_rounds_grouped_in_any_way_end_in_the_same_bits(everything: Any) -> None:
    program, data, state, call, counter = everything
    together, logs, count = call(data, copy(state), jnp.int32(4))
    assert int(count) == 4 and int(together.step) == program.total_steps == 35
    np.testing.assert_array_equal(logs["step"], [10, 20, 30, 35])  # epochs 2, 4, 6 and the odd one
    apart = copy(state)
    lines = []
    for _ in range(4):
        apart, log, count = call(data, apart, jnp.int32(1))
        assert int(count) == 1
        lines.append(jax.tree.map(lambda leaf: np.asarray(leaf[0]), log))
    assert_same_bits(apart, together)
    assert_same_bits(jax.tree.map(lambda *leaves: np.stack(leaves), *lines), jax.device_get(logs))
    assert len(counter) == 1, "a second compilation"
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), together.average, state.average)
    assert min(jax.tree.leaves(moved)) > 0


def test_a_stopped_state_is_left_alone(everything: Any) -> None:
    _, data, state, call, _ = everything
    stopped = state.replace(stopped=jnp.array(True))
    after, _, count = call(data, copy(stopped), jnp.int32(4))
    assert int(count) == 0
    assert_same_bits(after, stopped)


def test_nothing_is_transferred_within_a_call(everything: Any) -> None:
    _, data, state, call, _ = everything
    state = copy(state)
    n_rounds = jnp.int32(3)
    call(data, copy(state), n_rounds)
    with jax.transfer_guard("disallow"):
        state, _, count = call(data, state, n_rounds)
        state.step.block_until_ready()
        with pytest.raises(jax.errors.JaxRuntimeError, match="Disallowed"):  # the guard is awake
            jnp.zeros(3) + np.ones(3)
    assert int(count) == 3


def test_training_lowers_the_loss_it_reports() -> None:
    program, data, state = make_run(
        Config(optim=Optim(learning_rate=0.01), train=Train(epochs=40, batch_size=5))
    )
    state, logs, _ = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert np.all(np.diff(logs["train_loss"]) < 0)
    assert float(state.best.value) == float(logs["valid_loss"].min())
    weight_v = data.train_weight[data.valid]
    np.testing.assert_allclose(
        logs["valid_loss"][3],
        jax.jit(partial(plain_loss, program, data))(
            state.weights.params, data.valid, weight_v / weight_v.mean() * data.mean_weight
        ),
        rtol=1e-5,
    )
    predictions, _ = jax.jit(partial(evaluate_split, program))(data, state.weights, data.valid)
    for name, predicted in predictions.items():
        np.testing.assert_allclose(logs["predictions"][name][3], predicted, rtol=1e-5, atol=1e-6)


def test_the_training_loss_is_a_mean_over_rows_not_over_batches() -> None:
    """The last batch is a short one, and at a rate of next to nothing all see the same weights."""
    config = Config(optim=Optim("sgd", learning_rate=1e-30), train=Train(epochs=1, batch_size=5))
    program, data, state = make_run(config)
    _, log = jax.jit(partial(train_round, program))(data, state)
    weight_n = data.train_weight[data.train]
    wanted = plain_loss(program, data, state.weights.params, data.train, weight_n)
    np.testing.assert_allclose(log["train_loss"], wanted, rtol=1e-5)


def test_patience_ends_a_call_in_the_middle() -> None:
    """At a rate of next to nothing nothing improves beyond rounding, and patience runs out."""
    config = Config(
        optim=Optim("sgd", learning_rate=1e-30), train=Train(epochs=9, batch_size=23, patience=2)
    )
    program, data, state = make_run(config)
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert (int(count), int(state.step), bool(state.stopped), bool(state.diverged)) == (
        3,
        3,
        True,
        False,
    )
    np.testing.assert_array_equal(logs["step"], [1, 2, 3, 0])


@pytest.mark.parametrize("n_valid", [8, *slow(0)])
def test_a_round_that_comes_to_no_finite_loss_is_undone_and_with_care_it_stops(
    n_valid: int,
) -> None:
    config = Config(optim=Optim("sgd", learning_rate=1e20), train=Train(epochs=9, batch_size=5))
    program, data, state = make_run(config, heads=(VALUE,), n_valid=n_valid, activation="linear")
    before = jax.tree.map(jnp.copy, state)
    state, _, count = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert int(count) == 0
    assert_same_bits(state, before)
    program = dataclasses.replace(program, careful=True)
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert int(count) == 2 and np.asarray(logs["skipped"]).tolist() == [4, 9, 0, 0]
    assert bool(state.diverged) and bool(state.stopped)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.weights))


def test_weights_spoilt_by_the_very_last_update_are_noticed() -> None:
    config = Config(optim=Optim("sgd", learning_rate=3e38), train=Train(epochs=1, batch_size=23))
    program, data, state = make_run(config, heads=(VALUE,))
    data = dataclasses.replace(
        data, arrays=data.arrays._replace(target={"value": data.arrays.target["value"] * 100})
    )
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(1))
    assert np.isfinite(logs["train_loss"][0])
    assert int(count) == 0 and int(state.step) == 0


def test_without_validation_rows_the_latest_weights_are_the_best() -> None:
    program, data, state = make_run(n_valid=0)
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(3))
    expected = {"train_loss", "penalty", "step", "skipped", "learning_rate"}
    assert int(count) == 3 and set(logs) == expected
    np.testing.assert_allclose(logs["learning_rate"][:3], 1e-3)
    assert_same_bits(state.best.weights, state.weights)
    assert int(state.best.step) == int(state.step) == 15
    assert float(state.best.value) == float(logs["train_loss"][2])


def test_the_error_is_watched_where_it_is_asked_for() -> None:
    config = Config(train=Train(epochs=1, batch_size=23, monitor="error"))
    program, data, state = make_run(config, (SEX,))
    after, log = jax.jit(partial(train_round, program))(data, state)
    _, sums = jax.jit(partial(evaluate_split, program))(data, after.weights, data.valid)
    np.testing.assert_allclose(after.best.value, sums["error"] / sums["weight"], rtol=1e-6)
    assert float(after.best.value) != float(log["valid_loss"])


def test_leaves_of_a_fresh_state_share_no_buffer() -> None:
    """Donation of a buffer that stands in a state twice would be refused."""
    for config in (EVERYTHING, Config(optim=Optim("adam"))):
        _, _, state = make_run(config)
        leaves = [leaf for leaf in jax.tree.leaves(state) if leaf.size]
        assert len({leaf.unsafe_buffer_pointer() for leaf in leaves}) == len(leaves)
        assert not any(leaf.weak_type for leaf in leaves)


def test_the_weights_that_answer_decide_whether_mistakes_are_left() -> None:
    """The updates of a round met none, but an average of weights may still be wrong."""
    program, data, state = make_run(heads=(SEX,), n_valid=0)
    network: Any = Perceptron(Inputs(), (SEX,), "surrogate", scaling="none")
    program = dataclasses.replace(program, network=network, tasks=(Task(SEX, "surrogate"),))
    program.config.optim.ema = 0.9
    sums = Sums(loss=jnp.zeros(()), weight=jnp.ones(()), penalty=jnp.zeros(()))
    right = {
        "head_0_sex_kernel": jnp.array([[1.0], [-1.0], [0.0]]),
        "head_0_sex_bias": jnp.zeros(1),
    }
    wrong = right | {"head_0_sex_bias": jnp.full(1, 9.0)}
    end = jax.jit(partial(end_round, program))
    for running, average, done in ((right, wrong, False), (wrong, right, True)):
        given = state.replace(weights=Weights(running, {}), average=average)
        after, _ = end(data, given, sums, jnp.int32(1))
        assert bool(after.stopped) == done
    after, _ = end(data, given, sums | {"loss": jnp.ones(())}, jnp.int32(1))
    assert not after.stopped

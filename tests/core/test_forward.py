"""Evaluations against numpy, whatever fills up their blocks."""

from __future__ import annotations

import dataclasses
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_runs import (
    ALL,
    KIND,
    assert_same_bits,
    assert_trees_close,
    make_run,
)

from train.config.options import Config, Optim, Train
from train.core import forward
from train.core.forward import evaluate_split
from train.core.rounds import end_round
from train.core.state import no_sums
from train.core.step import update
from train.data.table.dataset import TableDataset


def test_padding_of_an_evaluation_is_as_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "MAX_ROWS", 5)
    program, data, state = make_run()
    target = data.arrays.target | {"value": data.arrays.target["value"].at[0].set(1e30)}
    data = dataclasses.replace(data, arrays=data.arrays._replace(target=target))
    _, sums = jax.jit(partial(evaluate_split, program))(data, state.weights, jnp.arange(1, 8))
    assert np.isfinite(sums["loss"])


def test_average_is_that_of_the_weights_after_each_update() -> None:
    config = Config(optim=Optim("sgd", learning_rate=0.1, ema=0.8))
    program, data, state = make_run(config)
    assert_same_bits(state.average, state.weights.params)
    average = jax.tree.map(np.asarray, state.average)
    call = jax.jit(lambda *given: update(program, *given, jnp.ones(5)))
    for i in range(3):
        state, _ = call(data, state, TableDataset.take(data.arrays, np.arange(i, i + 5)))
        average = jax.tree.map(
            lambda a, w: 0.8 * a + 0.2 * np.asarray(w), average, state.weights.params
        )
    assert_trees_close(state.average, average, rtol=1e-5, atol=1e-6)
    assert forward.evaluation_weights(program, state).params is state.average


def test_without_an_average_the_weights_themselves_are_evaluated() -> None:
    program, _, state = make_run()
    assert state.average == {}
    assert forward.evaluation_weights(program, state) is state.weights


@pytest.mark.parametrize("block", [1, 3, 8, 4096])
def test_evaluation_is_numpys_whatever_the_size_of_its_blocks(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "MAX_ROWS", block)
    program, data, state = make_run(heads=ALL)
    answers, sums = jax.jit(partial(evaluate_split, program))(data, state.weights, data.valid)
    rows = np.asarray(data.valid)
    numbers = np.asarray(data.arrays.inputs["numbers"], np.float64)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), state.weights.params)
    hidden = np.tanh(
        numbers[rows] @ params["body"]["layer_0"]["kernel"] + params["body"]["layer_0"]["bias"]
    )
    layers = [
        params["output"][f"head_{i}_{name}"] for i, name in enumerate(("value", "kind", "sex"))
    ]
    value, kind, sex = (hidden @ layer["kernel"] + layer["bias"] for layer in layers)
    probability = np.exp(kind) / np.exp(kind).sum(1, keepdims=True)
    np.testing.assert_allclose(answers["value"], value * 2 + 3, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answers["kind"], probability, rtol=1e-4)
    np.testing.assert_allclose(answers["sex"], 1 / (1 + np.exp(-sex[:, 0])), rtol=1e-4)
    target = {name: np.asarray(array)[rows] for name, array in data.arrays.target.items()}
    weight = np.asarray(data.train_weight, np.float64)[rows]
    squares = ((value - target["value"]) ** 2).mean(1)
    p_sex = np.where(target["sex"] == 1, 1, -1) * sex[:, 0]
    losses = squares - np.log(probability[np.arange(8), target["kind"]]) + np.log1p(np.exp(-p_sex))
    errors = (
        squares + (probability.argmax(1) != target["kind"]) + ((sex[:, 0] > 0) != target["sex"])
    )
    wanted = [(losses * weight).sum(), (errors * weight).sum(), weight.sum()]
    np.testing.assert_allclose([sums["loss"], sums["error"], sums["weight"]], wanted, rtol=1e-5)


def test_a_mean_loss_is_over_rows_of_known_classes_and_an_error_over_all() -> None:
    config = Config(train=Train(epochs=4, batch_size=5, monitor="error"))
    program, data, state = make_run(config, heads=(KIND,))
    program = dataclasses.replace(program, tasks=(program.tasks[0]._replace(gaps=True),))
    kind = data.arrays.target["kind"].at[data.valid[:4]].set(3)
    data = dataclasses.replace(data, arrays=data.arrays._replace(target={"kind": kind}))
    sums = no_sums(program, state.weights)
    log = jax.jit(partial(end_round, program))(data, state, sums, jnp.int32(1))[1]
    kind_n = np.asarray(kind)[data.valid]
    weight_n = np.asarray(data.train_weight)[data.valid]
    probability_nk = np.asarray(log["predictions"]["kind"])
    losses = -np.log(probability_nk[np.arange(4, 8), kind_n[4:]])
    wanted = np.average(losses, weights=weight_n[4:])
    np.testing.assert_allclose(log["valid_loss"], wanted, rtol=1e-5)
    wrong_n = probability_nk.argmax(1) != kind_n
    np.testing.assert_allclose(log["valid_error"], np.average(wrong_n, weights=weight_n), rtol=1e-5)


def test_heavy_rows_make_smaller_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    program, data, state = make_run()
    light = partial(forward.block_rows, program, data, state.weights.variables(data.statistics))
    assert light() == 4096
    monkeypatch.setattr(forward, "BLOCK_BYTES", 1)
    assert light() == forward.MIN_ROWS
    monkeypatch.undo()
    width = 100_000  # of a layer, which the run holds once or a few times over, in 4 bytes each
    program, data, state = make_run(hidden=(width,))
    n_rows = forward.block_rows(program, data, state.weights.variables(data.statistics))
    assert n_rows in (256, 512, 1024)
    assert n_rows * 4 * width <= forward.BLOCK_BYTES


def test_weights_and_functions_that_layers_give_do_not_count() -> None:
    def apply(_: Any, inputs: jax.Array, **__: Any) -> tuple[None, dict[str, Any]]:
        weights = jnp.zeros(forward.BLOCK_BYTES)
        return None, {"row": inputs, "weights": weights, "step": jnp.tanh}

    program: Any = SimpleNamespace(
        batch=lambda rows, rows_b: SimpleNamespace(inputs=rows[rows_b]),
        network=SimpleNamespace(apply=apply),
    )
    data: Any = jnp.zeros((5, 3))
    assert forward.block_rows(program, data, {}) == forward.MAX_ROWS


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_a_program_that_knows_the_rows_of_its_blocks_does_not_count_them(
    ema: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, data, state = make_run(Config(optim=Optim(ema=ema), train=Train(epochs=4)))
    monkeypatch.setattr(forward, "MAX_ROWS", 4)
    rows = data.valid[:7]
    counted = jax.jit(partial(evaluate_split, program))(data, state.weights, rows)
    known = forward.with_block_rows(program, data, state)
    assert known.block_rows == 4
    monkeypatch.setattr(forward, "block_rows", lambda *_: pytest.fail("counted again"))
    assert_same_bits(jax.jit(partial(evaluate_split, known))(data, state.weights, rows), counted)
    no_rows = dataclasses.replace(data, valid=data.valid[:0])
    assert forward.with_block_rows(program, no_rows, state) is program

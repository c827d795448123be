"""The forecaster's parts: the window's level, columns apart or together, and what is known ahead.

What is taken out of a window comes back in the forecast.
"""

from __future__ import annotations

from functools import partial
from statistics import NormalDist
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow

import nets
from nets.forecast import to_patches, window_level
from nets.recurrent import Cell

LOOKBACK = 10
HORIZON = 4
TARGETS = 3
WINDOWS = ("none", "last", "last_deviation", "revin")


def make(**changes) -> nets.Forecaster:
    return nets.Forecaster(
        **{"body": nets.LSTM(hidden=(8,)), "horizon": HORIZON, "n_targets": TARGETS, "patch": 3}
        | changes
    )


def batch(n: int = 5, covariates: int = 0, ahead: int = 0) -> dict[str, jax.Array]:
    random = np.random.default_rng(1)
    past = random.normal(size=(n, LOOKBACK, TARGETS + covariates)).cumsum(1).astype(np.float32)
    inputs = {"past": jnp.asarray(past)}
    if ahead:
        inputs["future"] = jnp.asarray(random.normal(size=(n, HORIZON, ahead)).astype(np.float32))
    return inputs


def init(net: nets.Forecaster, inputs: dict[str, jax.Array]) -> dict:
    return jax.jit(partial(net.init, train=False))(jax.random.key(0), inputs)


def forecast(net: nets.Forecaster, variables: dict, inputs: dict[str, jax.Array]) -> np.ndarray:
    return np.asarray(net.apply(variables, inputs, train=False)["value"]).reshape(
        -1, HORIZON, net.n_targets
    )


def silent(variables: dict) -> dict:
    """The LSTM's part of the answer is zero."""
    params = variables["params"]
    return {"params": params | {"output": jax.tree.map(jnp.zeros_like, params["output"])}}


def test_a_window_level_is_last_mean_and_deviation_of_each_target():
    x = batch()["past"]
    truth = np.asarray(x, np.float64)
    deviation = truth.std(1, keepdims=True)
    for kind, center, scale in (
        ("none", 0, 1),
        ("last", truth[:, -1:], 1),
        ("last_deviation", truth[:, -1:], deviation),
        ("revin", truth.mean(1, keepdims=True), deviation),
    ):
        level = window_level(x, kind)
        np.testing.assert_allclose(
            level.center, np.broadcast_to(center, level.center.shape), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            level.scale, np.broadcast_to(scale, level.scale.shape), rtol=1e-4
        )
    assert np.isfinite(window_level(jnp.ones((1, 5, 1)), "last_deviation").scale).all()


def test_a_window_level_is_of_known_values():
    x = batch()["past"]
    missing = np.random.default_rng(2).random(x.shape) < 0.3
    missing[0, :, 0] = True  # all of a window: then what stands in for them counts
    known = np.where(missing & ~missing.all(1, keepdims=True), np.nan, np.asarray(x, np.float64))
    level = window_level(x, "revin", jnp.asarray(missing, jnp.float32))
    np.testing.assert_allclose(level.center[:, 0], np.nanmean(known, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(level.scale[:, 0], np.nanstd(known, 1), rtol=1e-4)


@pytest.mark.slow
def test_each_target_is_read_beside_its_mark():
    x = batch()["past"]
    net = make(columns="independent", marked=True, window="last")
    marks = jnp.zeros_like(x).at[:, 3, 1].set(1)
    inputs = {"past": jnp.concatenate([x, marks], axis=2)}
    variables = jax.jit(partial(init, net))(inputs)
    apply = jax.jit(partial(net.apply, train=False))
    unmarked = {"past": jnp.concatenate([x, 0 * marks], axis=2)}
    moved = apply(variables, inputs)["value"] != apply(variables, unmarked)["value"]
    np.testing.assert_array_equal(moved.reshape(5, HORIZON, 3).all((0, 1)), [False, True, False])
    assert not moved.reshape(5, HORIZON, 3)[..., [0, 2]].any()


def test_patches_keep_the_order_of_rows_and_repeat_the_first_where_they_do_not_fit():
    x = 1 + jnp.arange(7.0).reshape(1, 7, 1)
    np.testing.assert_array_equal(to_patches(x, 3)[0], [[1, 1, 1], [2, 3, 4], [5, 6, 7]])
    two = jnp.arange(8.0).reshape(1, 4, 2)
    np.testing.assert_array_equal(to_patches(two, 2)[0], [[0, 1, 2, 3], [4, 5, 6, 7]])


@pytest.mark.parametrize("columns", ["joint", "independent"])
@pytest.mark.parametrize(
    ("window", "answer"), [("last", -1), ("last_deviation", -1), ("revin", None), ("none", 0)]
)
def test_a_silent_net_answers_what_was_taken_out(window, answer, columns):
    net = make(window=window, columns=columns, shortcut=True)
    inputs = batch()
    answers = forecast(net, silent(init(net, inputs)), inputs)
    past = np.asarray(inputs["past"])
    expected = {-1: past[:, -1:], None: past.mean(1, keepdims=True), 0: np.zeros((5, 1, TARGETS))}[
        answer
    ]
    np.testing.assert_allclose(answers, np.broadcast_to(expected, answers.shape), atol=2e-5)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_raised_window_raises_its_forecast(window):
    net = make(window=window, columns="independent", shortcut=True)
    inputs = batch()
    variables = init(net, inputs)
    moved = forecast(net, variables, {"past": inputs["past"] + 7}) - forecast(
        net, variables, inputs
    )
    assert np.allclose(moved, 7, atol=1e-3) == (window != "none")


@pytest.mark.parametrize("window", WINDOWS)
def test_a_stretched_window_stretches_its_forecast_where_the_deviation_is_taken_out(window):
    net = make(window=window, columns="independent")
    inputs = batch()
    variables = init(net, inputs)
    stretched = forecast(net, variables, {"past": 5 * inputs["past"]})
    plain = forecast(net, variables, inputs)
    assert np.allclose(stretched, 5 * plain, atol=1e-3) == (window in ("last_deviation", "revin"))


def test_independent_columns_do_not_see_each_other_and_joint_ones_do():
    inputs = batch()
    other = {"past": inputs["past"].at[:, :, 1].add(jnp.linspace(0, 1, LOOKBACK)[None])}
    for columns, seen in (("independent", False), ("joint", True)):
        net = make(columns=columns, shortcut=True)
        variables = init(net, inputs)
        change = forecast(net, variables, other) - forecast(net, variables, inputs)
        assert np.abs(change[:, :, 1]).max() > 1e-3
        assert (np.abs(change[:, :, [0, 2]]).max() > 1e-4) == seen


def test_independent_columns_share_one_net():
    net = make(columns="independent", window="last_deviation", shortcut=True)
    inputs = batch(covariates=2, ahead=1)
    order = [2, 0, 1]
    turned = inputs | {"past": inputs["past"][:, :, jnp.array([*order, 3, 4])]}
    variables = init(net, inputs)
    answers = forecast(net, variables, inputs)
    np.testing.assert_allclose(forecast(net, variables, turned), answers[:, :, order], atol=1e-5)
    single = make(columns="independent", window="last_deviation", shortcut=True, n_targets=1)
    for i in range(TARGETS):
        alone = inputs | {"past": inputs["past"][:, :, jnp.array([i, 3, 4])]}
        np.testing.assert_allclose(
            forecast(single, variables, alone)[:, :, 0], answers[:, :, i], atol=1e-5
        )


@pytest.mark.parametrize("columns", ["joint", "independent"])
def test_the_shortcut_is_a_linear_map_of_each_target(columns):
    net = make(columns=columns, shortcut=True)
    inputs = batch()
    variables = silent(init(net, inputs))
    kernel = variables["params"]["shortcut_kernel"]
    assert not np.any(kernel)
    kernel = jax.random.normal(jax.random.key(3), kernel.shape)
    answers = forecast(net, {"params": variables["params"] | {"shortcut_kernel": kernel}}, inputs)
    for i in range(TARGETS):
        own = np.asarray(kernel if columns == "independent" else kernel[i])
        np.testing.assert_allclose(
            answers[:, :, i], np.asarray(inputs["past"])[:, :, i] @ own, rtol=1e-4, atol=1e-4
        )


def test_a_learned_factor_and_offset_are_taken_back():
    """A shortcut that repeats the last value of a window as it is scaled repeats the raw one."""
    net = make(window="revin", shortcut=True)
    inputs = batch()
    params = silent(init(net, inputs))["params"]
    params |= {
        "revin_scale": jnp.array([-0.7, 1.3, 2.0]),
        "revin_bias": jnp.array([0.5, -1.0, 3.0]),
        "shortcut_kernel": jnp.zeros_like(params["shortcut_kernel"]).at[:, -1].set(1),
    }
    last_bo = np.asarray(inputs["past"])[:, -1]
    wanted = np.repeat(last_bo[:, None], HORIZON, axis=1)
    np.testing.assert_allclose(forecast(net, {"params": params}, inputs), wanted, atol=1e-4)


def test_covariates_and_what_is_known_ahead_are_read():
    net = make(head=(6,))
    inputs = batch(covariates=2, ahead=2)
    variables = init(net, inputs)
    plain = forecast(net, variables, inputs)
    past = inputs | {"past": inputs["past"].at[:, -1, TARGETS].add(1)}
    future = inputs | {"future": inputs["future"].at[:, 2, 1].add(1)}
    assert np.abs(forecast(net, variables, past) - plain).max() > 1e-4
    assert np.abs(forecast(net, variables, future) - plain).max() > 1e-4


@pytest.mark.parametrize("readout", ["last", "attention", *slow("mean", "max", "mean_max")])
def test_every_readout_forecasts_the_whole_horizon(readout):
    net = make(readout=readout, body=nets.LSTM(hidden=(6, 4), bidirectional=True))
    inputs = batch()
    assert forecast(net, init(net, inputs), inputs).shape == (5, HORIZON, TARGETS)


def test_dropout_is_for_training_alone():
    net = make(dropout=0.5)
    inputs = batch()
    variables = init(net, inputs)

    def train(seed: int) -> np.ndarray:
        return np.asarray(
            net.apply(variables, inputs, train=True, rngs={"dropout": jax.random.key(seed)})[
                "value"
            ]
        )

    assert np.abs(train(0) - train(1)).max() > 1e-3
    np.testing.assert_array_equal(train(0), train(0))
    np.testing.assert_array_equal(
        forecast(net, variables, inputs), forecast(make(), variables, inputs)
    )


def test_raw_columns_in_and_the_targets_units_out():
    net = make(window="last", shortcut=True)
    inputs = batch(covariates=2, ahead=1)
    center = jnp.array([5.0, -3, 0, 2, 9])
    scale = jnp.array([2.0, 10, 1, 3, 0.5])
    statistics = {"statistics": {"inputs": {"center": center, "scale": scale}}}
    raw = {
        "past": inputs["past"] * scale[None, None] + center[None, None],
        "future": inputs["future"] * scale[None, None, -1:] + center[None, None, -1:],
    }
    variables = init(net, inputs) | statistics
    prepared = net.apply(variables, raw, method="preprocess")
    for name in inputs:
        np.testing.assert_allclose(prepared[name], inputs[name], atol=1e-4)
    flat = net.apply(variables, {"past": raw["past"][0]}, method="preprocess")["past"]
    np.testing.assert_array_equal(flat, prepared["past"][0])
    answers = np.asarray(net.apply(variables, raw, method="predict")["value"]).reshape(
        -1, HORIZON, TARGETS
    )
    expected = forecast(net, variables, inputs) * np.asarray(scale[:3]) + np.asarray(center[:3])
    np.testing.assert_allclose(answers, expected, rtol=1e-3, atol=1e-3)
    back = net.apply(variables, {"value": answers.reshape(5, -1)}, method="preprocess_target")
    np.testing.assert_allclose(
        net.apply(variables, back, method="postprocess")["value"], answers.reshape(5, -1), rtol=1e-5
    )


LEVELS = (0.1, 0.5, 0.6, 0.9)


@pytest.mark.parametrize("columns", ["independent", *slow("joint")])
@pytest.mark.parametrize("window", WINDOWS)
def test_quantiles_of_forecasts_never_cross_and_lie_about_the_prediction(window, columns):
    net = make(window=window, columns=columns, quantiles=LEVELS, shortcut=True)
    inputs = batch(10_000)
    variables = init(net, inputs)
    # Which divides by its factor: a negative one must not turn quantiles round.
    if window == "revin":
        factor = {"revin_scale": jnp.array([-0.7, 1.3, -2.0])}
        variables = {"params": variables["params"] | factor}
    outputs = net.apply(variables, inputs, train=False)
    quantiles = np.asarray(outputs["value.quantiles"])
    assert quantiles.shape == (10_000, HORIZON * TARGETS, len(LEVELS))
    assert (np.diff(quantiles, axis=-1) > 0).all()
    np.testing.assert_array_equal(quantiles[..., 1], outputs["value"])


@pytest.mark.parametrize("columns", ["joint", *slow("independent")])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_silent_net_is_as_unsure_as_its_window(window, columns):
    """Its quantiles are a normal distribution's, with the window's deviation where taken out."""
    inputs = batch()
    past = np.asarray(inputs["past"], np.float64)
    scale_bo = past.std(1) if window in ("last_deviation", "revin") else np.ones((5, TARGETS))
    scale_bho = np.repeat(scale_bo[:, None], HORIZON, axis=1)
    net = make(window=window, columns=columns, quantiles=LEVELS)
    outputs = net.apply(silent(init(net, inputs)), inputs, train=False)
    distance = np.asarray(outputs["value.quantiles"] - outputs["value"][..., None]).reshape(
        5, HORIZON, TARGETS, -1
    )
    for i, level in enumerate(LEVELS):
        wanted = NormalDist().inv_cdf(level) * scale_bho
        np.testing.assert_allclose(distance[..., i], wanted, rtol=1e-4, atol=1e-5)
    net = make(window=window, columns=columns, deviation=True)
    deviation = net.apply(silent(init(net, inputs)), inputs, train=False)["value.deviation"]
    np.testing.assert_allclose(deviation.reshape(5, HORIZON, TARGETS), scale_bho + 1e-3, rtol=1e-4)


def test_what_is_sure_of_a_forecast_is_answered_in_its_targets_units():
    inputs = batch()
    statistics = {
        "inputs": {"center": jnp.array([10.0, 0.0, 5.0]), "scale": jnp.array([2.0, 1.0, 0.5])}
    }
    for options in ({"quantiles": LEVELS}, {"deviation": True}):
        net = make(**options)
        variables = init(net, inputs) | {"statistics": statistics}
        outputs = net.apply(variables, inputs, train=False)
        answers = net.apply(variables, outputs, method="postprocess")
        outputs = {name: np.asarray(output) for name, output in outputs.items()}
        center, scale = (
            np.tile(statistics["inputs"][name], HORIZON) for name in ("center", "scale")
        )
        np.testing.assert_allclose(answers["value"], outputs["value"] * scale + center, rtol=1e-5)
        if "deviation" in options:
            np.testing.assert_allclose(
                answers["value.deviation"], outputs["value.deviation"] * scale, rtol=1e-5
            )
        else:
            wanted = outputs["value.quantiles"] * scale[:, None] + center[:, None]
            np.testing.assert_allclose(answers["value.quantiles"], wanted, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cell", get_args(Cell))
def test_a_forecast_may_be_of_any_cell(cell):
    body = nets.Recurrent((6, 4), cell=cell, bidirectional=True, merge="sum")
    net = make(body=body, columns="independent")
    inputs = batch()
    variables = init(net, inputs)
    assert set(variables["params"]) == {"recurrent", "output"}
    patches = to_patches(jnp.swapaxes(inputs["past"], 1, 2).reshape(-1, LOOKBACK, 1), 3)
    _, carry = body.apply({"params": variables["params"]["recurrent"]}, patches)
    output = variables["params"]["output"]
    wanted = carry[-1].h_dbh.sum(0) @ output["kernel"] + output["bias"][None]
    got = forecast(net, variables, inputs)
    np.testing.assert_allclose(
        np.swapaxes(got, 1, 2).reshape(-1, HORIZON), wanted, rtol=1e-4, atol=1e-5
    )

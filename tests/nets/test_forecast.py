"""The forecaster's parts: the window's level, columns apart or together, and what is known ahead.

What is taken out of a window comes back in the forecast.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow
from small_nets import applied, drawn, initial

import nets
from nets.recurrent import Cell
from nets.segments import to_patches
from nets.window import window_level

LOOKBACK = 10
HORIZON = 4
TARGETS = 3
BEGIN = {"shortcut_kernel": 0, "revin_scale": 1, "revin_bias": 0}
WINDOWS = ("none", "last", "last_deviation", "revin")


def make(**changes) -> nets.Forecaster:
    return nets.Forecaster(
        **{"body": nets.LSTM(hidden=(8,)), "horizon": HORIZON, "n_targets": TARGETS, "patch": 3}
        | changes
    )


def batch(n: int = 5, covariates: int = 0, ahead: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    past = random.normal(size=(n, LOOKBACK, TARGETS + covariates)).cumsum(1).astype(np.float32)
    inputs = {"past": past}
    if ahead:
        inputs["future"] = random.normal(size=(n, HORIZON, ahead)).astype(np.float32)
    return inputs


def init(net: nets.Forecaster, inputs: dict[str, np.ndarray]) -> dict:
    """Drawn, but for what takes no part in a new net."""
    variables = drawn(net, inputs, train=False)
    params = variables["params"]
    for name, start in BEGIN.items():
        if name in params:
            params[name] = np.full_like(params[name], start)
    return variables


def forecast(net: nets.Forecaster, variables: dict, inputs: dict[str, np.ndarray]) -> np.ndarray:
    value = applied(net, variables, inputs, train=False)["value"]
    return value.reshape(-1, HORIZON, net.n_targets)


def silent(variables: dict) -> dict:
    """The LSTM's part of the answer is zero."""
    params = variables["params"]
    return {"params": params | {"output": jax.tree.map(np.zeros_like, params["output"])}}


level_of = jax.jit(window_level, static_argnums=1)


def test_a_window_level_is_last_mean_and_deviation_of_each_target():
    x = batch()["past"]
    truth = np.asarray(x, np.float64)
    deviation = truth.std(1, keepdims=True)
    for kind, center, scale in (
        ("none", 0, 1),
        ("last", truth[:, -1:], 1),
        ("last_deviation", truth[:, -1:], deviation),
        ("revin", truth.mean(1, keepdims=True), deviation),
        ("mean_deviation", truth.mean(1, keepdims=True), deviation),
    ):
        level = level_of(x, kind)
        np.testing.assert_allclose(
            level.center, np.broadcast_to(center, level.center.shape), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            level.scale, np.broadcast_to(scale, level.scale.shape), rtol=1e-4
        )
    ones = np.ones((1, 5, 1), np.float32)
    assert np.isfinite(level_of(ones, "last_deviation").scale).all()


def test_a_window_level_is_of_known_values():
    x = batch()["past"]
    missing = np.random.default_rng(2).random(x.shape) < 0.3
    missing[0, :, 0] = True  # all of a window: then what stands in for them counts
    known = np.where(missing & ~missing.all(1, keepdims=True), np.nan, np.asarray(x, np.float64))
    level = level_of(x, "revin", missing.astype(np.float32))
    np.testing.assert_allclose(level.center[:, 0], np.nanmean(known, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(level.scale[:, 0], np.nanstd(known, 1), rtol=1e-4)


@pytest.mark.slow
def test_each_target_is_read_beside_its_mark():
    x = batch()["past"]
    net = make(columns="independent", marked=True, window="last")
    marks = np.zeros_like(x)
    marks[:, 3, 1] = 1
    inputs = {"past": np.concatenate([x, marks], axis=2)}
    variables = init(net, inputs)
    unmarked = {"past": np.concatenate([x, 0 * marks], axis=2)}
    moved = forecast(net, variables, inputs) != forecast(net, variables, unmarked)
    np.testing.assert_array_equal(moved.all((0, 1)), [False, True, False])
    assert not moved[..., [0, 2]].any()


def test_patches_keep_the_order_of_rows_and_repeat_the_first_where_they_do_not_fit():
    patched = jax.jit(to_patches, static_argnums=1)
    x = 1 + np.arange(7.0).reshape(1, 7, 1)
    assert patched(x, 3).tolist() == [[[1, 1, 1], [2, 3, 4], [5, 6, 7]]]
    two = np.arange(8.0).reshape(1, 4, 2)
    assert patched(two, 2).tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]


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
    other = {"past": inputs["past"].copy()}
    other["past"][:, :, 1] += np.linspace(0, 1, LOOKBACK)[None]
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
    turned = inputs | {"past": inputs["past"][:, :, [*order, 3, 4]]}
    variables = init(net, inputs)
    answers = forecast(net, variables, inputs)
    np.testing.assert_allclose(forecast(net, variables, turned), answers[:, :, order], atol=1e-5)
    single = make(columns="independent", window="last_deviation", shortcut=True, n_targets=1)
    for i in range(TARGETS):
        alone = inputs | {"past": inputs["past"][:, :, [i, 3, 4]]}
        np.testing.assert_allclose(
            forecast(single, variables, alone)[:, :, 0], answers[:, :, i], atol=1e-5
        )


@pytest.mark.parametrize("columns", ["joint", "independent"])
def test_the_shortcut_is_a_linear_map_of_each_target(columns):
    net = make(columns=columns, shortcut=True)
    inputs = batch()
    params = silent(init(net, inputs))["params"]
    kernel = np.random.default_rng(3).normal(size=params["shortcut_kernel"].shape)
    params |= {"shortcut_kernel": kernel.astype(np.float32)}
    answers = forecast(net, {"params": params}, inputs)
    for i in range(TARGETS):
        own = kernel if columns == "independent" else kernel[i]
        np.testing.assert_allclose(
            answers[:, :, i], np.asarray(inputs["past"])[:, :, i] @ own, rtol=1e-4, atol=1e-4
        )


def test_a_learned_factor_and_offset_are_taken_back():
    """A shortcut that repeats the last value of a window as it is scaled repeats the raw one."""
    net = make(window="revin", shortcut=True)
    inputs = batch()
    begun = initial(net, inputs, train=False)["params"]
    for name, start in BEGIN.items():
        np.testing.assert_array_equal(begun[name], np.full_like(begun[name], start))
    params = silent({"params": begun})["params"]
    params |= {
        "revin_scale": np.float32([-0.7, 1.3, 2.0]),
        "revin_bias": np.float32([0.5, -1.0, 3.0]),
        "shortcut_kernel": np.zeros_like(params["shortcut_kernel"]),
    }
    params["shortcut_kernel"][:, -1] = 1
    last_bo = np.asarray(inputs["past"])[:, -1]
    wanted = np.repeat(last_bo[:, None], HORIZON, axis=1)
    np.testing.assert_allclose(forecast(net, {"params": params}, inputs), wanted, atol=1e-4)


def test_covariates_and_what_is_known_ahead_are_read():
    net = make(head=(6,))
    inputs = batch(covariates=2, ahead=2)
    variables = init(net, inputs)
    plain = forecast(net, variables, inputs)
    past = inputs | {"past": inputs["past"].copy()}
    past["past"][:, -1, TARGETS] += 1
    future = inputs | {"future": inputs["future"].copy()}
    future["future"][:, 2, 1] += 1
    assert np.abs(forecast(net, variables, past) - plain).max() > 1e-4
    assert np.abs(forecast(net, variables, future) - plain).max() > 1e-4


@pytest.mark.parametrize("readout", ["last", "attention", *slow("mean", "max", "mean_max")])
def test_every_readout_forecasts_the_whole_horizon(readout):
    net = make(readout=readout, body=nets.LSTM(hidden=(6, 4), bidirectional=True))
    inputs = batch()
    answers = forecast(net, init(net, inputs), inputs)
    assert answers.shape == (5, HORIZON, TARGETS) and np.isfinite(answers).all()


def test_dropout_is_for_training_alone():
    net = make(dropout=0.5)
    inputs = batch()
    variables = init(net, inputs)

    def train(seed: int) -> np.ndarray:
        rngs = {"dropout": jax.random.key(seed)}
        return applied(net, variables, inputs, train=True, rngs=rngs)["value"]

    assert np.abs(train(0) - train(1)).max() > 1e-3
    np.testing.assert_array_equal(train(0), train(0))
    np.testing.assert_array_equal(
        forecast(net, variables, inputs), forecast(make(), variables, inputs)
    )


def test_raw_columns_in_and_the_targets_units_out():
    net = make(window="last", shortcut=True)
    inputs = batch(covariates=2, ahead=1)
    center = np.float32([5.0, -3, 0, 2, 9])
    scale = np.float32([2.0, 10, 1, 3, 0.5])
    statistics = {"statistics": {"inputs": {"center": center, "scale": scale}}}
    raw = {
        "past": inputs["past"] * scale[None, None] + center[None, None],
        "future": inputs["future"] * scale[None, None, -1:] + center[None, None, -1:],
    }
    variables = init(net, inputs) | statistics
    prepared = applied(net, variables, raw, method="preprocess")
    for name in inputs:
        np.testing.assert_allclose(prepared[name], inputs[name], atol=1e-4)
    flat = applied(net, variables, {"past": raw["past"][0]}, method="preprocess")["past"]
    np.testing.assert_array_equal(flat, prepared["past"][0])
    answers = applied(net, variables, raw, method="predict")["value"]
    answers = answers.reshape(-1, HORIZON, TARGETS)
    expected = forecast(net, variables, inputs) * scale[:3] + center[:3]
    np.testing.assert_allclose(answers, expected, rtol=1e-3, atol=1e-3)
    target = {"value": answers.reshape(5, -1)}
    scaled = applied(net, variables, target, method="preprocess_target")
    back = applied(net, variables, scaled, method="postprocess")
    np.testing.assert_allclose(back["value"], target["value"], rtol=1e-5)


LEVELS = (0.1, 0.5, 0.6, 0.9)


@pytest.mark.parametrize("columns", ["independent", *slow("joint")])
@pytest.mark.parametrize("window", WINDOWS)
def test_quantiles_of_forecasts_never_cross_and_lie_about_the_prediction(window, columns):
    net = make(window=window, columns=columns, quantiles=LEVELS, shortcut=True)
    inputs = batch(10_000)
    variables = init(net, inputs)
    # Which divides by its factor: a negative one must not turn quantiles round.
    if window == "revin":
        factor = {"revin_scale": np.float32([-0.7, 1.3, -2.0])}
        variables = {"params": variables["params"] | factor}
    outputs = applied(net, variables, inputs, train=False)
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
    outputs = applied(net, silent(init(net, inputs)), inputs, train=False)
    distance = np.asarray(outputs["value.quantiles"] - outputs["value"][..., None]).reshape(
        5, HORIZON, TARGETS, -1
    )
    for i, level in enumerate(LEVELS):
        wanted = NormalDist().inv_cdf(level) * scale_bho
        np.testing.assert_allclose(distance[..., i], wanted, rtol=1e-4, atol=1e-5)
    net = make(window=window, columns=columns, deviation=True)
    deviation = applied(net, silent(init(net, inputs)), inputs, train=False)["value.deviation"]
    np.testing.assert_allclose(deviation.reshape(5, HORIZON, TARGETS), scale_bho + 1e-3, rtol=1e-4)


def test_what_is_sure_of_a_forecast_is_answered_in_its_targets_units():
    inputs = batch()
    statistics = {
        "inputs": {"center": np.float32([10.0, 0.0, 5.0]), "scale": np.float32([2.0, 1.0, 0.5])}
    }
    for options in ({"quantiles": LEVELS}, {"deviation": True}):
        net = make(**options)
        variables = init(net, inputs) | {"statistics": statistics}
        outputs = applied(net, variables, inputs, train=False)
        answers = applied(net, variables, outputs, method="postprocess")
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
    _, carry = applied(body, {"params": variables["params"]["recurrent"]}, patches)
    output = variables["params"]["output"]
    wanted = carry[-1].h_dbh.sum(0) @ output["kernel"] + output["bias"][None]
    got = forecast(net, variables, inputs)
    np.testing.assert_allclose(
        np.swapaxes(got, 1, 2).reshape(-1, HORIZON), wanted, rtol=1e-4, atol=1e-5
    )

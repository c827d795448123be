"""Answers in the target's units, odd column names, and the network from raw columns to answers."""

from __future__ import annotations

import re
from functools import partial
from statistics import NormalDist

import jax
import numpy as np
import pytest
from small_nets import applied, drawn, initial

import nets
from nets.heads import (
    EPSILON,
    Heads,
    HeadShape,
    predictions_of,
    readable_names,
    split_outputs,
    standardise_target,
    to_target_units,
)

RANDOM = np.random.default_rng(0)
VALUE = HeadShape("value", "regression", 2)
TARGETS = {
    "center": np.float32([100.0, -1.0]),
    "scale": np.float32([20.0, 0.5]),
    "low": np.float32([50.0, -2.0]),
    "high": np.float32([150.0, 0.25]),
}
# What may stand at the top of a column: paths, nothing, spaces, other alphabets, names of a Linen
# module's own.
ODD_NAMES = (
    "a/b",
    "",
    "x y",
    "a b",
    "a_b",
    "a_b_1",
    "../up",
    "größe",
    "name",
    "init",
    "heads",
    "parent",
    "0",
    ".",
)


def test_numbers_are_answered_in_units() -> None:
    outputs_bo = np.float32([[0.0, 0.0], [1.0, -2.0], [-10.0, 10.0]])
    answers = to_target_units(outputs_bo, VALUE, TARGETS, clip=False, log_link=False)
    np.testing.assert_allclose(answers, [[100, -1], [120, -2], [-100, 4]])


def test_clipped_numbers_stay_within_the_training_targets() -> None:
    outputs_bo = np.float32([[0.0, 0.0], [-10.0, 10.0], [10.0, -10.0]])
    answers = to_target_units(outputs_bo, VALUE, TARGETS, clip=True, log_link=False)
    np.testing.assert_allclose(answers, [[100, -1], [50, 0.25], [150, -2]])


def test_poisson_outputs_are_logarithms() -> None:
    answers = to_target_units(
        np.log(np.float32([[3.0, 0.5]])), VALUE, TARGETS, clip=False, log_link=True
    )
    np.testing.assert_allclose(answers, [[3, 0.5]], rtol=1e-6)


def test_poisson_answers_are_clipped_too() -> None:
    answers = to_target_units(np.float32([[9.0, -9.0]]), VALUE, TARGETS, clip=True, log_link=True)
    np.testing.assert_allclose(answers, [[150, np.exp(-9.0)]], rtol=1e-6)


def test_a_binary_head_answers_the_probability_of_the_second_class() -> None:
    logits = np.log(np.float32([[0.25 / 0.75], [0.9 / 0.1], [1.0]]))
    answers = to_target_units(logits, HeadShape("c", "binary", 1), {}, clip=True, log_link=True)
    np.testing.assert_allclose(answers, [0.25, 0.9, 0.5], rtol=1e-6)


def test_a_multiclass_head_answers_probabilities() -> None:
    logits = np.log(np.float32([[1.0, 2.0, 7.0], [1.0, 1.0, 1.0]])) + 5
    answers = to_target_units(logits, HeadShape("c", "multiclass", 3), {}, clip=True, log_link=True)
    np.testing.assert_allclose(answers, [[0.1, 0.2, 0.7], [1 / 3] * 3], rtol=1e-6)


def test_standardised_targets_are_what_answers_undo() -> None:
    target = np.float32([[100.0, -1.0], [140.0, 0.0]])
    standardised = standardise_target(target, VALUE, TARGETS)
    np.testing.assert_allclose(standardised, [[0, 0], [2, 2]])
    np.testing.assert_allclose(
        to_target_units(standardised, VALUE, TARGETS, clip=False, log_link=False), target
    )


def test_classes_are_left_as_they_are() -> None:
    classes = np.array([0, 2, 1], np.int32)
    assert standardise_target(classes, HeadShape("c", "multiclass", 3), {}) is classes


def test_odd_names_become_distinct_letters_and_digits() -> None:
    names = readable_names((*ODD_NAMES, "a/b"))
    assert len(set(names)) == len(ODD_NAMES) + 1
    assert all(re.fullmatch(r"\w+", name) for name in names)
    for name, column in zip(names, ("a_b", "", "x_y"), strict=False):
        assert name.endswith(column)


def test_a_head_is_a_linear_layer_of_its_own() -> None:
    shapes = (VALUE, HeadShape("kind", "multiclass", 3))
    module = Heads(shapes)
    x_bh = RANDOM.normal(size=(6, 4)).astype(np.float32)
    variables = drawn(module, x_bh)
    outputs = applied(module, variables, x_bh)
    assert {name: output.shape for name, output in outputs.items()} == {
        "value": (6, 2),
        "kind": (6, 3),
    }
    for shape, name in zip(shapes, readable_names(("value", "kind")), strict=True):
        layer = variables["params"][name]
        wanted = np.asarray(x_bh, np.float64) @ np.asarray(
            layer["kernel"], np.float64
        ) + np.asarray(layer["bias"])
        np.testing.assert_allclose(outputs[shape.name], wanted, rtol=1e-5, atol=1e-6)


def test_heads_start_as_asked() -> None:
    variables = initial(Heads((VALUE,), "zeros", "ntk"), np.ones((1, 4), np.float32))
    np.testing.assert_array_equal(variables["params"]["head_0_value"]["kernel"], np.zeros((4, 2)))


def make_network(**options) -> nets.Network:
    return nets.Network(
        nets.Inputs((3,)),
        nets.Dense((8,), activation="tanh"),
        nets.Heads((VALUE, HeadShape("kind", "multiclass", 3))),
        missing_columns=(1,),
        **options,
    )


def make_statistics() -> dict:
    inputs = {
        "fill": np.float32([0.5, -1.0]),
        "center": np.float32([1.0, 2.0]),
        "scale": np.float32([4.0, 0.1]),
        "seen": np.float32([[0.0, 1, 1, 1]]),
    }
    rate = np.full(3, 1 / 3, np.float32)
    return {"inputs": inputs, "targets": {"value": TARGETS, "kind": {"rate": rate}}}


RAW = {
    "numbers": np.float32([[3.0, 2.1], [np.nan, np.nan]]),
    "codes": np.array([[2], [0]], np.int32),
}


def initialise(network: nets.Network, statistics: dict, raw: dict = RAW) -> dict:
    given = {"statistics": statistics}
    columns = applied(network, given, raw, method="preprocess")
    return drawn(network, columns, given=given, train=False)


def linear(x_bf: np.ndarray, layer: dict) -> np.ndarray:
    return x_bf @ layer["kernel"] + layer["bias"]


@pytest.mark.parametrize("clip", [False, True])
def test_a_network_answers_on_raw_columns(clip: bool) -> None:
    network = make_network(clip_outputs=clip)
    variables = initialise(network, make_statistics())
    answers = applied(network, variables, RAW, method="predict")
    x_bd = np.array([[0.5, 1, 0, 0, 0, 1, 0], [-0.125, -30, 1, 0, 0, 0, 0]], np.float64)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables["params"])
    hidden = np.tanh(linear(x_bd, params["body"]["layer_0"]))
    value = linear(hidden, params["output"]["head_0_value"]) * [20, 0.5] + [100, -1]
    logits = linear(hidden, params["output"]["head_1_kind"])
    value = np.clip(value, [50, -2], [150, 0.25]) if clip else value
    np.testing.assert_allclose(answers["value"], value, rtol=1e-5)
    np.testing.assert_allclose(
        answers["kind"], np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-5
    )


def test_preparing_calling_and_answering_is_predicting() -> None:
    network = make_network()
    variables = initialise(network, make_statistics())
    columns = applied(network, variables, RAW, method="preprocess")
    outputs = applied(network, variables, columns, train=False)
    answers = applied(network, variables, outputs, method="postprocess")
    wanted = applied(network, variables, RAW, method="predict")
    jax.tree.map(np.testing.assert_array_equal, answers, wanted)


def test_targets_are_prepared_head_by_head() -> None:
    network = make_network()
    target = {"value": np.float32([[140.0, 0.0]]), "kind": np.array([2], np.int32)}
    given = {"statistics": make_statistics()}
    prepared = applied(network, given, target, method="preprocess_target")
    np.testing.assert_allclose(prepared["value"], [[2, 2]])
    np.testing.assert_array_equal(prepared["kind"], [2])


def test_a_number_missing_where_training_had_none_missing_raises_no_flag() -> None:
    network = make_network()
    columns = applied(network, {"statistics": make_statistics()}, RAW, method="preprocess")
    # Of column 1; column 0 has no flag.
    np.testing.assert_array_equal(columns["missing"], [[0], [1]])


def test_odd_column_names_work_from_weights_to_answers() -> None:
    heads = tuple(HeadShape(name, "binary", 1) for name in ODD_NAMES)
    network = nets.Network(nets.Inputs(), nets.Dense((4,)), nets.Heads(heads), scaling="none")
    statistics = {
        "inputs": {"fill": np.zeros(2, np.float32)},
        "targets": {name: {"rate": np.float32([0.5, 0.5])} for name in ODD_NAMES},
    }
    raw = {"numbers": np.ones((3, 2), np.float32)}
    variables = initialise(network, statistics, raw)
    answers = applied(network, variables, raw, method="predict")
    assert set(answers) == set(ODD_NAMES)
    # Each head has weights of its own.
    assert len({float(a[0]) for a in answers.values()}) == len(ODD_NAMES)


LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SURE = HeadShape("value", "regression", 2, quantiles=LEVELS)
GAUSS = HeadShape("value", "regression", 2, deviation=True)


layer_read = jax.jit(split_outputs, static_argnums=1)


def test_a_new_head_has_the_quantiles_of_a_normal_distribution() -> None:
    """A layer of zeros: mean 0, and distances from it of 1 each."""
    outputs = layer_read(np.zeros((3, SURE.width), np.float32), SURE)
    np.testing.assert_array_equal(outputs["value"], np.zeros((3, 2)))
    wanted = np.broadcast_to([NormalDist().inv_cdf(level) for level in LEVELS], (3, 2, 7))
    np.testing.assert_allclose(outputs["value.quantiles"], wanted, rtol=1e-6, atol=1e-6)
    deviation = layer_read(np.zeros((3, GAUSS.width), np.float32), GAUSS)["value.deviation"]
    np.testing.assert_allclose(deviation, np.full((3, 2), 1 + EPSILON), rtol=1e-6)


def test_a_layer_of_quantiles_by_hand() -> None:
    """Of each output first the median, then the distances by softplus, outermost below first."""
    head = HeadShape("value", "regression", 2, quantiles=(0.1, 0.5, 0.8))
    raw = np.array([[5.0, -1.0, 2.0, -3.0, 0.5, 0.0]])
    gap = np.log1p(np.exp(raw + np.log(np.e - 1))).reshape(2, 3)
    below = -NormalDist().inv_cdf(0.1)
    above = NormalDist().inv_cdf(0.8)
    wanted = [
        [5 - below * gap[0, 1], 5, 5 + above * gap[0, 2]],
        [-3 - below * gap[1, 1], -3, -3 + above * gap[1, 2]],
    ]
    outputs = layer_read(raw, head)
    np.testing.assert_allclose(outputs["value"], [[5, -3]])
    np.testing.assert_allclose(outputs["value.quantiles"], [wanted], rtol=1e-6)


@partial(jax.jit, static_argnums=2)
def sure_answers(outputs: dict, statistics: dict, clip: bool) -> dict:
    return predictions_of(outputs, SURE, statistics, clip=clip, log_link=False)


@pytest.mark.parametrize("size", [0.1, 10.0, 1e4, 1e8])
def test_quantiles_never_cross(size: float) -> None:
    """Held for 10,000 random inputs, for weights from next to none to absurd.

    Also in units that float32 hardly tells apart.
    """
    module = Heads((SURE,), "normal")
    x_bh = (size * RANDOM.normal(size=(10_000, 8))).astype(np.float32)
    outputs = applied(module, drawn(module, x_bh), x_bh)
    far = TARGETS | {"center": np.float32([1e6, -1e6]), "scale": np.float32([1.0, 1e-3])}
    for statistics in (TARGETS, far):
        for clip in (False, True):
            answers = sure_answers(outputs, statistics, clip)
            quantiles_boq = np.asarray(answers["value.quantiles"])
            assert (np.diff(quantiles_boq, axis=-1) >= 0).all()
            np.testing.assert_array_equal(quantiles_boq[..., LEVELS.index(0.5)], answers["value"])
    # They do not merely coincide.
    assert (np.diff(np.asarray(outputs["value.quantiles"]), axis=-1) > 0).mean() > 0.4


def test_a_deviation_stays_above_its_floor_and_is_answered_in_units() -> None:
    raw = np.float32([[0.0, -1e4, 0.0, 3.0]])
    outputs = layer_read(raw, GAUSS)
    np.testing.assert_allclose(outputs["value.deviation"][0, 0], EPSILON)
    answers = predictions_of(outputs, GAUSS, TARGETS, clip=True, log_link=False)
    wanted = (np.log1p(np.exp(3 + np.log(np.e - 1))) + EPSILON) * 0.5
    np.testing.assert_allclose(answers["value.deviation"], [[EPSILON * 20, wanted]], rtol=1e-6)
    np.testing.assert_allclose(answers["value"], [[100, -1]])


def test_quantiles_are_answered_in_units_and_clipped_like_the_prediction() -> None:
    head = HeadShape("value", "regression", 2, quantiles=(0.25, 0.5))
    outputs = {
        "value": np.float32([[0.0, 4.0]]),
        "value.quantiles": np.float32([[[-3.0, 0.0], [1.0, 4.0]]]),
    }
    free = predictions_of(outputs, head, TARGETS, clip=False, log_link=False)["value.quantiles"]
    np.testing.assert_allclose(free, [[[40, 100], [-0.5, 1.0]]])
    held = predictions_of(outputs, head, TARGETS, clip=True, log_link=False)["value.quantiles"]
    np.testing.assert_allclose(held, [[[50, 100], [-0.5, 0.25]]])

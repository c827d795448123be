"""Predictors that answer by the kernel for rows of a table: who does, members, temperatures."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from nets.kernels import library
from tests.marks import needs_kernels
from tests.nets.test_native_tables import make_network, make_rows, make_variables
from train import config as configs
from train import loop, predict
from train.inference import native
from train.inference.ensemble import Ensemble
from train.inference.native import native_nets
from train.inference.temperature import with_temperatures

pytestmark = needs_kernels()


def test_members_answer_one_after_the_other_and_no_rows_give_no_answers() -> None:
    network = make_network(hidden=(128, 128))
    each = [make_variables(network, seed) for seed in (0, 1)]
    rows = make_rows(5, network)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
    together = native_nets(network, (stacked, stacked), has_members=True)
    alone = native_nets(network, each, has_members=False)
    assert together is not None and alone is not None
    first, second = together(rows)
    for name in first:
        np.testing.assert_array_equal(first[name], [answers[name] for answers in alone(rows)])
        np.testing.assert_array_equal(first[name], second[name])
        assert (first[name][0] != first[name][1]).any()
    assert alone({name: array[:0] for name, array in rows.items()})[0]["kind"].shape == (0, 5)


def test_no_net_is_native_that_the_kernel_does_not_suit_or_where_it_is_off() -> None:
    network = make_network(hidden=(128, 128))
    variables = make_variables(network)
    assert native_nets(make_network(), (variables,), has_members=False) is None
    with library.portable():
        assert native_nets(network, (variables,), has_members=False) is None


def test_a_first_layer_too_large_to_be_kept_again_is_left_to_jax(monkeypatch) -> None:
    network = make_network(hidden=(128, 128))
    variables = make_variables(network)
    size = variables["params"]["body"]["layer_0"]["kernel"].size
    for most, is_native in ((size, True), (size - 1, False)):
        monkeypatch.setattr(native, "MAX_FIRST", most)
        assert (
            native.native_nets(network, (variables,), has_members=False) is not None
        ) is is_native


def test_the_native_net_is_made_again_for_other_variables_alone() -> None:
    network = make_network(hidden=(128, 128))
    variables = make_variables(network)
    numbers = SimpleNamespace(heads=network.output.heads[:1])
    labels = SimpleNamespace(heads=network.output.heads)
    ensemble = object.__new__(Ensemble)
    ensemble._variables = (variables,)
    ensemble.__dict__["_native"] = "made"
    ensemble.variables = (with_temperatures(variables, numbers, {}, has_members=False),)
    assert ensemble.__dict__["_native"] == "made"
    ensemble.variables = (with_temperatures(variables, labels, {"kind": 2.0}, has_members=False),)
    assert "_native" not in ensemble.__dict__
    assert ensemble.variables[0]["statistics"]["targets"]["kind"]["temperature"] == 2


@pytest.mark.slow
def test_a_row_of_a_frame_has_the_bits_of_the_row_in_a_crowd_and_the_answers_of_jax(tmp_path):
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"x": random.normal(size=700), "who": [*"abca", None] * 140})
    frame.loc[::9, "x"] = np.nan
    frame["y"] = np.where(frame["x"] > 0, "up", "down")
    config = configs.Config(
        data=configs.Table(target="y"),
        net=configs.Dense(hidden=(128, 128)),
        train=configs.Train(epochs=2, temperature=True, report=False, linear_seconds=0),
    )
    loop.fit(config, tmp_path, data=frame, verbose=False)
    native, portable = predict.load(tmp_path), predict.load(tmp_path)
    with library.portable():
        truth = portable.columns(frame)
    crowd = native.columns(frame)
    np.testing.assert_allclose(crowd["probability_up"], truth["probability_up"], atol=1e-5)
    for row in (0, 9, 63, 64, 699):
        alone = native.columns(frame.iloc[[row]])
        assert all(alone[name][0] == crowd[name][row] for name in crowd)
    native.scale({"y": 1e6})
    np.testing.assert_allclose(native.columns(frame)["probability_up"], 0.5, atol=1e-4)

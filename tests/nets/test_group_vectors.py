"""Vectors of groups beside what a forecaster reads."""

from __future__ import annotations

import numpy as np
from small_nets import applied, drawn

import nets


def test_a_group_that_was_not_learned_has_the_mean_of_all():
    vectors = nets.GroupVectors(3, 4)
    series = np.array([2, 0, -1, 3], np.int32)
    variables = drawn(vectors, series)
    found = applied(vectors, variables, series)
    table = variables["params"]["vector"]
    np.testing.assert_allclose(found, [table[2], table[0], table.mean(0), table.mean(0)], rtol=1e-6)
    # A net that goes on with further groups keeps those that it has.
    more = applied(nets.GroupVectors(9, 4), variables, series)
    np.testing.assert_array_equal(more, found)


def test_forecasts_go_by_the_vector_of_the_group():
    net = nets.Forecaster(
        nets.LSTM(hidden=(4,)), 2, 2, patch=3, columns="independent", groups=nets.GroupVectors(3, 2)
    )
    past = np.random.default_rng(0).normal(size=(1, 6, 2)).astype(np.float32).repeat(3, 0)
    inputs = {"past": past, "series": np.arange(3, dtype=np.int32)}
    variables = drawn(net, inputs, train=False)
    value = applied(net, variables, inputs, train=False)["value"]
    assert (np.abs(np.diff(value, axis=0)) > 1e-4).all()
    same = applied(net, variables, inputs | {"series": np.full(3, 1, np.int32)}, train=False)
    np.testing.assert_allclose(same["value"], value[[1, 1, 1]], rtol=1e-5)

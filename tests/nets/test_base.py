"""Whole networks used alone: statistics from arrays, and what is said without them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nets

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(5, 3, (40, 2)).astype(np.float32)
Y = (1000 + 50 * X[:, :1] - 20 * X[:, 1:]).astype(np.float32)


def table_network(**options) -> nets.TableNetwork:
    heads = nets.Heads((nets.HeadShape("y", "regression", 1),))
    return nets.TableNetwork(nets.Inputs(), nets.Dense(()), heads, **options)


def test_a_table_network_alone_learns_in_the_units_of_its_target():
    network = table_network()
    statistics = network.fit_statistics({"numbers": X}, {"y": Y})
    variables = nets.init_variables(network, jax.random.key(0), {"numbers": X}, statistics)
    fresh = network.apply(variables, {"numbers": X}, method="predict")["y"]
    assert fresh.shape == (40, 1) and abs(fresh.mean() - Y.mean()) < 1

    given = {"statistics": statistics}
    columns = network.apply(given, {"numbers": X}, method="preprocess")
    target = network.apply(given, {"y": Y}, method="preprocess_target")["y"]

    def loss(params):
        outputs = network.apply({"params": params, **given}, columns, train=True)
        return jnp.square(outputs["y"] - target).mean()

    @jax.jit
    def descend(params):
        return jax.tree.map(lambda w, g: w - 0.2 * g, params, jax.grad(loss)(params))

    params = variables["params"]
    for _ in range(300):
        params = descend(params)
    answers = network.apply({"params": params, **given}, {"numbers": X}, method="predict")["y"]
    np.testing.assert_allclose(answers, Y, rtol=1e-4)


def test_fitted_statistics_pass_over_gaps_and_know_the_codes_that_occur():
    numbers = np.array([[1.0, 7.0, np.nan], [3.0, 7.0, np.nan], [np.nan, 7.0, np.nan]], np.float32)
    codes = np.array([[1, 0], [3, 2], [1, 2]], np.int32)
    heads = (nets.HeadShape("y", "regression", 1), nets.HeadShape("z", "binary", 1))
    network = nets.TableNetwork(nets.Inputs((3, 2)), nets.Dense(()), nets.Heads(heads))
    target = {"y": np.array([[1.0], [2.0], [6.0]], np.float32), "z": np.array([0, 1, 1])}
    fitted = network.fit_statistics({"numbers": numbers, "codes": codes}, target)
    inputs = fitted["inputs"]
    np.testing.assert_allclose(inputs["center"], [2, 7, 0])
    np.testing.assert_allclose(inputs["fill"], [2, 7, 0])
    np.testing.assert_allclose(inputs["scale"], [1, 1, 1])
    np.testing.assert_array_equal(inputs["seen"], [[0, 1, 0, 1], [1, 0, 1, 0]])
    np.testing.assert_allclose(fitted["targets"]["y"]["center"], [3])
    np.testing.assert_allclose(fitted["targets"]["y"]["high"], [6])
    raw = {"numbers": numbers, "codes": codes}
    variables = nets.init_variables(network, jax.random.key(0), raw, fitted)
    answers = network.apply(variables, raw, method="predict")
    assert answers["y"].shape == (3, 1) and np.isfinite(answers["y"]).all()
    assert answers["z"].shape == (3,)


def test_statistics_that_need_quantiles_are_not_made_up():
    with pytest.raises(ValueError, match=r'scaling="quantile".*needs quantiles'):
        table_network(scaling="quantile").fit_statistics({"numbers": X}, {"y": Y})


@pytest.mark.parametrize(
    ("codes", "y", "line"),
    [
        # A loss of [n, 1] less [n] would be one of all pairs of rows.
        ([[1, 2]], [1.0], r"target 'y' has the shape \(1,\): expected \[rows, 1\]"),
        # The other column has room for it.
        ([[1, 3]], [[1.0]], r"codes\[:, 1\] hold 3: expected 0 to 2"),
        ([[-1, 2]], [[1.0]], r"codes\[:, 0\] hold -1: expected 0 to 3"),
        ([[1]], [[1.0]], r"shape \(1, 1\) for category_sizes=\(3, 2\): expected a size for each"),
    ],
)
def test_codes_and_targets_of_other_shapes_are_refused(codes: list, y: list, line: str):
    heads = nets.Heads((nets.HeadShape("y", "regression", 1),))
    network = nets.TableNetwork(nets.Inputs((3, 2)), nets.Dense(()), heads)
    with pytest.raises(ValueError, match=line):
        network.fit_statistics({"codes": np.array(codes)}, {"y": np.array(y)})


@pytest.mark.parametrize(
    "network",
    [
        table_network(),
        nets.Autoencoder(nets.Inputs(), nets.Dense(()), 1, nets.HeadShape("row", "row", 2)),
        nets.Perceptron(nets.Inputs(), (nets.HeadShape("y", "binary", 1),)),
        nets.Competitive(nets.Inputs(), 2),
    ],
    ids=lambda network: type(network).__name__,
)
def test_without_statistics_a_network_says_so(network):
    with pytest.raises(ValueError, match='needs the collection "statistics" with "inputs"'):
        network.apply({}, {"numbers": X}, method="predict")


def test_without_statistics_a_forecaster_says_so():
    network = nets.Forecaster(nets.LSTM((2,)), 3, 1)
    with pytest.raises(ValueError, match='Forecaster needs the collection "statistics"'):
        network.apply({}, {"past": jnp.zeros((1, 4, 1))}, method="predict")


def test_flags_have_defaults():
    network = table_network()
    assert not network.learns_by_rule
    assert not network.ends_without_loss
    assert not network.starts_from_rows
    assert nets.Forecaster(nets.LSTM((2,)), 3, 1).missing_columns == ()
    assert nets.Competitive(nets.Inputs(), 2).learns_by_rule
    assert nets.Network is nets.TableNetwork

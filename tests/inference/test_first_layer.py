"""Shuffled columns by what they change in the first layer, against shuffling by hand."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import nets
from nets.base import Tree
from train.inference import first_layer
from train.inference.first_layer import make_shuffles_by_first_layer

RANDOM = np.random.default_rng(0)
N = 10
INPUTS = {
    "numbers": RANDOM.normal(size=(N, 3)).astype(np.float32),
    "codes": RANDOM.integers(0, 4, (N, 2)).astype(np.int32),
}
INPUTS["numbers"][::3, 1] = np.nan
# Column 0 has two places, columns 1 and 2 one each; the last place belongs to none.
OWNERS = {"numbers": np.array([0, 1, 0]), "codes": np.array([2, -2])}
STATISTICS = {
    "inputs": {
        "fill": np.zeros(3, np.float32),
        "center": np.full(3, 0.5, np.float32),
        "scale": np.full(3, 2.0, np.float32),
        "seen": np.ones((2, 4), np.float32),
        "line": {
            "numbers": RANDOM.normal(size=(3, 1)).astype(np.float32),
            "missing": RANDOM.normal(size=(1, 1)).astype(np.float32),
            "codes": RANDOM.normal(size=(2, 4, 1)).astype(np.float32),
            "bias": np.zeros(1, np.float32),
        },
    },
    "targets": {"y": {"center": np.ones(1, np.float32), "scale": np.full(1, 3.0, np.float32)}},
}


def network(**body):
    inputs = nets.Inputs((3, 3), 2, "densely_periodic", 4, 1.0, input_scale=True)
    heads = nets.Heads((nets.HeadShape("y", "regression", 1),))
    dense = nets.Dense(**{"hidden": (6, 5), "norm": "layer", **body})
    return nets.TableNetwork(inputs, dense, heads, linear_start=True, missing_columns=(1,))


def variables_of(net, seed):
    return nets.init_variables(net, jax.random.key(seed), INPUTS, STATISTICS)


def predicted(net, variables, cells) -> np.ndarray:
    answers: Tree = net.apply(variables, cells, method="predict")
    return np.asarray(answers["y"])


@pytest.mark.parametrize("form", ["standard", "ntk"])
@pytest.mark.parametrize("has_members", [False, True])
def test_a_column_is_shuffled_as_by_hand(form, has_members):
    net = network(parametrization=form, activation_slope=True)
    each = [variables_of(net, seed) for seed in (0, 1)]
    variables = jax.tree.map(lambda *leaves: np.stack(leaves), *each) if has_members else each[0]
    shuffle = make_shuffles_by_first_layer(net, variables, INPUTS, OWNERS, ["y"], has_members)
    assert shuffle is not None
    order = RANDOM.permutation(N)
    columns = np.array([2, 0, -1, 1, 1], np.int32)
    answers = shuffle(variables, order, columns, 4)["y"]
    assert answers.shape == ((2, 4, N, 1) if has_members else (4, N, 1))
    found = answers if has_members else answers[None]
    intact = predicted(net, each[0], INPUTS)
    for member in range(len(found)):
        for place, column in enumerate(columns[:4]):
            cells = {name: array.copy() for name, array in INPUTS.items()}
            for name, owner in OWNERS.items():
                cells[name][:, owner == column] = cells[name][order][:, owner == column]
            wanted = predicted(net, each[member], cells)
            np.testing.assert_allclose(found[member, place], wanted, rtol=1e-5, atol=1e-5)
            if member == 0:
                assert (np.abs(wanted - intact).max() > 0.01) == (column >= 0)


def test_other_nets_and_too_many_features_are_left_to_others(monkeypatch):
    def made(net):
        return make_shuffles_by_first_layer(net, variables_of(net, 0), INPUTS, OWNERS, ["y"], False)

    assert made(network()) is not None
    assert made(network(residual=True)) is None
    assert made(network(hidden=())) is None
    # 3 numbers of 4 features, a flag, 2 categories of 2.
    monkeypatch.setattr(first_layer, "MAX_FEATURES", N * 17)
    assert made(network()) is not None
    monkeypatch.setattr(first_layer, "MAX_FEATURES", N * 17 - 1)
    assert made(network()) is None

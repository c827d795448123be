"""An autoencoder's loss by hand, its layers, and that it learns nothing from what is missing."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
import pytest
from small_nets import applied, drawn

import nets
from nets.autoencoder import reconstruction_losses

HEAD = nets.HeadShape("reconstruction", "reconstruction", 2, categories=(3, 2))
OUTPUTS = np.array(
    [[1.0, -2.0, 0.3, -0.2, 1.1, 0.5, -0.5], [0.0, 4.0, 2.0, 0.0, -1.0, 0.0, 0.7]], np.float32
)


def by_hand(outputs, target):
    """A loop in float64 over cells."""
    losses = []
    for row, cells in zip(outputs.astype(np.float64), target.astype(np.float64), strict=True):
        total = sum((row[i] - cells[i]) ** 2 for i in range(2) if not np.isnan(cells[i]))
        for start, size, cell in ((2, 3, cells[2]), (5, 2, cells[3])):
            if not np.isnan(cell):
                logits = row[start : start + size]
                total += np.log(np.exp(logits).sum()) - logits[int(cell)]
        losses.append(total / 4)
    return losses


@jax.jit
@partial(jax.value_and_grad, has_aux=True)
def losses_and_slopes(outputs: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    losses_b = reconstruction_losses(outputs, target, HEAD)
    return losses_b.sum(), losses_b


@pytest.mark.parametrize(
    "gaps", [(), ((0, 0),), ((0, 2), (1, 1)), ((1, 0), (1, 1), (1, 2), (1, 3))]
)
def test_losses_are_those_of_a_loop(gaps):
    target = np.array([[0.5, 0.0, 2, 1], [-1.0, 1.0, 0, 0]], np.float32)
    for gap in gaps:
        target[gap] = np.nan
    (_, losses_b), gradient = losses_and_slopes(OUTPUTS, target)
    np.testing.assert_allclose(losses_b, by_hand(OUTPUTS, target), rtol=1e-6)
    assert np.isfinite(gradient).all()
    columns = ([0], [1], [2, 3, 4], [5, 6])
    for row, column in gaps:
        assert (np.asarray(gradient)[row, columns[column]] == 0).all()


def network(hidden=(5, 4), code=3, **options):
    inputs = nets.Inputs(category_sizes=(3, 2))
    return nets.Autoencoder(inputs, nets.Dense(hidden, **options), code, HEAD)


STATISTICS = {
    "inputs": {
        "fill": np.zeros(2),
        "center": np.array([1.0, 2.0]),
        "scale": np.array([2.0, 4.0]),
        "seen": np.ones((2, 4)),
    }
}
RAW = {
    "numbers": np.array([[3.0, 2.0], [np.nan, 6.0]], np.float32),
    "codes": np.array([[1, 2], [3, 0]], np.int32),
}


def made(net: nets.Autoencoder) -> tuple[dict, dict]:
    """Scaled columns of RAW, and variables for them."""
    given = {"statistics": STATISTICS}
    columns = applied(net, given, RAW, method="preprocess")
    return columns, drawn(net, columns, given=given, train=False)


def test_layers_narrow_to_the_code_and_widen_again():
    _, variables = made(network())
    params = variables["params"]
    layers = [params["body"]["layer_0"], params["body"]["layer_1"], params["code"]]
    layers += [params["decoder"]["layer_0"], params["decoder"]["layer_1"], params["output"]]
    assert [layer["kernel"].shape[1] for layer in layers] == [5, 4, 3, 4, 5, 7]


def test_answers_of_raw_rows_are_the_places_of_categories_and_the_rows_error():
    net = network(hidden=())
    columns, variables = made(net)
    packed = {HEAD.name: np.array([[3, 2, 0, 1], [np.nan, 6, 2, np.nan]], np.float32)}
    target = applied(net, variables, packed, method="preprocess_target")[HEAD.name]
    np.testing.assert_array_equal(target, [[1, 0, 0, 1], [np.nan, 1, 2, np.nan]])
    answers = applied(net, variables, RAW, method="predict")
    outputs = applied(net, variables, columns, train=False)
    expected = by_hand(np.asarray(outputs[HEAD.name]), np.asarray(target))
    np.testing.assert_allclose(answers["error"], expected, rtol=1e-5)
    np.testing.assert_array_equal(answers["row"], [[1, 0, 0, 1], [-0.5, 1, 2, -1]])
    np.testing.assert_array_equal(
        answers[HEAD.name][:, 2], np.argmax(outputs[HEAD.name][:, 2:5], 1)
    )
    np.testing.assert_array_equal(answers[HEAD.name][:, 3], np.argmax(outputs[HEAD.name][:, 5:], 1))
    np.testing.assert_array_equal(answers["code"], outputs["code"])


def test_the_two_halves_drop_units_of_their_own():
    net = network(hidden=(64,), dropout=0.5)
    columns, variables = made(net)
    rngs = {"dropout": jax.random.key(1)}
    _, state = applied(
        net,
        variables,
        columns,
        train=True,
        rngs=rngs,
        capture_intermediates=True,
        mutable=("intermediates",),
    )
    # Of what relu let through in neither row, nothing can be told; the rest is dropped by each
    # half's own mask.
    first, second = (
        np.asarray(state["intermediates"][name]["__call__"][0]) for name in ("body", "decoder")
    )
    assert (first == 0).any() and (second == 0).any() and ((first == 0) != (second == 0)).any()

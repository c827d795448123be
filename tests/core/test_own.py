"""Own code where it is imported: what it makes, and its mistakes in one line."""

from __future__ import annotations

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from nets.heads import HeadShape
from train.config.imported import Imported
from train.config.optim_options import Optim
from train.config.options import Config
from train.config.own_net import own_net
from train.config.table_options import Table
from train.core.network import make_network
from train.core.optim import make_optimizer
from train.core.own import body_of, loss_of
from train.core.tasks import make_tasks, row_losses
from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.errors import UserError

HERE = "tests.own_nets"
ROWS = np.arange(8, dtype=np.float32).reshape(4, 2) / 8


def given_back(path: str, **fields: object) -> jax.Array:
    """What the body of a module's path makes of four rows in training, traced alone."""
    body = body_of(own_net(f"{HERE}.{path}", fields))
    rngs = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    return jax.eval_shape(lambda: body.init_with_output(rngs, ROWS, train=True)[0])


def test_a_module_is_called_by_what_it_takes():
    assert given_back("Gated", hidden=3).shape == (4, 3)
    inner = Imported(f"{HERE}.Gated(hidden=5, activation=jax.nn.silu, rates=(0.5,))")
    assert given_back("Normed", inner=inner).shape == (4, 5)
    layers = Imported("flax.linen.Dense(features=2)"), Imported("jax.nn.relu")
    body = body_of(own_net("flax.linen.Sequential", {"layers": layers}))
    made, _ = jax.eval_shape(lambda: body.init_with_output(jax.random.key(0), ROWS, train=True))
    assert made.shape == (4, 2)
    layers = Imported(f"{HERE}.Gated(hidden=5)"), *layers[1:]
    body = body_of(own_net("flax.linen.Sequential", {"layers": layers}))
    made, _ = jax.eval_shape(lambda: body.init_with_output(jax.random.key(0), ROWS, train=False))
    assert made.shape == (4, 5)
    body = body_of(own_net(f"{HERE}.Normed", {"inner": inner}))
    assert body.module.inner.activation is nn.silu and body.module.inner.rates == (0.5,)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("Mean", r"Mean: ValueError: gives \(\) of features \(4, 2\); expected as many rows"),
        ("Broken", r"Broken \(own_nets.py line \d+\): AttributeError: .*no_such_thing"),
        ("Missing", r"Missing cannot be imported from .*no attribute 'Missing'.*PYTHONPATH"),
        ("total", r"total: TypeError: total\(\) missing 2 required"),
    ],
)
def test_a_mistake_in_a_module_is_one_line(path, line):
    with pytest.raises(UserError, match=rf"^config.net: {HERE}.{line}") as raised:
        given_back(path)
    assert "\n" not in str(raised.value)


def test_an_own_loss_is_of_numbers_and_of_classes():
    heads = (HeadShape("y", "regression", 1), HeadShape("k", "binary", 1))
    numbers, classes = (
        make_tasks(heads, Imported(f"{HERE}.{name}"))[place : place + 1]
        for place, name in enumerate(("asymmetric(over=3.0)", "hinge"))
    )
    outputs = {"y": np.float32([[1], [-1]]), "k": np.float32([[2], [0.5]])}
    target = {"y": np.float32([[0], [0]]), "k": np.int32([1, 0])}
    assert row_losses(numbers, outputs, target).tolist() == [3, 1]
    assert row_losses(classes, outputs, target).tolist() == [0, 1.5]
    gaps = (numbers[0]._replace(gaps=True),)
    assert row_losses(gaps, outputs, {"y": np.float32([[np.nan], [0]])}).tolist() == [0, 1]
    with pytest.raises(UserError, match=r"config.loss: .*total gives an array \(\) of outputs"):
        loss_of(Imported(f"{HERE}.total"))(outputs["y"], target["y"])


def test_an_own_optimizer_is_that_of_optax_with_clipping_and_rates():
    name = Imported(f"{HERE}.halved_sgd(learning_rate=0.5)")
    options = Optim(name=name, clip_norm=1.0, rates={"bias": 0.1})
    optimizer = make_optimizer(options, 10)
    params = {"kernel": np.zeros(2, np.float32), "bias": np.zeros(2, np.float32)}
    grads = {"kernel": np.float32([3, 0]), "bias": np.float32([0, 4])}
    updates, _ = optimizer.update(grads, optimizer.init(params), params, plateau=None)
    np.testing.assert_allclose(updates["kernel"], [-0.25 * 3 / 5, 0], rtol=1e-6)
    np.testing.assert_allclose(updates["bias"], [0, -0.25 * 0.1 * 4 / 5], rtol=1e-6)
    with pytest.raises(UserError, match=r"config.optim: optax.sgd: TypeError: .*learning_rate"):
        make_optimizer(Optim(name=Imported("optax.sgd")), 10)
    with pytest.raises(UserError, match=r"config.optim: .*total: TypeError"):
        make_optimizer(Optim(name=Imported(f"{HERE}.total")), 10)
    assert isinstance(optimizer, optax.GradientTransformationExtraArgs)


@pytest.mark.parametrize("loss", ["mse", "poisson", "gamma", "negative_binomial", "zero_inflated"])
def test_counts_of_an_own_net_are_answered_by_their_mean_not_its_logarithm(loss):
    head = Head("y", "regression", ("y",), (), 1)
    encoder = TableEncoder((Column("x", "number"),), (Column("y", "number"),), (head,))
    net = own_net(f"{HERE}.Gated", {"hidden": 3})
    config = Config(data=Table(path="t.csv", target="y"), net=net, loss=loss)
    network, _ = make_network(config, encoder)
    columns = {"numbers": ROWS[:, :1]}
    inputs = {"fill": np.zeros(1), "center": np.zeros(1), "scale": np.ones(1)}
    target = {"center": np.full(1, 4.0), "scale": np.ones(1)}
    statistics = {"inputs": inputs, "targets": {"y": target}}

    def answer() -> tuple[jax.Array, jax.Array]:
        rngs = {"params": jax.random.key(0)}
        variables = {"statistics": statistics}
        outputs, fresh = network.apply(
            variables, columns, train=False, rngs=rngs, mutable=["params", "batch_stats"]
        )
        answers = network.apply({**fresh, **variables}, outputs, method="postprocess")
        return answers["y"], outputs["y"]

    answers, outputs = jax.jit(answer)()
    wanted = outputs + 4 if loss == "mse" else np.exp(outputs)
    np.testing.assert_allclose(answers, wanted, rtol=1e-5)

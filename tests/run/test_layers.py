"""The table of layers before training: what flax makes of the same net, by its own tabulate."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

import nets
from train.config import LSTM, Config, Table
from train.run.layers import is_scaled, layer_lines, recorded_layers


def program(*tasks, net=None, **data):
    config = Config(net=net or LSTM(), data=Table(**data))
    return SimpleNamespace(config=config, tasks=tasks)


def task(loss, kind="regression"):
    return SimpleNamespace(loss=loss, head=SimpleNamespace(kind=kind))


def test_layers_have_the_shapes_and_sizes_that_arithmetic_gives():
    net = nets.LSTM(hidden=(5, 3), bidirectional=True)
    with recorded_layers() as layers:
        variables = jax.eval_shape(
            lambda: net.init(jax.random.key(0), jnp.zeros((2, 7, 4)), jnp.array([7, 2]))
        )
    lines = layer_lines(layers, variables["params"], program(task("mse")))
    # Four gates of 5 units read 4 numbers and 5 states, in two directions; then 3 units read 10.
    first = 2 * (4 * 5 * (4 + 5) + 4 * 5)
    second = 2 * (4 * 3 * (10 + 3) + 4 * 3)
    n_all = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(variables["params"]))
    assert n_all == first + second
    assert lines[0].startswith(f"net: LSTM, {n_all:,} parameters; loss: mse of scaled targets")
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines[1:]) == n_all


def test_members_are_counted_once_and_long_nets_are_cut():
    params = {f"layer_{i}": {"kernel": np.zeros((3, 2, 4))} for i in range(15)}
    lines = layer_lines([], params, program(task("crossentropy", "binary")), 3)
    assert lines[0] == "net: LSTM, 120 parameters; loss: crossentropy"
    assert len(lines) == 14 and lines[-1] == "  and 3 more layers"
    assert lines[1].split() == ["layer_0", "8"]


def test_a_loss_of_scaled_targets_is_said_where_it_is_one():
    assert is_scaled(program(task("mse")))
    assert not is_scaled(program(task("poisson")))
    assert not is_scaled(program(task("gamma")))
    assert not is_scaled(program(task("mse"), target_scaling="none"))
    assert not is_scaled(program(task("binary_crossentropy", "binary")))

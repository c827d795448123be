"""Updates and rounds on the first device, against the CPU's, from one state."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from accelerator_sides import assert_same_answer
from core_runs import ALL, make_run
from marks import slow

from train.config.options import Config, Optim, Train
from train.core.program import Data
from train.core.rounds import train_round
from train.core.state import State

pytestmark = pytest.mark.accelerator

OPTIMIZERS: dict[str, Optim] = {
    "rmsprop": Optim("rmsprop", learning_rate=1e-2),
    "rmsprop_momentum": Optim("rmsprop", learning_rate=1e-2, momentum=0.5),
    "adam": Optim("adam", learning_rate=1e-2),
    "sgd": Optim("sgd", learning_rate=1e-1),
    "penalties": Optim("adam", learning_rate=1e-2, l1=1e-3, l2=1e-2),
    "decay": Optim("adam", learning_rate=1e-2, weight_decay=1e-2),
    "cosine": Optim("rmsprop", learning_rate=1e-2, schedule="cosine"),
    "average": Optim("rmsprop", learning_rate=1e-2, ema=0.9),
    "clipped": Optim("adam", learning_rate=1e-2, clip_norm=0.1),
}
PRECISIONS = ["highest", *slow("default")]


def assert_same_round(program: Any, data: Data, state: State, precision: str) -> None:
    """The state after a round of two epochs and what it logs, weights and statistics alike."""

    def one_round(data: Data, state: State) -> Any:
        state, log = train_round(program, data, state)
        return state.weights, state.step, log["train_loss"], log["valid_loss"]

    assert_same_answer(precision, one_round, data, state)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["rmsprop", *slow(*[n for n in OPTIMIZERS if n != "rmsprop"])])
def test_a_round_of_every_optimizer(name, precision):
    config = Config(optim=OPTIMIZERS[name], train=Train(epochs=4, batch_size=5, eval_every=2))
    assert_same_round(*make_run(config), precision)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "body",
    [{"dropout": 0.3}, {"norm": "batch"}, {"norm": "layer"}, {"hidden": (8, 8), "residual": True}],
    ids=lambda body: next(iter(body)) + "_" + str(next(iter(body.values()))),
)
def test_a_round_of_every_part_of_a_dense_net(body, precision):
    config = Config(train=Train(epochs=4, batch_size=5, eval_every=2))
    assert_same_round(*make_run(config, **body), precision)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_round_with_heads_of_every_kind(precision):
    config = Config(train=Train(epochs=4, batch_size=5, eval_every=2))
    assert_same_round(*make_run(config, ALL), precision)


@pytest.mark.slow
def test_the_same_device_gives_the_same_bits_twice():
    program, data, state = make_run(Config(train=Train(epochs=4, batch_size=5)))
    one_round = jax.jit(partial(train_round, program))
    first = one_round(data, state)
    second = one_round(data, jax.tree.map(jnp.copy, state))
    same = jax.tree.map(lambda a, b: bool(jnp.array_equal(a, b, equal_nan=False)), first, second)
    assert all(jax.tree.leaves(same))

"""A small run of `train.core`: its program, its arrays and its state, to test the modules with."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nets
from train.config.options import Config, Optim, Train
from train.core.optim import make_optimizer
from train.core.program import Data, Program
from train.core.state import State, init_state
from train.core.step import update
from train.core.tasks import make_tasks
from train.core.weights import Weights
from train.data.dataset import Batch
from train.data.table.dataset import TableDataset

VALUE = nets.HeadShape("value", "regression", 2)
KIND = nets.HeadShape("kind", "multiclass", 3)
SEX = nets.HeadShape("sex", "binary", 1)
ALL = (VALUE, KIND, SEX)
N = 31


SGD = Optim("sgd", learning_rate=1.0)


def make_run(
    config: Config | None = None,
    heads: tuple[nets.HeadShape, ...] = (VALUE,),
    n_train: int = 23,
    n_valid: int = 8,
    seed: int = 0,
    members: int | None = None,
    **body: Any,
) -> tuple[Program, Data, State]:
    """A small table, split in a mixed order, with weights that differ from row to row."""
    config = config or Config(train=Train(epochs=4, batch_size=5))
    random = np.random.default_rng(1)
    numbers = random.normal(size=(N, 3)).astype(np.float32)
    value = numbers[:, :2] * [2, -1] + 0.1 * random.normal(size=(N, 2))
    target = {
        "value": jnp.asarray(value, jnp.float32),
        "kind": jnp.asarray(numbers.argmax(1), jnp.int32),
        "sex": jnp.asarray(numbers[:, 0] > numbers[:, 1], jnp.int32),
    }
    order = random.permutation(N).astype(np.int32)
    one = jnp.ones(2)
    zero = jnp.zeros(2)
    scales = {"value": {"center": zero + 3, "scale": one * 2, "low": zero - 99, "high": one * 99}}
    statistics = {"inputs": {}, "targets": scales | {"kind": {"rate": one}, "sex": {"rate": one}}}
    weight = jnp.asarray(random.uniform(0.5, 2, N), jnp.float32)
    train_weight = jnp.asarray(random.uniform(0.5, 2, N), jnp.float32)
    data = Data(
        arrays=Batch(
            {"numbers": jnp.asarray(numbers)}, {h.name: target[h.name] for h in heads}, weight
        ),
        train_weight=train_weight,
        train=jnp.asarray(order[:n_train]),
        valid=jnp.asarray(order[n_train : n_train + n_valid]),
        statistics=statistics,
        key=jax.random.key(seed),
        mean_weight=train_weight[order[:n_train]].mean(),
    )
    net = config.net
    body = {"hidden": (8,), "activation": "tanh", "dropout": net.dropout, "norm": net.norm} | body
    network = nets.Network(
        nets.Inputs(),
        nets.Dense(**body),
        nets.Heads(heads, members=members),
        scaling="none",
        adapter=None if members is None else nets.Adapter(members),
    )
    n_steps = -(-n_train // config.train.batch_size)
    total = n_steps * config.train.epochs
    optimizer = make_optimizer(config.optim, total)
    program = Program(
        network,
        TableDataset.take,
        make_tasks(heads, config.loss),
        optimizer,
        config,
        total,
        n_steps,
    )
    shapes = jax.eval_shape(
        partial(
            network.apply, train=False, rngs={"params": data.key}, mutable=["params", "batch_stats"]
        ),
        {"statistics": statistics},
        data.arrays.inputs,
    )[1]
    # Drawn by numpy, for no initialiser need be compiled here; positive ones for the variances of
    # batch normalisation.
    drawn = jax.tree.map(
        lambda s: jnp.asarray(np.abs(random.normal(size=s.shape)), s.dtype), shapes
    )
    drawn["params"] = jax.tree.map(
        lambda s: jnp.asarray(0.5 * random.normal(size=s.shape), s.dtype), shapes["params"]
    )
    weights = Weights(drawn["params"], drawn.get("batch_stats", {}))
    return program, data, init_state(weights, optimizer, average=config.optim.ema > 0)


def plain_loss(
    program: Program, data: Data, params: Any, rows: np.ndarray, weight_b: Any
) -> jax.Array:
    """The sum of weight times loss over rows times mean weight, each head's loss written out."""
    outputs = program.network.apply(
        {"params": params, "statistics": data.statistics},
        {"numbers": data.arrays.inputs["numbers"][rows]},
        train=False,
    )
    target = {name: array[rows] for name, array in data.arrays.target.items()}
    losses_b = jnp.zeros(len(rows))
    for head in program.network.output.heads:
        o = outputs[head.name]
        t = target[head.name]
        if head.kind == "regression":
            losses_b += jnp.mean((o - t) ** 2, 1)
        elif head.kind == "binary":
            losses_b += jnp.logaddexp(0.0, jnp.where(t == 1, -o[:, 0], o[:, 0]))
        else:
            losses_b += jax.nn.logsumexp(o, axis=1) - o[jnp.arange(len(t)), t]
    return (losses_b * weight_b).sum() / (len(rows) * data.mean_weight)


def updated(
    program: Program, data: Data, state: State, batch: Batch, n_rows: int | None = None
) -> tuple[State, dict[str, jax.Array]]:
    """After an update on a batch of which the first `n_rows` are real; None: all are."""
    mask_b = jnp.arange(len(batch.weight)) < (len(batch.weight) if n_rows is None else n_rows)
    return jax.jit(partial(update, program))(data, state, batch, mask_b.astype(jnp.float32))


def assert_trees_close(ours: Any, wanted: Any, **tolerance: float) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), ours, wanted)


def assert_same_bits(ours: Any, wanted: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(wanted)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(ours), jax.tree.leaves(wanted), strict=True
    ):
        assert a.dtype == b.dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), jax.tree_util.keystr(path)

"""Updates, epochs, evaluations and rounds, against plain loops and hand-made sequences."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nets
from train.config.net_options import Dense
from train.config.options import Augment, Config, Optim, Train
from train.core import forward, rounds, step
from train.core.batching import epoch_rows
from train.core.forward import evaluate_split
from train.core.optim import make_optimizer
from train.core.program import Data, Program
from train.core.rounds import run_rounds, train_round
from train.core.state import State, init_state
from train.core.step import train_epoch, update
from train.core.tasks import make_tasks
from train.core.weights import Weights
from train.data.dataset import Batch
from train.data.table.dataset import TableDataset

VALUE = nets.HeadShape("value", "regression", 2)
KIND = nets.HeadShape("kind", "multiclass", 3)
SEX = nets.HeadShape("sex", "binary", 1)
ALL = (VALUE, KIND, SEX)
N = 31


def make_run(
    config: Config | None = None,
    heads: tuple[nets.HeadShape, ...] = (VALUE,),
    n_train: int = 23,
    n_valid: int = 8,
    seed: int = 0,
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
    data = Data(
        arrays=Batch(
            {"numbers": jnp.asarray(numbers)}, {h.name: target[h.name] for h in heads}, weight
        ),
        train_weight=jnp.asarray(random.uniform(0.5, 2, N), jnp.float32),
        train=jnp.asarray(order[:n_train]),
        valid=jnp.asarray(order[n_train : n_train + n_valid]),
        statistics=statistics,
        key=jax.random.key(seed),
    )
    net = config.net
    body = {"hidden": (8,), "activation": "tanh", "dropout": net.dropout, "norm": net.norm} | body
    network = nets.Network(nets.Inputs(), nets.Dense(**body), nets.Heads(heads), scaling="none")
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
    """The weighted mean over these rows and no others, each head's loss written out."""
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
    return (losses_b * weight_b).sum() / weight_b.sum()


def updated(
    program: Program, data: Data, state: State, batch: Batch
) -> tuple[State, dict[str, jax.Array]]:
    return jax.jit(partial(update, program))(data, state, batch)


def assert_trees_close(ours: Any, wanted: Any, **tolerance: float) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), ours, wanted)


def assert_same_bits(ours: Any, wanted: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(wanted)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(ours), jax.tree.leaves(wanted), strict=True
    ):
        assert a.dtype == b.dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), jax.tree_util.keystr(path)


SGD = Optim("sgd", learning_rate=1.0)


@pytest.mark.parametrize("n_padding", [0, 1, 9])
def test_an_update_follows_the_gradient_of_the_plain_mean(n_padding: int) -> None:
    """Whatever fills the batch up, also numbers that would dominate any sum they got into."""
    program, data, state = make_run(Config(optim=SGD), ALL)
    rows = np.arange(7)
    batch = TableDataset.take(data.arrays, rows)
    batch = jax.tree.map(
        lambda a: jnp.concatenate([a, jnp.full((n_padding, *a.shape[1:]), 1000, a.dtype)]), batch
    )
    batch.target["kind"] = batch.target["kind"].clip(0, 2)  # past the last class there is no loss
    weight_b = data.train_weight[rows]
    after, sums = updated(
        program,
        data,
        state,
        batch._replace(weight=jnp.concatenate([weight_b, jnp.zeros(n_padding)])),
    )
    gradient_of = jax.jit(jax.value_and_grad(partial(plain_loss, program, data)))
    loss, gradient = gradient_of(state.weights.params, rows, weight_b)
    moved = jax.tree.map(jnp.subtract, state.weights.params, after.weights.params)
    assert_trees_close(moved, gradient, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sums["loss"] / sums["weight"], loss, rtol=1e-6)
    np.testing.assert_allclose(sums["weight"], weight_b.sum(), rtol=1e-6)
    assert int(after.step) == 1


@pytest.mark.parametrize("batch_size", [1, 5, 23, 64])
def test_an_epoch_is_a_loop_of_plain_steps_over_its_batches(batch_size: int) -> None:
    config = Config(
        optim=Optim("sgd", learning_rate=0.1), train=Train(epochs=4, batch_size=batch_size)
    )
    program, data, state = make_run(config)
    after, sums = jax.jit(partial(train_epoch, program))(data, state)
    rows_sb, mask_sb = epoch_rows(program, data, jnp.int32(0))
    params = state.weights.params
    total = 0.0
    weight = 0.0
    gradient = jax.jit(jax.value_and_grad(partial(plain_loss, program, data)))
    for rows_b, mask_b in zip(np.asarray(rows_sb), np.asarray(mask_sb), strict=True):
        rows = rows_b[mask_b == 1]  # the last batch of 23 rows has three, of one batch size
        loss, g = gradient(params, rows, data.train_weight[rows])
        params = jax.tree.map(lambda w, g: w - 0.1 * g, params, g)
        total += float(loss * data.train_weight[rows].sum())
        weight += float(data.train_weight[rows].sum())
    assert_trees_close(after.weights.params, params, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose([sums["loss"], sums["weight"]], [total, weight], rtol=1e-5)
    assert int(after.step) == -(-23 // batch_size)


def test_padding_never_carries_another_rows_infinity_into_the_sum() -> None:
    """Row 0, which padding might point at, is here a row outside of the split with a loss of
    infinity.
    """
    program, data, state = make_run()
    target = data.arrays.target | {"value": data.arrays.target["value"].at[0].set(1e30)}
    train = jnp.where(data.train == 0, data.valid[0], data.train)
    data = dataclasses.replace(
        data, arrays=data.arrays._replace(target=target), train=train, valid=train[:7]
    )
    after, sums = jax.jit(partial(train_epoch, program))(data, state)
    assert np.isfinite(sums["loss"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.weights.params))


def test_padding_of_an_evaluation_is_as_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "EVALUATION_ROWS", 5)
    program, data, state = make_run()
    target = data.arrays.target | {"value": data.arrays.target["value"].at[0].set(1e30)}
    data = dataclasses.replace(data, arrays=data.arrays._replace(target=target))
    _, sums = jax.jit(partial(evaluate_split, program))(data, state.weights, jnp.arange(1, 8))
    assert np.isfinite(sums["loss"])


@pytest.mark.parametrize(
    ("n_train", "batch_size"), [(1, 1), (1, 7), (20, 5), (23, 5), (23, 23), (23, 24), (7, 1)]
)
def test_an_epoch_takes_every_training_row_once(n_train: int, batch_size: int) -> None:
    program, data, _ = make_run(
        Config(train=Train(epochs=1, batch_size=batch_size)), n_train=n_train
    )
    epochs = jnp.concatenate([jnp.arange(30), jnp.array([10**6, 2**31 - 1])])
    rows_esb, mask_esb = jax.vmap(partial(epoch_rows, program, data))(epochs)
    assert rows_esb.shape == mask_esb.shape == (32, -(-n_train // batch_size), batch_size)
    for rows, real in zip(
        np.asarray(rows_esb).reshape(32, -1), np.asarray(mask_esb).reshape(32, -1), strict=True
    ):
        np.testing.assert_array_equal(np.sort(rows[real == 1]), np.sort(data.train))
        np.testing.assert_array_equal(real, np.arange(len(real)) < n_train)
        assert set(rows[real == 0]) <= {rows[n_train - 1]}


def test_orders_differ_between_epochs_and_seeds_and_come_back() -> None:
    program, data, _ = make_run()
    rows_of = jax.jit(partial(epoch_rows, program))
    orders = {}
    for seed in (0, 1):
        seeded = dataclasses.replace(data, key=jax.random.key(seed))
        for epoch in (0, 1, 2, 1000):
            orders[seed, epoch] = tuple(np.ravel(rows_of(seeded, jnp.int32(epoch))[0]))
    assert len(set(orders.values())) == 8
    assert tuple(np.ravel(rows_of(data, jnp.int32(2))[0])) == orders[0, 2]


def test_every_row_comes_at_every_place_equally_often() -> None:
    config = Config(train=Train(epochs=1, batch_size=8))
    program, data, _ = make_run(config)
    data = dataclasses.replace(data, train=jnp.arange(8, dtype=jnp.int32))
    program = dataclasses.replace(program, steps_per_epoch=1)
    n = 4000
    orders = np.asarray(
        jax.vmap(lambda epoch: epoch_rows(program, data, epoch)[0][0])(jnp.arange(n))
    )
    counts = np.array([[(orders[:, place] == row).sum() for row in range(8)] for place in range(8)])
    chi_square = ((counts - n / 8) ** 2 / (n / 8)).sum()
    assert abs(chi_square - 49) < 5 * np.sqrt(2 * 49)  # 7 x 7 degrees of freedom
    # A row and the next one side by side: by chance, 1 in 8.
    follows = (orders[:, 1:] - orders[:, :-1] == 1).mean()
    assert abs(follows - 1 / 8) < 0.01


def test_the_schedule_of_dropout_ends_in_none() -> None:
    net = Dense(dropout=0.6, dropout_schedule="flat_cosine")
    program, data, state = make_run(Config(net=net, optim=SGD))
    plain, _, _ = make_run(Config(optim=SGD))
    batch = TableDataset.take(data.arrays, np.arange(9))
    at_end = dataclasses.replace(state, step=jnp.int32(program.total_steps))
    ours, wanted = (updated(p, data, at_end, batch)[0].weights.params for p in (program, plain))
    assert_trees_close(ours, wanted, rtol=1e-5, atol=1e-6)
    constant, _, _ = make_run(Config(net=Dense(dropout=0.6), optim=SGD))
    ours, wanted = (updated(p, data, state, batch)[0].weights.params for p in (program, constant))
    assert_trees_close(ours, wanted, rtol=1e-5, atol=1e-6)  # full at the start
    undropped = updated(plain, data, state, batch)[0].weights.params
    assert not np.allclose(
        ours["body"]["layer_0"]["kernel"], undropped["body"]["layer_0"]["kernel"]
    )


def test_dropout_is_another_at_every_step_and_seed() -> None:
    program, data, state = make_run(Config(net=Dense(dropout=0.5), optim=SGD))
    batch = TableDataset.take(data.arrays, np.arange(9))
    other = dataclasses.replace(data, key=jax.random.key(1))
    cases = [(data, 0), (data, 1), (data, 1000), (other, 0)]
    call = jax.jit(partial(update, program))
    losses = [float(call(d, state.replace(step=jnp.int32(i)), batch)[1]["loss"]) for d, i in cases]
    assert len(set(losses)) == 4
    assert float(call(data, state, batch)[1]["loss"]) == losses[0]


def test_augmentation_is_of_training_rows_in_training_alone() -> None:
    """Rows are mixed with training rows only: spoiling all others changes nothing, and no
    evaluation is varied.
    """
    options = Augment(noise=0.3, swap=0.3, drop=0.2, mixup=1.0)
    program, data, state = make_run(Config(optim=SGD, augment=options), ALL)
    plain, _, _ = make_run(Config(optim=SGD), ALL)
    data.statistics["inputs"] |= {"mean": jnp.zeros(3), "spread": jnp.ones(3)}
    judged = [
        jax.jit(partial(evaluate_split, p))(data, state.weights, data.valid)[1]["loss"]
        for p in (program, plain)
    ]
    assert float(judged[0]) == float(judged[1])
    spoiled = jax.tree.map(lambda array: array.at[data.valid].set(array.dtype.type(2)), data.arrays)
    call = jax.jit(partial(train_epoch, program))
    (after, sums) = call(data, state)
    (again, _) = call(dataclasses.replace(data, arrays=spoiled), state)
    assert_same_bits(after, again)
    # Shares of two rows: in all as much weight as if each row were one.
    assert float(sums["loss"]) != float(train_epoch(plain, data, state)[1]["loss"])
    assert 0.6 < float(sums["weight"] / data.train_weight[data.train].sum()) < 1.6


def test_mixed_targets_weigh_in_their_shares() -> None:
    """Mixing two constant columns of targets: the loss lies between those of the two, by the share
    drawn.
    """
    options = Augment(mixup=1.0)
    program, data, state = make_run(Config(optim=SGD, augment=options), n_train=2)
    ones = data.replace(train_weight=jnp.ones(N))
    batch = TableDataset.take(data.arrays, data.train)._replace(weight=jnp.ones(2))
    first, second = step._varied(program, ones, jnp.int32(3), batch)
    np.testing.assert_allclose(first.weight + second.weight, 1, rtol=1e-6)
    _, sums = updated(program, ones, state.replace(step=jnp.int32(3)), batch)
    outputs = program.network.apply(
        state.weights.variables(data.statistics), first.inputs, train=False
    )["value"]
    wanted = sum(
        ((np.asarray(outputs) - np.asarray(b.target["value"])) ** 2).mean(1) @ np.asarray(b.weight)
        for b in (first, second)
    )
    np.testing.assert_allclose(sums["loss"], wanted, rtol=1e-5)
    assert 0.02 < float(first.weight[0]) < 0.98


def test_penalties_move_weights_and_are_logged_apart() -> None:
    program, data, state = make_run(Config(optim=Optim("sgd", learning_rate=0.1, l1=0.01, l2=0.02)))
    plain, _, _ = make_run(Config(optim=Optim("sgd", learning_rate=0.1)))
    batch = TableDataset.take(data.arrays, np.arange(9))
    (ours, sums), (without, plain_sums) = (updated(p, data, state, batch) for p in (program, plain))
    kernel = np.asarray(state.weights.params["body"]["layer_0"]["kernel"])
    difference = (
        without.weights.params["body"]["layer_0"]["kernel"]
        - ours.weights.params["body"]["layer_0"]["kernel"]
    )
    np.testing.assert_allclose(
        difference, 0.1 * (0.01 * np.sign(kernel) + 0.04 * kernel), rtol=1e-3, atol=1e-6
    )
    np.testing.assert_array_equal(
        without.weights.params["body"]["layer_0"]["bias"],
        ours.weights.params["body"]["layer_0"]["bias"],
    )
    every = [np.asarray(w) for path, w in jax.tree_util.tree_leaves_with_path(state.weights.params)
             if path[-1].key == "kernel"]  # fmt: skip
    wanted = sum(0.01 * np.abs(w).sum() + 0.02 * (w**2).sum() for w in every)
    np.testing.assert_allclose(sums["penalty"], wanted, rtol=1e-5)
    np.testing.assert_allclose(sums["loss"], plain_sums["loss"], rtol=1e-6)
    assert float(plain_sums["penalty"]) == 0


def test_norms_of_gradients_are_logged_by_layer() -> None:
    config = Config(optim=SGD, train=Train(epochs=4, batch_size=5, gradient_norms=True))
    program, data, state = make_run(config)
    batch = TableDataset.take(data.arrays, np.arange(9))
    after, sums = updated(program, data, state, batch)
    moved = jax.tree.map(jnp.subtract, state.weights.params, after.weights.params)
    wanted = {
        "body.layer_0": np.linalg.norm(moved["body"]["layer_0"]["kernel"]),
        "output.head_0_value": np.linalg.norm(moved["output"]["head_0_value"]["kernel"]),
    }
    assert set(sums["gradient_norms"]) == set(wanted)
    for name, norm in wanted.items():
        np.testing.assert_allclose(sums["gradient_norms"][name], norm, rtol=1e-4)
    _, epoch = jax.jit(partial(train_epoch, program))(data, state)
    _, log = jax.jit(partial(train_round, program))(data, state)
    for name in wanted:
        np.testing.assert_allclose(
            log["gradient_norms"][name], epoch["gradient_norms"][name] / 5, rtol=1e-5
        )


def test_smoothing_is_for_training_alone() -> None:
    (smooth, data, state) = make_run(Config(label_smoothing=0.3), (SEX,))
    (plain, _, _) = make_run(heads=(SEX,))
    batch = TableDataset.take(data.arrays, np.arange(9))
    trained = [float(updated(p, data, state, batch)[1]["loss"]) for p in (smooth, plain)]
    assert abs(trained[0] - trained[1]) > 0.1
    judged = [
        jax.jit(partial(evaluate_split, p))(data, state.weights, data.valid)[1]["loss"]
        for p in (smooth, plain)
    ]
    assert float(judged[0]) == float(judged[1])


def test_average_is_that_of_the_weights_after_each_update() -> None:
    config = Config(optim=Optim("sgd", learning_rate=0.1, ema=0.8))
    program, data, state = make_run(config)
    assert_same_bits(state.average, state.weights.params)
    average = jax.tree.map(np.asarray, state.average)
    call = jax.jit(partial(update, program))
    for i in range(3):
        state, _ = call(data, state, TableDataset.take(data.arrays, np.arange(i, i + 5)))
        average = jax.tree.map(
            lambda a, w: 0.8 * a + 0.2 * np.asarray(w), average, state.weights.params
        )
    assert_trees_close(state.average, average, rtol=1e-5, atol=1e-6)
    assert forward.evaluation_weights(program, state).params is state.average


def test_without_an_average_the_weights_themselves_are_judged() -> None:
    program, _, state = make_run()
    assert state.average == {}
    assert forward.evaluation_weights(program, state) is state.weights


@pytest.mark.parametrize("block", [1, 3, 8, 4096])
def test_evaluation_is_numpys_whatever_the_size_of_its_blocks(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "EVALUATION_ROWS", block)
    program, data, state = make_run(heads=ALL)
    answers, sums = jax.jit(partial(evaluate_split, program))(data, state.weights, data.valid)
    rows = np.asarray(data.valid)
    numbers = np.asarray(data.arrays.inputs["numbers"], np.float64)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), state.weights.params)
    hidden = np.tanh(
        numbers[rows] @ params["body"]["layer_0"]["kernel"] + params["body"]["layer_0"]["bias"]
    )
    layers = [
        params["output"][f"head_{i}_{name}"] for i, name in enumerate(("value", "kind", "sex"))
    ]
    value, kind, sex = (hidden @ layer["kernel"] + layer["bias"] for layer in layers)
    probability = np.exp(kind) / np.exp(kind).sum(1, keepdims=True)
    np.testing.assert_allclose(answers["value"], value * 2 + 3, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answers["kind"], probability, rtol=1e-4)
    np.testing.assert_allclose(answers["sex"], 1 / (1 + np.exp(-sex[:, 0])), rtol=1e-4)
    target = {name: np.asarray(array)[rows] for name, array in data.arrays.target.items()}
    weight = np.asarray(data.arrays.weight, np.float64)[rows]
    squares = ((value - target["value"]) ** 2).mean(1)
    p_sex = np.where(target["sex"] == 1, 1, -1) * sex[:, 0]
    losses = squares - np.log(probability[np.arange(8), target["kind"]]) + np.log1p(np.exp(-p_sex))
    errors = (
        squares + (probability.argmax(1) != target["kind"]) + ((sex[:, 0] > 0) != target["sex"])
    )
    wanted = [(losses * weight).sum(), (errors * weight).sum(), weight.sum()]
    np.testing.assert_allclose([sums["loss"], sums["error"], sums["weight"]], wanted, rtol=1e-5)


def values_remembered(
    values: list[float], train: Train, optim: Optim | None = None
) -> tuple[list[tuple[float, int, int]], list[bool], State]:
    """(best value, best step, wait) and `stopped` after each of these evaluations, at steps 1, 2,
    ...
    """
    program, _, state = make_run(Config(optim=optim or Optim(), train=train))
    remember = jax.jit(partial(rounds.apply_evaluation, program))
    seen = []
    stopped = []
    for i, value in enumerate(values, 1):
        marked = jax.tree.map(lambda leaf, i=i: jnp.full_like(leaf, i), state.weights)
        state = remember(state.replace(step=jnp.int32(i), weights=marked), jnp.float32(value))
        seen.append((float(state.best.value), int(state.best.step), int(state.best.wait)))
        stopped.append(bool(state.stopped))
        for leaf in jax.tree.leaves(state.best.weights) if int(state.best.step) else ():
            np.testing.assert_array_equal(leaf, np.full_like(leaf, state.best.step))
    return seen, stopped, state


def test_the_lowest_value_is_remembered_with_its_step_and_weights() -> None:
    seen, stopped, _ = values_remembered([5, 3, 4, 2, 6], Train())
    assert seen == [(5, 1, 0), (3, 2, 0), (3, 2, 1), (2, 4, 0), (2, 4, 1)]
    assert not any(stopped)


def test_of_equal_values_the_later_weights_are_kept_and_patience_goes_on() -> None:
    seen, _, _ = values_remembered([3, 3, 4, 3], Train())
    assert seen == [(3, 1, 0), (3, 2, 1), (3, 2, 2), (3, 4, 3)]


def test_patience_counts_evaluations_without_a_lower_value() -> None:
    _, stopped, _ = values_remembered([5, 4, 4.5, 4.4, 4.3], Train(patience=3))
    assert stopped == [False, False, False, False, True]
    _, stopped, _ = values_remembered([5, 6, 4, 4.5, 3, 9], Train(patience=2))
    assert not any(stopped)
    _, stopped, _ = values_remembered([5, 6], Train(patience=1))
    assert stopped == [False, True]


def test_a_value_that_is_no_number_is_passed_over() -> None:
    nan = float("nan")
    seen, stopped, _ = values_remembered([nan, 5, nan, 4, nan, nan], Train(patience=2))
    assert seen[1:] == [(5, 2, 0), (5, 2, 1), (4, 4, 0), (4, 4, 1), (4, 4, 2)]
    assert stopped == [False, False, False, False, False, True]


def test_restoring_the_last_keeps_the_newest_weights_and_the_lowest_value() -> None:
    seen, stopped, _ = values_remembered([5, 3, 4, 6], Train(restore="last", patience=2))
    assert seen == [(5, 1, 0), (3, 2, 0), (3, 3, 1), (3, 4, 2)]
    assert stopped == [False, False, False, True]


def factors(values: list[float], patience: int) -> list[float]:
    optim = Optim(schedule="plateau", plateau_factor=0.5, plateau_patience=patience)
    return [
        float(values_remembered(values[: i + 1], Train(), optim)[2].plateau.factor)
        for i in range(len(values))
    ]


def test_a_plateau_cuts_the_rate_and_waits_anew() -> None:
    assert factors([5, 5, 5, 5, 5, 4, 4], patience=2) == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_a_plateau_without_patience_cuts_at_once_but_never_on_improvement() -> None:
    assert factors([5, 4, 4, 3, 3.5, float("nan"), 2], patience=0) == [
        1,
        1,
        0.5,
        0.5,
        0.25,
        0.125,
        0.125,
    ]


def test_the_factor_of_a_plateau_multiplies_the_step() -> None:
    program, data, state = make_run(
        Config(optim=Optim("sgd", learning_rate=0.1, schedule="plateau"))
    )
    batch = TableDataset.take(data.arrays, np.arange(9))
    cut = state.replace(plateau=state.plateau.replace(factor=jnp.float32(0.25)))
    full_step, cut_step = (
        jax.tree.map(
            jnp.subtract, updated(program, data, s, batch)[0].weights.params, state.weights.params
        )
        for s in (state, cut)
    )
    assert_trees_close(cut_step, jax.tree.map(lambda u: 0.25 * u, full_step), rtol=1e-3, atol=1e-6)


EVERYTHING = Config(
    net=Dense(dropout=0.2, dropout_schedule="flat_cosine", norm="batch"),
    optim=Optim(
        "rmsprop",
        0.01,
        momentum=0.5,
        schedule="plateau",
        plateau_patience=1,
        warmup=4,
        clip_norm=1.0,
        ema=0.9,
        l2=1e-3,
        weight_decay=0.01,
    ),
    train=Train(epochs=7, batch_size=5, eval_every=2),
)


def compile_rounds(
    program: Program, data: Data, state: State, counter: list[int] | None = None
) -> Any:
    """run_rounds as training compiles it, logs for four rounds and all; the state is donated."""
    _, log = jax.eval_shape(partial(train_round, program), data, state)

    def call(data: Data, state: State, n_rounds: jax.Array) -> tuple[State, Any, jax.Array]:
        if counter is not None:
            counter.append(1)
        logs = jax.tree.map(lambda leaf: jnp.zeros((4, *leaf.shape), leaf.dtype), log)
        return run_rounds(program, data, state, logs, n_rounds)

    return jax.jit(call, donate_argnums=1)


@pytest.fixture(scope="module")
def everything() -> tuple[Program, Data, State, Any, list[int]]:
    """A run with every option that keeps something in the state, its rounds, and how often they
    were compiled.
    """
    program, data, state = make_run(EVERYTHING, ALL)
    counter: list[int] = []
    return program, data, state, compile_rounds(program, data, state, counter), counter


def copy(state: State) -> State:
    """For a call to be donated."""
    return jax.tree.map(jnp.copy, state)


def test_rounds_grouped_in_any_way_end_in_the_same_bits(everything: Any) -> None:
    program, data, state, call, counter = everything
    together, logs, count = call(data, copy(state), jnp.int32(4))
    assert int(count) == 4 and int(together.step) == program.total_steps == 35
    np.testing.assert_array_equal(logs["step"], [10, 20, 30, 35])  # epochs 2, 4, 6 and the odd one
    apart = copy(state)
    lines = []
    for _ in range(4):
        apart, log, count = call(data, apart, jnp.int32(1))
        assert int(count) == 1
        lines.append(jax.tree.map(lambda leaf: np.asarray(leaf[0]), log))
    assert_same_bits(apart, together)
    assert_same_bits(jax.tree.map(lambda *leaves: np.stack(leaves), *lines), jax.device_get(logs))
    assert len(counter) == 1, "a second compilation"
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), together.average, state.average)
    assert min(jax.tree.leaves(moved)) > 0


def test_a_stopped_state_is_left_alone(everything: Any) -> None:
    _, data, state, call, _ = everything
    stopped = state.replace(stopped=jnp.array(True))
    after, _, count = call(data, copy(stopped), jnp.int32(4))
    assert int(count) == 0
    assert_same_bits(after, stopped)


def test_nothing_is_transferred_within_a_call(everything: Any) -> None:
    _, data, state, call, _ = everything
    state = copy(state)
    n_rounds = jnp.int32(3)
    call(data, copy(state), n_rounds)
    with jax.transfer_guard("disallow"):
        state, _, count = call(data, state, n_rounds)
        state.step.block_until_ready()
        with pytest.raises(jax.errors.JaxRuntimeError, match="Disallowed"):  # the guard is awake
            jnp.zeros(3) + np.ones(3)
    assert int(count) == 3


def test_training_lowers_the_loss_it_reports() -> None:
    program, data, state = make_run(
        Config(optim=Optim(learning_rate=0.01), train=Train(epochs=40, batch_size=5))
    )
    state, logs, _ = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert np.all(np.diff(logs["train_loss"]) < 0)
    assert float(state.best.value) == float(logs["valid_loss"].min())
    np.testing.assert_allclose(
        logs["valid_loss"][3],
        jax.jit(partial(plain_loss, program, data))(
            state.weights.params, data.valid, data.arrays.weight[data.valid]
        ),
        rtol=1e-5,
    )
    answers, _ = jax.jit(partial(evaluate_split, program))(data, state.weights, data.valid)
    for name, answer in answers.items():
        np.testing.assert_allclose(logs["answers"][name][3], answer, rtol=1e-5, atol=1e-6)


def test_patience_ends_a_call_in_the_middle() -> None:
    """At a rate of next to nothing no evaluation is better by more than rounding: patience runs
    out.
    """
    config = Config(
        optim=Optim("sgd", learning_rate=1e-30), train=Train(epochs=9, batch_size=23, patience=2)
    )
    program, data, state = make_run(config)
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert (int(count), int(state.step), bool(state.stopped), bool(state.diverged)) == (
        3,
        3,
        True,
        False,
    )
    np.testing.assert_array_equal(logs["step"], [1, 2, 3, 0])


@pytest.mark.parametrize("n_valid", [0, 8])
def test_a_loss_that_is_not_finite_stops_the_run(n_valid: int) -> None:
    config = Config(optim=Optim("sgd", learning_rate=1e20), train=Train(epochs=9, batch_size=5))
    program, data, state = make_run(config, heads=(VALUE,), n_valid=n_valid, activation="linear")
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(4))
    assert int(count) == 1
    assert bool(state.diverged) and bool(state.stopped)
    assert not np.isfinite(logs["train_loss"][0])


@pytest.mark.parametrize("n_valid", [0, 8])
def test_weights_spoilt_by_the_very_last_update_are_noticed(n_valid: int) -> None:
    config = Config(optim=Optim("sgd", learning_rate=3e38), train=Train(epochs=1, batch_size=23))
    program, data, state = make_run(config, heads=(VALUE,), n_valid=n_valid)
    data = dataclasses.replace(
        data, arrays=data.arrays._replace(target={"value": data.arrays.target["value"] * 100})
    )
    state, logs, _ = compile_rounds(program, data, state)(data, state, jnp.int32(1))
    assert np.isfinite(logs["train_loss"][0])
    assert bool(state.diverged)


def test_without_validation_rows_the_latest_weights_are_the_best() -> None:
    program, data, state = make_run(n_valid=0)
    state, logs, count = compile_rounds(program, data, state)(data, state, jnp.int32(3))
    assert int(count) == 3 and set(logs) == {"train_loss", "penalty", "step"}
    assert_same_bits(state.best.weights, state.weights)
    assert int(state.best.step) == int(state.step) == 15
    assert float(state.best.value) == float(logs["train_loss"][2])


def test_the_error_is_watched_where_it_is_asked_for() -> None:
    config = Config(train=Train(epochs=1, batch_size=23, monitor="error"))
    program, data, state = make_run(config, (SEX,))
    after, log = jax.jit(partial(train_round, program))(data, state)
    _, sums = jax.jit(partial(evaluate_split, program))(data, after.weights, data.valid)
    np.testing.assert_allclose(after.best.value, sums["error"] / sums["weight"], rtol=1e-6)
    assert float(after.best.value) != float(log["valid_loss"])


def test_leaves_of_a_fresh_state_share_no_buffer() -> None:
    """Donation of a buffer that stands in a state twice would be refused."""
    for config in (EVERYTHING, Config(optim=Optim("adam"))):
        _, _, state = make_run(config)
        leaves = [leaf for leaf in jax.tree.leaves(state) if leaf.size]
        assert len({leaf.unsafe_buffer_pointer() for leaf in leaves}) == len(leaves)
        assert not any(leaf.weak_type for leaf in leaves)

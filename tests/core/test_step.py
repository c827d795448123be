"""Updates and epochs, against plain loops and hand-made sums."""

from __future__ import annotations

import dataclasses
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_runs import (
    ALL,
    KIND,
    SEX,
    SGD,
    VALUE,
    N,
    assert_same_bits,
    assert_trees_close,
    make_run,
    plain_loss,
    updated,
)
from marks import slow

from train.config.net_options import Dense
from train.config.options import Augment, Config, Optim, Train
from train.core import step
from train.core.augment import augmented
from train.core.batch_parts import Parts
from train.core.batching import epoch_rows
from train.core.forward import evaluate_split
from train.core.rounds import train_round
from train.core.step import gradients, train_epoch, update
from train.data.table.dataset import TableDataset


@pytest.mark.parametrize("n_padding", [1, *slow(0, 9)])
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
        n_rows=7,
    )
    gradient_of = jax.jit(jax.value_and_grad(partial(plain_loss, program, data)))
    loss, gradient = gradient_of(state.weights.params, rows, weight_b)
    moved = jax.tree.map(jnp.subtract, state.weights.params, after.weights.params)
    assert_trees_close(moved, gradient, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sums["loss"] / (7 * data.mean_weight), loss, rtol=1e-6)
    np.testing.assert_allclose(sums["weight"], weight_b.sum(), rtol=1e-6)
    assert int(after.step) == 1


def test_the_average_moves_by_a_small_share_towards_the_new_weights() -> None:
    program, data, state = make_run(Config(optim=dataclasses.replace(SGD, ema=0.9)))
    after, _ = updated(program, data, state, TableDataset.take(data.arrays, np.arange(7)))
    wanted = jax.tree.map(
        lambda old, new: 0.9 * old + 0.1 * new, state.average, after.weights.params
    )
    assert_trees_close(after.average, wanted, rtol=1e-5, atol=1e-6)


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
        total += float(loss * len(rows) * data.mean_weight)
        weight += float(data.train_weight[rows].sum())
    assert_trees_close(after.weights.params, params, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose([sums["loss"], sums["weight"]], [total, weight], rtol=1e-5)
    assert int(after.step) == -(-23 // batch_size)


def test_a_row_of_weight_three_is_three_rows() -> None:
    """The gradient of all rows, and the mean of those of batches, by the same rows written out."""
    program, data, state = make_run(heads=ALL)
    times_n = np.array([3, 1, 1, 0, 2, 1, 3, 1, 1])
    mean = jnp.float32(times_n.mean())
    data = data.replace(train_weight=jnp.asarray(times_n, jnp.float32), mean_weight=mean)
    gradient_of = jax.jit(partial(step.gradients, program))

    def gradient(rows: np.ndarray) -> dict:
        batch = TableDataset.take(data.arrays, rows)
        batch = batch._replace(weight=data.train_weight[rows])
        return gradient_of(data, state, (batch,), jnp.float32(len(rows)))[0]

    repeated = np.repeat(np.arange(9), times_n)
    ones = jnp.ones(len(repeated))
    plain = data.replace(mean_weight=1.0)
    wanted_of = jax.jit(jax.grad(partial(plain_loss, program, plain)))
    wanted = wanted_of(state.weights.params, repeated, ones)
    assert_trees_close(gradient(np.arange(9)), wanted, rtol=1e-5, atol=1e-6)
    batches = [gradient(np.arange(i, i + 3)) for i in (0, 3, 6)]
    mean = jax.tree.map(lambda *leaves: sum(leaves) / 3, *batches)
    assert_trees_close(mean, wanted, rtol=1e-5, atol=1e-6)


def test_padding_never_carries_another_rows_infinity_into_the_sum() -> None:
    """Row 0, which padding might point at, stands in no split here and has an infinite loss."""
    program, data, state = make_run()
    target = data.arrays.target | {"value": data.arrays.target["value"].at[0].set(1e30)}
    train = jnp.where(data.train == 0, data.valid[0], data.train)
    data = dataclasses.replace(
        data, arrays=data.arrays._replace(target=target), train=train, valid=train[:7]
    )
    after, sums = jax.jit(partial(train_epoch, program))(data, state)
    assert np.isfinite(sums["loss"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.weights.params))


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
    call = jax.jit(lambda *given: update(program, *given, jnp.ones(9)))
    losses = [float(call(d, state.replace(step=jnp.int32(i)), batch)[1]["loss"]) for d, i in cases]
    assert len(set(losses)) == 4
    assert float(call(data, state, batch)[1]["loss"]) == losses[0]


def test_augmentation_is_of_training_rows_in_training_alone() -> None:
    """Rows are mixed with training rows only, so spoiling all others changes nothing.

    No evaluation is varied.
    """
    options = Augment(noise=0.3, swap=0.3, drop=0.2, mixup=1.0)
    program, data, state = make_run(Config(optim=SGD, augment=options), (VALUE, KIND))
    plain, _, _ = make_run(Config(optim=SGD), (VALUE, KIND))
    data.statistics["inputs"] |= {"mean": jnp.zeros(3), "spread": jnp.ones(3)}
    evaluated = [
        jax.jit(partial(evaluate_split, p))(data, state.weights, data.valid)[1]["loss"]
        for p in (program, plain)
    ]
    assert float(evaluated[0]) == float(evaluated[1])
    spoiled = jax.tree.map(lambda array: array.at[data.valid].set(array.dtype.type(2)), data.arrays)
    call = jax.jit(partial(train_epoch, program))
    (after, sums) = call(data, state)
    (again, _) = call(dataclasses.replace(data, arrays=spoiled), state)
    assert_same_bits(after, again)
    # Shares of two rows: in all as much weight as if each row were one.
    without = jax.jit(partial(train_epoch, plain))(data, state)[1]
    assert float(sums["loss"]) != float(without["loss"])
    assert 0.6 < float(sums["weight"] / data.train_weight[data.train].sum()) < 1.6


def test_mixed_targets_weigh_in_their_shares() -> None:
    """Mixing two constant columns of targets gives a loss between their two, by the share drawn."""
    options = Augment(mixup=1.0)
    program, data, state = make_run(Config(optim=SGD, augment=options), n_train=2)
    ones = data.replace(train_weight=jnp.ones(N))
    batch = TableDataset.take(data.arrays, data.train)._replace(weight=jnp.ones(2))
    mixed = jax.jit(partial(augmented, program))
    first, second = mixed(ones, jnp.int32(3), batch, jnp.ones(2))
    np.testing.assert_allclose(first.weight + second.weight, 1, rtol=1e-6)
    # A row of weight 0 is mixed as others are; what only fills up is not.
    weightless = batch._replace(weight=jnp.zeros(2))
    masked = mixed(ones, jnp.int32(3), weightless, jnp.array([1.0, 0.0]))
    np.testing.assert_allclose([m.weight for m in masked], [[0, 0], [second.weight[0], 0]])
    _, sums = updated(program, ones, state.replace(step=jnp.int32(3)), batch)
    answer = jax.jit(partial(program.network.apply, train=False))
    outputs = answer(state.weights.variables(data.statistics), first.inputs)["value"]
    wanted = sum(
        ((np.asarray(outputs) - np.asarray(b.target["value"])) ** 2).mean(1) @ np.asarray(b.weight)
        for b in (first, second)
    )
    np.testing.assert_allclose(sums["loss"], wanted, rtol=1e-5)
    assert 0.02 < float(first.weight[0]) < 0.98


def test_rows_are_mixed_until_a_share_of_all_updates_has_passed() -> None:
    """Before it as ever; from there on an update is that of rows as they are."""
    ending = Augment(mixup=1.0, mixup_until=0.4)
    program, data, state = make_run(Config(optim=SGD, augment=ending, train=Train(epochs=10)))
    always, plain = (
        make_run(Config(optim=SGD, augment=augment, train=Train(epochs=10)))[0]
        for augment in (Augment(mixup=1.0), Augment())
    )
    batch = TableDataset.take(data.arrays, np.arange(9))
    last = 4 * program.steps_per_epoch - 1
    assert program.total_steps == 10 * program.steps_per_epoch
    for step_number, same, other in ((last, always, plain), (last + 1, plain, always)):
        now = state.replace(step=jnp.int32(step_number))
        ours, wanted, unlike = (
            updated(p, data, now, batch)[0].weights.params for p in (program, same, other)
        )
        assert_trees_close(ours, wanted, rtol=1e-5, atol=1e-7)
        kernels = [params["body"]["layer_0"]["kernel"] for params in (ours, unlike)]
        assert not np.allclose(*kernels, rtol=1e-4, atol=1e-6)


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
    evaluated = [
        jax.jit(partial(evaluate_split, p))(data, state.weights, data.valid)[1]["loss"]
        for p in (smooth, plain)
    ]
    assert float(evaluated[0]) == float(evaluated[1])


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


@pytest.mark.parametrize("times", [1.0, 10.0, None])
def test_a_rule_sees_weights_over_their_mean(times: float | None) -> None:
    program, data, state = make_run()
    weight_n = np.ones(N, np.float32) if times is None else np.arange(N, dtype=np.float32) * times
    mean = None if times is None else jnp.float32(weight_n[data.train].mean())
    data = data.replace(train_weight=jnp.asarray(weight_n), mean_weight=mean)

    def learn(_: Any, inputs: Any, target: Any, weight_b: jax.Array, **__: Any) -> Any:
        return jnp.ones(len(weight_b)), {"params": weight_b, "batch_stats": {}}

    network: Any = SimpleNamespace(
        apply=learn, learns_by_rule=True, missing_columns=(), ends_without_loss=False
    )
    program = dataclasses.replace(program, network=network)
    batch = TableDataset.take(data.arrays, data.train)
    batch = batch._replace(weight=data.train_weight[data.train])
    after, sums = update(program, data, state, batch, jnp.ones(len(batch.weight)))
    np.testing.assert_allclose(after.weights.params.mean(), 1, rtol=1e-6)
    np.testing.assert_allclose(sums["loss"], weight_n[data.train].sum(), rtol=1e-6)


@pytest.mark.parametrize("rows", ["own", *slow("shared")])
def test_an_update_of_members_follows_the_mean_of_their_losses(rows: str) -> None:
    """Each as a plain net over its own rows and weights; also in parts, as devices compute it."""
    members, b = 3, 4
    n_orders = members if rows == "own" else 1
    net = Dense(members=members, member_rows=rows)
    program, data, state = make_run(Config(optim=SGD, net=net), (SEX,), members=members)
    taken = np.arange(b * n_orders)
    batch = TableDataset.take(data.arrays, taken)
    weight_b = data.train_weight[taken]
    mask_b = jnp.ones(len(taken))
    params = state.weights.params

    def loss(params: dict) -> jax.Array:
        total = jnp.zeros(())
        for k in range(members):
            own = taken[k::members] if rows == "own" else taken
            layer = params["body"]["layer_0"]
            head = params["output"]["head_0_sex"]
            x_bf = data.arrays.inputs["numbers"][own] * params["adapter"]["adapter"][k][None]
            h_bh = jnp.tanh(x_bf @ layer["kernel"] + layer["bias"][None])
            logit_b = (h_bh @ head["kernel"][k] + head["bias"][k][None])[:, 0]
            sign_b = 2 * data.arrays.target["sex"][own] - 1
            total += (jnp.logaddexp(0.0, -sign_b * logit_b) * data.train_weight[own]).sum()
        return total / members / (b * data.mean_weight)

    wanted = jax.jit(jax.grad(loss))(params)
    for parts in (Parts(), Parts(2, 1, exact=True)):
        cut = dataclasses.replace(program, parts=parts)
        given = (batch._replace(weight=weight_b),)
        grads = jax.jit(partial(gradients, cut))(data, state, given, mask_b.sum()).grads
        assert_trees_close(grads, wanted, rtol=1e-4, atol=1e-6)

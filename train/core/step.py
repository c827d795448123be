"""One epoch, one update, and the gradients behind it: the heart of training.

All are pure functions of arrays, compiled as one program with the rounds of `train.core.rounds`;
the random numbers of an update are a function of the run's key and the number of the update.
Shapes: b rows of a batch, s steps of an epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from nets.base import Array, DataNetwork, Params, Tree
from nets.dropout import is_off
from nets.kernels.keys import quick_key
from train.config.bounded import resolved
from train.config.net_options import Dense
from train.core.augment import augmented
from train.core.batch_losses import (
    Batches,
    Window,
    share_of_steps,
    weighted_loss,
    window_loss,
)
from train.core.batch_parts import PartResult, sum_over_parts
from train.core.batching import batch_rows, epoch_rows
from train.core.faults import Candidate, accept, select
from train.core.net_members import rows_of_members
from train.core.optimizer_step import apply_gradients
from train.core.penalties import layer_norms, penalties
from train.core.program import DROPOUT_KEY, Data, Program
from train.core.schedules import decay_factor
from train.core.state import State, Sums
from train.core.weights import Weights
from train.core.windows import by_rows, update_in_windows
from train.data.dataset import Batch

Rows = tuple[Batches, Window | None]
# Of a part of a batch: the sum of its losses, (penalty, batch_stats), and each row's carry.
LossParts = PartResult[Array, tuple[Array, Params], Tree]
# The same, with the gradients beside the losses.
GradientParts = PartResult[tuple[Params, Array], tuple[Array, Params], Tree]


def train_epoch(program: Program, data: Data, state: State) -> tuple[State, Sums]:
    """The state after an update on every batch of an epoch, and the sums over them."""
    batches = epoch_rows(program, data, state.step // program.steps_per_epoch)

    def train_batch(state: State, step: Array) -> tuple[State, Sums]:
        return update_on_rows(program, data, state, *batch_rows(program, data, batches, step))

    state, sums_s = lax.scan(train_batch, state, jnp.arange(len(batches[0])))
    return state, jax.tree.map(jnp.sum, sums_s)


def update_on_rows(
    program: Program, data: Data, state: State, rows_b: Array, mask_b: Array
) -> tuple[State, Sums]:
    """What `update` gives for a batch of these rows; those with a mask of 0 only fill it up."""
    batch = program.batch(data, rows_b)
    batch = batch._replace(weight=data.train_weight[rows_b] * mask_b)
    return update(program, data, state, batch, mask_b)


def update(
    program: Program, data: Data, state: State, batch: Batch[Array], mask_b: Array
) -> tuple[State, Sums]:
    """The state after one update on a batch, and the sums of its losses.

    `mask_b` is 1 for the rows of the batch, including those of weight 0, and 0 for padding. A
    network that learns by a rule of its own applies its rule in place of a gradient.
    """
    batches = augmented(program, data, state.step, batch, mask_b)
    if program.network.learns_by_rule:
        # The config's checks refuse mixed rows for such networks: there is one batch.
        return _update_by_rule(program, data, state, batches[0], mask_b)
    gradient_update = partial(_update_by_gradient, program, n_rows=mask_b.sum())
    if program.window is not None:
        return update_in_windows(program, data, state, batches, gradient_update)
    state, sums, _ = gradient_update(data, state, batches)
    return state, sums


def _update_by_gradient(
    program: Program,
    data: Data,
    state: State,
    batches: Batches,
    window: Window | None = None,
    *,
    n_rows: Array,
) -> tuple[State, Sums, Tree]:
    """The state after a step of the optimizer, the sums, and the carry at a window's end."""
    grads, sums, batch_stats, carry = gradients(program, data, state, batches, n_rows, window)
    options = program.config.optim
    plateau = state.plateau.factor if options.schedule == "plateau" else None
    before: Tree = state.weights.params
    params, opt_state = apply_gradients(program, grads, state.opt_state, before, plateau)
    average = state.average
    if not is_off(options.ema):
        average = optax.incremental_update(params, average, 1 - options.ema)
    if program.config.train.gradient_norms:
        sums["gradient_norms"] = layer_norms(grads)
    after = state.replace(
        weights=Weights(params, batch_stats), average=average, opt_state=opt_state
    )
    return *_skip_if_faulty(program, state, after, grads, sums), carry


def _skip_if_faulty(
    program: Program, before: State, after: State, grads: Tree, sums: Sums
) -> tuple[State, Sums]:
    """The state after an update and its sums; of a faulty update the state before, and zeros."""
    if not program.careful:
        return after.replace(step=before.step + 1), sums
    loss = sums["loss"] / jnp.maximum(sums["weight"], 1e-30) + sums["penalty"]
    candidate = Candidate(loss, grads, (after.weights, after.average, after.opt_state))
    is_made, faults = accept(before.faults, before.step, candidate, program.max_in_row)
    state = select(is_made, after, before).replace(step=before.step + 1, faults=faults)
    return state, select(is_made, sums, jax.tree.map(jnp.zeros_like, sums))


class Gradients(NamedTuple):
    """The gradients of a batch, and what else its forward pass gives."""

    grads: Params
    """The gradients of the loss plus penalties."""
    sums: Sums
    """The sums that the loss is made of."""
    batch_stats: Params
    """The new running statistics."""
    carry: Tree = ()
    """The recurrent state of each row at the end of a window, with an axis of rows in front."""


def gradients(
    program: Program,
    data: Data,
    state: State,
    batches: Batches,
    n_rows: Array,
    window: Window | None = None,
) -> Gradients:
    """Gradients of the loss of a batch plus penalties.

    The loss is the sum of weight times loss over the batch, divided by `n_rows` times the mean
    weight of all training rows: its expectation is the weighted mean over the training rows.
    Divided by the batch's own weights instead, a row's share would depend on the rows that happen
    to be in its batch.

    `batches` is one batch, or two where rows are mixed: the two have the same inputs, a target
    each, and weights that hold each target's share; their losses are added up. Where a batch is
    divided (`program.parts`), its gradient is the sum of the gradients of its parts. With a
    `window` the batches hold the steps of that window only.
    """
    network = _with_dropout(program, state.step)
    key = jax.random.fold_in(quick_key(data.key), DROPOUT_KEY)
    rngs = {"dropout": jax.random.fold_in(key, state.step)}
    weight = jnp.stack([batch.weight for batch in batches]).sum()
    expected = weight if data.mean_weight is None else n_rows * data.mean_weight
    if window is not None:
        expected = expected * share_of_steps(program)

    def objective(params: Params, rows: Rows) -> tuple[Array, LossParts]:
        variables = Weights(params, state.weights.batch_stats).variables(data.statistics)
        apply = partial(network.apply, variables, train=True, rngs=rngs, mutable=["batch_stats"])
        loss, mutated, carry = _loss_of_rows(program, apply, rows)
        penalty = penalties(params, program.config.optim)
        # The gradients of all parts are added up: each has a share of the penalty's, so that the
        # penalty counts once. The whole penalty is returned, to be logged.
        mean = loss / jnp.maximum(expected, 1e-30) + penalty / program.parts.count
        return mean, PartResult(loss, (penalty, mutated.get("batch_stats") or {}), carry)

    def gradients_of_part(rows: Rows) -> GradientParts:
        differentiate = jax.grad(objective, has_aux=True)
        grads, (loss, common, carry) = differentiate(state.weights.params, rows)
        return PartResult((grads, loss), common, carry)

    whole = sum_over_parts(program.parts, (batches, window), gradients_of_part)
    grads, loss = whole.summed
    penalty, batch_stats = whole.common
    sums = Sums(loss=loss, weight=weight, penalty=penalty)
    return Gradients(grads, sums, batch_stats, whole.per_row)


def _loss_of_rows(
    program: Program, apply: Callable[..., tuple[Tree, Params]], rows: Rows
) -> tuple[Array, Params, Tree]:
    """The weighted loss of rows, the collections that the network changed, and a window's carry.

    `apply` is `network.apply` with the variables bound.
    """
    batches, window = rows
    weight_b = jnp.stack([batch.weight for batch in batches]).sum(0)
    inputs = rows_of_members(batches[0].inputs, program.config.net.n_orders)
    if window is None:
        outputs, mutated = apply(inputs, weight_b)
        return weighted_loss(program, outputs, batches), mutated, ()
    outputs, mutated = apply(inputs, weight_b, by_rows(window.carry))
    carry = by_rows(outputs["carry"])
    return window_loss(program, outputs, batches, window), mutated, carry


def _update_by_rule(
    program: Program, data: Data, state: State, batch: Batch[Array], mask_b: Array
) -> tuple[State, Sums]:
    """The state after one step of the network's own rule, its method `learn`.

    The method changes the variables in place. It is given weights divided by their mean, so that
    the size of a step does not depend on the unit of the weights.
    """
    mean = data.mean_weight
    weight_b = mask_b if mean is None else batch.weight / mean
    losses_b, mutated = program.network.apply(
        state.weights.variables(data.statistics),
        batch.inputs,
        batch.target,
        weight_b,
        step=state.step,
        steps_per_epoch=program.steps_per_epoch,
        total_steps=program.total_steps,
        method="learn",
        mutable=["params", "batch_stats"],
    )
    weights = Weights(mutated["params"], mutated["batch_stats"])
    loss = (losses_b * batch.weight).sum()
    sums = Sums(loss=loss, weight=batch.weight.sum(), penalty=jnp.zeros(()))
    return _skip_if_faulty(program, state, state.replace(weights=weights), (), sums)


def _with_dropout(program: Program, step: Array) -> DataNetwork:
    """The network with the rate of dropout that its schedule gives at this step."""
    options = program.config.net
    if not isinstance(options, Dense) or options.dropout_schedule == "constant":
        return program.network
    full = resolved(options.dropout)
    if is_off(full):
        return program.network
    rate = full * decay_factor(options.dropout_schedule, program.total_steps)(step)
    return program.network.clone(body=program.network.body.clone(dropout=rate))

"""One epoch, one update, and the gradients behind it: the heart of training.

All are pure functions of arrays, compiled as one program with the rounds of `train.core.rounds`;
the random numbers of an update are a function of the run's key and the number of the update.
Shapes: b rows of a batch, s steps of an epoch.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from jax import lax

from nets.base import Array, Arrays, DataNetwork, Params, Tree
from nets.dropout import is_off, random_bits
from train.config.bounded import resolved
from train.config.net_options import Dense
from train.core.augment import augment
from train.core.batch_parts import summed
from train.core.batching import batch_rows, epoch_rows
from train.core.faults import Judged, choose, judge
from train.core.net_members import mean_losses, rows_of_members
from train.core.penalties import layer_norms, penalties
from train.core.program import AUGMENT_KEY, DROPOUT_KEY, Data, Program
from train.core.schedules import decay_factor
from train.core.state import State, Sums
from train.core.weights import Weights
from train.data.dataset import Batch

Batches = tuple[Batch[Array], ...]


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
    """The state after one step of descent on a batch, and the sums of its losses.

    `mask_b` is 1 for the rows of the batch, also for those of weight 0, and 0 for what only fills
    it up. A network that learns by a rule of its own takes that in place of a gradient.
    """
    batches = _augmented(program, data, state.step, batch, mask_b)
    if program.network.learns_by_rule:
        # Its rows are never mixed (the config's checks refuse it), so the first batch is all.
        return _update_by_rule(program, data, state, batches[0], mask_b)
    grads, sums, batch_stats = gradients(program, data, state, batches, mask_b.sum())
    options = program.config.optim
    plateau = state.plateau.factor if options.schedule == "plateau" else None
    updates, opt_state = program.optimizer.update(
        grads, state.opt_state, state.weights.params, plateau=plateau
    )
    params: Tree = optax.apply_updates(state.weights.params, updates)
    average = state.average
    if not is_off(options.ema):
        average = optax.incremental_update(params, average, 1 - options.ema)
    if program.config.train.gradient_norms:
        sums["gradient_norms"] = layer_norms(grads)
    after = state.replace(
        weights=Weights(params, batch_stats), average=average, opt_state=opt_state
    )
    return _settled(program, state, after, grads, sums)


def _settled(
    program: Program, before: State, after: State, grads: Tree, sums: Sums
) -> tuple[State, Sums]:
    """The state after an update, and its sums: of one that is left out that before, and zeros."""
    if not program.careful:
        return after.replace(step=before.step + 1), sums
    loss = sums["loss"] / jnp.maximum(sums["weight"], 1e-30) + sums["penalty"]
    found = Judged(loss, grads, (after.weights, after.average, after.opt_state))
    is_made, faults = judge(before.faults, before.step, found, program.most_in_row)
    state = choose(is_made, after, before).replace(step=before.step + 1, faults=faults)
    return state, choose(is_made, sums, jax.tree.map(jnp.zeros_like, sums))


def gradients(
    program: Program, data: Data, state: State, batches: Batches, n_rows: Array
) -> tuple[Params, Sums, Params]:
    """Gradients of the loss of a batch plus penalties, the sums behind it, new `batch_stats`.

    The loss is the sum of weight times loss over the batch, divided by what its `n_rows` weigh on
    average: so its expectation is the weighted mean over all rows that train. Divided by what they
    weigh themselves, a row would count for more or less by what happens to stand beside it.

    `batches` are one, or two where rows are mixed: one input with two targets, whose weights hold
    the shares that they count for. The inputs of the first are those of both, and the losses of
    both targets are added up. Where a batch is cut (`program.parts`), each part gives sums over its
    own rows, and the gradient of the whole is the sum of the parts' gradients.
    """
    network = _with_dropout(program, state.step)
    rngs = {"dropout": jax.random.fold_in(jax.random.fold_in(data.key, DROPOUT_KEY), state.step)}
    weight = jnp.stack([batch.weight for batch in batches]).sum()
    expected = weight if data.mean_weight is None else n_rows * data.mean_weight

    def objective(params: Params, batches: Batches) -> tuple[Array, tuple[Array, Array, Params]]:
        variables = Weights(params, state.weights.batch_stats).variables(data.statistics)
        weight_b = jnp.stack([batch.weight for batch in batches]).sum(0)
        inputs = rows_of_members(batches[0].inputs, program.config.net.n_orders)
        outputs, moved = network.apply(
            variables, inputs, weight_b, train=True, rngs=rngs, mutable=["batch_stats"]
        )
        loss = weighted_loss(program, outputs, batches)
        penalty = penalties(params, program.config.optim)
        # The gradients of all parts are added up, so each part has but a share of the penalty's:
        # together they count it once. What is returned to be logged is the whole penalty.
        mean = loss / jnp.maximum(expected, 1e-30) + penalty / program.parts.count
        return mean, (loss, penalty, moved.get("batch_stats") or {})

    def gradients_of_part(batches: Batches) -> tuple[tuple[Params, Array], tuple[Array, Params]]:
        differentiate = jax.grad(objective, has_aux=True)
        grads, (loss, penalty, batch_stats) = differentiate(state.weights.params, batches)
        return (grads, loss), (penalty, batch_stats)

    # `summed` adds the first pair up over the parts; the second is of the whole batch, and so the
    # same in every part.
    (grads, loss), (penalty, batch_stats) = summed(program.parts, batches, gradients_of_part)
    return grads, Sums(loss=loss, weight=weight, penalty=penalty), batch_stats


def weighted_loss(program: Program, outputs: Arrays, batches: Batches) -> Array:
    """The sum over rows of loss times weight, of all `batches`: targets of the same outputs.

    Members with rows of their own have a target each; of those that share them it is the mean loss.
    """
    smoothing = resolved(program.config.label_smoothing)
    members = program.network.n_members // program.config.net.n_orders
    total = jnp.zeros(())
    for batch in batches:
        losses_b = mean_losses(program.tasks, outputs, batch.target, smoothing, members)
        total += (losses_b * batch.weight).sum()
    return total


def _update_by_rule(
    program: Program, data: Data, state: State, batch: Batch[Array], mask_b: Array
) -> tuple[State, Sums]:
    """The state after one step of the network's own rule, which leaves its new variables behind.

    It sees weights over their mean: what a rule does in one step may not depend on their unit.
    """
    mean = data.mean_weight
    weight_b = mask_b if mean is None else batch.weight / mean
    losses_b, moved = program.network.apply(
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
    weights = Weights(moved["params"], moved["batch_stats"])
    loss = (losses_b * batch.weight).sum()
    sums = Sums(loss=loss, weight=batch.weight.sum(), penalty=jnp.zeros(()))
    return _settled(program, state, state.replace(weights=weights), (), sums)


def _augmented(
    program: Program, data: Data, step: Array, batch: Batch[Array], mask_b: Array
) -> Batches:
    """The batch varied as the config says, as the batches that `gradients` takes.

    One batch; with mixup or cutmix two of the same mixed inputs, the first with the rows' own
    targets, the second with those of the rows they are mixed with, each weighted by its share.
    """

    def draw_rows(key: Array) -> Batch[Array]:
        """As many rows, drawn from all that train; of weight 0 beside what only fills up."""
        n = jnp.asarray(data.train.shape[0] if data.n_train is None else data.n_train, jnp.uint32)
        rows_b = data.train[random_bits(key, batch.weight.shape) % n]
        weight_b = data.train_weight[rows_b] * mask_b
        return program.batch(data, rows_b)._replace(weight=weight_b)

    config = program.config
    return augment(
        jax.random.fold_in(jax.random.fold_in(data.key, AUGMENT_KEY), step),
        batch,
        draw_rows,
        config.augment,
        config.net,
        data.statistics.get("inputs", {}),
        program.network.missing_columns,
    )


def _with_dropout(program: Program, step: Array) -> DataNetwork:
    """The network with the rate of dropout that its schedule has come to."""
    options = program.config.net
    if not isinstance(options, Dense) or options.dropout_schedule == "constant":
        return program.network
    full = resolved(options.dropout)
    if is_off(full):
        return program.network
    rate = full * decay_factor(options.dropout_schedule, program.total_steps)(step)
    return program.network.clone(body=program.network.body.clone(dropout=rate))

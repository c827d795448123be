"""One update, and an epoch of them: pure functions, compiled as one program with the rounds of
`train.core.rounds`.

Shapes: b batch rows, n rows of a split, s steps of an epoch.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from nets.dropout import is_off, random_bits
from train.config.bounded import resolved
from train.config.net_options import Dense
from train.core.augment import augment
from train.core.batch_parts import summed
from train.core.batching import epoch_rows
from train.core.optim import decay_factor
from train.core.penalties import layer_norms, penalties
from train.core.program import Data, Program
from train.core.state import State
from train.core.tasks import row_losses
from train.core.weights import Weights
from train.data.dataset import Batch

Array = jax.Array


def update(
    program: Program, data: Data, state: State, batch: Batch
) -> tuple[State, dict[str, Any]]:
    """One step of descent on the weighted mean loss of a batch, plus penalties. Returns sums,
    divided by nobody yet.
    """
    options = program.config.optim
    batches = _varied(program, data, state.step, batch)
    if program.network.learns_by_rule:
        return _learn(program, data, state, batches[0])
    grads, sums, batch_stats = gradients(program, data, state, batches)
    updates, opt_state = program.optimizer.update(grads, state.opt_state, state.weights.params)
    if options.schedule == "plateau":
        updates = jax.tree.map(lambda u: u * state.plateau.factor, updates)
    params = optax.apply_updates(state.weights.params, updates)
    average = state.average
    if not is_off(options.ema):
        average = optax.incremental_update(params, average, 1 - options.ema)
    state = state.replace(
        step=state.step + 1,
        weights=Weights(params, batch_stats),
        average=average,
        opt_state=opt_state,
    )
    if program.config.train.gradient_norms:
        sums["gradient_norms"] = layer_norms(grads)
    return state, sums


def gradients(
    program: Program, data: Data, state: State, batches: tuple[Batch, ...]
) -> tuple[Any, dict[str, Any], Any]:
    """Of the weighted mean loss plus penalties by the parameters; the sums behind it; the new
    `batch_stats`.
    """
    network = _with_dropout(program, state.step)
    rngs = {"dropout": jax.random.fold_in(jax.random.fold_in(data.key, 2), state.step)}
    weight = jnp.stack([b.weight for b in batches]).sum()
    smoothing = resolved(program.config.label_smoothing)

    def objective(params: Any, batches: tuple[Batch, ...]) -> tuple[Array, Any]:
        variables = Weights(params, state.weights.batch_stats).variables(data.statistics)
        weight_b = jnp.stack([b.weight for b in batches]).sum(0)
        outputs, moved = network.apply(
            variables, batches[0].inputs, weight_b, train=True, rngs=rngs, mutable=["batch_stats"]
        )
        losses = [
            (row_losses(program.tasks, outputs, b.target, smoothing) * b.weight).sum()
            for b in batches
        ]
        loss = sum(losses, jnp.zeros(()))
        extra = penalties(params, program.config.optim)
        # Every part has its share of the penalty: added up, it counts once.
        mean = loss / jnp.maximum(weight, 1e-30) + extra / program.parts.count
        return mean, (loss, extra, moved.get("batch_stats", {}))

    def gradients_of_part(batches: tuple[Batch, ...]) -> tuple[Any, Any]:
        grads, (loss, extra, batch_stats) = jax.grad(objective, has_aux=True)(
            state.weights.params, batches
        )
        return (grads, loss), (extra, batch_stats)

    (grads, loss), (extra, batch_stats) = summed(program.parts, batches, gradients_of_part)
    return grads, {"loss": loss, "weight": weight, "penalty": extra}, batch_stats


def _learn(
    program: Program, data: Data, state: State, batch: Batch
) -> tuple[State, dict[str, Array]]:
    """One step of the network's own rule, in place of a gradient. Its variables after it are what
    it leaves behind.
    """
    losses_b, moved = program.network.apply(
        state.weights.variables(data.statistics),
        batch.inputs,
        batch.target,
        batch.weight,
        step=state.step,
        steps_per_epoch=program.steps_per_epoch,
        total_steps=program.total_steps,
        method="learn",
        mutable=["params", "batch_stats"],
    )
    weights = Weights(moved["params"], moved["batch_stats"])
    sums = {
        "loss": (losses_b * batch.weight).sum(),
        "weight": batch.weight.sum(),
        "penalty": jnp.zeros(()),
    }
    return state.replace(step=state.step + 1, weights=weights), sums


def _varied(program: Program, data: Data, step: Array, batch: Batch) -> tuple[Batch, ...]:
    """The batch as `augment` gives it; rows it is mixed with come from all training rows."""

    def others(key: Array) -> Batch:
        n = jnp.asarray(data.train.shape[0] if data.n_train is None else data.n_train, jnp.uint32)
        rows = data.train[random_bits(key, batch.weight.shape) % n]
        return program.take(data.arrays, rows)._replace(weight=data.train_weight[rows])

    key = jax.random.fold_in(jax.random.fold_in(data.key, 3), step)
    config = program.config
    missing = program.network.missing_columns
    return augment(
        key, batch, others, config.augment, config.net, data.statistics.get("inputs"), missing
    )


def _with_dropout(program: Program, step: Array) -> Any:
    options = program.config.net
    if (
        not isinstance(options, Dense)
        or is_off(resolved(options.dropout))
        or options.dropout_schedule == "constant"
    ):
        return program.network
    rate = resolved(options.dropout) * decay_factor(options.dropout_schedule, program.total_steps)(
        step
    )
    return program.network.clone(body=program.network.body.clone(dropout=rate))


def train_epoch(program: Program, data: Data, state: State) -> tuple[State, dict[str, Any]]:
    """All batches of one epoch. Returns the sums over them."""
    rows_sb, mask_sb = epoch_rows(program, data, state.step // program.steps_per_epoch)

    def body(state: State, rows: tuple[Array, Array]) -> tuple[State, dict[str, Any]]:
        batch = program.take(data.arrays, rows[0])
        return update(
            program, data, state, batch._replace(weight=data.train_weight[rows[0]] * rows[1])
        )

    state, sums_s = lax.scan(body, state, (rows_sb, mask_sb))
    return state, jax.tree.map(jnp.sum, sums_s)

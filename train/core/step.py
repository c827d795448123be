"""One update, and an epoch of them: pure functions, compiled as one program with the rounds of `train.core.rounds`.

Shapes: b batch rows, n rows of a split, s steps of an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import lax

from nets.dropout import is_off, random_bits
from train.config.options import Config, Dense, known
from train.core.augment import augment
from train.core.batch_parts import WHOLE, Parts, padded_size, summed
from train.core.optim import decay_factor, layer_norms, penalties
from train.core.state import State, Weights
from train.core.tasks import Task, row_losses
from train.data.table.dataset import Batch

Array = jax.Array
LENGTH_FACTOR = 2.0


class Data(struct.PyTreeNode):
    """Prepared arrays on the device, and which of their rows train and judge.

    `arrays` are a data set's, in the form its `take` knows; a row is whatever that takes: of a table, a window of a
    series, a sequence. `train_weight` is what a row counts for in the loss, class weights folded in.

    Of members of a population (`train.population.vmapped`) that have different numbers of rows, `train` and `valid` are as long
    as the longest, and `n_train` and `n_valid` say how many are the member's own; `numbers` are the fields of the
    config, by path, that differ between members.
    """

    arrays: Any
    train_weight: Array
    train: Array
    valid: Array
    statistics: Any
    key: Array
    n_train: Any = None
    n_valid: Any = None
    numbers: Any = struct.field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """The code of a run: everything an update needs that is not an array.

    `network` is a Linen module with methods prepare, prepare_target, __call__ and answer, as nets.Network has them. If
    it `learns_by_rule`, its method `learn` takes the place of a gradient; if it `ends_without_loss`, training does.
    `take(arrays, rows)` is the data set's. `parts` is how devices share a batch; all else they all compute alike.
    Schedules go by `total_steps`; training ends then, or after `ends_at`.
    """

    network: Any
    take: Callable[[Any, Array], Batch]
    tasks: tuple[Task, ...]
    optimizer: optax.GradientTransformation
    config: Config
    total_steps: int
    steps_per_epoch: int
    parts: Parts = WHOLE
    ends_at: int | None = None

    @property
    def last_step(self) -> int:
        """After which training ends."""
        return self.total_steps if self.ends_at is None else self.ends_at


def epoch_rows(program: Program, data: Data, epoch: Array) -> tuple[Array, Array]:
    """The order of an epoch, a pure function of (seed, epoch): row numbers and 0/1 for real ones, both [s, b], with
    b rounded up to what devices share evenly.

    The last batch is filled up with its own last row at weight 0, so that every batch has one shape. Any other row
    could carry an infinite loss into the sum, where 0 * inf is no zero.
    """
    n, batch_size = data.train.shape[0], known(program.config.train.batch_size)
    key = jax.random.fold_in(jax.random.fold_in(data.key, 1), epoch)
    bits_n = random_bits(key, (n,))
    lengths_n = getattr(data.arrays, "length", None)
    keys_n = bits_n if lengths_n is None else _varied_lengths(lengths_n[data.train], bits_n)
    if data.n_train is not None:  # the sort is stable, so rows that are not the member's own come last
        last = jnp.array(jnp.iinfo(jnp.uint32).max if lengths_n is None else jnp.inf, keys_n.dtype)
        keys_n = jnp.where(jnp.arange(n) < data.n_train, keys_n, last)
    _, rows_n = lax.sort_key_val(keys_n, data.train)
    shape = (program.steps_per_epoch, batch_size)
    n_padded = math.prod(shape)
    rows_n = jnp.pad(rows_n, (0, n_padded - n), mode="edge")
    if data.n_train is not None:
        n = data.n_train
        rows_n = jnp.where(jnp.arange(n_padded) < n, rows_n, rows_n[n - 1])
    rows_sb = rows_n.reshape(shape)
    real_sb = (jnp.arange(n_padded) < n).astype(jnp.float32).reshape(shape)
    to_add = padded_size(program.parts, batch_size) - batch_size
    rows_sb, real_sb = jnp.pad(rows_sb, ((0, 0), (0, to_add)), mode="edge"), jnp.pad(real_sb, ((0, 0), (0, to_add)))
    if lengths_n is None:
        return rows_sb, real_sb
    _, order_s = lax.sort_key_val(random_bits(jax.random.fold_in(key, 0), shape[:1]), jnp.arange(shape[0]))
    return rows_sb[order_s], real_sb[order_s]


def _varied_lengths(lengths_n: Array, bits_n: Array) -> Array:
    """What sequences are sorted by, so that those of a batch are nearly of one length and little time goes to padding:
    the length times a random factor between 1 and LENGTH_FACTOR, by which no two epochs have the same batches."""
    uniform_n = (bits_n >> 8).astype(jnp.float32) / (1 << 24)
    return jnp.maximum(lengths_n, 1).astype(jnp.float32) * jnp.exp(uniform_n * math.log(LENGTH_FACTOR))


def update(program: Program, data: Data, state: State, batch: Batch) -> tuple[State, dict[str, Any]]:
    """One step of descent on the weighted mean loss of a batch, plus penalties. Returns sums, divided by nobody yet."""
    options = program.config.optim
    batches = _varied(program, data, state.step, batch)
    if getattr(program.network, "learns_by_rule", False):
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
        step=state.step + 1, weights=Weights(params, batch_stats), average=average, opt_state=opt_state
    )
    if program.config.train.gradient_norms:
        sums["gradient_norms"] = layer_norms(grads)
    return state, sums


def gradients(
    program: Program, data: Data, state: State, batches: tuple[Batch, ...]
) -> tuple[Any, dict[str, Any], Any]:
    """Of the weighted mean loss plus penalties by the parameters; the sums behind it; the new `batch_stats`."""
    network = _with_dropout(program, state.step)
    rngs = {"dropout": jax.random.fold_in(jax.random.fold_in(data.key, 2), state.step)}
    weight = jnp.stack([b.weight for b in batches]).sum()
    smoothing = known(program.config.label_smoothing)

    def objective(params: Any, batches: tuple[Batch, ...]) -> tuple[Array, Any]:
        variables = Weights(params, state.weights.batch_stats).variables(data.statistics)
        weight_b = jnp.stack([b.weight for b in batches]).sum(0)
        outputs, moved = network.apply(
            variables, batches[0].inputs, weight_b, train=True, rngs=rngs, mutable=["batch_stats"]
        )
        losses = [(row_losses(program.tasks, outputs, b.target, smoothing) * b.weight).sum() for b in batches]
        loss, extra = sum(losses, jnp.zeros(())), penalties(params, program.config.optim)
        # Every part has its share of the penalty: added up, it counts once.
        mean = loss / jnp.maximum(weight, 1e-30) + extra / program.parts.count
        return mean, (loss, extra, moved.get("batch_stats", {}))

    def of_part(batches: tuple[Batch, ...]) -> tuple[Any, Any]:
        grads, (loss, extra, batch_stats) = jax.grad(objective, has_aux=True)(state.weights.params, batches)
        return (grads, loss), (extra, batch_stats)

    (grads, loss), (extra, batch_stats) = summed(program.parts, batches, of_part)
    return grads, {"loss": loss, "weight": weight, "penalty": extra}, batch_stats


def _learn(program: Program, data: Data, state: State, batch: Batch) -> tuple[State, dict[str, Array]]:
    """One step of the network's own rule, in place of a gradient. Its variables after it are what it leaves behind."""
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
    sums = {"loss": (losses_b * batch.weight).sum(), "weight": batch.weight.sum(), "penalty": jnp.zeros(())}
    return state.replace(step=state.step + 1, weights=weights), sums


def _varied(program: Program, data: Data, step: Array, batch: Batch) -> tuple[Batch, ...]:
    """The batch as `augment` gives it; rows it is mixed with come from all training rows."""

    def others(key: Array) -> Batch:
        n = jnp.asarray(data.train.shape[0] if data.n_train is None else data.n_train, jnp.uint32)
        rows = data.train[random_bits(key, batch.weight.shape) % n]
        return program.take(data.arrays, rows)._replace(weight=data.train_weight[rows])

    key, config = jax.random.fold_in(jax.random.fold_in(data.key, 3), step), program.config
    missing = getattr(program.network, "missing_columns", ())
    return augment(key, batch, others, config.augment, config.net, data.statistics.get("inputs"), missing)


def _with_dropout(program: Program, step: Array) -> Any:
    options = program.config.net
    if not isinstance(options, Dense) or is_off(known(options.dropout)) or options.dropout_schedule == "constant":
        return program.network
    rate = known(options.dropout) * decay_factor(options.dropout_schedule, program.total_steps)(step)
    return program.network.clone(body=program.network.body.clone(dropout=rate))


def train_epoch(program: Program, data: Data, state: State) -> tuple[State, dict[str, Any]]:
    """All batches of one epoch. Returns the sums over them."""
    rows_sb, real_sb = epoch_rows(program, data, state.step // program.steps_per_epoch)

    def body(state: State, rows: tuple[Array, Array]) -> tuple[State, dict[str, Any]]:
        batch = program.take(data.arrays, rows[0])
        return update(program, data, state, batch._replace(weight=data.train_weight[rows[0]] * rows[1]))

    state, sums_s = lax.scan(body, state, (rows_sb, real_sb))
    return state, jax.tree.map(jnp.sum, sums_s)

"""One update, one epoch, one evaluation, and a whole round of them: pure functions, compiled as one program.

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
from train.data.dataset import Batch
from train.optim import decay_factor, penalty
from train.options import Config, Dense, known
from train.state import Best, Plateau, State, Weights
from train.tasks import Task, row_errors, row_losses

Array = jax.Array
LENGTH_FACTOR = 2.0
EVALUATION_ROWS = 4096  # rows of an evaluation block: bounds its memory, changes no answer


class Data(struct.PyTreeNode):
    """Prepared arrays on the device, and which of their rows train and judge.

    `arrays` are a data set's, in the form its `take` knows; a row is whatever that takes: of a table, a window of a
    series, a sequence. `train_weight` is what a row counts for in the loss, class weights folded in.

    Of members of a population (`train.population`) that have different numbers of rows, `train` and `valid` are as long
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

    `network` is a Linen module with methods prepare, prepare_target, __call__ and answer, as nets.Network has them;
    `take(arrays, rows)` is the data set's.
    """

    network: Any
    take: Callable[[Any, Array], Batch]
    tasks: tuple[Task, ...]
    optimizer: optax.GradientTransformation
    config: Config
    total_steps: int
    steps_per_epoch: int


def epoch_rows(program: Program, data: Data, epoch: Array) -> tuple[Array, Array]:
    """The order of an epoch, a pure function of (seed, epoch): row numbers and 0/1 for real ones, both [s, b].

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
    if lengths_n is None:
        return rows_sb, real_sb
    _, order_s = lax.sort_key_val(random_bits(jax.random.fold_in(key, 0), shape[:1]), jnp.arange(shape[0]))
    return rows_sb[order_s], real_sb[order_s]


def _varied_lengths(lengths_n: Array, bits_n: Array) -> Array:
    """What sequences are sorted by, so that those of a batch are nearly of one length and little time goes to padding:
    the length times a random factor between 1 and LENGTH_FACTOR, by which no two epochs have the same batches."""
    uniform_n = (bits_n >> 8).astype(jnp.float32) / (1 << 24)
    return jnp.maximum(lengths_n, 1).astype(jnp.float32) * jnp.exp(uniform_n * math.log(LENGTH_FACTOR))


def update(program: Program, data: Data, state: State, batch: Batch) -> tuple[State, dict[str, Array]]:
    """One step of descent on the weighted mean loss of a batch, plus penalties. Returns sums, divided by nobody yet."""
    options = program.config.optim
    network = _with_dropout(program, state.step)
    rngs = {"dropout": jax.random.fold_in(jax.random.fold_in(data.key, 2), state.step)}

    def objective(params: Any) -> tuple[Array, Any]:
        variables = Weights(params, state.weights.batch_stats).variables(data.statistics)
        outputs, moved = network.apply(
            variables, batch.inputs, batch.weight, train=True, rngs=rngs, mutable=["batch_stats"]
        )
        losses_b = row_losses(program.tasks, outputs, batch.target, known(program.config.label_smoothing))
        loss, weight = (losses_b * batch.weight).sum(), batch.weight.sum()
        penalised = not (is_off(options.l1) and is_off(options.l2))
        extra = penalty(params, options.l1, options.l2) if penalised else jnp.zeros(())
        mean = loss / jnp.maximum(weight, 1e-30) + extra
        return mean, (loss, weight, extra, moved.get("batch_stats", {}))

    grads, (loss, weight, extra, batch_stats) = jax.grad(objective, has_aux=True)(state.weights.params)
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
    return state, {"loss": loss, "weight": weight, "penalty": extra}


def _with_dropout(program: Program, step: Array) -> Any:
    options = program.config.net
    if not isinstance(options, Dense) or is_off(known(options.dropout)) or options.dropout_schedule == "constant":
        return program.network
    rate = known(options.dropout) * decay_factor(options.dropout_schedule, program.total_steps)(step)
    return program.network.clone(body=program.network.body.clone(dropout=rate))


def train_epoch(program: Program, data: Data, state: State) -> tuple[State, dict[str, Array]]:
    """All batches of one epoch. Returns the sums over them."""
    rows_sb, real_sb = epoch_rows(program, data, state.step // program.steps_per_epoch)

    def body(state: State, rows: tuple[Array, Array]) -> tuple[State, dict[str, Array]]:
        batch = program.take(data.arrays, rows[0])
        return update(program, data, state, batch._replace(weight=data.train_weight[rows[0]] * rows[1]))

    state, sums_s = lax.scan(body, state, (rows_sb, real_sb))
    return state, jax.tree.map(jnp.sum, sums_s)


def evaluation_weights(program: Program, state: State) -> Weights:
    """The weights that are judged and kept: the moving average where there is one."""
    if is_off(program.config.optim.ema):
        return state.weights
    return Weights(state.average, state.weights.batch_stats)


def evaluate(
    program: Program, data: Data, weights: Weights, rows_n: Array, n_real: Any = None
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Answers of the network for these rows, {head: [n, ...]}, and weighted sums of loss and error over them, or over
    the first `n_real`."""
    n, variables = rows_n.shape[0], weights.variables(data.statistics)
    block = min(n, EVALUATION_ROWS)
    n_blocks = -(-n // block)
    rows = jnp.pad(rows_n, (0, n_blocks * block - n), mode="edge").reshape(n_blocks, block)
    n_real = n if n_real is None else n_real
    real = (jnp.arange(n_blocks * block) < n_real).astype(jnp.float32).reshape(n_blocks, block)

    def judge(block: tuple[Array, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        batch = program.take(data.arrays, block[0])
        outputs = program.network.apply(variables, batch.inputs, train=False)
        weight_b = batch.weight * block[1]
        sums = {
            "loss": (row_losses(program.tasks, outputs, batch.target) * weight_b).sum(),
            "error": (row_errors(program.tasks, outputs, batch.target) * weight_b).sum(),
            "weight": weight_b.sum(),
        }
        return program.network.apply(variables, outputs, method="answer"), sums

    answers, sums = lax.map(judge, (rows, real))
    flat = jax.tree.map(lambda a: a.reshape(n_blocks * block, *a.shape[2:])[:n], answers)
    return flat, jax.tree.map(jnp.sum, sums)


def train_round(program: Program, data: Data, state: State) -> tuple[State, dict[str, Any]]:
    """`eval_every` epochs and an evaluation: what the run's folder gets a line for."""
    options = program.config.train
    epochs_left = known(options.epochs) - state.step // program.steps_per_epoch
    n_epochs = jnp.minimum(options.eval_every, epochs_left)

    def body(_: Array, carry: tuple[State, Any]) -> tuple[State, Any]:
        state, sums = train_epoch(program, data, carry[0])
        return state, jax.tree.map(jnp.add, carry[1], sums)

    zeros = {"loss": jnp.zeros(()), "weight": jnp.zeros(()), "penalty": jnp.zeros(())}
    state, sums = lax.fori_loop(0, n_epochs, body, (state, zeros))
    n_updates = n_epochs * program.steps_per_epoch
    log: dict[str, Any] = {"train_loss": sums["loss"] / sums["weight"], "penalty": sums["penalty"] / n_updates}
    diverged = ~(jnp.isfinite(sums["loss"]) & _finite(state.weights))
    if data.valid.shape[0] == 0:
        value, wait = log["train_loss"], jnp.zeros((), jnp.int32)
        latest = Best(evaluation_weights(program, state), value, value, state.step, wait)
        return state.replace(best=latest, diverged=diverged, stopped=diverged), log | {"step": state.step}
    answers, judged = evaluate(program, data, evaluation_weights(program, state), data.valid, data.n_valid)
    log |= {"valid_loss": judged["loss"] / judged["weight"], "answers": answers, "step": state.step}
    state = _remember(program, state, judged[options.monitor] / judged["weight"])
    return state.replace(diverged=diverged, stopped=state.stopped | diverged), log


def log_shapes(program: Program, data: Data, state: State) -> Any:
    """Shapes and types of what `train_round` logs, known without tracing a whole round."""
    number, count = jax.ShapeDtypeStruct((), jnp.float32), jax.ShapeDtypeStruct((), jnp.int32)
    log: dict[str, Any] = {"train_loss": number, "penalty": number, "step": count}
    if data.valid.shape[0]:
        weights = evaluation_weights(program, state)
        answers, _ = jax.eval_shape(lambda data, weights: evaluate(program, data, weights, data.valid), data, weights)
        log |= {"valid_loss": number, "answers": answers}
    return log


def _finite(tree: Any) -> Array:
    """Whether every number is: the last update of a round can spoil weights that no loss has seen yet."""
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()


def _remember(program: Program, state: State, value: Array) -> State:
    """Best weights, patience and plateau after an evaluation.

    Of equal values, as counted errors often are, the later weights are kept: they were trained longer. Patience is
    only renewed by a strictly lower one.
    """
    kept = (value <= state.best.value) | (program.config.train.restore == "last")
    choose = lambda new, old: jnp.where(kept, new, old)  # noqa: E731 - one word for one choice
    best = Best(
        jax.tree.map(choose, evaluation_weights(program, state), state.best.weights),
        choose(value, state.best.kept),
        jnp.fmin(value, state.best.value),  # fmin passes over a nan, which nothing would ever be lower than
        choose(state.step, state.best.step),
        jnp.where(value < state.best.value, 0, state.best.wait + 1),
    )
    options, plateau = program.config.optim, state.plateau
    if options.schedule == "plateau":
        improved = value < plateau.value
        wait = jnp.where(improved, 0, plateau.wait + 1)
        cut = ~improved & (wait >= options.plateau_patience)
        plateau = Plateau(
            jnp.where(cut, plateau.factor * options.plateau_factor, plateau.factor),
            jnp.fmin(value, plateau.value),
            jnp.where(cut, 0, wait),
        )
    patience = program.config.train.patience
    stopped = state.stopped if patience is None else best.wait >= patience
    return state.replace(best=best, plateau=plateau, stopped=stopped)


def run_rounds(program: Program, data: Data, state: State, logs: Any, n_rounds: Array) -> tuple[State, Any, Array]:
    """Up to `n_rounds` rounds in one call; `logs` holds one log per round, and the count says how many were written.

    How rounds are grouped into calls changes nothing: a round depends on the state alone.
    """

    def unfinished(carry: tuple[State, Any, Array]) -> Array:
        state, _, i = carry
        return (i < n_rounds) & ~state.stopped & (state.step < program.total_steps)

    def body(carry: tuple[State, Any, Array]) -> tuple[State, Any, Array]:
        state, logs, i = carry
        state, log = train_round(program, data, state)
        return state, jax.tree.map(lambda buffer, value: buffer.at[i].set(value), logs, log), i + 1

    return lax.while_loop(unfinished, body, (state, logs, jnp.zeros((), jnp.int32)))

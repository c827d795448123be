"""Evaluations, and rounds of some epochs and an evaluation: what is remembered of them, and when a run has ended.

Shapes: n rows of a split.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from nets.dropout import is_off
from train.config.options import known
from train.core.batch_parts import WHOLE, gathered, own_slice, padded_size
from train.core.optim import layer_norms
from train.core.state import Best, Plateau, State, Weights
from train.core.step import Data, Program, train_epoch
from train.core.tasks import row_errors, row_losses

Array = jax.Array
EVALUATION_ROWS = 4096  # rows of an evaluation block: bounds its memory, changes no answer


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
    parts = program.parts
    block = min(-(-n // parts.count), EVALUATION_ROWS)
    n_blocks = padded_size(parts, -(-n // block))
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

    answers, sums = gathered(parts, lax.map(judge, (own_slice(parts, rows), own_slice(parts, real))))
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

    state, sums = lax.fori_loop(0, n_epochs, body, (state, no_sums(program, state.weights)))
    return judge_round(program, data, state, sums, n_epochs * program.steps_per_epoch)


def no_sums(program: Program, weights: Weights) -> dict[str, Any]:
    """What `update` sums, before the first one."""
    zeros: dict[str, Any] = {"loss": jnp.zeros(()), "weight": jnp.zeros(()), "penalty": jnp.zeros(())}
    if program.config.train.gradient_norms:
        zeros["gradient_norms"] = jax.tree.map(jnp.zeros_like, layer_norms(weights.params))
    return zeros


def judge_round(
    program: Program, data: Data, state: State, sums: dict[str, Any], n_updates: Array
) -> tuple[State, dict[str, Any]]:
    """The end of a round, of whose updates these are the sums: an evaluation, and what is remembered of it."""
    options = program.config.train
    log: dict[str, Any] = {"train_loss": sums["loss"] / sums["weight"], "penalty": sums["penalty"] / n_updates}
    if options.gradient_norms:
        log["gradient_norms"] = jax.tree.map(lambda norm: norm / n_updates, sums["gradient_norms"])
    diverged = ~(jnp.isfinite(sums["loss"]) & _finite(state.weights))
    done = (sums["loss"] == 0) & getattr(program.network, "ends_without_loss", False)
    if data.valid.shape[0] == 0:
        value, wait = log["train_loss"], jnp.zeros((), jnp.int32)
        latest = Best(evaluation_weights(program, state), value, value, state.step, wait)
        return state.replace(best=latest, diverged=diverged, stopped=diverged | done), log | {"step": state.step}
    answers, judged = evaluate(program, data, evaluation_weights(program, state), data.valid, data.n_valid)
    log |= {"valid_loss": judged["loss"] / judged["weight"], "answers": answers, "step": state.step}
    state = _remember(program, state, judged[options.monitor] / judged["weight"])
    return state.replace(diverged=diverged, stopped=state.stopped | diverged | done), log


def log_shapes(program: Program, data: Data, state: State) -> Any:
    """Shapes and types of what `train_round` logs, known without tracing a whole round."""
    number, count = jax.ShapeDtypeStruct((), jnp.float32), jax.ShapeDtypeStruct((), jnp.int32)
    log: dict[str, Any] = {"train_loss": number, "penalty": number, "step": count}
    if program.config.train.gradient_norms:
        log["gradient_norms"] = jax.tree.map(lambda _: number, jax.eval_shape(layer_norms, state.weights.params))
    if data.valid.shape[0]:
        program = replace(program, parts=WHOLE)  # outside of what is mapped over devices
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
        return (i < n_rounds) & ~state.stopped & (state.step < program.last_step)

    def body(carry: tuple[State, Any, Array]) -> tuple[State, Any, Array]:
        state, logs, i = carry
        state, log = train_round(program, data, state)
        return state, jax.tree.map(lambda buffer, value: buffer.at[i].set(value), logs, log), i + 1

    return lax.while_loop(unfinished, body, (state, logs, jnp.zeros((), jnp.int32)))

"""Rounds of some epochs and an evaluation: what they log, and when a run has ended.

A round is `config.train.eval_every` epochs of updates, then one evaluation on the validation rows;
the last round of a run may have fewer epochs. How rounds are grouped into calls of the compiled
program changes nothing: a round depends on the state alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, NotRequired, TypedDict

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array
from train.config.bounded import resolved
from train.config.imported import Imported
from train.core.batch_parts import WHOLE
from train.core.early_stopping import Best, update_best, update_plateau
from train.core.faults import are_finite, select
from train.core.forward import (
    Predictions,
    evaluate_split,
    evaluation_weights,
    mean_error,
    mean_loss,
    monitored,
)
from train.core.program import Data, Program
from train.core.schedules import learning_rate
from train.core.state import State, Sums, no_sums
from train.core.step import train_epoch
from train.core.weights import Weights


class RoundLog(TypedDict):
    """What a round logs; of all rounds of a call, with an axis of rounds in front."""

    step: Array
    """Updates completed at its end."""
    skipped: Array
    """How many of all updates of the run were skipped."""
    train_loss: Array
    """The mean loss of its training rows, each as it was before its update."""
    penalty: Array
    """The mean penalty of its updates."""
    learning_rate: NotRequired[Array]
    """That of its last update, of nets trained by a gradient with an optimizer of denseq's."""
    gradient_norms: NotRequired[dict[str, Array]]
    """{layer: mean norm of its gradient}, where the config asks for them."""
    valid_loss: NotRequired[Array]
    """The mean loss of the validation rows, where there are any."""
    valid_error: NotRequired[Array]
    """The mean error of the validation rows, where it is what is monitored."""
    predictions: NotRequired[Predictions]
    """{head: predictions} for the validation rows, where there are any."""


class RoundsCarry(NamedTuple):
    """What the loop over the rounds of a call carries from round to round."""

    state: State
    before: State
    """The state before the latest round."""
    logs: RoundLog
    n_done: Array
    is_finite: Array
    """Whether the latest round left a finite state."""


def run_rounds(
    program: Program, data: Data, state: State, logs: RoundLog, n_rounds: Array
) -> tuple[State, RoundLog, Array]:
    """The state after up to `n_rounds` rounds, what they logged, and how many were done.

    `logs` has room for `n_rounds`. Fewer are done where the run ends before, or where the state
    after a round is not finite: the state before this round is returned, for a careful program to
    repeat the round.
    """
    if program.careful:
        return _careful_rounds(program, data, state, logs, n_rounds)

    def is_unfinished(carry: RoundsCarry) -> Array:
        has_next = (carry.n_done < n_rounds) & ~carry.state.stopped
        return carry.is_finite & has_next & (carry.state.step < program.last_step)

    def one_round(carry: RoundsCarry) -> RoundsCarry:
        before = carry.state
        state, log = train_round(program, data, before)
        logs = _write_log(carry.logs, carry.n_done, log)
        return RoundsCarry(state, before, logs, carry.n_done + ~state.diverged, ~state.diverged)

    start = RoundsCarry(state, state, logs, jnp.zeros((), jnp.int32), jnp.ones((), bool))
    end = lax.while_loop(is_unfinished, one_round, start)
    return select(end.is_finite, end.state, end.before), end.logs, end.n_done


def _write_log(logs: RoundLog, i: Array, log: RoundLog) -> RoundLog:
    """The logs with that of round `i` in its place."""
    return jax.tree.map(lambda buffer, value: buffer.at[i].set(value), logs, log)


def _careful_rounds(
    program: Program, data: Data, state: State, logs: RoundLog, n_rounds: Array
) -> tuple[State, RoundLog, Array]:
    """`run_rounds` of a careful program, whose states are always finite."""

    def is_unfinished(carry: tuple[State, RoundLog, Array]) -> Array:
        state, _, i = carry
        return (i < n_rounds) & ~state.stopped & (state.step < program.last_step)

    def one_round(carry: tuple[State, RoundLog, Array]) -> tuple[State, RoundLog, Array]:
        state, logs, i = carry
        state, log = train_round(program, data, state)
        return state, _write_log(logs, i, log), i + 1

    return lax.while_loop(is_unfinished, one_round, (state, logs, jnp.zeros((), jnp.int32)))


def train_round(program: Program, data: Data, state: State) -> tuple[State, RoundLog]:
    """The state after `eval_every` epochs and an evaluation, and what they log."""
    options = program.config.train
    epochs_left = resolved(options.epochs) - state.step // program.steps_per_epoch
    n_epochs = jnp.minimum(options.eval_every, epochs_left)

    def one_epoch(_: Array, carry: tuple[State, Sums]) -> tuple[State, Sums]:
        state, sums = carry
        state, sums_of_epoch = train_epoch(program, data, state)
        return state, jax.tree.map(jnp.add, sums, sums_of_epoch)

    state, sums = lax.fori_loop(0, n_epochs, one_epoch, (state, no_sums(program, state.weights)))
    return end_round(program, data, state, sums, n_epochs * program.steps_per_epoch)


def end_round(
    program: Program, data: Data, state: State, sums: Sums, n_updates: Array
) -> tuple[State, RoundLog]:
    """The state after the evaluation that ends a round of updates with these sums, and its log."""
    log = RoundLog(
        step=state.step,
        skipped=state.faults.skipped,
        train_loss=sums["loss"] / sums["weight"],
        penalty=sums["penalty"] / n_updates,
    )
    has_own_rate = isinstance(program.config.optim.name, Imported)
    if not program.network.learns_by_rule and not has_own_rate:
        rate = learning_rate(program.config.optim, program.total_steps)
        log["learning_rate"] = jnp.asarray(rate(state.step - 1)) * state.plateau.factor
    if "gradient_norms" in sums:
        log["gradient_norms"] = jax.tree.map(lambda norm: norm / n_updates, sums["gradient_norms"])
    diverged = has_diverged(program, state, sums)
    weights = evaluation_weights(program, state)
    done = _makes_no_mistake(program, data, weights, sums)
    if data.valid.shape[0] == 0:
        value = log["train_loss"]
        latest = Best(weights, value, value, state.step, jnp.zeros((), jnp.int32))
        return state.replace(best=latest, diverged=diverged, stopped=diverged | done), log
    predictions, valid_sums = evaluate_split(program, data, weights, data.valid, data.n_valid)
    log["valid_loss"] = mean_loss(valid_sums)
    log["predictions"] = predictions
    if program.config.train.monitor == "error":
        log["valid_error"] = mean_error(valid_sums)
    state = apply_evaluation(program, state, monitored(program, valid_sums))
    return state.replace(diverged=diverged, stopped=state.stopped | diverged | done), log


def apply_evaluation(program: Program, state: State, value: Array) -> State:
    """The state after an evaluation that gave this monitored value.

    It updates the best weights and the plateau, and stops the run once patience is at its end.
    """
    options = program.config.train
    weights = evaluation_weights(program, state)
    best = update_best(state.best, weights, value, state.step, resolved(options.restore))
    plateau = state.plateau
    if program.config.optim.schedule == "plateau":
        plateau = update_plateau(plateau, value, program.config.optim)
    stopped = state.stopped if options.patience is None else best.wait >= options.patience
    return state.replace(best=best, plateau=plateau, stopped=stopped)


def log_shapes(program: Program, data: Data, state: State) -> RoundLog:
    """Shapes and types of what `train_round` logs, known without tracing a whole round."""
    program = replace(program, parts=WHOLE)  # outside of what is mapped over devices

    def log_of_round(data: Data, state: State) -> RoundLog:
        n_updates = jnp.ones((), jnp.int32)
        return end_round(program, data, state, no_sums(program, state.weights), n_updates)[1]

    return jax.eval_shape(log_of_round, data, state)


def _makes_no_mistake(program: Program, data: Data, weights: Weights, sums: Sums) -> Array:
    """Whether a network that learns from its mistakes alone has made none in this round.

    The evaluated weights must make none either: an average, or those of a pocket perceptron, may
    still be wrong where the updates of a round met no mistake.
    """
    if not program.network.ends_without_loss:
        return jnp.zeros((), bool)
    _, of_answers = evaluate_split(program, data, weights, data.train, data.n_train)
    return (sums["loss"] == 0) & (of_answers["loss"] == 0)


def has_diverged(program: Program, state: State, sums: Sums) -> Array:
    """Whether training has failed: the state is not finite.

    A careful program skips faulty updates, and has failed after too many of them in a row. A value
    that is not finite stays in the sums, the weights or the optimizer's state, so a check at the
    end of a round is enough.
    """
    if program.careful:
        return state.faults.in_row >= program.max_in_row
    return ~(jnp.isfinite(sums["loss"]) & are_finite((state.weights, state.opt_state)))

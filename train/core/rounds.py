"""Evaluations, and rounds of some epochs and an evaluation: what is remembered of them, and when a
run has ended.

Shapes: n rows of a split.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from train.config.bounded import resolved
from train.core.batch_parts import WHOLE
from train.core.early_stopping import Best, update_best, update_plateau
from train.core.forward import evaluate_split, evaluation_weights
from train.core.penalties import layer_norms
from train.core.program import Data, Program
from train.core.state import State
from train.core.step import train_epoch
from train.core.weights import Weights

Array = jax.Array


def train_round(program: Program, data: Data, state: State) -> tuple[State, dict[str, Any]]:
    """`eval_every` epochs and an evaluation: what the run's folder gets a line for."""
    options = program.config.train
    epochs_left = resolved(options.epochs) - state.step // program.steps_per_epoch
    n_epochs = jnp.minimum(options.eval_every, epochs_left)

    def body(_: Array, carry: tuple[State, Any]) -> tuple[State, Any]:
        state, sums = train_epoch(program, data, carry[0])
        return state, jax.tree.map(jnp.add, carry[1], sums)

    state, sums = lax.fori_loop(0, n_epochs, body, (state, no_sums(program, state.weights)))
    return end_round(program, data, state, sums, n_epochs * program.steps_per_epoch)


def no_sums(program: Program, weights: Weights) -> dict[str, Any]:
    """What `update` sums, before the first one."""
    zeros: dict[str, Any] = {
        "loss": jnp.zeros(()),
        "weight": jnp.zeros(()),
        "penalty": jnp.zeros(()),
    }
    if program.config.train.gradient_norms:
        zeros["gradient_norms"] = jax.tree.map(jnp.zeros_like, layer_norms(weights.params))
    return zeros


def end_round(
    program: Program, data: Data, state: State, sums: dict[str, Any], n_updates: Array
) -> tuple[State, dict[str, Any]]:
    """The end of a round, of whose updates these are the sums: an evaluation, and what is
    remembered of it.
    """
    options = program.config.train
    log: dict[str, Any] = {
        "train_loss": sums["loss"] / sums["weight"],
        "penalty": sums["penalty"] / n_updates,
    }
    if options.gradient_norms:
        log["gradient_norms"] = jax.tree.map(lambda norm: norm / n_updates, sums["gradient_norms"])
    diverged = ~(jnp.isfinite(sums["loss"]) & _finite(state.weights))
    done = (sums["loss"] == 0) & program.network.ends_without_loss
    if data.valid.shape[0] == 0:
        value = log["train_loss"]
        wait = jnp.zeros((), jnp.int32)
        latest = Best(evaluation_weights(program, state), value, value, state.step, wait)
        return state.replace(best=latest, diverged=diverged, stopped=diverged | done), log | {
            "step": state.step
        }
    answers, judged = evaluate_split(
        program, data, evaluation_weights(program, state), data.valid, data.n_valid
    )
    log |= {"valid_loss": judged["loss"] / judged["weight"], "answers": answers, "step": state.step}
    state = apply_evaluation(program, state, judged[options.monitor] / judged["weight"])
    return state.replace(diverged=diverged, stopped=state.stopped | diverged | done), log


def apply_evaluation(program: Program, state: State, value: Array) -> State:
    """The state after an evaluation that gave this monitored value: best weights, patience and
    plateau.
    """
    options = program.config.train
    weights = evaluation_weights(program, state)
    best = update_best(state.best, weights, value, state.step, resolved(options.restore))
    plateau = state.plateau
    if program.config.optim.schedule == "plateau":
        plateau = update_plateau(plateau, value, program.config.optim)
    stopped = state.stopped if options.patience is None else best.wait >= options.patience
    return state.replace(best=best, plateau=plateau, stopped=stopped)


def log_shapes(program: Program, data: Data, state: State) -> Any:
    """Shapes and types of what `train_round` logs, known without tracing a whole round."""
    number = jax.ShapeDtypeStruct((), jnp.float32)
    count = jax.ShapeDtypeStruct((), jnp.int32)
    log: dict[str, Any] = {"train_loss": number, "penalty": number, "step": count}
    if program.config.train.gradient_norms:
        log["gradient_norms"] = jax.tree.map(
            lambda _: number, jax.eval_shape(layer_norms, state.weights.params)
        )
    if data.valid.shape[0]:
        program = replace(program, parts=WHOLE)  # outside of what is mapped over devices
        weights = evaluation_weights(program, state)
        answers, _ = jax.eval_shape(
            lambda data, weights: evaluate_split(program, data, weights, data.valid), data, weights
        )
        log |= {"valid_loss": number, "answers": answers}
    return log


def _finite(tree: Any) -> Array:
    """Whether every number is: the last update of a round can spoil weights that no loss has seen
    yet.
    """
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()


def run_rounds(
    program: Program, data: Data, state: State, logs: Any, n_rounds: Array
) -> tuple[State, Any, Array]:
    """Up to `n_rounds` rounds in one call; `logs` holds one log per round, and the count says how
    many were written.

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

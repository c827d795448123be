"""Best weights, patience and plateaus, over values made up by hand."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from core_runs import (
    make_run,
)

from train.config.options import Config, Optim, Train
from train.core import rounds
from train.core.early_stopping import update_best
from train.core.state import State


def evaluate_values(
    values: list[float], train: Train, optim: Optim | None = None
) -> tuple[list[tuple[float, int, int]], list[bool], State]:
    """What early stopping makes of these evaluations, at steps 1, 2, ..., and the state after them.

    Of each evaluation: (best value, best step, wait), and whether training has stopped.
    """
    program, _, state = make_run(Config(optim=optim or Optim(), train=train))
    evaluate = jax.jit(partial(rounds.apply_evaluation, program))
    seen = []
    stopped = []
    for i, value in enumerate(values, 1):
        marked = jax.tree.map(lambda leaf, i=i: jnp.full_like(leaf, i), state.weights)
        state = evaluate(state.replace(step=jnp.int32(i), weights=marked), jnp.float32(value))
        seen.append((float(state.best.value), int(state.best.step), int(state.best.wait)))
        stopped.append(bool(state.stopped))
        for leaf in jax.tree.leaves(state.best.weights) if int(state.best.step) else ():
            np.testing.assert_array_equal(leaf, np.full_like(leaf, state.best.step))
    return seen, stopped, state


def test_the_lowest_value_is_best_with_its_step_and_weights() -> None:
    seen, stopped, _ = evaluate_values([5, 3, 4, 2, 6], Train())
    assert seen == [(5, 1, 0), (3, 2, 0), (3, 2, 1), (2, 4, 0), (2, 4, 1)]
    assert not any(stopped)


def test_of_equal_values_the_later_weights_are_the_best_and_patience_goes_on() -> None:
    seen, _, _ = evaluate_values([3, 3, 4, 3], Train())
    assert seen == [(3, 1, 0), (3, 2, 1), (3, 2, 2), (3, 4, 3)]


def test_a_fallback_is_the_best_until_a_lower_value_and_patience_does_not_go_by_it() -> None:
    _, _, state = evaluate_values([], Train())
    best = state.best.replace(kept=jnp.float32(2.5))
    kept = []
    for step, value in enumerate((5, 4, 4.5, 2.5, 3), 1):
        best = update_best(best, state.weights, jnp.float32(value), jnp.int32(step), "best")
        kept.append((float(best.kept), int(best.step), float(best.value), int(best.wait)))
    assert kept == [
        (2.5, 0, 5, 0),
        (2.5, 0, 4, 0),
        (2.5, 0, 4, 1),
        (2.5, 4, 2.5, 0),
        (2.5, 4, 2.5, 1),
    ]


def test_patience_counts_evaluations_without_a_lower_value() -> None:
    _, stopped, _ = evaluate_values([5, 4, 4.5, 4.4, 4.3], Train(patience=3))
    assert stopped == [False, False, False, False, True]
    _, stopped, _ = evaluate_values([5, 6, 4, 4.5, 3, 9], Train(patience=2))
    assert not any(stopped)
    _, stopped, _ = evaluate_values([5, 6], Train(patience=1))
    assert stopped == [False, True]


def test_a_value_that_is_no_number_is_passed_over() -> None:
    nan = float("nan")
    seen, stopped, _ = evaluate_values([nan, 5, nan, 4, nan, nan], Train(patience=2))
    assert seen[1:] == [(5, 2, 0), (5, 2, 1), (4, 4, 0), (4, 4, 1), (4, 4, 2)]
    assert stopped == [False, False, False, False, False, True]


def test_restoring_the_last_keeps_the_newest_weights_and_the_lowest_value() -> None:
    seen, stopped, _ = evaluate_values([5, 3, 4, 6], Train(restore="last", patience=2))
    assert seen == [(5, 1, 0), (3, 2, 0), (3, 3, 1), (3, 4, 2)]
    assert stopped == [False, False, False, True]


def factors(values: list[float], patience: int) -> list[float]:
    optim = Optim(schedule="plateau", plateau_factor=0.5, plateau_patience=patience)
    return [
        float(evaluate_values(values[: i + 1], Train(), optim)[2].plateau.factor)
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

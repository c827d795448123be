"""When a call to the device ends, and when a state is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core_runs import make_run

from train.config.options import Config, Train
from train.run.in_memory import CALL_ROUNDS
from train.run.run import Run
from train.run.schedule import Leg, rounds_wanted, save_is_due


def run_of(checkpoint_every: int | None, eval_every: int = 1) -> Any:
    """A run of five updates an epoch."""
    options = Train(
        epochs=12, batch_size=5, checkpoint_every=checkpoint_every, eval_every=eval_every
    )
    config = Config(train=options)
    program, data, _ = make_run(config)
    assert program.steps_per_epoch == 5
    dataset: Any = None
    return Run(folder=Path(), config=config, dataset=dataset, program=program, data=data)


def test_a_state_is_saved_every_so_many_whole_epochs() -> None:
    run = run_of(checkpoint_every=2)
    due = [step for step in range(5, 45, 5) if save_is_due(run, step, seconds=1e9)]
    assert due == [10, 20, 30, 40]
    assert save_is_due(run, 10, seconds=0.0)


def test_a_state_is_saved_by_the_clock_where_nothing_else_is_said() -> None:
    run = run_of(checkpoint_every=None)
    assert [save_is_due(run, 7, seconds) for seconds in (59.0, 61.0)] == [False, True]


@pytest.mark.parametrize(
    ("checkpoint_every", "eval_every", "step", "seconds", "wanted"),
    [
        (None, 1, 0, 10.0, 1),
        (None, 1, 0, 0.1, 2),
        (None, 1, 0, 0.0, CALL_ROUNDS),
        (3, 1, 0, 0.0, 3),
        (3, 1, 5, 0.0, 2),
        (3, 1, 10, 0.0, 1),
        (3, 1, 15, 0.0, 3),
        (4, 2, 0, 0.0, 2),
        (1, 1, 20, 0.0, 1),
    ],
)
def test_a_call_ends_at_an_epoch_that_must_be_saved(
    checkpoint_every: int | None, eval_every: int, step: int, seconds: float, wanted: int
) -> None:
    assert rounds_wanted(run_of(checkpoint_every, eval_every), step, seconds) == wanted


@pytest.mark.parametrize(
    ("checkpoint_every", "eval_every", "step", "until", "wanted"),
    [(None, 1, 0, 4, 4), (None, 1, 15, 4, 1), (3, 1, 5, 4, 2), (None, 2, 0, 4, 2), (1, 1, 0, 4, 1)],
)
def test_a_call_ends_at_a_rung(
    checkpoint_every: int | None, eval_every: int, step: int, until: int, wanted: int
) -> None:
    run = run_of(checkpoint_every, eval_every)
    assert rounds_wanted(run, step, 0.0, Leg(until=until * 5)) == wanted

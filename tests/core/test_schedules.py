"""Schedules against courses drawn by hand."""

from __future__ import annotations

from typing import get_args, get_type_hints

import jax.numpy as jnp
import numpy as np
import pytest

from train.config.options import Optim
from train.core.schedules import decay_factor, learning_rate


def rates(options: Optim, steps: list[int], total: int) -> np.ndarray:
    schedule = learning_rate(options, total)
    return np.array([float(schedule(jnp.int32(step))) for step in steps])


def test_constant_and_plateau_stay() -> None:
    for schedule in ("constant", "plateau"):
        np.testing.assert_allclose(
            rates(Optim(learning_rate=0.3, schedule=schedule), [0, 7, 100], 100), [0.3] * 3
        )


# One that restarts is drawn with a point where it rises again.
# What the rate is multiplied by after 0, 10, 25, 50, 75 and 100 of 100 updates.
COURSES = {
    "constant": (Optim(), [1, 1, 1, 1, 1, 1]),
    "plateau": (Optim(schedule="plateau"), [1, 1, 1, 1, 1, 1]),
    "warmup": (Optim(warmup=0.1), [1 / 11, 1, 1, 1, 1, 1]),
    # (1 + cos(pi s)) / 2 at the share s.
    "cosine": (Optim(schedule="cosine"), [1, 0.97553, 0.85355, 0.5, 0.14645, 0]),
    # .1 + .9 of that.
    "cosine to a tenth": (
        Optim(schedule="cosine", final=0.1),
        [1, 0.97798, 0.86820, 0.55, 0.23180, 0.1],
    ),
    # The same over the last 90 updates: at 15, 40 and 65 of them.
    "warmup, cosine": (
        Optim(schedule="cosine", warmup=10),
        [1 / 11, 1, 0.93301, 0.58682, 0.17861, 0],
    ),
    "flat_cosine": (Optim(schedule="flat_cosine"), [1, 1, 1, 1, 0.5, 0]),
    # .01^s: a tenth in the middle.
    "exponential": (
        Optim(schedule="exponential", final=0.01),
        [1, 0.63096, 0.31623, 0.1, 0.0316228, 0.01],
    ),
    # .04 + .96 (1 - cos(pi s / .3)) / 2 up to .3, then (1 + cos(pi (s - .3) / .7)) / 2.
    "one_cycle": (
        Optim(schedule="one_cycle"),
        [0.04, 0.28, 0.93569, 0.81174, 0.28306, 4e-6],
    ),
}


@pytest.mark.parametrize("name", COURSES)
def test_schedules_are_those_drawn_by_hand(name: str) -> None:
    options, wanted = COURSES[name]
    options.learning_rate = 2.0
    ours = rates(options, [0, 10, 25, 50, 75, 100], 100) / 2
    np.testing.assert_allclose(ours, wanted, rtol=2e-5, atol=1e-6)
    every = rates(options, list(range(101)), 100)
    assert rises_again(every) == rises_again(np.array(wanted))


def rises_again(course: np.ndarray) -> bool:
    """Whether a rate that has fallen rises."""
    changes = np.diff(course)
    return bool((np.diff(np.sign(changes[np.abs(changes) > 1e-7])) > 0).any())


@pytest.mark.parametrize(
    ("course", "expected"), [([1, 2, 1, 0], False), ([1, 1, 0.5, 0.5], False), ([2, 1, 2], True)]
)
def test_what_rises_again(course: list[float], expected: bool) -> None:
    assert rises_again(np.array(course)) is expected


def test_every_schedule_has_a_course() -> None:
    drawn = {options.schedule for options, _ in COURSES.values()}
    assert drawn == set(get_args(get_type_hints(Optim)["schedule"]))


@pytest.mark.parametrize("warmup", [0.1, 20])
def test_warmup_rises_in_a_line_and_the_schedule_has_the_rest(warmup: float) -> None:
    options = Optim(learning_rate=0.21, schedule="cosine", warmup=warmup)
    ours = rates(options, [0, 1, 10, 20, 110, 200], 200)
    np.testing.assert_allclose(ours, [0.01, 0.02, 0.11, 0.21, 0.105, 0], rtol=1e-4, atol=1e-7)


def test_no_step_has_a_rate_of_zero_in_warmup() -> None:
    assert rates(Optim(learning_rate=1.0, warmup=1), [0, 1], 10).tolist() == [0.5, 1.0]
    assert rates(Optim(learning_rate=1.0, warmup=0.5), [0], 1).tolist() == [1.0]


def test_flat_cosine_holds_for_half_and_falls_to_zero() -> None:
    factor = decay_factor("flat_cosine", 100)
    values = [float(factor(jnp.int32(step))) for step in (0, 30, 50, 75, 100, 130)]
    np.testing.assert_allclose(values, [1, 1, 1, 0.5, 0, 0], atol=1e-6)
    assert float(decay_factor("constant", 100)(jnp.int32(99))) == 1

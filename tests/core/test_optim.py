"""Optimizers against float64 steps by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from train.config.options import Optim
from train.core.optim import make_optimizer

RANDOM = np.random.default_rng(4)
START = RANDOM.normal(size=(4, 3))
GRADIENTS = [RANDOM.normal(size=(4, 3)) * scale for scale in (1.0, 0.1, 3.0, 0.01, 1.0, 0.5, 2.0)]
TOTAL = 10
NAMES = get_args(get_type_hints(Optim)["name"])


def descend(
    options: Optim,
    gradients: list[np.ndarray],
    total: int = TOTAL,
    plateau: Callable[[int], float] | None = None,
) -> list[np.ndarray]:
    """The kernel after each update, in float32 as in training; `plateau` goes by it, from 1."""
    params = {"layer": {"kernel": jnp.asarray(START, jnp.float32)}}
    optimizer = make_optimizer(options, total)
    state = optimizer.init(params)
    path = []
    for t, gradient in enumerate(gradients, 1):
        updates, state = optimizer.update(
            {"layer": {"kernel": jnp.asarray(gradient, jnp.float32)}},
            state,
            params,
            plateau=None if plateau is None else jnp.float32(plateau(t)),
        )
        params = optax.apply_updates(params, updates)
        path.append(np.asarray(params["layer"]["kernel"]))
    return path


def by_hand(
    step: Callable[[np.ndarray, np.ndarray, int, dict], np.ndarray],
) -> Iterator[np.ndarray]:
    """The same path in float64; `step(w, g, t, memory)` returns the next w, t counting from 1."""
    w = START.astype(np.float32).astype(np.float64)
    memory = {}
    for t, gradient in enumerate(GRADIENTS, 1):
        w = step(w, gradient.astype(np.float32).astype(np.float64), t, memory)
        yield w


def check(
    options: Optim,
    step: Callable[[np.ndarray, np.ndarray, int, dict], np.ndarray],
    plateau: Callable[[int], float] | None = None,
) -> None:
    path = descend(options, GRADIENTS, plateau=plateau)
    for ours, wanted in zip(path, by_hand(step), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.9, 0.5])
def test_rmsprop_is_that_of_keras(momentum: float, decay: float) -> None:
    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        memory["v"] = decay * memory.get("v", 0) + (1 - decay) * g**2
        memory["m"] = momentum * memory.get("m", 0) + 0.01 * g / np.sqrt(memory["v"] + 1e-7)
        return w - memory["m"]

    check(Optim("rmsprop", learning_rate=0.01, momentum=momentum, decay=decay), step)


def test_momentum_of_rmsprop_remembers_the_rates_of_its_steps() -> None:
    """Keras has the learning rate inside the velocity, which shows as soon as the rate changes."""

    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        rate = 0.01 * (1 + math.cos(math.pi * (t - 1) / TOTAL)) / 2
        memory["v"] = 0.9 * memory.get("v", 0) + 0.1 * g**2
        memory["m"] = 0.8 * memory.get("m", 0) + rate * g / np.sqrt(memory["v"] + 1e-7)
        return w - memory["m"]

    check(Optim("rmsprop", learning_rate=0.01, momentum=0.8, schedule="cosine"), step)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd_is_that_of_keras(momentum: float, nesterov: bool) -> None:
    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        memory["m"] = momentum * memory.get("m", 0) - 0.05 * g
        return w + (momentum * memory["m"] - 0.05 * g if nesterov else memory["m"])

    check(Optim("sgd", learning_rate=0.05, momentum=momentum, nesterov=nesterov), step)


def rate_of_step(options: Optim, t: int) -> float:
    """The learning rate of update t by hand; a plateau is cut to a tenth after three updates."""
    w = int(options.warmup)
    course = 1.0
    if t <= w:
        course = t / (w + 1)
    elif options.schedule == "cosine":
        course = (1 + math.cos(math.pi * (t - 1 - w) / (TOTAL - w))) / 2
    if options.schedule == "plateau":
        course *= cut_after_three(t)
    return options.learning_rate * course


def cut_after_three(t: int) -> float:
    return 1.0 if t <= 3 else 0.1


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "cosine"},
        {"schedule": "cosine", "warmup": 2},
        {"schedule": "constant", "warmup": 4},
        {"schedule": "plateau"},
        {"schedule": "plateau", "warmup": 4},
        {"schedule": "cosine", "weight_decay": 0.3, "rates": {"kernel": 0.5}},
        {"schedule": "plateau", "weight_decay": 0.3, "rates": {"kernel": 0.5}},
        {"schedule": "cosine", "l1": 0.2, "l1_step": "proximal", "rates": {"kernel": 0.5}},
    ],
)
def test_momentum_of_sgd_remembers_the_rates_of_its_steps(changes: dict, nesterov: bool) -> None:
    """Keras' m = momentum m - rate g; decay and thresholds are at the rate of their step."""
    options = Optim("sgd", learning_rate=0.1, momentum=0.9, nesterov=nesterov, **changes)

    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        rate = rate_of_step(options, t) * options.rates.get("kernel", 1.0)
        memory["m"] = 0.9 * memory.get("m", 0) - rate * g
        moved = w - rate * options.weight_decay * w
        moved = moved + (0.9 * memory["m"] - rate * g if nesterov else memory["m"])
        return np.sign(moved) * np.maximum(np.abs(moved) - rate * options.l1, 0)

    check(options, step, cut_after_three if options.schedule == "plateau" else None)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_plateau_cuts_the_rate_and_not_what_momentum_of_rmsprop_holds(momentum: float) -> None:
    options = Optim("rmsprop", learning_rate=0.01, momentum=momentum, schedule="plateau")

    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        memory["v"] = 0.9 * memory.get("v", 0) + 0.1 * g**2
        scaled = rate_of_step(options, t) * g / np.sqrt(memory["v"] + 1e-7)
        memory["m"] = momentum * memory.get("m", 0) + scaled
        return w - memory["m"]

    check(options, step, cut_after_three)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
@pytest.mark.parametrize("nesterov", [False, True])
def test_decay_of_rmsprop_passes_through_no_momentum(schedule: str, nesterov: bool) -> None:
    options = Optim("rmsprop", learning_rate=0.01, momentum=0.9, weight_decay=0.3)
    options = replace(options, schedule=schedule, nesterov=nesterov, rates={"kernel": 0.5})

    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        rate = 0.5 * rate_of_step(options, t)
        memory["v"] = 0.9 * memory.get("v", 0) + 0.1 * g**2
        scaled = rate * g / np.sqrt(memory["v"] + 1e-7)
        memory["m"] = 0.9 * memory.get("m", 0) + scaled
        moved = scaled + 0.9 * memory["m"] if nesterov else memory["m"]
        return w - moved - rate * 0.3 * w

    check(options, step, cut_after_three if schedule == "plateau" else None)


def moments(g: np.ndarray, memory: dict) -> tuple[np.ndarray, np.ndarray]:
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g**2
    return memory["m"], memory["v"]


@pytest.mark.parametrize("epsilon", [1e-7, 0.1])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_has_the_epsilon_hat_of_its_paper(name: str, epsilon: float) -> None:
    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        m, v = moments(g, memory)
        rate = 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)  # Kingma & Ba 2015, section 2
        return w - rate * m / (np.sqrt(v) + epsilon)

    check(Optim(name, learning_rate=0.01, epsilon=epsilon), step)


def test_nadam_has_the_rising_momentum_of_its_paper() -> None:
    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        m, v = moments(g, memory)
        now, then = (0.9 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))  # Dozat 2016
        memory["product"] = memory.get("product", 1) * now
        ahead = then * m / (1 - memory["product"] * then)
        of_now = (1 - now) * g / (1 - memory["product"])
        return w - 0.01 * (ahead + of_now) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)

    check(Optim("nadam", learning_rate=0.01), step)


def test_lion_is_that_of_its_paper() -> None:
    def step(w: np.ndarray, g: np.ndarray, t: int, memory: dict) -> np.ndarray:
        m = memory.get("m", np.zeros_like(g))
        memory["m"] = 0.99 * m + 0.01 * g
        return w - 0.01 * np.sign(0.9 * m + 0.1 * g)  # Chen et al. 2023

    check(Optim("lion", learning_rate=0.01), step)


@pytest.mark.parametrize("name", NAMES)
def test_no_two_arrays_of_a_state_are_one_buffer(name: str) -> None:
    """The training program is donated each of them."""
    optimizer = make_optimizer(Optim(name, momentum=0.0), TOTAL)
    leaves = jax.tree.leaves(optimizer.init({"kernel": jnp.asarray(START)}))
    assert len({leaf.unsafe_buffer_pointer() for leaf in leaves}) == len(leaves)


def test_the_schedule_counts_updates_of_the_optimizer() -> None:
    path = descend(
        Optim("sgd", learning_rate=0.2, schedule="cosine"), [np.ones((4, 3))] * 3, total=2
    )
    moved = -np.diff([START, *path], axis=0)[:, 0, 0]
    np.testing.assert_allclose(moved, [0.2, 0.1, 0], atol=1e-6)

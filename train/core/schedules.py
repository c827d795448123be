"""Schedules: the learning rate, and what else fades, by the number of completed updates."""

from __future__ import annotations

import jax.numpy as jnp
import optax

from train.config.bounded import resolved
from train.config.options import Optim


def learning_rate(options: Optim, total_steps: int) -> optax.Schedule:
    """The learning rate by the number of completed updates: warm-up, then the schedule.

    `warmup` below 1 is a share of all steps; the schedule is over what remains. "cosine" and
    "exponential" end at `final` times the rate; "flat_cosine" is constant for the first half and
    falls along a cosine to 0 in the second; "one_cycle" rises from 1/25 of the rate over 30 % of
    the steps and falls to 4e-6 of it (Smith & Topin 2017, as in optax); "plateau" is constant here
    and multiplied by `State.plateau.factor`.
    """
    peak = resolved(options.learning_rate)
    warmup = int(options.warmup * total_steps) if options.warmup < 1 else int(options.warmup)
    schedule = _schedule(options, peak, max(total_steps - warmup, 1))
    if not warmup:
        return schedule
    rise = optax.linear_schedule(peak / (warmup + 1), peak, warmup)
    return optax.join_schedules([rise, schedule], [warmup])


def _schedule(options: Optim, peak: float, n_steps: int) -> optax.Schedule:
    """The learning rate by the number of updates since the warm-up."""
    match options.schedule:
        case "cosine":
            return optax.cosine_decay_schedule(peak, n_steps, options.final)
        case "flat_cosine":
            factor = decay_factor("flat_cosine", n_steps)
            return lambda step: peak * factor(step)
        case "exponential":
            return optax.exponential_decay(peak, n_steps, options.final)
        case "one_cycle":
            return optax.cosine_onecycle_schedule(max(n_steps, 4), peak)
        case "constant" | "plateau":
            return optax.constant_schedule(peak)


def decay_factor(schedule: str, total_steps: int) -> optax.Schedule:
    """1 throughout, or "flat_cosine": 1 for half of the steps, then along a cosine to 0.

    The cosine is that of Holzmueller et al. (2024).
    """
    if schedule == "constant":
        return lambda step: jnp.ones(())
    return lambda step: (1 + jnp.cos(jnp.pi * jnp.clip(2 * step / total_steps - 1, 0, 1))) / 2

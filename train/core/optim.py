"""Optimizers, schedules and penalties, from options to optax. Defaults and formulas are those of
Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from nets.dropout import is_off
from train.config.bounded import resolved
from train.config.options import Optim
from train.core.penalties import kernels, leaf_name

Array = jax.Array
Schedule = Callable[[Any], Any]


def make_optimizer(options: Optim, total_steps: int) -> optax.GradientTransformation:
    """Clip, then the optimizer's direction, decoupled decay of kernels, rates by parameter,
    learning rate.

    Decay comes before the learning rate, so that weights shrink by learning_rate * weight_decay
    (Loshchilov & Hutter 2019). Momentum of rmsprop comes after it, where Keras has it.
    """
    parts = [] if options.clip_norm is None else [optax.clip_by_global_norm(options.clip_norm)]
    parts.append(_direction(options))
    if not is_off(options.weight_decay):
        decay = decay_factor(options.weight_decay_schedule, total_steps)
        parts.append(
            optax.add_decayed_weights(lambda step: options.weight_decay * decay(step), mask=kernels)
        )
    if options.rates:
        parts.append(_scale_by_name(options.rates))
    rate = learning_rate(options, total_steps)
    parts.append(optax.scale_by_learning_rate(rate))
    if options.name == "rmsprop" and not is_off(options.momentum):
        parts.append(optax.trace(options.momentum, options.nesterov))
    if options.l1_step == "proximal":
        parts.append(_soft_threshold(options.l1, rate))
    return optax.chain(*parts)


def _soft_threshold(l1: float | Array, rate: Schedule) -> optax.GradientTransformation:
    """Updated kernels drawn to 0 by rate * l1, and no further (the proximal step of ISTA,
    Daubechies et al. 2004).
    """

    def update(
        updates: Any, state: optax.ScaleByScheduleState, params: Any
    ) -> tuple[Any, optax.ScaleByScheduleState]:
        size = rate(state.count) * l1

        def shrink(step: Array, weight: Array, is_kernel: bool) -> Array:
            moved = weight + step
            # weight - weight is exactly 0, so a weight that is to be 0 becomes it.
            return (
                jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - size, 0) - weight
                if is_kernel
                else step
            )

        return jax.tree.map(shrink, updates, params, kernels(params)), optax.ScaleByScheduleState(
            state.count + 1
        )

    return optax.GradientTransformation(
        lambda params: optax.ScaleByScheduleState(jnp.zeros((), jnp.int32)), update
    )  # type: ignore[arg-type]


def _direction(options: Optim) -> optax.GradientTransformation:
    match options.name:
        case "rmsprop":
            return optax.scale_by_rms(options.decay, options.epsilon, eps_in_sqrt=True)
        case "adam" | "adamw":
            return optax.scale_by_adam(options.beta1, options.beta2, options.epsilon)
        case "nadam":
            return optax.scale_by_adam(options.beta1, options.beta2, options.epsilon, nesterov=True)
        case "lion":
            return optax.scale_by_lion(options.beta1, options.beta2)
        case "sgd":
            return (
                optax.identity()
                if is_off(options.momentum)
                else optax.trace(options.momentum, options.nesterov)
            )


def learning_rate(options: Optim, total_steps: int) -> Schedule:
    """Learning rate by the number of completed updates: warm-up, then the schedule over what
    remains.

    `warmup` below 1 is a share of all steps. "cosine" and "exponential" end at `final` times the
    rate; "flat_cosine" is constant for the first half and falls along a cosine to 0 in the second;
    "one_cycle" rises from 1/25 of the rate over 30 % of the steps and falls to 4e-6 of it (Smith &
    Topin 2017, as in optax); "plateau" is constant here and multiplied by `State.plateau.factor`.
    """
    peak = resolved(options.learning_rate)
    warmup = int(options.warmup * total_steps) if options.warmup < 1 else int(options.warmup)
    rest = max(total_steps - warmup, 1)
    match options.schedule:
        case "cosine":
            schedule = optax.cosine_decay_schedule(peak, rest, options.final)
        case "flat_cosine":
            decay = decay_factor("flat_cosine", rest)
            schedule = lambda step: peak * decay(step)
        case "exponential":
            schedule = optax.exponential_decay(peak, rest, max(options.final, 1e-8))
        case "one_cycle":
            schedule = optax.cosine_onecycle_schedule(max(rest, 4), peak)
        case _:
            schedule = optax.constant_schedule(peak)
    if not warmup:
        return schedule
    return optax.join_schedules(
        [optax.linear_schedule(peak / (warmup + 1), peak, warmup), schedule], [warmup]
    )


def decay_factor(schedule: str, total_steps: int) -> Schedule:
    """1 throughout, or "flat_cosine": 1 for half of the steps, then along a cosine to 0
    (Holzmueller et al. 2024).
    """
    if schedule == "constant":
        return lambda step: jnp.ones(())
    return lambda step: (1 + jnp.cos(jnp.pi * jnp.clip(2 * step / total_steps - 1, 0, 1))) / 2


def _scale_by_name(rates: Mapping[str, float]) -> optax.GradientTransformation:
    """Updates times the rate of their name; "slope" stands for slope_0, slope_1 and so on."""

    def scale(path: tuple[Any, ...], update: Array) -> Array:
        name = leaf_name(path)
        return update * rates.get(name, rates.get(name.rstrip("0123456789").rstrip("_"), 1.0))

    return optax.stateless(lambda updates, params: jax.tree_util.tree_map_with_path(scale, updates))

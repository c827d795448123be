"""Optimizers and schedules, from options to optax.

Formulas are those of Keras 3 (`tests/keras_paths.py`). A further optimizer is a case in
`_direction` and a name in `train.config.options.Optim`.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import KeyPath, tree_leaves_with_path, tree_map_with_path

from nets.base import Array, Params
from nets.dropout import is_off
from train.config.bounded import resolved
from train.config.options import Optim
from train.core.adam import scale_by_adam, scale_by_nadam
from train.core.penalties import kernel_mask, leaf_name


def make_optimizer(options: Optim, total_steps: int) -> optax.GradientTransformation:
    """The optimizer of the options: gradients -> updates that are added to the parameters.

    In this order: gradients clipped, the optimizer's direction, decoupled decay of kernels, rates
    by parameter, learning rate. Decay comes before the learning rate, so that weights shrink by
    learning_rate * weight_decay (Loshchilov & Hutter 2019). Momentum of rmsprop comes after it,
    where Keras has it.
    """
    transforms = []
    if options.clip_norm is not None:
        transforms.append(optax.clip_by_global_norm(options.clip_norm))
    transforms.append(_direction(options))
    if not is_off(options.weight_decay):
        transforms.append(_weight_decay(options, total_steps))
    if options.rates:
        transforms.append(_scale_by_name(options.rates))
    rate = learning_rate(options, total_steps)
    transforms.append(optax.scale_by_learning_rate(rate))
    if options.name == "rmsprop" and not is_off(options.momentum):
        transforms.append(optax.trace(options.momentum, options.nesterov))
    if options.l1_step == "proximal":
        transforms.append(_soft_threshold(options.l1, rate))
    return optax.chain(*transforms)


def _direction(options: Optim) -> optax.GradientTransformation:
    """The gradients as the optimizer scales and averages them, before any learning rate."""
    match options.name:
        case "rmsprop":
            return optax.scale_by_rms(options.decay, options.epsilon, eps_in_sqrt=True)
        case "adam" | "adamw":
            return scale_by_adam(options.beta1, options.own_beta2(), options.epsilon)
        case "nadam":
            return scale_by_nadam(options.beta1, options.own_beta2(), options.epsilon)
        case "lion":
            return optax.scale_by_lion(options.beta1, options.own_beta2())
        case "sgd" if is_off(options.momentum):
            return optax.identity()
        case "sgd":
            return optax.trace(options.momentum, options.nesterov)


def _weight_decay(options: Optim, total_steps: int) -> optax.GradientTransformation:
    """Kernels added to the updates, times `weight_decay` and its schedule."""
    factor = decay_factor(options.weight_decay_schedule, total_steps)

    return optax.add_decayed_weights(
        lambda step: options.weight_decay * factor(step), mask=kernel_mask
    )


def _scale_by_name(rates: Mapping[str, float]) -> optax.GradientTransformation:
    """Updates times the rate of their name; "slope" stands for slope_0, slope_1 and so on."""

    def scale(path: KeyPath, update: Array) -> Array:
        name = leaf_name(path)
        of_all = rates.get(_group(name), 1.0)
        return update * rates.get(name, of_all)

    def scale_all(updates: optax.Updates, _: optax.Params | None) -> optax.Updates:
        return tree_map_with_path(scale, updates)

    return optax.stateless(scale_all)


def names_without_parameter(rates: Mapping[str, float], params: Params) -> list[str]:
    """The names in `rates` that no parameter has."""
    names = {leaf_name(path) for path, _ in tree_leaves_with_path(params)}
    names |= {_group(name) for name in names}
    return sorted(set(rates) - names)


def _group(name: str) -> str:
    """What a parameter is one of: "slope" of "slope_0"."""
    return name.rstrip("0123456789").rstrip("_")


def _soft_threshold(l1: float | Array, rate: optax.Schedule) -> optax.GradientTransformation:
    """Updated kernels drawn to 0 by rate * l1, and no further.

    It is the proximal step of ISTA (Daubechies et al. 2004).
    """

    def init(_: Params) -> optax.ScaleByScheduleState:
        return optax.ScaleByScheduleState(jnp.zeros((), jnp.int32))

    def update(
        updates: Params, state: optax.ScaleByScheduleState, params: Params
    ) -> tuple[Params, optax.ScaleByScheduleState]:
        size = rate(state.count) * l1

        def shrink(step: Array, weight: Array, is_kernel: bool) -> Array:
            if not is_kernel:
                return step
            moved = weight + step
            # weight - weight is exactly 0, so a weight that is to be 0 becomes it.
            return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - size, 0) - weight

        shrunk = jax.tree.map(shrink, updates, params, kernel_mask(params))
        return shrunk, optax.ScaleByScheduleState(state.count + 1)

    return optax.GradientTransformation(init, update)  # type: ignore[arg-type]


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

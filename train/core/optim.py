"""Optimizers, from options to optax.

Formulas are those of Keras 3 (`tests/keras_paths.py`). A further optimizer is a case in
`_direction` and a name in `train.config.optim_options.Optim`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import KeyPath, tree_map_with_path

from nets.base import Array, Params, Tree
from nets.dropout import is_off
from train.config.bounded import resolved
from train.config.imported import Imported
from train.config.options import Optim
from train.core.adam import scale_by_adam, scale_by_nadam
from train.core.own import optimizer_of
from train.core.penalties import kernel_mask
from train.core.rates import rate_of, scale_by_name
from train.core.schedules import decay_factor, learning_rate

Share = Callable[[Array, Array | None], Array | float]


def make_optimizer(options: Optim, total_steps: int) -> optax.GradientTransformationExtraArgs:
    """The optimizer of the options: gradients -> updates that are added to the parameters.

    In this order: gradients clipped, the optimizer's direction, decoupled decay of kernels, rates
    by parameter, learning rate. Decay comes before the learning rate, so that weights shrink by
    learning_rate * weight_decay (Loshchilov & Hutter 2019), and passes through no momentum.
    Momentum remembers each step at the rate it was taken at, as in Keras: that of rmsprop comes
    after the learning rate, and decay after it; that of sgd comes before it and has gradients times
    their share of the peak rate, times the peak after it.

    `update` takes `plateau`, a factor on the learning rate, beside optax' arguments.
    """
    if isinstance(options.name, Imported):
        return optimizer_of(options)
    rate = learning_rate(options, total_steps)
    final_rate = rate
    share: Share = _whole
    transforms = []
    if options.clip_norm is not None:
        transforms.append(optax.clip_by_global_norm(options.clip_norm))
    if options.name == "sgd" and not is_off(options.momentum):
        share = _share_of_peak(options, total_steps)
        final_rate = optax.constant_schedule(resolved(options.learning_rate))
        transforms.append(_momentum(options, share))
    else:
        transforms.append(_direction(options))
    remembers_steps = options.name == "rmsprop" and not is_off(options.momentum)
    if not is_off(options.weight_decay):
        # Where decay comes last, its place is kept: folders of 0.1.0 hold a state there.
        of_decay = _nothing if remembers_steps else share
        transforms.append(_weight_decay(options, total_steps, of_decay))
    if options.rates:
        transforms.append(scale_by_name(options.rates))
    of_rate = len(transforms)
    transforms.append(_scale_by_rate(final_rate, of_plateau=share is _whole))
    if remembers_steps:
        transforms.append(_momentum_of_steps(options, total_steps, rate))
    if options.l1_step == "proximal":
        transforms.append(_soft_threshold(options, rate))
    chain = optax.chain(*transforms)

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        assert isinstance(state, tuple)
        counted = state[of_rate]
        assert isinstance(counted, optax.ScaleByScheduleState)
        return chain.update(updates, state, params, count=counted.count, **extra)

    return optax.GradientTransformationExtraArgs(chain.init, update)


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
        case _:  # sgd
            return optax.identity()


def _whole(_: Array, __: Array | None) -> float:
    """The share of a rate that is multiplied in elsewhere."""
    return 1.0


def _nothing(_: Array, __: Array | None) -> float:
    """The share of a rate where all is done elsewhere."""
    return 0.0


def _share_of_peak(options: Optim, total_steps: int) -> Share:
    """The learning rate over its peak, by the number of updates and the plateau's factor."""
    is_constant = options.schedule in ("constant", "plateau") and not options.warmup
    course = learning_rate(replace(options, learning_rate=1.0), total_steps)

    def share(count: Array, plateau: Array | None) -> Array | float:
        of_schedule = 1.0 if is_constant else jnp.asarray(course(count))
        return of_schedule if plateau is None else of_schedule * plateau

    return share


def _momentum(options: Optim, share: Share) -> optax.GradientTransformationExtraArgs:
    """The velocity of sgd, of gradients times their share of the peak rate."""
    trace = optax.trace(options.momentum, options.nesterov)

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        now = share(extra["count"], extra.get("plateau"))
        return trace.update(jax.tree.map(lambda g: g * now, updates), state, params)

    return optax.GradientTransformationExtraArgs(trace.init, update)


def _momentum_of_steps(
    options: Optim, total_steps: int, rate: optax.Schedule
) -> optax.GradientTransformationExtraArgs:
    """The velocity of rmsprop, of steps at their rates; then kernels shrink by rate * decay."""
    trace = optax.trace(options.momentum, options.nesterov)
    factor = decay_factor(options.weight_decay_schedule, total_steps)

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        updates, state = trace.update(updates, state, params)
        if is_off(options.weight_decay):
            return updates, state
        count = extra["count"]
        size = jnp.asarray(rate(count)) * options.weight_decay * factor(count)
        plateau = extra.get("plateau")
        size = size if plateau is None else size * plateau

        weights: Tree = params

        def decay(path: KeyPath, step: Array, weight: Array, is_kernel: bool) -> Array:
            return step - size * rate_of(path, options.rates) * weight if is_kernel else step

        return tree_map_with_path(decay, updates, weights, kernel_mask(weights)), state

    return optax.GradientTransformationExtraArgs(trace.init, update)


def _scale_by_rate(
    rate: optax.Schedule, *, of_plateau: bool
) -> optax.GradientTransformationExtraArgs:
    """Updates times minus the learning rate, and times the plateau's factor if `of_plateau`."""
    scaled = optax.scale_by_learning_rate(rate)

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        updates, state = scaled.update(updates, state, params)
        plateau = extra.get("plateau")
        if of_plateau and plateau is not None:
            updates = jax.tree.map(lambda u: u * plateau, updates)
        return updates, state

    return optax.GradientTransformationExtraArgs(scaled.init, update)


def _weight_decay(
    options: Optim, total_steps: int, share: Share
) -> optax.GradientTransformationExtraArgs:
    """Kernels added to the updates, times `weight_decay`, its schedule and a share of the rate."""
    factor = decay_factor(options.weight_decay_schedule, total_steps)

    def decay(plateau: Array | None) -> optax.GradientTransformation:
        return optax.add_decayed_weights(
            lambda step: options.weight_decay * factor(step) * share(jnp.asarray(step), plateau),
            mask=kernel_mask,
        )

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        return decay(extra.get("plateau")).update(updates, state, params)

    return optax.GradientTransformationExtraArgs(decay(None).init, update)


def _soft_threshold(options: Optim, rate: optax.Schedule) -> optax.GradientTransformation:
    """Updated kernels drawn to 0 by rate * l1, and no further; the rate is that of their name.

    It is the proximal step of ISTA (Daubechies et al. 2004).
    """

    def init(_: Params) -> optax.ScaleByScheduleState:
        return optax.ScaleByScheduleState(jnp.zeros((), jnp.int32))

    def update(
        updates: Params, state: optax.ScaleByScheduleState, params: Params
    ) -> tuple[Params, optax.ScaleByScheduleState]:
        size = rate(state.count) * options.l1

        def shrink(path: KeyPath, step: Array, weight: Array, is_kernel: bool) -> Array:
            if not is_kernel:
                return step
            moved = weight + step
            drawn = size * rate_of(path, options.rates)
            # weight - weight is exactly 0, so a weight that is to be 0 becomes it.
            return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - drawn, 0) - weight

        shrunk = tree_map_with_path(shrink, updates, params, kernel_mask(params))
        return shrunk, optax.ScaleByScheduleState(state.count + 1)

    return optax.GradientTransformation(init, update)  # type: ignore[arg-type]

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

# (completed updates, the plateau's factor if there is one) -> the rate over its peak
RelativeRate = Callable[[Array, Array | None], Array | float]
# (updates, state, params, completed updates, the plateau's factor) -> (updates, state)
Change = Callable[[Tree, Tree, Tree, Array, Array | None], tuple[Tree, Tree]]


def make_optimizer(options: Optim, total_steps: int) -> optax.GradientTransformationExtraArgs:
    """The optimizer of the options: gradients -> updates that are added to the parameters.

    In this order: gradients clipped, the optimizer's direction, decoupled decay of kernels, rates
    by parameter, learning rate. Decay comes before the learning rate, so that weights shrink by
    learning_rate * weight_decay (Loshchilov & Hutter 2019), and passes through no momentum.
    Momentum remembers each step at the rate it was taken at, as in Keras. That of rmsprop therefore
    comes after the learning rate, and decay after it. That of sgd comes before: it sums gradients
    times (rate / peak rate), and the sum is then multiplied by the peak rate.

    `update` takes `plateau`, a factor on the learning rate, beside optax' arguments.
    """
    if isinstance(options.name, Imported):
        return optimizer_of(options)
    rate = learning_rate(options, total_steps)
    has_momentum = not is_off(options.momentum)
    is_sgd = has_momentum and options.name == "sgd"
    is_rmsprop = has_momentum and options.name == "rmsprop"
    relative = _relative_rate(options, total_steps) if is_sgd else _one
    transforms = []
    if options.clip_norm is not None:
        transforms.append(optax.clip_by_global_norm(options.clip_norm))
    transforms.append(_momentum(options, relative) if is_sgd else _direction(options))
    if not is_off(options.weight_decay):
        # Where decay comes last, its place is kept: folders of 0.1.0 hold a state there.
        transforms.append(_weight_decay(options, total_steps, _zero if is_rmsprop else relative))
    if options.rates:
        transforms.append(scale_by_name(options.rates))
    place_of_rate = len(transforms)
    peak = optax.constant_schedule(resolved(options.learning_rate))
    transforms.append(_scale_by_rate(peak if is_sgd else rate, of_plateau=not is_sgd))
    if is_rmsprop:
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
        counted = state[place_of_rate]
        assert isinstance(counted, optax.ScaleByScheduleState)
        return chain.update(updates, state, params, count=counted.count, **extra)

    return optax.GradientTransformationExtraArgs(chain.init, update)


def _transformation(
    init: optax.TransformInitFn, change: Change
) -> optax.GradientTransformationExtraArgs:
    """A transformation that is told the completed updates and the plateau's factor."""

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        return change(updates, state, params, extra["count"], extra.get("plateau"))

    return optax.GradientTransformationExtraArgs(init, update)


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


def _one(_: Array, __: Array | None) -> float:
    """The relative rate where the learning rate itself is multiplied in later."""
    return 1.0


def _zero(_: Array, __: Array | None) -> float:
    """The relative rate of a step that is taken elsewhere."""
    return 0.0


def _relative_rate(options: Optim, total_steps: int) -> RelativeRate:
    """The learning rate over its peak, by the number of updates and the plateau's factor."""
    is_constant = options.schedule in ("constant", "plateau") and not options.warmup
    course = learning_rate(replace(options, learning_rate=1.0), total_steps)

    def relative(count: Array, plateau: Array | None) -> Array | float:
        of_schedule = 1.0 if is_constant else jnp.asarray(course(count))
        return of_schedule if plateau is None else of_schedule * plateau

    return relative


def _momentum(options: Optim, relative: RelativeRate) -> optax.GradientTransformationExtraArgs:
    """The velocity of sgd, of gradients times their relative rate."""
    trace = optax.trace(options.momentum, options.nesterov)

    def change(
        updates: Tree, state: Tree, params: Tree, count: Array, plateau: Array | None
    ) -> tuple[Tree, Tree]:
        now = relative(count, plateau)
        return trace.update(jax.tree.map(lambda g: g * now, updates), state, params)

    return _transformation(trace.init, change)


def _momentum_of_steps(
    options: Optim, total_steps: int, rate: optax.Schedule
) -> optax.GradientTransformationExtraArgs:
    """The velocity of rmsprop, of steps at their rates; then kernels shrink by rate * decay."""
    trace = optax.trace(options.momentum, options.nesterov)
    factor = decay_factor(options.weight_decay_schedule, total_steps)

    def change(
        updates: Tree, state: Tree, params: Tree, count: Array, plateau: Array | None
    ) -> tuple[Tree, Tree]:
        updates, state = trace.update(updates, state, params)
        if is_off(options.weight_decay):
            return updates, state
        size = jnp.asarray(rate(count)) * options.weight_decay * factor(count)
        size = size if plateau is None else size * plateau

        def decay(path: KeyPath, step: Array, weight: Array, is_kernel: bool) -> Array:
            return step - size * rate_of(path, options.rates) * weight if is_kernel else step

        return tree_map_with_path(decay, updates, params, kernel_mask(params)), state

    return _transformation(trace.init, change)


def _scale_by_rate(
    rate: optax.Schedule, *, of_plateau: bool
) -> optax.GradientTransformationExtraArgs:
    """Updates times minus the learning rate, and times the plateau's factor if `of_plateau`."""
    scaled = optax.scale_by_learning_rate(rate)

    def change(
        updates: Tree, state: Tree, params: Tree, count: Array, plateau: Array | None
    ) -> tuple[Tree, Tree]:
        updates, state = scaled.update(updates, state, params)
        if of_plateau and plateau is not None:
            updates = jax.tree.map(lambda u: u * plateau, updates)
        return updates, state

    return _transformation(scaled.init, change)


def _weight_decay(
    options: Optim, total_steps: int, relative: RelativeRate
) -> optax.GradientTransformationExtraArgs:
    """Kernels added to the updates, times `weight_decay`, its schedule and the relative rate."""
    factor = decay_factor(options.weight_decay_schedule, total_steps)

    def decay(plateau: Array | None) -> optax.GradientTransformation:
        return optax.add_decayed_weights(
            lambda step: options.weight_decay * factor(step) * relative(jnp.asarray(step), plateau),
            mask=kernel_mask,
        )

    def change(
        updates: Tree, state: Tree, params: Tree, count: Array, plateau: Array | None
    ) -> tuple[Tree, Tree]:
        return decay(plateau).update(updates, state, params)

    return _transformation(decay(None).init, change)


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

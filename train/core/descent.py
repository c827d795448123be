"""A step down a gradient: by the optimizer, or in one call of the kernel where there is no more."""

from __future__ import annotations

import jax.numpy as jnp
import optax

from nets.base import Array, Params, Tree
from nets.dropout import is_off
from nets.kernels.adam import AdamStep, Moving, native_adam, suits
from train.config.options import Optim
from train.core.adam import correction
from train.core.program import Program
from train.core.schedules import learning_rate


def descended(
    program: Program, grads: Tree, opt_state: Tree, params: Params, plateau: Array | None
) -> tuple[Params, Tree]:
    """The parameters and the optimizer's state after a step; `plateau` is a factor on its rate."""
    if is_adam_alone(program.config.optim) and suits(grads):
        return _by_kernel(program, grads, opt_state, params, plateau)
    updates, opt_state = program.optimizer.update(grads, opt_state, params, plateau=plateau)
    moved: Tree = optax.apply_updates(params, updates)
    return moved, opt_state


def is_adam_alone(options: Optim) -> bool:
    """Whether a step is Adam's direction times the learning rate, and nothing else."""
    is_adam = options.name in ("adam", "adamw")
    changes = (options.clip_norm is not None, bool(options.rates), options.l1_step == "proximal")
    return is_adam and is_off(options.weight_decay) and not any(changes)


def _by_kernel(
    program: Program, grads: Tree, opt_state: Tree, params: Params, plateau: Array | None
) -> tuple[Params, Tree]:
    options = program.config.optim
    of_adam, of_rate = opt_state
    assert isinstance(of_adam, optax.ScaleByAdamState)
    assert isinstance(of_rate, optax.ScaleByScheduleState)
    beta1, beta2 = options.beta1, options.own_beta2()
    count = jnp.asarray(optax.safe_increment(of_adam.count))
    rate = jnp.asarray(learning_rate(options, program.total_steps)(of_rate.count))
    rate = rate if plateau is None else rate * plateau
    by = AdamStep(beta1, beta2, options.epsilon, -rate * correction(beta1, beta2, count))
    after = native_adam(by, grads, Moving(params, of_adam.mu, of_adam.nu))
    counted = of_rate._replace(count=optax.safe_increment(of_rate.count))
    return after.weights, (optax.ScaleByAdamState(count, after.mean, after.square), counted)

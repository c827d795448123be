"""One step of the optimizer: by optax, or in one call of the kernel where it is plain Adam."""

from __future__ import annotations

import jax.numpy as jnp
import optax

from nets.base import Array, Params, Tree
from nets.dropout import is_off
from nets.kernels.adam import AdamScalars, AdamState, native_adam, suits
from train.config.options import Optim
from train.core.adam import bias_correction
from train.core.program import Program
from train.core.schedules import learning_rate


def apply_gradients(
    program: Program, grads: Tree, opt_state: Tree, params: Params, plateau: Array | None
) -> tuple[Params, Tree]:
    """The parameters and the optimizer's state after a step.

    `plateau` is the factor on the learning rate of the schedule "plateau", None with any other.
    """
    if is_plain_adam(program.config.optim) and suits(grads):
        return _adam_by_kernel(program, grads, opt_state, params, plateau)
    updates, opt_state = program.optimizer.update(grads, opt_state, params, plateau=plateau)
    new_params: Tree = optax.apply_updates(params, updates)
    return new_params, opt_state


def is_plain_adam(options: Optim) -> bool:
    """Whether a step is Adam's direction times the learning rate, and nothing else."""
    is_adam = options.name in ("adam", "adamw")
    changes = (options.clip_norm is not None, bool(options.rates), options.l1_step == "proximal")
    return is_adam and is_off(options.weight_decay) and not any(changes)


def _adam_by_kernel(
    program: Program, grads: Tree, opt_state: Tree, params: Params, plateau: Array | None
) -> tuple[Params, Tree]:
    """`apply_gradients` of plain Adam; `opt_state` has the form that optax gives it."""
    options = program.config.optim
    adam, schedule = opt_state
    assert isinstance(adam, optax.ScaleByAdamState)
    assert isinstance(schedule, optax.ScaleByScheduleState)
    beta1, beta2 = options.beta1, options.own_beta2()
    count = jnp.asarray(optax.safe_increment(adam.count))
    rate = jnp.asarray(learning_rate(options, program.total_steps)(schedule.count))
    rate = rate if plateau is None else rate * plateau
    scale = -rate * bias_correction(beta1, beta2, count)
    scalars = AdamScalars(beta1, beta2, options.epsilon, scale)
    after = native_adam(scalars, grads, AdamState(params, adam.mu, adam.nu))
    adam = optax.ScaleByAdamState(count, after.mu, after.nu)
    schedule = schedule._replace(count=optax.safe_increment(schedule.count))
    return after.params, (adam, schedule)

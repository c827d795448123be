"""Truncated backpropagation through time (Williams & Peng 1990): an update after each window.

A window is a stretch of the steps of a batch. The recurrent state at the end of a window is the
initial state of the next one, and no gradient flows back through it. Shapes: b rows, w windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import optax
from jax import lax

from nets.base import Array, Tree
from train.core.batch_losses import Batches, Window
from train.core.faults import select
from train.core.program import WINDOW_KEY, Data, Program
from train.core.state import State, Sums, no_sums
from train.core.tasks import HEAD_KINDS
from train.data.dataset import Batch

T = TypeVar("T")
GradientUpdate = Callable[[Data, State, Batches, Window], tuple[State, Sums, Tree]]


def update_in_windows(
    program: Program, data: Data, state: State, batches: Batches, gradient_update: GradientUpdate
) -> tuple[State, Sums]:
    """The state after an update on each window of a batch, and the sums of the whole batch.

    `gradient_update` makes one update, and gives the carry at the window's end. The batch counts as
    one step of the run: its windows share one learning rate, but draw dropout each for itself. A
    window without any target changes no weight.
    """
    size = program.window
    assert size is not None
    length_b = batches[0].inputs["length"]
    width = max(array.shape[1] for array in batches[0].inputs.values() if array.ndim > 1)
    n_most = -(-width // size)
    padded = tuple(_padded(program, batch, n_most * size) for batch in batches)
    last_b = jnp.maximum(length_b - 1, 0) // size
    n_windows = last_b.max() + 1
    has_target_w = _has_target(program, last_b, n_windows, n_most)
    share = 1 / has_target_w.sum()

    def update_on_window(
        number: Array, carried: tuple[State, Tree, Sums]
    ) -> tuple[State, Tree, Sums]:
        before, carry, sums = carried
        key = jax.random.fold_in(jax.random.fold_in(data.key, WINDOW_KEY), number)
        steps = tuple(_steps(program, batch, number, size) for batch in padded)
        window = Window(carry, (last_b == number).astype(jnp.float32))
        after, of_window, carry = gradient_update(data.replace(key=key), before, steps, window)
        after = after.replace(
            step=before.step, opt_state=_with_schedules_of(after.opt_state, before.opt_state)
        )
        found = after, _scaled(of_window, share)
        none = before, jax.tree.map(jnp.zeros_like, sums)
        after, of_window = select(has_target_w[number], found, none)
        return after, carry, jax.tree.map(jnp.add, sums, of_window)

    begin = by_rows(program.network.body.initial_carry(len(length_b)))
    carried = state, begin, no_sums(program, state.weights)
    state, _, sums = lax.fori_loop(0, n_windows, update_on_window, carried)
    return state.replace(step=state.step + 1, opt_state=_advance_schedules(state.opt_state)), sums


def by_rows(carry: T) -> T:
    """A carry with its axis of rows in front, or one of these as a network takes it."""
    return jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), carry)


def _has_target(program: Program, last_b: Array, n_windows: Array, n_most: int) -> Array:
    """Whether each window has a target [w]: all do with targets at every step, else a row's end."""
    if any(HEAD_KINDS[task.head.kind].every_step for task in program.tasks):
        return jnp.arange(n_most) < n_windows
    return (last_b[:, None] == jnp.arange(n_most)[None]).any(0)


def _scaled(sums: Sums, share: Array) -> Sums:
    """The sums of a window: its loss whole, and a share of all that is counted once a batch."""
    scaled: Sums = jax.tree.map(lambda value: value * share, sums)
    scaled["loss"] = sums["loss"]
    return scaled


def _padded(program: Program, batch: Batch[Array], width: int) -> Batch[Array]:
    """The batch padded to `width` steps."""
    inputs = {name: _to_width(array, width, 0) for name, array in batch.inputs.items()}
    target = dict(batch.target)
    for name in _step_heads(program):
        beyond = jnp.nan if jnp.issubdtype(target[name].dtype, jnp.floating) else -1
        target[name] = _to_width(target[name], width, beyond)
    return batch._replace(inputs=inputs, target=target)


def _to_width(array: Array, width: int, fill: float) -> Array:
    if array.ndim == 1:
        return array
    widths = [(0, 0)] * array.ndim
    widths[1] = (0, width - array.shape[1])
    return jnp.pad(array, widths, constant_values=fill)


def _steps(program: Program, batch: Batch[Array], number: Array, size: int) -> Batch[Array]:
    """The steps of a window of a batch."""

    def cut(array: Array) -> Array:
        return lax.dynamic_slice_in_dim(array, number * size, size, axis=1)

    length_b = jnp.clip(batch.inputs["length"] - number * size, 0, size)
    inputs: dict[str, Array] = {"length": length_b}
    for name, array in batch.inputs.items():
        if name != "length":
            inputs[name] = cut(array)
    target = dict(batch.target)
    for name in _step_heads(program):
        target[name] = cut(target[name])
    return batch._replace(inputs=inputs, target=target, length=length_b)


def _step_heads(program: Program) -> list[str]:
    """The heads that answer at every step."""
    kinds = {task.head.name: HEAD_KINDS[task.head.kind] for task in program.tasks}
    return [name for name, kind in kinds.items() if kind.every_step]


# A schedule counts batches, so its count stays the same from window to window; the moments of an
# optimizer count every update. The state of a schedule is a count and nothing else.
def _is_schedule(state: object) -> bool:
    return getattr(state, "_fields", ()) == ("count",)


def _with_schedules_of(opt_state: optax.OptState, before: optax.OptState) -> optax.OptState:
    """`opt_state` with the counts of its schedules as they are in `before`."""
    return jax.tree.map(
        lambda new, old: old if _is_schedule(new) else new,
        opt_state,
        before,
        is_leaf=_is_schedule,
    )


def _advance_schedules(opt_state: optax.OptState) -> optax.OptState:
    """`opt_state` with the counts of its schedules raised by one."""
    return jax.tree.map(
        lambda node: jax.tree.map(lambda count: count + 1, node) if _is_schedule(node) else node,
        opt_state,
        is_leaf=_is_schedule,
    )

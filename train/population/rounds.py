"""Rounds of a population's members under one while_loop: what is compiled for a group.

k members.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array, Tree
from nets.kernels.dense_choice import nets_side_by_side
from train.config.members import with_values
from train.core.faults import select
from train.core.program import Data, Program
from train.core.rounds import log_shapes, train_round
from train.core.state import State
from train.parallel.devices import MEMBER
from train.population.member_axis import AXES, own_fields, select_both, where_training
from train.run.driver import Logs, still_training
from train.run.prepare import make_program
from train.run.run import Run


def member_program(run: Run, data: Data) -> Program:
    """The program of the member whose numbers are in `data`."""
    if not data.numbers:
        return run.program
    program = make_program(with_values(run.config, data.numbers), run.dataset)
    own = run.program
    return replace(
        program,
        parts=own.parts,
        shared_rows=own.shared_rows,
        block_rows=own.block_rows,
        careful=own.careful,
    )


def side_by_side(run: Run) -> bool:
    """Whether members train in one vmapped computation, not one after the other in the program.

    LSTMs on a CPU are faster in turns.
    """
    return not (run.config.net.reads_steps and jax.default_backend() == "cpu")


def train_all_round(run: Run, data: Data, state: State, shapes: Logs) -> tuple[State, Logs]:
    """A round of every member that still trains: their states, and what they log.

    `shapes` are those of what the members log, as `member_logs` gives them.
    """
    training_k = still_training(run.program, state)

    def train_member(data: Data, state: State) -> tuple[State, Logs]:
        return train_round(member_program(run, data), data, state)

    if side_by_side(run):
        with nets_side_by_side():
            new, log = jax.vmap(train_member, in_axes=(AXES, 0))(data, state)
        return where_training(training_k, new, state), log
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), shapes)
    del nothing["ran"]

    def if_training(member: tuple[dict[str, Tree], State, Array]) -> tuple[State, Logs]:
        fields, state, is_training = member
        return lax.cond(
            is_training,
            lambda state: train_member(data.replace(**fields), state),
            lambda state: (state, nothing),
            state,
        )

    return lax.map(if_training, (own_fields(data), state, training_k))


def train_members(
    run: Run, data: Data, state: State, logs: Logs, n_rounds: Array, most_left: Array
) -> tuple[State, Logs, Array]:
    """Up to `n_rounds` rounds of the members that still train, until only `most_left` of them do.

    `logs["ran"]` says whose round each was. A member that is done is left as it is. A round in
    which one of them comes to what is not finite is undone for all, as that of one net is
    (`train.core.rounds.run_rounds`).
    """

    def unfinished(carry: tuple[State, State, Logs, Array, Array, Array]) -> Array:
        _, _, _, i, n_left, is_sound = carry
        return is_sound & (i < n_rounds) & (n_left > most_left)

    def body(
        carry: tuple[State, State, Logs, Array, Array, Array],
    ) -> tuple[State, State, Logs, Array, Array, Array]:
        before, _, logs, i, _, _ = carry
        ran = still_training(run.program, before)
        state, log = train_all_round(run, data, before, shapes)
        logs = jax.tree.map(
            lambda buffer, value: buffer.at[i].set(value), logs, {**log, "ran": ran}
        )
        is_sound = jnp.ones((), bool)
        if not run.program.careful:
            is_sound = _count_members(run, ran & state.diverged) == 0
        n_left = _count_members(run, still_training(run.program, state))
        return state, before, logs, i + is_sound, n_left, is_sound

    shapes = jax.tree.map(lambda all_of: jax.ShapeDtypeStruct(all_of.shape[1:], all_of.dtype), logs)
    n_left = _count_members(run, still_training(run.program, state))
    start = state, state, logs, jnp.zeros((), jnp.int32), n_left, jnp.ones((), bool)
    state, before, logs, count, _, is_sound = lax.while_loop(unfinished, body, start)
    return select(is_sound, state, before), logs, count


def _count_members(run: Run, is_so_k: Array) -> Array:
    """How many members something holds of, of those on all devices."""
    n_here = is_so_k.sum()
    is_alone = run.layout is None or run.layout.parallel == "pmap"
    return n_here if is_alone else lax.psum(n_here, MEMBER)


def member_logs(run: Run, data: Data, state: State) -> Logs:
    """Shapes and types of what one round of all members logs."""
    first = jax.eval_shape(lambda data, state: select_both(data, state, 0), data, state)
    log = log_shapes(run.program, *first) | {"ran": jax.ShapeDtypeStruct((), bool)}
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((len(state.stopped), *leaf.shape), leaf.dtype), log
    )

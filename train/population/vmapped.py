"""A population: nets that differ by numbers alone are one program, vmapped over an axis of members.

Members of other shapes (widths, batch size, steps of an epoch) make groups, which train one after
another. k members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array, Tree
from nets.dropout import is_off
from train.config.bounded import resolved
from train.core.fallback import with_fallback
from train.core.forward import with_block_rows
from train.core.program import Data
from train.core.state import State, init_state
from train.core.weights import init_weights
from train.data.blocks import take_without_inputs
from train.data.dataset import Batch
from train.parallel.devices import MEMBER, compiled, fetch
from train.population.member_axis import SPECS, own_fields, select_both
from train.population.rounds import member_logs, member_program, side_by_side, train_members
from train.run.careful import is_careful, with_care
from train.run.device_data import starting_rows
from train.run.driver import Call, Logs, Validation, still_training
from train.run.in_memory import empty_logs, log_capacity
from train.run.run import Run

# A group's program is compiled anew for fewer members once only a fourth of them still trains, if a
# member is work enough: to compile costs a second or two.
SHRINK_FACTOR = 4
MIN_FLOPS = 1e10


class Vmapped:
    """The driver of the members of a group."""

    specs = SPECS

    def init(self, run: Run) -> State:
        """Fresh weights of every member, a function of its key."""
        return init_members(run)

    def compile(self, run: Run, state: State) -> Call:
        """Rounds of the members that still train."""
        return MemberRounds(run, state)

    def validation(self, run: Run) -> list[Validation]:
        """The rows of each member's fold, which its members share."""
        by_fold: dict[int, Batch] = {}
        found = []
        for member, rows in zip(run.members, validation_rows(run), strict=True):
            if member.fold not in by_fold:
                by_fold[member.fold] = take_without_inputs(run.dataset, rows)
            found.append(Validation(member.number, by_fold[member.fold]))
        return found


def validation_rows(run: Run) -> list[np.ndarray]:
    """The numbers of every member's validation rows in the data set."""
    valid, n_valid = fetch((run.data.valid, run.data.n_valid))
    n_k = [valid.shape[1]] * len(run.members) if n_valid is None else np.asarray(n_valid)
    found = []
    for rows, n in zip(np.asarray(valid), n_k, strict=True):
        found.append(rows[:n] % len(run.dataset.weight))
    return found


def init_members(run: Run) -> State:
    """The states of all members before their first updates."""

    def init(data: Data, rows: Array) -> State:
        program = member_program(run, data)
        first = program.batch(data, rows)
        weight = None if data.mean_weight is None else data.train_weight[rows]
        weights = init_weights(program.network, data.statistics, first.inputs, data.key, weight)
        state = init_state(
            weights,
            program.optimizer,
            average=not is_off(program.config.optim.ema),
            skip_spikes=program.config.train.skip_spikes,
        )
        return with_fallback(program, data, state)

    def init_all(data: Data, own: tuple[dict[str, Tree], Array]) -> State:
        return lax.map(lambda member: init(data.replace(**member[0]), member[1]), own)

    # One after the other: a QR of many matrices at once, which orthogonal weights ask for, can
    # stand still on a CPU.
    return jax.jit(init_all)(run.data, (own_fields(run.data), _starting_rows(run)))


def _starting_rows(run: Run) -> Array:
    """The rows that weights are made with [k, n]: those that each member begins with alone."""
    if not run.program.network.starts_from_rows:
        return run.data.train[:, :1]
    train, weight = fetch((run.data.train, run.data.train_weight))
    rows = []
    for own, member in zip(np.asarray(train), run.members, strict=True):
        rows.append(starting_rows(own, np.asarray(weight), member.seed))
    return jnp.asarray(np.stack(rows))


def program_size(run: Run, state: State, n_training: int) -> int:
    """Members in the program that trains `n_training` of them.

    A function of nothing else that changes, so that a run that was stopped goes on in the program
    that it stopped in.
    """
    size = len(run.members)
    n_parameters = sum(leaf.size for leaf in jax.tree.leaves(state.weights.params)) // size
    n_updates = resolved(run.config.train.batch_size) * run.program.total_steps
    is_shared = run.layout is not None and run.layout.mesh.shape[MEMBER] > 1
    if is_shared or not side_by_side(run) or 6 * n_parameters * n_updates < MIN_FLOPS:
        return size
    while n_training <= -(-size // SHRINK_FACTOR) < size:
        size = -(-size // SHRINK_FACTOR)
    return size


class MemberRounds:
    """(data, state, n_rounds) -> (state, logs, rounds done) of a group.

    Compiled for as many members as still train, and again when they are few. `logs["member"]` says
    which they are.
    """

    def __init__(self, run: Run, state: State):
        first = jax.eval_shape(lambda data, state: select_both(data, state, 0), run.data, state)
        run = replace(run, program=with_block_rows(run.program, *first))
        # It outlives the stretch of training that it was made for, which the rows need not.
        self._run = replace(run, data=run.data.replace(arrays=()))
        self._shapes = member_logs(run, run.data, state)
        self._capacity = log_capacity(self._shapes)
        self._programs: dict[tuple[int, bool], Callable[..., tuple[State, Logs, Array]]] = {}
        self._done: Array | int = 1
        chosen, _ = self._choose(state)
        self._program(*self._few(run.data, state, chosen), is_careful(run.program, state))

    def __call__(
        self, data: Data, state: State, n_rounds: Array | np.int32
    ) -> tuple[State, Logs, Array]:
        again = int(self._done) == 0  # a round was undone
        careful = again or is_careful(self._run.program, state)
        chosen, most_left = self._choose(state)
        few = self._few(data, state, chosen)
        n_rounds = np.int32(1) if again else n_rounds
        own, logs, count = self._program(*few, careful)(*few, n_rounds, np.int32(most_left))
        self._done = count
        if len(chosen) < len(self._run.members):
            own = jax.tree.map(lambda old, new: old.at[chosen].set(new), state, own)
        return own, {**logs, "member": chosen}, count

    def _choose(self, state: State) -> tuple[np.ndarray, int]:
        """The members to train now, and at how many of them to stop and choose again."""
        training_k = np.asarray(fetch(still_training(self._run.program, state)))
        size = program_size(self._run, state, int(training_k.sum()))
        smaller = -(-size // SHRINK_FACTOR)
        most_left = 0
        if smaller < size and program_size(self._run, state, smaller) < size:
            most_left = smaller
        return np.sort(np.argsort(~training_k, kind="stable")[:size]), most_left

    def _few(self, data: Data, state: State, chosen: np.ndarray) -> tuple[Data, State]:
        """The data and states of the chosen members: as they are where all are chosen."""
        if len(chosen) == len(self._run.members):
            return data, state
        return select_both(data, state, chosen)

    def _program(
        self, data: Data, state: State, careful: bool
    ) -> Callable[..., tuple[State, Logs, Array]]:
        """The program for as many members as these."""
        size = len(state.stopped)
        if (size, careful) not in self._programs:
            run = with_care(self._run) if careful else self._run

            def call(
                data: Data, state: State, n_rounds: Array, most_left: Array
            ) -> tuple[State, Logs, Array]:
                logs = empty_logs(self._shapes_of(len(state.stopped)), self._capacity)
                n_rounds = jnp.minimum(n_rounds, self._capacity)
                return train_members(run, data, state, logs, n_rounds, most_left)

            arguments = data, state, np.int32(1), np.int32(0)
            self._programs[size, careful] = compiled(run.layout, call, arguments, SPECS)
        return self._programs[size, careful]

    def _shapes_of(self, n_members: int) -> Logs:
        """Shapes and types of what a round of so many members logs."""

        def resized(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((n_members, *leaf.shape[1:]), leaf.dtype)

        return jax.tree.map(resized, self._shapes)

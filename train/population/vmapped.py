"""A population: nets that differ by numbers alone are one program, vmapped over an axis of members.

Members of other shapes (widths, batch size, steps of an epoch) make groups, which train one after
another. k members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from nets.dropout import is_off
from train.config.bounded import resolved
from train.config.members import with_values
from train.core.program import Data, Program
from train.core.rounds import log_shapes, train_round
from train.core.state import State, init_state
from train.core.weights import init_weights
from train.data.dataset import Batch
from train.parallel.devices import ALONG_MEMBERS, EVERYWHERE, MEMBER, compiled, fetch
from train.run.device_data import starting_rows
from train.run.prepare import make_program
from train.run.run import Run

Array = jax.Array
# A group's program is compiled anew for fewer members once only a fourth of them still trains, if a
# member is work enough: to compile costs a second or two.
SHRINK = 4
MIN_FLOPS = 1e10
# Which of `Data` has an axis of members.
_AXES: Any = {"arrays": None, "train_weight": None} | dict.fromkeys(
    ("train", "valid", "statistics", "key", "n_train", "n_valid", "numbers"), 0
)
AXES = Data(**_AXES)
# Where they stand, and the states and logs beside them, of members that devices share.
_PLACES: Any = {name: EVERYWHERE if axis is None else ALONG_MEMBERS for name, axis in _AXES.items()}
SPECS = Data(**_PLACES), ALONG_MEMBERS, PartitionSpec(None, MEMBER)


def own_valid_rows(run: Run) -> list[Batch]:
    """The validation rows, as they are on the host, of every member; of a single net in a list of
    one.
    """
    dataset = run.dataset
    if not run.members:
        return [dataset.take(dataset.arrays, dataset.splits["valid"])]
    most = run.data.valid.shape[1]
    (valid, n_valid) = fetch((run.data.valid, run.data.n_valid))
    n_k = [most] * len(run.members) if n_valid is None else np.asarray(n_valid)
    by_fold: dict[int, Batch] = {}
    for member, rows, n in zip(run.members, np.asarray(valid), n_k, strict=True):
        if member.fold not in by_fold:
            by_fold[member.fold] = dataset.take(dataset.arrays, rows[:n] % len(dataset.weight))
    return [by_fold[member.fold] for member in run.members]


def _program(run: Run, data: Data) -> Program:
    """The program of the member whose numbers are in `data`."""
    if not data.numbers:
        return run.program
    return replace(
        make_program(with_values(run.config, data.numbers), run.dataset), parts=run.program.parts
    )


def init_members(run: Run) -> State:
    """The states of all members before their first updates."""

    def init(data: Data, rows: Array) -> State:
        program = _program(run, data)
        first = program.take(data.arrays, rows)
        weights = init_weights(program.network, data.statistics, first.inputs, data.key)
        return init_state(weights, program.optimizer, average=not is_off(program.config.optim.ema))

    # One after the other: a QR of many matrices at once, which orthogonal weights ask for, can
    # stand still on a CPU.
    own = (
        {name: value for name, value in vars(run.data).items() if _AXES[name] is not None},
        _starting_rows(run),
    )
    return jax.jit(lambda data, own: lax.map(lambda of: init(data.replace(**of[0]), of[1]), own))(
        run.data, own
    )


def _starting_rows(run: Run) -> Any:
    """What the members' fresh weights are made with [k, n]: the rows that each would begin with
    alone.
    """
    if not run.program.network.starts_from_rows:
        return run.data.train[:, :1]
    train = np.asarray(fetch(run.data.train))
    return np.stack(
        [starting_rows(rows, member.seed) for rows, member in zip(train, run.members, strict=True)]
    )


def side_by_side(run: Run) -> bool:
    """Whether members train in one vmapped computation, or one after the other within the program:
    LSTMs on a CPU are faster so (40 of 64 units: 46 ms a step, not 81).
    """
    return not (run.config.net.reads_steps and jax.default_backend() == "cpu")


def round_of_all(run: Run, data: Data, state: State) -> tuple[State, Any]:
    """A round of every member that still trains: their states, and what they log."""
    still = training(run, state)

    def one(data: Data, state: State) -> tuple[State, Any]:
        return train_round(_program(run, data), data, state)

    if side_by_side(run):
        new, log = jax.vmap(one, in_axes=(AXES, 0))(data, state)
        return jax.tree.map(
            lambda new, old: jnp.where(_along(still, new), new, old), new, state
        ), log
    own = {name: value for name, value in vars(data).items() if _AXES[name] is not None}
    empty = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), member_logs(run, data, state)
    )
    del empty["ran"]

    def if_training(member: tuple[Any, State, Array]) -> tuple[State, Any]:
        fields, state, still = member
        return lax.cond(
            still,
            lambda state: one(data.replace(**fields), state),
            lambda state: (state, empty),
            state,
        )

    return lax.map(if_training, (own, state, still))


def train_members(
    run: Run, data: Data, state: State, logs: Any, n_rounds: Array, most_left: Array
) -> tuple[State, Any, Array]:
    """Up to `n_rounds` rounds of all members that still train, until only `most_left` of them do;
    see `run_rounds`.

    `logs["ran"]` says whose round each was. A member that is done is left as it is.
    """

    def left(state: State) -> Array:
        n_here = training(run, state).sum()
        return (
            n_here
            if run.layout is None or run.layout.parallel == "pmap"
            else lax.psum(n_here, MEMBER)
        )

    def unfinished(carry: tuple[State, Any, Array, Array]) -> Array:
        _, _, i, n_left = carry
        return (i < n_rounds) & (n_left > most_left)

    def body(carry: tuple[State, Any, Array, Array]) -> tuple[State, Any, Array, Array]:
        state, logs, i, _ = carry
        ran = training(run, state)
        state, log = round_of_all(run, data, state)
        logs = jax.tree.map(lambda buffer, value: buffer.at[i].set(value), logs, log | {"ran": ran})
        return state, logs, i + 1, left(state)

    return lax.while_loop(unfinished, body, (state, logs, jnp.zeros((), jnp.int32), left(state)))[
        :3
    ]


def _along(ran_k: Array, leaf: Array) -> Array:
    return ran_k.reshape(ran_k.shape + (1,) * (leaf.ndim - 1))


def training(run: Run, state: Any) -> Any:
    """Which members still train [k] by the state, or what was seen of it; of a single net, whether
    it does.
    """
    return ~(state.stopped | (state.step >= run.program.last_step))


def slots(run: Run, state: State, n_training: int) -> int:
    """Members in the program that trains `n_training` of them: a function of nothing else that
    changes, so that a run that was stopped goes on in the program that it stopped in.
    """
    n_parameters = sum(leaf.size for leaf in jax.tree.leaves(state.weights.params)) // len(
        run.members
    )
    size = len(run.members)
    batch_size = resolved(run.config.train.batch_size)
    apart = run.layout is not None and run.layout.mesh.shape[MEMBER] > 1
    if (
        apart
        or not side_by_side(run)
        or 6 * n_parameters * batch_size * run.program.total_steps < MIN_FLOPS
    ):
        return size
    while n_training <= -(-size // SHRINK) < size:
        size = -(-size // SHRINK)
    return size


def member_logs(run: Run, data: Data, state: State) -> Any:
    """Shapes and types of what one round of all members logs."""
    first = jax.eval_shape(lambda data, state: pick(data, state, 0), data, state)
    log = log_shapes(run.program, *first) | {"ran": jax.ShapeDtypeStruct((), bool)}
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((len(state.stopped), *leaf.shape), leaf.dtype), log
    )


def member_rounds(run: Run, state: State, capacity: int) -> Callable[..., tuple[State, Any, Array]]:
    """(data, state, n_rounds) -> (state, logs, rounds done), as `loop.compile_rounds` has it for a
    single net.

    Compiled for as many members as still train, and again when they are few. `logs["member"]` says
    which they are.
    """
    n_members = len(run.members)
    programs: dict[int, Any] = {}

    def program(data: Data, state: State) -> Any:
        size = len(state.stopped)
        if size not in programs:

            def call(
                data: Data, state: State, n_rounds: Array, most_left: Array
            ) -> tuple[State, Any, Array]:
                shapes = member_logs(run, data, state)
                logs = jax.tree.map(
                    lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), shapes
                )
                return train_members(
                    run, data, state, logs, jnp.minimum(n_rounds, capacity), most_left
                )

            programs[size] = compiled(
                run.layout, call, (data, state, np.int32(1), np.int32(0)), SPECS
            )
        return programs[size]

    def part(state: State) -> tuple[np.ndarray, int]:
        """The members to train now, and at how many of them to stop and choose again."""
        still = np.asarray(fetch(training(run, state)))
        size = slots(run, state, int(still.sum()))
        smaller = -(-size // SHRINK)
        most_left = smaller if smaller < size and slots(run, state, smaller) < size else 0
        return np.sort(np.argsort(~still, kind="stable")[:size]), most_left

    def call(data: Data, state: State, n_rounds: Array) -> tuple[State, Any, Array]:
        chosen, most_left = part(state)
        if len(chosen) == n_members:
            state, logs, count = program(data, state)(data, state, n_rounds, np.int32(most_left))
        else:
            few, own = pick(data, state, chosen)
            own, logs, count = program(few, own)(few, own, n_rounds, np.int32(most_left))
            state = jax.tree.map(lambda old, new: old.at[chosen].set(new), state, own)
        return state, logs | {"member": chosen}, count

    chosen, _ = part(state)
    program(*((run.data, state) if len(chosen) == n_members else pick(run.data, state, chosen)))
    return call


def pick(data: Data, state: Any, chosen: Any) -> tuple[Data, Any]:
    """The data and states of some members, or of one."""
    data = Data(
        **{
            name: value
            if getattr(AXES, name) is None
            else jax.tree.map(lambda leaf: leaf[chosen], value)
            for name, value in vars(data).items()
        }
    )
    return data, jax.tree.map(lambda leaf: leaf[chosen], state)

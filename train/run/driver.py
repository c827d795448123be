"""What `train.loop` asks of a driver, of which there are three: ways to call the same update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from jax.sharding import PartitionSpec

from nets.base import Array, Tree
from train.core.program import Data, Program
from train.core.state import State
from train.data.dataset import Batch
from train.parallel.devices import EVERYWHERE, fetch
from train.run.run import Run

# A `RoundLog` with an axis of rounds first, {} of a call in which no round ended. Of a population
# an axis of members comes next; "ran" says who had part in a round, "member" who they are.
Logs: TypeAlias = Mapping[str, Tree]
Call: TypeAlias = Callable[[Data, State, Array | np.int32], tuple[State, Logs, Array | int]]


class Specs(NamedTuple):
    """How data, states and logs lie over the devices: a spec for a tree, or a tree of specs."""

    data: Data | PartitionSpec = EVERYWHERE
    state: PartitionSpec = EVERYWHERE
    logs: PartitionSpec = EVERYWHERE


class Validation(NamedTuple):
    """The number of a net, and its validation rows on the host, without their inputs."""

    member: int
    rows: Batch


class Status(NamedTuple):
    """What of a state decides how to go on; `step` is that of the nets that still train."""

    step: int
    is_over: bool
    has_diverged: bool


class Trained(NamedTuple):
    """A trained run, and the seconds of "compile" and "train"."""

    run: Run
    """On the host, without what no later step needs: the rows and the key of `data` are ()."""
    state: State
    """The last one, on the host. It has `best`; `weights`, `average` and `opt_state` are None."""
    seconds: dict[str, float]
    is_whole: bool
    """Whether these are the seconds of all of its training: no step was on disk before."""
    call: Call | None
    """The compiled program, to train on with; None where nothing was left to train."""


class Driver(Protocol):
    """Calls the updates of one kind of run.

    `InMemory` trains one net on rows that the device holds, `Streaming` one on chunks that the host
    reads, `Vmapped` the members of a population together.
    """

    @property
    def specs(self) -> Specs:
        """Where the arrays of such a run stand."""
        ...

    def init(self, run: Run) -> State:
        """The state before the first update."""
        ...

    def compile(self, run: Run, state: State) -> Call:
        """The training program: (data, state, n_rounds) -> (state, logs, rounds done).

        It takes the state's buffers, and may do fewer rounds: none within a long epoch of a stream.
        """
        ...

    def validation(self, run: Run) -> list[Validation]:
        """The validation rows of every net."""
        ...


def still_training(program: Program, state: State) -> Array:
    """Whether a net still trains; of members, which of them [k]."""
    return ~(state.stopped | (state.step >= program.last_step))


def fetch_status(program: Program, state: State) -> Status:
    """The status of a state, waited for."""
    step, stopped, diverged = fetch((state.step, state.stopped, state.diverged))
    is_over = np.all(stopped | (step >= program.last_step))
    return Status(int(np.max(step)), bool(is_over), bool(np.all(diverged)))

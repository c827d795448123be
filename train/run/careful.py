"""Which program a call is made by: the plain one, or one that looks at every update.

The plain program undoes a round that leaves something which is not finite, and stops before it. The
careful one then does this round, without the updates at fault; once one was left out, it does all
later rounds too. So a run pays for care only where it needs it. What decides is in its state: a
resumed run goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from absl import logging

from nets.base import Array
from train.core.program import Data, Program
from train.core.state import State
from train.parallel.devices import fetch
from train.run.driver import Call, Logs, still_training
from train.run.run import Run


class Careful:
    """(data, state, n_rounds) -> (state, logs, rounds done), by whichever program suits the state.

    `make` compiles the call of a run, whose program is careful or not, for arrays such as these.
    """

    def __init__(self, run: Run, state: State, make: Callable[[Run, Data, State], Call]):
        self._run = replace(run, data=run.data.replace(arrays=()))
        self._make = make
        self._calls: dict[bool, Call] = {}
        self._done: Array | int = 1
        self._call(is_careful(run.program, state), run.data, state)

    def __call__(
        self, data: Data, state: State, n_rounds: Array | np.int32
    ) -> tuple[State, Logs, Array | int]:
        again = int(self._done) == 0
        careful = again or is_careful(self._run.program, state)
        call = self._call(careful, data, state)
        state, logs, self._done = call(data, state, np.int32(1) if again else n_rounds)
        return state, logs, self._done

    def _call(self, careful: bool, data: Data, state: State) -> Call:
        if careful not in self._calls:
            run = with_care(self._run) if careful else self._run
            self._calls[careful] = self._make(run, data, state)
        return self._calls[careful]


def is_careful(program: Program, state: State) -> bool:
    """Whether an update of this state is looked at, be it only that of one member."""
    if program.config.train.skip_spikes:
        return True
    skipped, stopped, step = fetch((state.faults.skipped, state.stopped, state.step))
    training = still_training(program, state.replace(stopped=stopped, step=step))
    return bool(np.any((np.asarray(skipped) > 0) & np.asarray(training)))


def with_care(run: Run) -> Run:
    """The run whose program looks at every update; that it is compiled is said."""
    if not run.program.config.train.skip_spikes:
        logging.warning("a loss or a gradient is not finite: from here on each update is looked at")
    return replace(run, program=replace(run.program, careful=True))

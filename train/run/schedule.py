"""When a call to the device ends, and when a state is saved: neither changes any result."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from train.run.driver import Status
from train.run.in_memory import CALL_ROUNDS
from train.run.run import Run

# Of training in one call to the device: seldom enough to cost nothing, often enough to be stopped.
CALL_SECONDS = 0.25
SAVE_SECONDS = 60.0  # between checkpoints where `checkpoint_every` does not say


class Leg(NamedTuple):
    """A stretch of training: to the next rung of halving, or to the end."""

    until: int | None = None
    """The update that it ends at; that of an evaluation."""
    stopped: tuple[bool, ...] = ()
    """Which members have no part in it; () of one net."""

    def is_done(self, status: Status) -> bool:
        """Whether nothing is left to train."""
        return status.is_over or (self.until is not None and status.step >= self.until)


WHOLE_RUN = Leg()


def save_is_due(run: Run, step: int, seconds: float) -> bool:
    """Whether a state is saved that comes `seconds` after the last one that was.

    By epochs, whole ones, where the config says, else by the clock.
    """
    every = run.config.train.checkpoint_every
    if every is None:
        return seconds > SAVE_SECONDS
    return step % (every * run.program.steps_per_epoch) == 0


def rounds_wanted(run: Run, step: int, seconds_per_round: float, leg: Leg = WHOLE_RUN) -> int:
    """How many rounds the next call is to have: as many as take about CALL_SECONDS.

    It ends with the next epoch that must be saved, and with the leg, if not before.
    """
    options = run.config.train
    n_steps = run.program.steps_per_epoch
    wanted = int(np.clip(CALL_SECONDS / max(seconds_per_round, 1e-9), 1, CALL_ROUNDS))
    if options.checkpoint_every is not None:
        to_save = options.checkpoint_every - step // n_steps % options.checkpoint_every
        wanted = min(wanted, to_save // options.eval_every)
    if leg.until is not None:
        wanted = min(wanted, -(-(leg.until - step) // (n_steps * options.eval_every)))
    return max(1, wanted)

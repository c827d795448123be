"""When a call to the device ends, and when a state is saved: neither changes any result."""

from __future__ import annotations

import numpy as np

from train.run.in_memory import CALL_ROUNDS
from train.run.run import Run

# Of training in one call to the device: seldom enough to cost nothing, often enough to be stopped.
CALL_SECONDS = 0.25
SAVE_SECONDS = 60.0  # between checkpoints where `checkpoint_every` does not say


def save_is_due(run: Run, step: int, seconds: float) -> bool:
    """Whether a state is saved that comes `seconds` after the last one that was.

    By epochs, whole ones, where the config says, else by the clock.
    """
    every = run.config.train.checkpoint_every
    if every is None:
        return seconds > SAVE_SECONDS
    return step % (every * run.program.steps_per_epoch) == 0


def rounds_wanted(run: Run, step: int, seconds_per_round: float) -> int:
    """Rounds for the next call: of about CALL_SECONDS, to the next epoch that must be saved."""
    options = run.config.train
    wanted = int(np.clip(CALL_SECONDS / max(seconds_per_round, 1e-9), 1, CALL_ROUNDS))
    if options.checkpoint_every is None:
        return wanted
    epoch = step // run.program.steps_per_epoch
    to_save = options.checkpoint_every - epoch % options.checkpoint_every
    return max(1, min(wanted, to_save // options.eval_every))

"""Processes that search one study together, and take up the trials of those that died.

A worker counts on while it trains. One whose count stands still for GRACE_SECONDS is dead, by the
clock of whoever watches it; one of this machine is as soon as its process is gone.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from train.config.options import Config
from train.population.study import make_space

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

BEAT_SECONDS = 5.0  # between two counts
GRACE_SECONDS = 60.0
PAUSE_SECONDS = 1.0  # between two looks at what others do
MAX_TRIES = 3  # of a setting whose workers die
WORKER = "worker"
COUNT = "count"
TRIED = "tried"


class Crew:
    """The workers of a study, as one of them sees them."""

    def __init__(self, study: optuna.Study, echo: Callable[[str], None]):
        self._study = study
        self._echo = echo
        self._host = socket.gethostname()
        self._seen: dict[int, tuple[int, float]] = {}

    def draw(self, config: Config) -> Trial | None:
        """The next trial, first those of dead workers; None while others train the last ones."""
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        samples = config.population.samples or 0
        trials = self._study.get_trials(deepcopy=False)
        is_waiting = any(trial.state == TrialState.WAITING for trial in trials)
        if len(_counted(trials)) >= samples and not is_waiting:
            return None
        seed = random.Random(f"{config.seed} {self._host} {os.getpid()} {len(trials)}")
        self._study.sampler = TPESampler(seed=seed.getrandbits(32), constant_liar=True)
        trial = self._study.ask(make_space(config))
        counted = _counted(self._study.get_trials(deepcopy=False))
        before = [other for other in counted if other.number < trial.number]
        if len(before) >= samples:  # others drew the last ones meanwhile
            self._study.tell(trial.number, state=TrialState.FAIL)
            return None
        trial.set_user_attr(WORKER, f"{self._host}:{os.getpid()}")
        return trial

    @contextlib.contextmanager
    def at_work(self, trial: Trial) -> Iterator[None]:
        """Counts on while the block runs, so that others see it; gives back a trial cut short."""
        ended = threading.Event()

        def count_on() -> None:
            count = 0
            while not ended.wait(BEAT_SECONDS):
                count += 1
                trial.set_user_attr(COUNT, count)

        counter = threading.Thread(target=count_on, daemon=True)
        counter.start()
        try:
            yield
        except BaseException:
            self._give_back(self._study.get_trials(deepcopy=False)[trial.number])
            raise
        finally:
            ended.set()
            counter.join()

    def give_back_of_dead(self) -> None:
        """Has the settings of dead workers tried again, each by one of those who live."""
        from optuna.trial import TrialState

        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._is_dead(trial):
                self._give_back(trial)

    def _is_dead(self, trial: FrozenTrial) -> bool:
        host, _, process = str(trial.user_attrs.get(WORKER, "")).rpartition(":")
        if host == self._host and process.isdigit():
            return not _lives(int(process))
        count = int(trial.user_attrs.get(COUNT, 0))
        now = time.monotonic()
        seen, since = self._seen.get(trial.number, (-1, now))
        if seen != count:
            self._seen[trial.number] = count, now
            return False
        return now - since > GRACE_SECONDS

    def _give_back(self, trial: FrozenTrial) -> None:
        """Ends a trial as failed and has its settings wait, unless somebody else did so."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        tried = int(trial.user_attrs.get(TRIED, 1))
        state = TrialState.FAIL if tried < MAX_TRIES else TrialState.PRUNED
        try:
            self._study.tell(trial.number, state=state)
        except (UpdateFinishedTrialError, ValueError):
            return
        who = trial.user_attrs.get(WORKER, "its worker")
        if state == TrialState.PRUNED:
            ended = f"{who} is the last of {MAX_TRIES} it ended"
            self._echo(f"trial {trial.number}: passed over, {ended}")
        elif trial.params:
            self._study.enqueue_trial(trial.params, user_attrs={TRIED: tried + 1})
            self._echo(f"trial {trial.number}: {who} ended in it; it is tried again")


def _counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count for the samples: not those that failed."""
    from optuna.trial import TrialState

    return [trial for trial in trials if trial.state != TrialState.FAIL]


def _lives(process: int) -> bool:
    """Whether a process of this machine is there."""
    if os.name == "nt":  # where signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Whether a process has ended, and only its parent has not heard of it."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False

"""SIGTERM and SIGINT: collected while a run trains, so that it can be saved before it ends."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from train.errors import StoppedError, swallowed


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[list[int]]:
    """The numbers of the SIGTERM and SIGINT that came since the block began; they do not end it.

    The second one of a kind has its usual effect. With them are those that came before and that a
    library kept from ending the command.
    """
    received = list(swallowed)
    previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            previous[number] = signal.signal(number, receive)
    except ValueError:  # not in the main thread: signals are somebody else's
        pass
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def stopped(folder: Path, step: int, number: int) -> StoppedError:
    """The error that a run ends with at a step because of a signal."""
    resume = f"the same command with --workdir={folder} resumes it"
    if not step:
        return StoppedError(f"stopped before the first update; {resume}", 128 + number)
    return StoppedError(f"stopped at step {step}, saved; {resume}", 128 + number)

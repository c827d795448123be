"""Who hears what a run has to say: whoever is given its lines, Python's logging, or nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

Echo: TypeAlias = Callable[[str], object]
# Is told the epoch, the loss of training, and the scores of the validation rows.
Watch: TypeAlias = Callable[[int, float, Mapping[str, float]], object]

LOGGER = logging.getLogger("denseq")


class Listener(NamedTuple):
    """Who is given the lines of a run; called with one."""

    say: Echo
    verbose: bool = True
    """Whether also those that no user need act on: layers, progress, how columns are read."""
    watches: bool = True
    """Whether a terminal shows a bar."""
    watch: Watch | None = None
    """Is told of each evaluation."""

    def __call__(self, line: str) -> None:
        self.say(line)

    def detail(self, line: str) -> None:
        """Says what a user need not act on."""
        if self.verbose:
            self.say(line)


def nobody(line: str) -> None:
    """Where nobody listens."""


SILENT = Listener(nobody, verbose=False, watches=False)


def listener_of(echo: Echo | None, *, verbose: bool, watch: Watch | None = None) -> Listener:
    """A listener that passes lines to `echo`.

    Without one they go to logging or the terminal if `verbose`, else to nobody. `watch` is told of
    each evaluation besides.
    """
    listener = Listener(log_or_print) if verbose else SILENT
    if echo is not None:
        listener = Listener(echo, verbose)
    return listener._replace(watch=watch)


def log_or_print(line: str) -> None:
    """To the logger "denseq" where somebody hears its INFO, else printed at once."""
    if LOGGER.isEnabledFor(logging.INFO) and LOGGER.hasHandlers():
        LOGGER.info("%s", line)
    else:
        print_now(line)


def print_now(line: str) -> None:
    """Prints a line that whoever reads a log has at once."""
    print(line, flush=True)

"""A run's progress: a bar on stderr in a terminal; elsewhere a line now and then."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.run.listener import Listener, nobody

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


WATCHER = Listener(nobody, verbose=False)
LINE_SECONDS = 10.0  # between lines of a log
# Of a run that takes longer than the first number, lines come further apart.
LONG_SECONDS = 300.0
LONG_LINE_SECONDS = 30.0
NARROW = 110  # columns of a terminal in which the bar is short
BESIDE = 19  # columns of "epoch", a slash, the time left and what is between them


class Progress:
    """Shows epoch, loss, a score and its best, examples a second and time left, in a `with` block.

    Where stderr is no terminal, or the listener wants no bar, the listener is told a line each 10
    seconds, and each 30 after five minutes; one that is not `verbose` is told nothing. `scaled`
    says that the loss is in other units than the scores. `first_epoch` counts the epochs a resumed
    run already has. The time left is that of all `epochs`: a run that stops early needs less.
    """

    def __init__(
        self,
        epochs: int,
        examples_per_epoch: int,
        first_epoch: int = 0,
        *,
        listener: Listener = WATCHER,
        scaled: bool = False,
    ):
        self.epochs = epochs
        self.examples_per_epoch = examples_per_epoch
        self.first_epoch = first_epoch
        self._listener = listener
        self._loss = "scaled loss" if scaled else "loss"
        self._bar: Bar | None = None
        self._best: float | None = None
        self._first: tuple[int, float] | None = None
        self._began = time.perf_counter()
        self._next_line = self._began + LINE_SECONDS

    def __enter__(self) -> Progress:
        if self._listener.watches and sys.stderr.isatty():
            self._bar = _make_bar()
            self._task = self._bar.add_task(
                "", total=self.epochs, completed=self.first_epoch, said="compiling"
            )
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, epoch: int, loss: float, metrics: Mapping[str, float]) -> None:
        """Shows the loss after `epoch` epochs, and the first of `metrics` with its best value.

        The best is that since this run started. Who would watch is told of all.
        """
        if self._listener.watch is not None:
            self._listener.watch(epoch, loss, metrics)
        if self._bar is None and not self._listener.verbose:
            return
        words = [f"{self._loss} {loss:.4g}"]
        for name, score in list(metrics.items())[:1]:
            words.append(f"{name} {score:.4g}{self._best_in_words(name, score)}")
        now = time.perf_counter()
        # The first epochs were compiled too, and say nothing about the speed.
        seconds = None
        if self._first is None:
            self._first = epoch, now
        elif now > self._first[1] and epoch > self._first[0]:
            seconds = (now - self._first[1]) / (epoch - self._first[0])
            words.append(f"{self.examples_per_epoch / seconds:,.0f} examples/s")
        if self._bar is not None:
            room = self._bar.console.width - _bar_width(self._bar.console.width)
            room -= BESIDE + 2 * len(str(self.epochs))
            self._bar.update(self._task, completed=epoch, said=fitting(words, room))
        elif now >= self._next_line:
            is_long = now - self._began >= LONG_SECONDS
            self._next_line = now + (LONG_LINE_SECONDS if is_long else LINE_SECONDS)
            self._listener.detail(self._line(epoch, words, seconds))

    def _line(self, epoch: int, words: Sequence[str], seconds: float | None) -> str:
        """A line of a log, where an epoch takes so many seconds, if that is known."""
        said = [time.strftime("%H:%M:%S"), f"epoch {epoch}/{self.epochs}", *words]
        if seconds is not None:
            said.append(f"{seconds:.3g} s an epoch")
            left = (self.epochs - epoch) * seconds
            said.append(f"{in_time(left)} left at most")
        return "  ".join(said)

    def _best_in_words(self, name: str, score: float) -> str:
        """The best value of a metric so far, this one counted; "" without a finite one."""
        if math.isfinite(score):
            choose = max if name.rpartition(".")[2] in HIGHER_IS_BETTER else min
            self._best = score if self._best is None else choose(self._best, score)
        return "" if self._best is None else f" (best {self._best:.4g})"


def fitting(words: Sequence[str], room: int) -> str:
    """As many of the words as there is room for, the first at any rate."""
    n = len(words)
    while n > 1 and len("  ".join(words[:n])) > room:
        n -= 1
    return "  ".join(words[:n])


def in_time(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "3.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def _make_bar() -> Bar:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr)
    said = TextColumn("{task.fields[said]}", markup=False)  # a column may be called "[red]"
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(bar_width=_bar_width(console.width)),
        said,
        TimeRemainingColumn(),
    )
    # What the run prints on stdout stays there when that is a file or a pipe.
    redirect = sys.stdout.isatty()
    return Progress(*columns, console=console, refresh_per_second=4, redirect_stdout=redirect)


def _bar_width(columns: int) -> int:
    """How wide the bar is in a terminal of so many columns."""
    return 24 if columns >= NARROW else 10

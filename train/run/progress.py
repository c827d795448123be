"""A run's progress in a terminal: a line on stderr that rewrites itself, if somebody watches."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from train.evaluation.metrics.direction import HIGHER_IS_BETTER

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress:
    """Shows epoch, loss, a score and its best, examples a second and time left, in a `with` block.

    Silent, and free, if it is told to be or stderr is no terminal. `first_epoch` counts the epochs
    a resumed run already has. The time left is that of all `epochs`: a run that stops early needs
    less.
    """

    def __init__(
        self, epochs: int, examples_per_epoch: int, first_epoch: int = 0, *, silent: bool = False
    ):
        self.epochs = epochs
        self.examples_per_epoch = examples_per_epoch
        self.first_epoch = first_epoch
        self._silent = silent
        self._bar: Bar | None = None
        self._best: float | None = None
        self._first: tuple[int, float] | None = None

    def __enter__(self) -> Progress:
        if not self._silent and sys.stderr.isatty():
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

        The best is that since this run started.
        """
        if self._bar is None:
            return
        words = [f"loss {loss:.4g}"]
        for name, score in list(metrics.items())[:1]:
            words.append(f"{name} {score:.4g}{self._best_in_words(name, score)}")
        now = time.perf_counter()
        # The first epochs were compiled too, and say nothing about the speed.
        if self._first is None:
            self._first = epoch, now
        elif now > self._first[1]:
            rate = (epoch - self._first[0]) * self.examples_per_epoch / (now - self._first[1])
            words.append(f"{rate:,.0f} examples/s")
        self._bar.update(self._task, completed=epoch, said="  ".join(words))

    def _best_in_words(self, name: str, score: float) -> str:
        """The best value of a metric so far, this one counted; "" without a finite one."""
        if math.isfinite(score):
            choose = max if name.rpartition(".")[2] in HIGHER_IS_BETTER else min
            self._best = score if self._best is None else choose(self._best, score)
        return "" if self._best is None else f" (best {self._best:.4g})"


def _make_bar() -> Bar:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    said = TextColumn("{task.fields[said]}", markup=False)  # a column may be called "[red]"
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(bar_width=24),
        said,
        TimeRemainingColumn(),
    )
    # What the run prints on stdout stays there when that is a file or a pipe.
    redirect = sys.stdout.isatty()
    return Progress(
        *columns, console=Console(file=sys.stderr), refresh_per_second=4, redirect_stdout=redirect
    )

"""What TensorBoard shows of a run: scores by step, its options beside its end, its summary."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from train.report.bins import bin_edges

FOLDER = "tensorboard"
N_BINS = 30  # of a histogram of members

Option = float | int | bool | str


class _Library(NamedTuple):
    """The parts of tensorboardX, which has no types."""

    files: Any
    messages: Any
    summary: Any


@contextmanager
def _without_torch() -> Iterator[None]:
    """Hides torch while the block runs, which tensorboardX would import, a second for nothing."""
    modules: dict[str, Any] = sys.modules
    hide = "torch" not in modules
    if hide:
        modules["torch"] = None
    try:
        yield
    finally:
        if hide:
            del modules["torch"]


def _library() -> _Library | None:
    """The parts of tensorboardX; None where it was not installed with the others."""
    try:
        with _without_torch():
            return _Library(
                importlib.import_module("tensorboardX.event_file_writer"),
                importlib.import_module("tensorboardX.proto.event_pb2"),
                importlib.import_module("tensorboardX.summary"),
            )
    except ModuleNotFoundError:
        return None


class Events:
    """A file of events, written in place.

    EventsWriter is what SummaryWriter wraps in a queue and a thread. That thread dies on a full
    disk, and the queue then blocks the run for ever; written in place, the error comes up where it
    can be reported.
    """

    def __init__(self, library: _Library, folder: Path, first_step: int):
        folder.mkdir(parents=True, exist_ok=True)
        # The name holds whole seconds only: a run resumed within one must not overwrite the events
        # before it.
        suffix = f".{os.getpid()}.{first_step}"
        self._writer = library.files.EventsWriter(str(folder / "events"), suffix)
        self._messages = library.messages
        self._summary = library.summary
        self._next_flush = 0.0

    def forget_from(self, step: int) -> None:
        """Makes TensorBoard drop events that were written before for this step and later ones."""
        start = self._messages.SessionLog(status=self._messages.SessionLog.START)
        self._write(step, session_log=start)

    def write(self, step: int, scores: Mapping[str, Sequence[float]]) -> None:
        """Writes the mean of each tag's values, and of several a histogram."""
        for tag, values in scores.items():
            self._write(step, summary=self._summary.scalar(tag, float(np.mean(values))))
            finite = np.array(values)[np.isfinite(values)]
            if len(values) > 1 and len(finite):
                edges = bin_edges(finite, N_BINS).tolist()
                members = self._summary.histogram(f"{tag}/members", finite, edges)
                self._write(step, summary=members)
        # It waits for the disk, some milliseconds, and TensorBoard looks every 30 s only.
        if time.monotonic() > self._next_flush:
            self.flush()
            self._next_flush = time.monotonic() + 5

    def write_text(self, step: int, tag: str, text: str) -> None:
        """Writes lines of text, which are shown as they are."""
        shown = "\n".join(f"    {line}" for line in text.splitlines())  # Markdown's code
        self._write(step, summary=self._summary.text(tag, shown))

    def write_options(
        self, step: int, options: Mapping[str, Option], scores: Mapping[str, float]
    ) -> None:
        """Writes a session of HParams: the options of a net, and what it came to."""
        for message in self._summary.hparams(dict(options), dict(scores)):
            self._write(step, summary=message)
        for tag, value in scores.items():
            self._write(step, summary=self._summary.scalar(tag, value))

    def _write(self, step: int, **content: object) -> None:
        self._writer.write_event(self._messages.Event(wall_time=time.time(), step=step, **content))

    def flush(self) -> None:
        """Writes out what waits."""
        self._writer.flush()

    def close(self) -> None:
        """Closes the file. What a full disk does not take is lost, which `write` has said."""
        with contextlib.suppress(OSError):
            self._writer.close()


def scalar_events(folder: Path, first_step: int) -> Events | None:
    """The events of a run that goes on before `first_step`; None without tensorboardX."""
    library = _library()
    if library is None:
        return None
    events = Events(library, folder, first_step)
    events.forget_from(first_step)
    return events


class Session(NamedTuple):
    """A net's options and what it came to, as TensorBoard's HParams compare them."""

    options: Mapping[str, Option]
    scores: Mapping[str, float]
    subfolder: str = ""


def write_end(
    folder: Path, step: int, sessions: Sequence[Session], texts: Mapping[str, str]
) -> None:
    """Writes a finished run's sessions, each into a folder of its own, and its texts."""
    library = _library()
    if library is None:
        return
    for session in sessions:
        events = Events(library, folder / FOLDER / session.subfolder, step)
        if not session.subfolder:
            for tag, text in texts.items():
                events.write_text(step, tag, text)
        if session.options:
            events.write_options(step, session.options, session.scores)
        events.flush()
        events.close()

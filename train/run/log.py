"""What a run writes as it goes: metrics.jsonl, a line a split of an evaluation, and events."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from absl import logging

from train.data.files.storage import written_whole
from train.errors import StorageError, UserError

NAME = "metrics.jsonl"
# {"step", "epoch", "split", "member", and the metrics: numbers, null where they are not finite}.
Line: TypeAlias = dict[str, Any]


class RunLog:
    """Appends evaluations to FOLDER/metrics.jsonl, and to TensorBoard's events.

    Those are scalars such as "valid/rmse" in FOLDER/tensorboard/.

    A resumed run passes the step it goes on from: later lines, and one torn by a crash, are
    dropped, so that the file ends up byte for byte that of a run that was never stopped. For that
    an evaluation must be written before the checkpoint of its step. A new run (`after_step` -1)
    starts an empty file. Raises StorageError, where it begins and where lines are still unwritten
    at the end: a line that cannot be written waits for the next, and `failure` says why.
    """

    def __init__(self, folder: Path | str, after_step: int = -1):
        self.path = Path(folder) / NAME
        self.failure: str | None = None
        self._unwritten = b""
        try:
            _drop_lines(self.path, after_step)
            # Unbuffered: a run that is killed leaves every evaluation it finished.
            self._file = open(self.path, "ab", buffering=0)
            self._tensorboard = _tensorboard(Path(folder) / "tensorboard", after_step + 1)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from None

    def write(
        self, step: int, epoch: float, scores: Mapping[str, Mapping[str, float]], member: int = 0
    ) -> None:
        """Writes one evaluation: {split: {"loss": ..., metric: ...}}.

        Numbers that are not finite become null. TensorBoard shows the members of a population
        beside each other: "valid/rmse", "valid/rmse/member_1".
        """
        lines = []
        tags = {}
        for split, values in scores.items():
            line: Line = {"step": step, "epoch": epoch, "split": split, "member": member}
            for name, value in values.items():
                if math.isfinite(value):
                    line[name] = float(value)
                    tags[_tag(split, name, member)] = float(value)
                else:
                    line[name] = None
            lines.append(_to_bytes(line))
        self._unwritten += b"".join(lines)
        self._flush()
        if self._tensorboard is not None:
            try:
                self._tensorboard.write(step, tags)
            except OSError as error:
                self._tensorboard.close()
                self._tensorboard = None
                logging.error("tensorboard/ gets no more events: %s", error.strerror)

    def _flush(self) -> None:
        """Writes what is unwritten, from where an earlier try ended."""
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[self._file.write(self._unwritten) :]
        except OSError as error:
            if self.failure is None:
                logging.error("cannot write %s: %s; tried again", self.path, error.strerror)
            self.failure = f"cannot write {self.path}: {error.strerror}"
        else:
            self.failure = None

    def close(self) -> None:
        """Closes both files; what could not be written until now is tried once more."""
        self._flush()
        self._file.close()
        if self._tensorboard is not None:
            self._tensorboard.close()
        if self.failure is not None:
            raise StorageError(self.failure)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except StorageError:
            if kind is None:  # else it is told why the run ends
                raise


def read_history(folder: Path | str) -> list[Line]:
    """The lines of FOLDER/metrics.jsonl in order, without a torn last one; [] of no such file.

    Raises UserError on a line that a run did not write.
    """
    return [record for _, record in _lines(Path(folder) / NAME)]


def write_history(folder: Path, lines: list[Line]) -> None:
    """Writes FOLDER/metrics.jsonl of lines as `read_history` gives them, whole or not at all."""
    _replace(folder / NAME, b"".join(map(_to_bytes, lines)))


def _tag(split: str, name: str, member: int) -> str:
    return f"{split}/{name}/member_{member}" if member else f"{split}/{name}"


def _to_bytes(line: Line) -> bytes:
    return (json.dumps(line) + "\n").encode()


def _lines(path: Path) -> list[tuple[bytes, Line]]:
    """Each whole line and what it says."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    records = []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break
        try:
            record = json.loads(line)
            record["step"]
        except (ValueError, TypeError, KeyError):
            raise UserError(
                f"{path}, line {number}: expected an evaluation in JSON; delete the line"
            ) from None
        records.append((line, record))
    return records


def _drop_lines(path: Path, after_step: int) -> None:
    """Leaves the whole lines up to `after_step`, or an empty file for -1, whatever it held."""
    lines = _lines(path) if after_step >= 0 else []
    _replace(path, b"".join(line for line, record in lines if record["step"] <= after_step))


def _replace(path: Path, content: bytes) -> None:
    with written_whole(path) as file:
        file.write(content)


def _tensorboard(folder: Path, first_step: int) -> _TensorBoard | None:
    """What writes for TensorBoard; None where tensorboardX was not installed with the others."""
    try:
        return _TensorBoard(folder, first_step)
    except ModuleNotFoundError:
        return None


class _TensorBoard:
    """Writes scalars as TensorBoard reads them, which forgets those from `first_step` on before it.

    EventsWriter is what SummaryWriter wraps in a queue and a thread. That thread dies on a full
    disk, and the queue then blocks the run for ever; written in place, the error comes up where it
    can be reported.
    """

    def __init__(self, folder: Path, first_step: int):
        # tensorboardX imports torch wherever that is installed, a second spent on nothing: it is
        # hidden meanwhile.
        modules: dict[str, Any] = sys.modules
        hide = "torch" not in modules
        if hide:
            modules["torch"] = None
        try:
            from tensorboardX.event_file_writer import EventsWriter
            from tensorboardX.proto import event_pb2
            from tensorboardX.summary import scalar
        finally:
            if hide:
                del modules["torch"]
        folder.mkdir(exist_ok=True)
        # The name holds whole seconds only: a run resumed within one must not overwrite the events
        # before it.
        self._writer = EventsWriter(str(folder / "events"), f".{os.getpid()}.{first_step}")
        self._messages: Any = event_pb2
        self._scalar = scalar
        start = self._messages.SessionLog(status=self._messages.SessionLog.START)
        self._write(first_step, session_log=start)
        self._next_flush = 0.0

    def write(self, step: int, scores: Mapping[str, float]) -> None:
        """Writes each score under its tag."""
        for tag, value in scores.items():
            self._write(step, summary=self._scalar(tag, value))
        # It waits for the disk, some milliseconds, and TensorBoard looks every 30 s only.
        if time.monotonic() > self._next_flush:
            self._writer.flush()
            self._next_flush = time.monotonic() + 5

    def _write(self, step: int, **content: object) -> None:
        self._writer.write_event(self._messages.Event(wall_time=time.time(), step=step, **content))

    def close(self) -> None:
        """What a full disk does not take is lost: it is said where events are written."""
        with contextlib.suppress(OSError):
            self._writer.close()

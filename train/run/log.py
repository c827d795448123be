"""What a run writes down as it goes: metrics.jsonl, one line per split of an evaluation, and
TensorBoard's events.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train.errors import StorageError, UserError

NAME = "metrics.jsonl"


class RunLog:
    """Appends evaluations to FOLDER/metrics.jsonl and, as scalars such as "valid/rmse", to
    FOLDER/tensorboard/.

    A resumed run passes the step it goes on from: later lines, and one torn by a crash, are
    dropped, so that the file ends up byte for byte that of a run that was never stopped. For that
    an evaluation must be written before the checkpoint of its step. A new run (`after_step` -1)
    starts an empty file. Raises StorageError.
    """

    def __init__(self, folder: Path | str, after_step: int = -1):
        self.path = Path(folder) / NAME
        try:
            _drop_lines(self.path, after_step)
            # Unbuffered: a run that is killed leaves every evaluation it finished.
            self._file = open(self.path, "ab", buffering=0)
            self._tensorboard = _TensorBoard(Path(folder) / "tensorboard", after_step + 1)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from None

    def write(
        self, step: int, epoch: float, scores: Mapping[str, Mapping[str, float]], member: int = 0
    ) -> None:
        """One evaluation: {split: {"loss": ..., metric: ...}}. Numbers that are not finite become
        null.

        TensorBoard shows the members of a population beside each other: "valid/rmse",
        "valid/rmse/member_1".
        """
        lines = []
        tags = {}
        for split, values in scores.items():
            finite = {
                name: float(value) if math.isfinite(value) else None
                for name, value in values.items()
            }
            lines.append(
                json.dumps(
                    {"step": step, "epoch": epoch, "split": split, "member": member, **finite}
                )
                + "\n"
            )
            ending = f"/member_{member}" if member else ""
            tags |= {
                f"{split}/{name}{ending}": value
                for name, value in finite.items()
                if value is not None
            }
        data = "".join(lines).encode()
        try:
            if self._file.write(data) != len(data):
                raise StorageError(f"cannot write {self.path}: no space left")
            self._tensorboard.write(step, tags)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from None

    def close(self) -> None:
        """Closes both files; everything is on its way to the disk already."""
        self._file.close()
        self._tensorboard.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read_history(folder: Path | str) -> list[dict[str, Any]]:
    """The lines of FOLDER/metrics.jsonl in order, without a torn last one; empty if there is no
    such file.

    Raises UserError on a line that a run did not write.
    """
    return [record for _, record in _lines(Path(folder) / NAME)]


def write_history(folder: Path, lines: list[dict[str, Any]]) -> None:
    """FOLDER/metrics.jsonl with these lines, as `read_history` gives them, whole or not at all."""
    _replace(folder / NAME, "".join(json.dumps(line) + "\n" for line in lines).encode())


def _lines(path: Path) -> list[tuple[bytes, dict[str, Any]]]:
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
    kept = (
        b"".join(line for line, record in _lines(path) if record["step"] <= after_step)
        if after_step >= 0
        else b""
    )
    _replace(path, kept)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


class _TensorBoard:
    """Scalars as TensorBoard reads them; it forgets what an earlier attempt wrote from `first_step`
    on.

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
        """Each score under its tag."""
        for tag, value in scores.items():
            self._write(step, summary=self._scalar(tag, value))
        # It waits for the disk, some milliseconds, and TensorBoard looks every 30 s only.
        if time.monotonic() > self._next_flush:
            self._writer.flush()
            self._next_flush = time.monotonic() + 5

    def _write(self, step: int, **content: Any) -> None:
        self._writer.write_event(self._messages.Event(wall_time=time.time(), step=step, **content))

    def close(self) -> None:
        self._writer.close()

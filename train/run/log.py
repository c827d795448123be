"""What a run writes as it goes: metrics.jsonl, a line a split of an evaluation, and events."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from absl import logging

from train.data.files.storage import written_whole
from train.errors import StorageError, UserError
from train.run.tensorboard import FOLDER, scalar_events

NAME = "metrics.jsonl"
# {"step", "epoch", "split", "member", and the metrics: numbers, null where they are not finite}.
Line: TypeAlias = dict[str, Any]


class Scored(NamedTuple):
    """An evaluation of a net: {split: {"loss": ..., metric: ...}} after so many updates."""

    step: int
    epoch: float
    scores: Mapping[str, Mapping[str, float]]
    member: int = 0


class RunLog:
    """Appends evaluations to FOLDER/metrics.jsonl, and to TensorBoard's events.

    Those are scalars such as "valid/rmse" in FOLDER/tensorboard/; of a population the mean of its
    members, and a histogram of them.

    A resumed run passes the step it goes on from: later lines, and one torn by a crash, are
    dropped, so that the file ends up byte for byte that of a run that was never stopped. For that
    an evaluation must be written before the checkpoint of its step. A new run (`after_step` -1)
    starts an empty file. A line that cannot be written is tried again with the next one, and
    `failure` says why. Raises StorageError at the start, or for lines still unwritten at the end.
    """

    def __init__(self, folder: Path | str, after_step: int = -1):
        self.path = Path(folder) / NAME
        self.failure: str | None = None
        self._unwritten = b""
        try:
            _drop_lines(self.path, after_step)
            # Unbuffered: a run that is killed leaves every evaluation it finished.
            self._file = open(self.path, "ab", buffering=0)
            self._tensorboard = scalar_events(Path(folder) / FOLDER, after_step + 1)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from None

    def write(
        self, step: int, epoch: float, scores: Mapping[str, Mapping[str, float]], member: int = 0
    ) -> None:
        """Writes one evaluation of one net: {split: {"loss": ..., metric: ...}}."""
        self.write_round([Scored(step, epoch, scores, member)])

    def write_round(self, nets: Sequence[Scored]) -> None:
        """Writes the evaluations that nets had at once. Numbers that are not finite become null."""
        lines = []
        tags: dict[str, list[float]] = {}
        for net in nets:
            for split, values in net.scores.items():
                line: Line = {"step": net.step, "epoch": net.epoch, "split": split}
                line["member"] = net.member
                for name, value in values.items():
                    line[name] = float(value) if math.isfinite(value) else None
                    if math.isfinite(value):
                        tags.setdefault(f"{split}/{name}", []).append(float(value))
                lines.append(_to_bytes(line))
        self._unwritten += b"".join(lines)
        self._flush()
        if self._tensorboard is not None and nets:
            try:
                self._tensorboard.write(max(net.step for net in nets), tags)
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

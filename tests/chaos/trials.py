"""Trials: one fault each, and what it came to; a finding is what must not be."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.chaos import spoil
from tests.chaos.children import Child, Ended, Fault, answered, command
from tests.chaos.small import (
    Small,
    arguments,
    begin,
    inventory,
    make_inputs,
    outcome,
    predictions,
)
from tests.chaos.spoil import Random

ALLOWED = (0, 2, 3, 4, 130, 143)
AT_ONCE = 20  # spoilt folders that one process looks at
LONGEST = 20.0  # seconds from the beginning of a run that is long to its next fault
OPERATIONS_AT_MOST = 2_000  # after which a fault of the files comes at the latest, likewise


class Listening(logging.Handler):
    """Keeps what is said."""

    def __init__(self, lines: list[str]):
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a message."""
        self._lines.append(record.getMessage())


class Bench:
    """Undisturbed runs, and a folder to disturb others in."""

    faults = 0  # of a soak at most; 0: a few
    minutes = float("inf")  # of a soak's faults at most, after which the run is left to its end

    def __init__(self, folder: Path, seed: int, kinds: tuple[str, ...], epochs: int):
        self.folder = folder
        self.random = np.random.default_rng(seed)
        inputs = make_inputs(folder / "inputs", epochs)
        self.runs = {kind: inputs[kind] for kind in kinds}
        self.outside = folder / "outside"
        (self.outside / "folder" / "5").mkdir(parents=True)
        (self.outside / "letter.txt").write_text("mine")
        (self.outside / "folder" / "5" / "letter.txt").write_text("mine")
        self.wanted: dict[str, Any] = {}
        self.ended: dict[str, Ended] = {}
        self.inventory = inventory(folder, self.place)

    def run_straight(self, kind: str) -> None:
        """Has a run of a kind that nobody disturbs, made when it is first asked for."""
        if kind in self.wanted:
            return
        self.ended[kind] = begin(self.runs[kind], self.straight(kind), Fault(0)).wait()
        assert self.ended[kind].code == 0, self.ended[kind].err
        ended, self.wanted[kind] = outcome(self.runs[kind], self.straight(kind))
        assert ended.code == 0, ended.err
        self.inventory = inventory(self.folder, self.place)

    @property
    def place(self) -> Path:
        """Where a disturbed run is."""
        return self.folder / "run"

    def straight(self, kind: str) -> Path:
        """The folder of an undisturbed run."""
        return self.folder / "straight" / kind

    def pick(self) -> tuple[str, Small]:
        """A kind of run."""
        kind = list(self.runs)[self.random.integers(len(self.runs))]
        self.run_straight(kind)
        return kind, self.runs[kind]

    def spread(self, kind: str) -> float:
        """A moment of a run of this kind, in seconds from its beginning."""
        return float(self.random.uniform(0, self.ended[kind].seconds))

    def clear(self) -> None:
        """Makes room for another run."""
        shutil.rmtree(self.place, ignore_errors=True)

    def copy(self, kind: str) -> None:
        """The finished run as the disturbed one."""
        self.clear()
        shutil.copytree(self.straight(kind), self.place, symlinks=True)

    def findings(
        self, ended: Ended, codes: tuple[int, ...] = ALLOWED, *, says: bool = True
    ) -> Iterator[str]:
        """What must not be of the way a command ended, and of what is outside of its folder.

        It `says` in a line on stderr what an exit code but 0 is for.
        """
        if ended.code not in codes:
            yield f"exit code {ended.code}: {ended.err[-600:]}"
        if "Traceback" in ended.err:
            yield f"a traceback, exit code {ended.code}: {ended.err[-900:]}"
        if says and ended.code in (2, 3, 4) and "denseq: error: " not in ended.last_line:
            yield f"exit code {ended.code} without a line: {ended.last_line[:300]}"
        now = inventory(self.folder, self.place)
        if now != self.inventory:
            changed = {name for name, _ in now.items() ^ self.inventory.items()}
            yield f"changed outside of the folder: {sorted(changed)[:5]}"
            self.inventory = now

    def ends_straight(self, kind: str) -> Iterator[str]:
        """Whether the run, gone on with, comes to what an undisturbed one does."""
        run = self.runs[kind]
        ended = begin(run, self.place).wait()
        yield from self.findings(ended, codes=(0,))
        if ended.code == 0:
            yield from self.is_straight(kind)

    def is_straight(self, kind: str) -> Iterator[str]:
        """Whether the folder holds what an undisturbed run's does."""
        ended, found = outcome(self.runs[kind], self.place)
        if not isinstance(found, dict):
            yield f"nothing can be read of it: {ended.err[-600:]}"
            return
        for name, value in self.wanted[kind].items():
            if found[name] != value:
                yield f"{name} is another one: {str(found[name])[:80]}, not {str(value)[:80]}"


def kill(bench: Bench) -> Iterator[str]:
    """Killed at a moment of its own, perhaps twice, then gone on with."""
    kind, run = bench.pick()
    bench.clear()
    moments = [bench.spread(kind) for _ in range(bench.random.integers(1, 3))]
    yield f"{kind}, killed after {[round(moment, 2) for moment in moments]} s"
    for moment in moments:
        child = begin(run, bench.place)
        _sleep(child, moment)
        child.signal(signal.SIGKILL)
        yield from bench.findings(child.wait(), codes=(137, 0))
    yield from bench.ends_straight(kind)


def operation(bench: Bench) -> Iterator[str]:
    """Killed at its K-th operation on files, then gone on with."""
    kind, run = bench.pick()
    bench.clear()
    first = int(bench.random.integers(1, bench.ended[kind].operations + 1))
    yield f"{kind}, killed at operation {first} of {bench.ended[kind].operations}"
    yield from bench.findings(begin(run, bench.place, Fault(first)).wait(), codes=(137, 0))
    yield from bench.ends_straight(kind)


def disk(bench: Bench) -> Iterator[str]:
    """Operations on files fail from the K-th on, some or all: no space, or an error of the disk."""
    kind, run = bench.pick()
    bench.clear()
    first = int(bench.random.integers(1, bench.ended[kind].operations + 1))
    n = int(bench.random.choice([1, 5, 40, 10**9]))
    error = int(bench.random.choice([errno.ENOSPC, errno.ENOSPC, errno.EIO, errno.EDQUOT]))
    yield f"{kind}, {errno.errorcode[error]} from operation {first} on, {n} times"
    ended = begin(run, bench.place, Fault(first, n, error)).wait()
    yield from bench.findings(ended, codes=(0, 2, 4))
    if list(bench.place.rglob("*.orbax-checkpoint-tmp*")) and n < 10**9:
        yield "a half checkpoint is left"
    yield from bench.ends_straight(kind)


def stop(bench: Bench) -> Iterator[str]:
    """SIGTERM or Ctrl-C at a moment of its own, then gone on with."""
    kind, run = bench.pick()
    bench.clear()
    number = signal.Signals(int(bench.random.choice([signal.SIGTERM, signal.SIGINT])))
    moment = bench.spread(kind)
    yield f"{kind}, {number.name} after {moment:.2f} s"
    child = begin(run, bench.place)
    _sleep(child, moment)
    child.signal(number)
    ended = child.wait()
    yield from bench.findings(ended, codes=(128 + number, 0))
    if "saved; the same" in ended.last_line and not list(bench.place.rglob("checkpoints/*/state")):
        yield f"said to be saved, and is not: {ended.last_line}"
    yield from bench.ends_straight(kind)


def pair(bench: Bench) -> Iterator[str]:
    """Two runs in one folder: one is refused, or comes after the other; what is left is one's."""
    kind, run = bench.pick()
    bench.clear()
    apart = bench.spread(kind) if bench.random.integers(2) else 0.0
    yield f"{kind}, two runs, {apart:.2f} s apart"
    first = begin(run, bench.place)
    _sleep(first, apart)
    second = begin(run, bench.place)
    ended = [second.wait(), first.wait()]
    for each in ended:
        yield from bench.findings(each, codes=(0, 2))
        if each.code == 2 and " is in use by process " not in each.last_line:
            yield f"refused for something else: {each.last_line}"
    if all(each.code for each in ended):
        yield "neither has trained"
    yield from bench.is_straight(kind)


def link(bench: Bench) -> Iterator[str]:
    """Something else in place of a file or folder of ours: nothing outside may be touched."""
    kind, run = bench.pick()
    bench.copy(kind)
    yield f"{kind}, {spoil.replace_by_link(bench.place, bench.outside, bench.random)}"
    yield from bench.findings(begin(run, bench.place).wait(), codes=(0, 2, 4))
    rows = f"--data={run.rows}"
    ask = command("train.predict", f"--workdir={bench.place}", rows)
    yield from bench.findings(Child(ask, bench.place).wait(), codes=(0, 2, 4))


def spoilt(bench: Bench, change: Callable[[Path, Random], str], *, digests: bool) -> Iterator[str]:
    """Some finished folders, each spoilt in its way, and what their nets answer."""
    kind, run = bench.pick()
    folders = []
    said = []
    bench.clear()
    for number in range(AT_ONCE):
        folder = bench.place / str(number)
        shutil.copytree(bench.straight(kind), folder)
        said.append(change(folder, bench.random))
        folders.append(folder)

    lines: list[str] = []

    def ask() -> object:
        from train.errors import StorageError, UserError

        logging.getLogger("absl").addHandler(Listening(lines))
        answers = []
        for folder in folders:
            lines.clear()
            try:
                digest = predictions(run, folder)
                told = any("passed over" in line for line in lines)
                answers.append(["of an older step" if told else "answers", digest])
            except (UserError, StorageError) as error:
                answers.append(["error", str(error)])
            except BaseException:
                import traceback

                answers.append(["traceback", traceback.format_exc()[-900:]])
        return answers

    yield f"{kind}, {AT_ONCE} folders"
    ended, answers = answered(ask, bench.place)
    yield from bench.findings(ended, codes=(0,))
    for what, answer in zip(said, answers if isinstance(answers, list) else [], strict=False):
        match answer:
            case ["traceback", trace]:
                yield f"{what}: a traceback of predict: {trace}"
            case ["answers", digest] if digest != bench.wanted[kind]["answers"]:
                if digests or "without a manifest" not in what:
                    yield f"{what}: other answers, without a word"
            case ["error", line] if "\n" in line or len(line) > 2000:
                yield f"{what}: no single line: {line[:300]!r}"
    yield from _goes_on(bench, kind, folders, said)


def _goes_on(bench: Bench, kind: str, folders: list[Path], said: list[str]) -> Iterator[str]:
    """Of one of the folders: what `check` says of it, and whether the run goes on."""
    place = int(bench.random.integers(len(folders)))
    folder = folders[place]
    checked = Child(command("train.check", f"--workdir={folder}"), bench.place).wait()
    for line in bench.findings(checked, codes=(0, 2), says=False):
        yield f"{said[place]}: check: {line}"
    train = command("train.main", *arguments(bench.runs[kind], folder))
    for line in bench.findings(Child(train, bench.place).wait(), codes=(0, 2, 4)):
        yield f"{said[place]}: train: {line}"


def flip(bench: Bench) -> Iterator[str]:
    """Bits flipped, ends cut, files deleted: noticed, or the same answers."""
    yield from spoilt(bench, spoil.spoil, digests=True)


def json_(bench: Bench) -> Iterator[str]:
    """JSON that nobody wrote: noticed, or the same answers."""
    yield from spoilt(bench, spoil.malform, digests=False)


def soak(bench: Bench) -> Iterator[str]:
    """Faults one after the other on one run, until it is done."""
    kind, run = bench.pick()
    bench.clear()
    n = bench.faults or int(bench.random.integers(3, 8))
    yield f"{kind}, at most {n} faults"
    spoilt_at = -1
    made = 0
    began = time.monotonic()
    while made < n and time.monotonic() - began < 60 * bench.minutes:
        fault = None
        moment = min(bench.spread(kind), float(bench.random.uniform(0, LONGEST)))
        if bench.random.integers(3) == 0:
            last = min(bench.ended[kind].operations, OPERATIONS_AT_MOST)
            first = int(bench.random.integers(1, last + 1))
            fault = Fault(first, 20, int(bench.random.choice([0, errno.ENOSPC, errno.EIO])))
            moment = LONGEST
        child = begin(run, bench.place, fault)
        _sleep(child, moment)
        child.signal(int(bench.random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])))
        ended = child.wait()
        yield from bench.findings(ended, codes=(0, 2, 4, 130, 137, 143))
        made += 1
        if ended.code == 0:
            break
        newest = max(_steps(bench.place), default=-1)
        if newest > spoilt_at and bench.random.integers(3) == 0:
            spoil.spoil(bench.place / "checkpoints" / str(newest), bench.random)
            spoilt_at = newest
            made += 1
    print(f"    {made} faults in {time.monotonic() - began:.0f} s", flush=True)
    yield from bench.ends_straight(kind)


def _steps(folder: Path) -> list[int]:
    """The steps of a run that has one net, which are whole."""
    names = [place.parent.name for place in folder.glob("checkpoints/*/state")]
    return [int(name) for name in names if name.isdecimal()]


KINDS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "kill": kill,
    "operation": operation,
    "disk": disk,
    "stop": stop,
    "pair": pair,
    "link": link,
    "flip": flip,
    "json": json_,
    "soak": soak,
}
WITH_SHIM = ("operation", "disk", "soak")


def _sleep(child: Child, seconds: float) -> None:
    """Waits so long, or until the child has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not child.has_ended():
        time.sleep(min(0.01, max(end - time.monotonic(), 0)))
    os.sched_yield()

"""Commands in processes of their own, forked off one that has loaded everything: cheap, and real.

The parent never lets jax compute, so that a child begins as a fresh process does.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIMIT = 3_600.0  # seconds of a command: a long one, on a machine that has other things to do
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fault:
    """What the shim does to a process: from its operation `first` on, `n` of them fail.

    With `error` 0 the process ends instead; `first` 0 only counts.
    """

    first: int
    n: int = 1
    error: int = 0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its code as a shell has it (137: killed), and what it said."""

    code: int
    out: str
    err: str
    seconds: float
    operations: int

    @property
    def last_line(self) -> str:
        """The last line of its errors."""
        lines = self.err.strip().splitlines()
        return lines[-1] if lines else ""


def build_shim(folder: Path) -> Path | None:
    """The compiled shim; None where there is no compiler, or no such loader."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform != "linux":
        return None
    path = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(path), str(HERE / "shim.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, check=False)
    return path if done.returncode == 0 else None


def _arm(folder: Path, fault: Fault) -> None:
    shim = ctypes.CDLL(None)
    if hasattr(shim, "chaos_arm"):
        shim.chaos_arm(os.fsencode(f"{folder}/"), fault.first, fault.n, fault.error)


class Child:
    """A command that was begun, whose files are watched under `folder`."""

    def __init__(self, work: Callable[[], object], folder: Path, fault: Fault | None = None):
        self.began = time.monotonic()
        self._said = Path(tempfile.mkdtemp(prefix="denseq-said-"))
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            return
        try:
            os.setpgid(0, 0)
            for number, name in ((1, "out"), (2, "err")):
                file = os.open(self._said / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
                os.dup2(file, number)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _arm(folder, fault or Fault(0))
            work()
        except SystemExit as end:
            code = end.code
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        else:
            code = 0
        sys.stdout.flush()
        sys.stderr.flush()
        shim = ctypes.CDLL(None)
        if hasattr(shim, "chaos_arm"):
            shim.chaos_count.restype = ctypes.c_long
            (self._said / "operations").write_text(str(shim.chaos_count()))
        os._exit(code if isinstance(code, int) else 1)

    def signal(self, number: int) -> None:
        """Sends it a signal; nothing, if it has ended."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def has_ended(self) -> bool:
        """Whether it has, without collecting it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> Ended:
        """How it ended; one that takes LIMIT seconds is killed, and its code is 124."""
        late = False
        while not self.has_ended():
            time.sleep(0.02)
            if time.monotonic() - self.began > LIMIT and not late:
                late = True
                self.signal(signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        counted = self._said / "operations"
        ended = Ended(
            code=124 if late else code if code >= 0 else 128 - code,
            out=(self._said / "out").read_text(errors="replace"),
            err=(self._said / "err").read_text(errors="replace"),
            seconds=time.monotonic() - self.began,
            operations=int(counted.read_text()) if counted.exists() else 0,
        )
        shutil.rmtree(self._said)
        return ended


def command(module: str, *arguments: str) -> Callable[[], object]:
    """What `python -m MODULE ARGUMENTS` does."""

    def work() -> None:
        import importlib

        from train import errors

        sys.argv = [module, *arguments]
        errors.run(importlib.import_module(module).main)

    return work


def answered(work: Callable[[], object], folder: Path) -> tuple[Ended, object]:
    """How work ended in a process of its own, and what it returned, as JSON has it."""
    with tempfile.NamedTemporaryFile(prefix="denseq-answer-", delete=False) as file:
        path = Path(file.name)

    def write() -> None:
        path.write_text(json.dumps(work()))

    ended = Child(write, folder).wait()
    text = path.read_text()
    answer = json.loads(text) if text else None
    path.unlink()
    return ended, answer

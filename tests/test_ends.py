"""How a command ends: one line and an exit code for all that was foreseen, also by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from train.errors import DivergedError, StoppedError, StorageError, UserError, run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("a\nb"), 2),
        (DivergedError("a b"), 3),
        (StorageError("a b"), 4),
        (StoppedError("a b", 143), 143),
    ],
)
def test_an_end_that_was_foreseen_is_one_line_and_its_code(
    error: Exception, code: int, capsys, monkeypatch
):
    def main(argv: list[str]) -> int:
        assert argv == ["--x"]
        raise error

    monkeypatch.setattr(sys, "argv", ["program", "--x"])
    with pytest.raises(SystemExit) as end:
        run(main)
    assert (end.value.code, capsys.readouterr().err) == (code, "denseq: error: a b\n")


def test_a_bug_keeps_its_traceback():
    def main(argv: list[str]) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)


def driver(body: str, **options) -> subprocess.Popen[str]:
    code = (
        f"from train import errors\ndef main(argv):\n    {body}\n    return 0\nerrors.run(main)\n"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], **pipes, **options)


def test_ctrl_c_ends_in_130():
    # What a shell starts in the background ignores Ctrl-C, and so would its children.
    heed = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)"
    with driver(f"{heed}; print('ready', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "denseq: error: stopped by Ctrl-C\n")


@pytest.mark.parametrize(
    ("missed", "line", "code"),
    [
        ("KeyboardInterrupt", "stopped by Ctrl-C", 130),
        ("errors.Terminated", "stopped by SIGTERM; the same command goes on", 143),
    ],
)
def test_a_signal_that_falls_into_a_callback_comes_again(missed: str, line: str, code: int):
    heed = "import signal, time, weakref; signal.signal(2, signal.default_int_handler)"
    fall = f"weakref.finalize(type('T', (), {{}})(), lambda: (_ for _ in ()).throw({missed}))"
    with driver(f"{heed}; {fall}; time.sleep(60)") as process:
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (code, f"denseq: error: {line}\n")


def test_a_sigterm_where_nothing_is_trained_is_a_line_too():
    with driver("import time; print('ready', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors == "denseq: error: stopped by SIGTERM; the same command goes on\n"


def test_a_reader_that_leaves_is_no_traceback():
    with driver("print('row\\n' * 100_000)") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (141, "")

"""A save that a full disk or a kill breaks off leaves a usable newest step."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_states import assert_same_bits, at, make_state, model_of, save

from train.errors import StorageError
from train.run import checkpoint, digests, disk_space
from train.run.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]


def test_every_listed_step_has_its_digest_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run killed between its first two saves would have no checkpoint to its name."""
    seen = []
    write = checkpoint.write_digests

    def watch(path: Path, value: Any) -> None:
        seen.append((path.name, (tmp_path / "checkpoints" / "5").exists()))
        write(path, value)

    monkeypatch.setattr(checkpoint, "write_digests", watch)
    save(tmp_path, 5)
    assert seen == [("digest-5.json", False)]


def no_space(*arguments: Any, **options: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["digest", "orbax"])
def test_a_full_disk_leaves_the_older_steps_and_is_told_at_close(
    copied: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    checkpoints = Checkpoints(copied)
    if where == "digest":
        monkeypatch.setattr(digests.os, "fsync", no_space)
    else:
        checkpoints.get_ready()
        monkeypatch.setattr(checkpoints._manager, "save", no_space)
    checkpoints.save(40, at(40), model_of(at(40)))
    with pytest.raises(
        StorageError, match=r"the checkpoint of step 40 could not be written: .*No space left"
    ):
        checkpoints.close()
    monkeypatch.undo()
    reader = Checkpoints(copied)
    assert reader.steps() == [30, 20]
    assert_same_bits(reader.restore_state(30, make_state()), at(30))
    reader.close()
    names = sorted(path.name for path in (copied / "checkpoints").iterdir())
    # Nothing half written takes up the room.
    assert names == ["20", "30", "digest-20.json", "digest-30.json"]


def test_a_later_save_that_succeeds_settles_an_earlier_failure(
    copied: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(copied)
    with monkeypatch.context() as patch:
        patch.setattr(digests.os, "fsync", no_space)
        checkpoints.save(40, at(40), model_of(at(40)))
        checkpoints._finish()
    checkpoints.save(50, at(50), model_of(at(50)))
    checkpoints.close()
    assert Checkpoints(copied, read_only=True).steps() == [50, 30]
    assert "Traceback" not in caplog.text and "step 40 could not be written" in caplog.text


SAVE = """
    import resource, sys, time, pathlib
    from tests.saved_states import at, model_of, make_state
    from train.run.checkpoint import Checkpoints
    from train.errors import StorageError
    checkpoints = Checkpoints(pathlib.Path(sys.argv[1]))
    make_state()
"""


# What tensorstore's threads say of a write that failed goes past Python's logging.
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}


def python(code: str, *arguments: object, **pipes: Any) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(SAVE) + textwrap.dedent(code),
        *map(str, arguments),
    ]
    environment = os.environ | {"PYTHONPATH": ".", "PYTHONFAULTHANDLER": "1"}
    return subprocess.Popen(command, cwd=ROOT, text=True, env=environment, **(PIPES | pipes))


# Python does not notice that a limit cut its compiled files short: other programs would read them.
FILES_OF_4_KB = """
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    kernel = at(40).weights.params["body"]["layer_0"]["kernel"]
    checkpoints.save(40, at(40).replace(average={"kernel": kernel.repeat(10000)}), model_of(at(40)))
    try:
        checkpoints.close()
    except StorageError as error:
        print(error)
"""


def test_a_file_system_that_refuses_to_write_leaves_the_older_steps(copied: Path) -> None:
    """The limit is this process' own, so the failure comes from the system itself, inside orbax."""
    with python(FILES_OF_4_KB, copied, stderr=subprocess.PIPE) as process:
        output, errors = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in errors and "could not be written" in errors
    assert re.fullmatch(
        "the checkpoint of step 40 could not be written: .*File too large.*\n", output
    )
    reader = Checkpoints(copied)
    assert reader.steps() == [30, 20]
    assert_same_bits(reader.restore_state(30, make_state()), at(30))
    reader.close()


SAVE_FOR_EVER = """
    for step in range(1, 10000):
        checkpoints.save(step, at(step), model_of(at(step)))
        print(step, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_newest_step(tmp_path: Path) -> None:
    """At moments of a save, of the deletion of an older step, or between them."""
    delays = np.random.default_rng(0).uniform(0, 0.15, 6)
    for delay in delays:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        with python(SAVE_FOR_EVER, tmp_path / "run") as process:
            assert process.stdout is not None
            while int(process.stdout.readline()) < 4:
                pass
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            started = [int(line) for line in process.stdout.read().splitlines()]
        last = max([4, *started])
        checkpoints = Checkpoints(tmp_path / "run")
        steps = checkpoints.steps()
        assert steps[0] in (last - 1, last, last + 1)  # save(n) returns when n - 1 is whole
        for step in steps:
            assert_same_bits(checkpoints.restore_state(step, make_state()), at(step))
            assert_same_bits(checkpoints.restore_model(step), model_of(at(step)))
        checkpoints.save(steps[0] + 1, at(steps[0] + 1), model_of(at(steps[0] + 1)))
        checkpoints.close()
        assert checkpoints.steps()[0] == steps[0] + 1


def test_a_kill_after_the_very_first_save_leaves_that_step(tmp_path: Path) -> None:
    code = (
        "checkpoints.save(1, at(1), model_of(at(1))); print('saving', flush=True); time.sleep(60)"
    )
    with python(code, tmp_path, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "saving\n", line + process.stdout.read()
        for _ in range(200):
            if (tmp_path / "checkpoints" / "1").exists():
                break
            time.sleep(0.05)
        process.kill()
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.steps() == [1]
    assert_same_bits(checkpoints.restore_state(1, make_state()), at(1))
    checkpoints.close()


def test_a_disk_that_fails_while_writers_are_closed_is_told_in_a_line(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(copied)
    checkpoints.get_ready()
    assert checkpoints._manager is not None
    close = checkpoints._manager.close
    monkeypatch.setattr(checkpoints._manager, "close", no_space)
    with pytest.raises(StorageError, match=r"the last checkpoint could not be .* No space left"):
        checkpoints.close()
    close()


def test_what_a_disk_would_not_delete_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    half = tmp_path / f"5{disk_space.UNFINISHED}"
    half.mkdir()
    refusals = iter([OSError("busy")] * 2)

    def delete(path: Path, **_: object) -> None:
        if next(refusals, None) is None:
            path.rmdir()

    monkeypatch.setattr(disk_space.shutil, "rmtree", delete)
    disk_space.remove_unfinished(tmp_path)
    assert not half.exists() and not caplog.messages
    half.mkdir()
    monkeypatch.setattr(disk_space.shutil, "rmtree", lambda path, **_: None)
    disk_space.remove_unfinished(tmp_path)
    assert caplog.messages == [f"{half.name} in {tmp_path} cannot be deleted: the next run does"]


@pytest.mark.parametrize("what", ["Task", "_GatheringFuture"])
@pytest.mark.parametrize(("where", "told"), [("orbax/serialization.py", False), ("mine.py", True)])
def test_a_task_of_a_writer_that_nobody_waits_for_prints_no_traceback(
    where: str, told: bool, what: str
) -> None:
    disk_space.silence_failures()
    text = f"{what} exception was never retrieved\nfuture: <Task coro=<write() at {where}:126>>"
    record = logging.LogRecord("asyncio", logging.ERROR, "tasks.py", 1, text, (), None)
    assert bool(logging.getLogger("asyncio").filter(record)) is told

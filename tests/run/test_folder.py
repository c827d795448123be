"""A run's folder: fresh names, one holder, whole files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from train.errors import StorageError, UserError
from train.run import folder
from train.run.folder import fresh_folder, locked, read_json, write_json
from train.run.manifest import read_listed


def test_fresh_folders_bear_name_and_time(tmp_path: Path) -> None:
    made = fresh_folder("diabetes", str(tmp_path / "runs"))
    assert made.is_dir() and made.parent == tmp_path / "runs"
    assert re.fullmatch(r"diabetes-\d{8}-\d{6}", made.name)


def test_fresh_folders_of_one_second_are_distinct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "strftime", lambda form: "20260102-030405")
    made = [fresh_folder("a", str(tmp_path)).name for _ in range(3)]
    assert made == ["a-20260102-030405", "a-20260102-030405-1", "a-20260102-030405-2"]


def test_a_fresh_folder_that_cannot_be_made_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(UserError, match=r"--workdir: cannot make .*runs/a-.*name another folder"):
        fresh_folder("a", str(tmp_path / "runs"))


def test_a_folder_is_made_and_held(tmp_path: Path) -> None:
    with locked(tmp_path / "deep" / "run"):
        assert (tmp_path / "deep" / "run" / ".lock").read_text() == str(os.getpid())


def test_a_second_holder_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    with locked(tmp_path):
        with (
            pytest.raises(UserError, match=rf"{tmp_path} is in use by process {os.getpid()};"),
            locked(tmp_path),
        ):
            raise AssertionError("held twice")
        # The refused one left the lock alone.
        assert (tmp_path / ".lock").read_text() == str(os.getpid())
    with locked(tmp_path):
        pass


HOLD = """
import sys, pathlib
from train.run.folder import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_refused_until_this_one_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"in use by process {holder.pid};"), locked(tmp_path):
            raise AssertionError("held twice")
        holder.kill()
    with locked(tmp_path):  # the file is still there, the hold is not
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_nothing_is_left_of_an_earlier_holders_number(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("99999999999")
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_an_error_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def test_a_folder_below_a_file_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "run", tmp_path / "file"):
        with (
            pytest.raises(
                UserError, match=rf"--workdir: cannot write in {path}: .*; name another folder"
            ),
            locked(path),
        ):
            raise AssertionError("held")


def test_json_comes_back(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True], "größe": {"": "x"}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json", "a run's folder") == value
    write_json(tmp_path / "a.json", [])
    assert read_json(tmp_path / "a.json", "a run's folder") == []
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), object()])
def test_what_json_cannot_say_leaves_the_file_as_it_was(tmp_path: Path, broken: object) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, {"first": list(range(100)), "then": broken})
    assert json.loads(path.read_text()) == {"old": 1}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.os, call, fail)
    with pytest.raises(StorageError, match=rf"cannot write {path}: No space left on device"):
        write_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}


def test_json_is_on_the_disk_before_it_bears_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, real=real: (order.append(name), real(*args))[1]
        )
    write_json(tmp_path / "a.json", 1)
    assert order == ["fsync", "replace"]


def test_a_folder_that_is_gone_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_json(tmp_path / "gone" / "a.json", 1)


def test_reading_what_is_not_there_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=rf"{tmp_path} holds no config\.json, so it is not a run's folder"
    ):
        read_json(tmp_path / "config.json", "a run's folder")


def test_a_file_is_no_run_s_folder(tmp_path: Path) -> None:
    (tmp_path / "net.bin").write_bytes(b"x")
    with pytest.raises(UserError, match=r"net\.bin holds no config\.json, so it is not a run's"):
        read_listed(tmp_path / "net.bin", "config.json", "a run's folder")


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe\x00", b"not json"])
def test_reading_what_is_not_whole_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=r"config\.json cannot be read") as caught:
        read_json(tmp_path / "config.json", "a run's folder")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        ".lock",
        "config.json",
        "metrics.jsonl",
        "errors.parquet",
        "checkpoints",
        "checkpoints/20/state",
        "groups/0",
    ],
)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_folder_with_links_is_refused_and_nothing_outside_is_touched(
    tmp_path: Path, place: str, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "letter.txt").write_text("mine")
    path = tmp_path / "run" / place
    path.parent.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(outside / "letter.txt" if "." in place else outside)
    wanted = rf"--workdir: {path} is .*; remove it, or name another folder"
    with pytest.raises(UserError, match=wanted), locked(tmp_path / "run"):
        raise AssertionError("held")
    assert os.listdir(outside) == ["letter.txt"]
    assert (outside / "letter.txt").read_text() == "mine"


def test_a_lock_that_is_another_name_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").hardlink_to(tmp_path / "letter.txt")
    with pytest.raises(UserError, match="is no file of its own"), locked(tmp_path / "run"):
        raise AssertionError("held")
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_a_folder_of_ones_own_may_hold_links(tmp_path: Path) -> None:
    (tmp_path / "data.csv").symlink_to("/elsewhere")
    with locked(tmp_path):
        assert (tmp_path / ".lock").is_file()
    assert (tmp_path / "data.csv").is_symlink()


def test_a_temporary_name_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    (tmp_path / ".a.json.tmp").symlink_to(tmp_path / "letter.txt")
    write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "letter.txt").read_text() == "mine"
    assert read_json(tmp_path / "a.json", "a run's folder") == 1


@pytest.mark.parametrize(
    "content", ["[" * 200_000, '{"a": NaN}', '{"a": -Infinity}', "1" * 5000 + "x"]
)
def test_json_that_no_run_writes_is_a_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=r"a\.json cannot be read: ") as caught:
        read_json(tmp_path / "a.json", "a run's folder")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "folder", "giant", "link", "device"])
def test_json_that_is_no_file_is_a_line_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.json"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "giant":
            path.touch()
            os.truncate(path, 2**42)
        case "link":
            path.symlink_to("/etc/hostname")
        case "device":
            path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match=r"a\.json cannot be read: it "):
        read_json(path, "a run's folder")


def test_a_link_that_is_made_meanwhile_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letter.txt").write_text("mine")

    def replaced_by_a_link(path: Path) -> None:
        Path(path).symlink_to(tmp_path / "letter.txt")

    with monkeypatch.context() as patch:
        patch.setattr("train.data.files.storage.os.unlink", replaced_by_a_link)
        with pytest.raises((OSError, StorageError)):
            write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "letter.txt").read_text() == "mine"

"""A run's folder: made once, locked by one process, and without half-written files."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from train.data.files.storage import AS_IT_IS, find_odd, read_regular, written_whole
from train.errors import StorageError, UserError
from train.run.lock import DATABASE, try_lock

MAX_JSON_BYTES = 2**28  # bytes, where nothing says how many were written
# All that runs, populations and searches write into a folder, but the manifest of it.
OWN_FILES = (
    "config.json",
    "encoder.json",
    "metrics.jsonl",
    "kept.json",
    "halving.json",
    "calibration.parquet",
    "errors.parquet",
    "temperature.json",
    "importance.csv",
    "groups.csv",
    "predictions.parquet",
    "result.json",
    "report.html",
    "search.json",
    "study.db",
    "study.db-journal",
)
OWN_FOLDERS = ("checkpoints", "tensorboard", "groups", "parts", "refit", "trials")


def fresh_folder(name: str, root: str = "runs") -> Path:
    """A folder runs/NAME-YYYYmmdd-HHMMSS that did not exist before. Raises UserError."""
    stem = Path(root) / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    for i in range(1000):
        folder = stem if i == 0 else stem.with_name(f"{stem.name}-{i}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(
                f"--workdir: cannot make {folder}: {error.strerror}; name another folder"
            ) from None
    raise UserError(f"--workdir: {stem} exists a thousand times over; name another folder")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks the folder, made if need be, while the block runs: a second run in it is refused.

    A dead run's lock is freed. Raises UserError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | AS_IT_IS, 0o644)
    except OSError as error:
        if (folder / ".lock").is_symlink():
            raise _is_odd(folder / ".lock") from None
        raise UserError(
            f"--workdir: cannot write in {folder}: {error.strerror}; name another folder"
        ) from None
    release = None
    try:
        status = os.fstat(lock)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise _is_odd(folder / ".lock")
        if (odd := find_odd(folder / DATABASE)) is not None:
            raise _is_odd(odd)
        release = try_lock(folder / ".lock", lock)
        if release is None:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            in_use = f"--workdir: {folder} is in use by process {holder}"
            raise UserError(f"{in_use}; wait, or name another folder")
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        refuse_odd(folder)
        yield
    finally:
        if release is not None:
            release()
        os.close(lock)


def refuse_odd(folder: Path) -> None:
    """Raises UserError where a link, pipe or device stands in place of a file or folder of ours.

    What is written, and what is deleted, would be written and deleted elsewhere.
    """
    for name in (*OWN_FILES, *OWN_FOLDERS):
        try:
            odd = find_odd(folder / name)
        except OSError as error:
            raise UserError(f"{folder / name} cannot be read: {error.strerror}") from None
        if odd is not None:
            raise _is_odd(odd)


def _is_odd(path: Path) -> UserError:
    what = "a link" if path.is_symlink() else "no file of its own"
    return UserError(
        f"--workdir: {path} is {what}, and a run writes into no other place than its folder; "
        "remove it, or name another folder"
    )


def write_json(path: Path, value: object) -> None:
    """Writes indented JSON under a temporary name, then renames it. Raises StorageError."""
    content = json.dumps(value, indent=1, allow_nan=False).encode()
    try:
        with written_whole(path) as file:
            file.write(content)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from None


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file of a run's folder, which without it is not `what`.

    Raises UserError when the file is not there or not whole.
    """
    try:
        content = read_regular(path, MAX_JSON_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path.parent} holds no {path.name}, so it is not {what}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    return parse_json(content, path)


def parse_json(content: bytes, path: Path) -> Any:
    """What the bytes of a JSON file say. Raises UserError, also where a number is not finite."""
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise UserError(f"{path} cannot be read: it is nested too deep") from None
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a run writes")

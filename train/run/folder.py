"""A run's folder: made once, locked by one process, and without half-written files."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from train.errors import StorageError, UserError


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

    The kernel frees a dead run's lock. Raises UserError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(
            f"--workdir: cannot write in {folder}: {error.strerror}; name another folder"
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            in_use = f"--workdir: {folder} is in use by process {holder}"
            raise UserError(f"{in_use}; wait, or name another folder") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)


def write_json(path: Path, value: object) -> None:
    """Writes indented JSON under a temporary name, then renames it. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from None


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file of a run's folder, which without it is not `what`.

    Raises UserError when the file is not there or not whole.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path.parent} holds no {path.name}, so it is not {what}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None

"""Room on a disk: a save that would not fit is not begun, and half ones take none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from train.errors import StorageError
from train.run.memory import bytes_in_words

UNFINISHED = ".orbax-checkpoint-tmp"  # orbax's suffix of a step's folder until it is whole
BESIDE = 2**18  # bytes of metadata that a step has beside its arrays, at most
MARGIN = 1.1


def check_room(folder: Path, size: int, n_steps: int) -> str:
    """A line where `n_steps` states of so many bytes may not fit on the disk; "" where they do.

    Raises StorageError if not even one would, for then a run could be kept nowhere.
    """
    free = shutil.disk_usage(folder).free
    has = f"has {bytes_in_words(free)} free"
    if free < size:
        raise StorageError(
            f"--workdir: the disk of {folder} {has}, and a checkpoint takes "
            f"{bytes_in_words(size)}; make room, or name another folder"
        )
    needed = n_steps * int(MARGIN * size + BESIDE)
    if free < needed:
        return (
            f"the disk of {folder} {has}, and {n_steps} checkpoints take up to "
            f"{bytes_in_words(needed)}: saves that do not fit are tried again later"
        )
    return ""


def refuse_without_room(folder: Path, size: int) -> None:
    """Raises OSError unless a step of so many bytes fits: a writer that fails in between is late.

    Orbax' threads report each array that they could not write.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        has = f"{bytes_in_words(free)} are free"
        raise OSError(f"no space left on device: it takes {bytes_in_words(size)}, and {has}")


def size_of(folder: Path) -> int:
    """The bytes that the files of a step take on the disk."""
    return sum(512 * path.lstat().st_blocks for path in folder.rglob("*"))


def remove_unfinished(folder: Path) -> None:
    """Deletes what saves that failed have left behind."""
    for path in folder.glob(f"[0-9]*{UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


def silence_late_failures() -> None:
    """Has writers that end after their save has failed say nothing: it was told in a line.

    They end in threads that Python knows nothing of, and so past every log.
    """
    if sys.unraisablehook is not _but_late_failures:
        _hooks.append(sys.unraisablehook)
        sys.unraisablehook = _but_late_failures


_hooks: list[Callable[[sys.UnraisableHookArgs], object]] = []


def _but_late_failures(told: sys.UnraisableHookArgs) -> None:
    if not (told.exc_type is RuntimeError and str(told.exc_value) == "Event loop is closed"):
        _hooks[-1](told)

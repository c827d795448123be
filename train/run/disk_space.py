"""Room on a disk: a save that would not fit is not begun, and half ones take none."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from absl import logging as absl_logging

from train.errors import StorageError
from train.run.memory import bytes_in_words

UNFINISHED = ".orbax-checkpoint-tmp"  # orbax's suffix of a step's folder until it is whole
METADATA_BYTES = 2**18  # bytes of metadata that a step has beside its arrays, at most
MARGIN = 1.1
PAUSES = (0.01, 0.1, 0.5)  # seconds before what a disk would not delete is tried again


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
    needed = n_steps * int(MARGIN * size + METADATA_BYTES)
    if free < needed:
        return (
            f"the disk of {folder} {has}, and {n_steps} checkpoints take up to "
            f"{bytes_in_words(needed)}: saves that do not fit are tried again later"
        )
    return ""


def refuse_without_room(folder: Path, size: int) -> None:
    """Raises OSError unless a step of so many bytes fits on the disk.

    A save that fails later leaves tracebacks: orbax' threads report each array that they could not
    write.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        has = f"{bytes_in_words(free)} are free"
        raise OSError(f"no space left on device: it takes {bytes_in_words(size)}, and {has}")


def size_of(folder: Path) -> int:
    """The bytes that the files of a step take on the disk."""
    return sum(512 * path.lstat().st_blocks for path in folder.rglob("*"))


def remove_unfinished(folder: Path) -> None:
    """Deletes what saves that failed have left behind; what the disk will not delete is told."""
    for pause in (*PAUSES, None):
        for path in folder.glob(f"[0-9]*{UNFINISHED}*"):
            shutil.rmtree(path, ignore_errors=True)
        left = [path.name for path in folder.glob(f"[0-9]*{UNFINISHED}*")]
        if not left:
            return
        if pause is None:
            absl_logging.error("%s in %s cannot be deleted: the next run does", left[0], folder)
        else:
            time.sleep(pause)


def silence_failures() -> None:
    """Keeps orbax from printing tracebacks of a save that failed, which we tell in a line.

    So for its writers, which end later, in threads that Python knows nothing of, or in tasks that
    nobody waits for any more.
    """
    absl_logging.get_absl_logger().addFilter(_is_not_of_orbax)
    logging.getLogger("asyncio").addFilter(_is_not_of_a_writer)
    if sys.unraisablehook is not _ignore_late_failures:
        _hooks.append(sys.unraisablehook)
        sys.unraisablehook = _ignore_late_failures


def _is_not_of_orbax(record: logging.LogRecord) -> bool:
    return "orbax" not in record.pathname


def _is_not_of_a_writer(record: logging.LogRecord) -> bool:
    """Whether to log it: a task of orbax whose failure nobody has asked for is not."""
    message = record.getMessage()
    return not ("exception was never retrieved" in message and "orbax" in message)


_hooks: list[Callable[[sys.UnraisableHookArgs], object]] = []


def _ignore_late_failures(told: sys.UnraisableHookArgs) -> None:
    if not (told.exc_type is RuntimeError and str(told.exc_value) == "Event loop is closed"):
        _hooks[-1](told)

"""Files that are read and written so that a folder from elsewhere can hurt nobody.

No link is followed and nothing but a regular file is opened; a file is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

# Windows has neither, nor pipes among its files.
AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path) -> BufferedReader:
    """An open file to be read. Raises OSError, of a link, a pipe or a device too."""
    _refuse_odd(path, os.lstat(path).st_mode)
    # Should it have become a pipe in between, nothing waits for its other end.
    file = os.fdopen(os.open(path, os.O_RDONLY | AS_IT_IS), "rb")
    try:
        _refuse_odd(path, os.fstat(file.fileno()).st_mode)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, at_most: int) -> bytes:
    """A file's content. Raises OSError, of what is no file or larger than `at_most` bytes too."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > at_most:
            raise OSError(0, f"it has {size:,} bytes, and {at_most:,} at most were written", path)
        return file.read(at_most)


def is_folder(path: Path) -> bool:
    """Whether it is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def find_odd(path: Path) -> Path | None:
    """What is neither file nor folder, be it this path or anything below it; None if nothing is."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        return path
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                continue
            found = find_odd(Path(entry.path))
            if found is not None:
                return found
    return None


@contextlib.contextmanager
def written_whole(path: Path, temporary: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write, which gets its name once it is whole and on the disk. Raises OSError.

    It has the name `temporary` until then, where something that a kill left behind may stand.
    """
    temporary = temporary or path.with_name(f".{path.name}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | AS_IT_IS, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _refuse_odd(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(0, "it is a link, which is not followed", path)
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is no regular file", path)

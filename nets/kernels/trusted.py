"""Folders and files whose content is executed: nobody but their owner may have written them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

MARK = b"denseq whole\n"  # before the digest that ends a file
OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Untrusted(Exception):
    """Why it is not used; the message is one line."""


def private_folder(folder: Path) -> Path:
    """The folder, made if need be, in which only its owner writes; as it is without links.

    Whoever may rename one of its parents may put another folder in its place, so none of them may
    be written by others either, but for those with a sticky bit, as /tmp. Raises Untrusted.
    """
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
        real = folder.resolve(strict=True)
        inner = real.stat()
    except OSError as error:
        raise Untrusted(f"cannot make {folder}: {error.strerror}") from None
    if inner.st_uid != os.getuid() or inner.st_mode & OTHERS:
        raise Untrusted(f"{folder} can be written by others")
    for path in {*real.parents, *folder.absolute().parents}:
        status = path.stat()
        if status.st_uid not in (0, os.getuid()):
            raise Untrusted(f"{path}, in which {folder} is, belongs to another user")
        if status.st_mode & OTHERS and not status.st_mode & stat.S_ISVTX:
            raise Untrusted(f"{path}, in which {folder} is, can be written by others")
    return real


def read_private(path: Path) -> bytes:
    """The bytes of a file that only its owner writes. Raises OSError, also of a link or a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            raise OSError(0, "it is no file of this user")
        if status.st_mode & OTHERS:
            raise OSError(0, "others can write it")
        return file.read()


def read_whole(path: Path) -> bytes:
    """What `write_whole` wrote. Raises Untrusted where it is anything else, or another's."""
    try:
        content = read_private(path)
    except OSError as error:
        raise Untrusted(f"{path} cannot be read: {error.strerror}") from None
    body, mark, digest = content[: -32 - len(MARK)], content[-32 - len(MARK) : -32], content[-32:]
    if mark != MARK or hashlib.sha256(body).digest() != digest:
        raise Untrusted(f"{path} is not what was written")
    return body


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that ends in its own digest, whole or not at all. Raises OSError.

    It has its name once it is on the disk: after a power cut there is no empty one.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix="make-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + MARK + hashlib.sha256(content).digest())
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def loadable(content: bytes) -> Iterator[str]:
    """A path, while the block runs, of a file with this content that nothing can cut short.

    A library is mapped, not read: one that loses its end while it is in use ends the process. So
    what is loaded is a copy in memory, sealed; where there is no such thing, a file without a name.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("denseq", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(content)
            _seal(descriptor)
            yield f"/proc/self/fd/{descriptor}"
        except BaseException:
            os.close(descriptor)
            raise
        # It stays open: the loader knows what it has loaded by its path, and would take what else
        # came to have this number for the same.
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "library"
        path.write_bytes(content)
        yield str(path)


def _seal(descriptor: int) -> None:
    import fcntl

    fcntl.fcntl(
        descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    )

"""A lock that ends with the process that holds it: flock's, or SQLite's where there is no flock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

DATABASE = ".lock.db"  # beside the file, of which SQLite locks bytes by whatever the system has
Release = Callable[[], object]


def try_lock(path: Path, descriptor: int) -> Release | None:
    """Locks an open file, and gives what frees it; None where another process has the lock."""
    if fcntl is None:
        return _lock_by_sqlite(path.with_name(DATABASE))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    return lambda: None  # closing the file frees it


def _lock_by_sqlite(path: Path) -> Release | None:
    """An exclusive transaction in a database of its own, which never gets any content."""
    import sqlite3

    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        return None
    return connection.close

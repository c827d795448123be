"""SHA-256 of the files of a checkpoint: orbax gives one with a flipped bit back without a word."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path


def file_digests(folder: Path, *, sync: bool = False) -> dict[str, str]:
    """{path within the folder of a step: SHA-256}, of every file of its items.

    `sync` also flushes each to the disk, metadata files included, which orbax leaves to the
    operating system. What stands beside the items, orbax changes later and never needs.
    """
    digests = {}
    for path in sorted(folder.glob("*/**/*")):
        if not path.is_file():
            continue
        with open(path, "rb") as file:
            digests[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
            if sync:
                os.fsync(file.fileno())
    return digests


def find_damage(folder: Path, digest_path: Path) -> str | None:
    """What is wrong with the files of a step, by the digests that were written; None if nothing."""
    try:
        expected = json.loads(digest_path.read_text())
    except (OSError, ValueError):
        return f"{digest_path.name} is missing or not whole"
    actual = file_digests(folder)
    for name, digest in sorted(expected.items()):
        if actual.get(name) != digest:
            return f"{name} is not the file that was written"
    return None

"""SHA-256 of files: orbax, and whoever reads JSON, gives a flipped bit back without a word."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from train.data.files.storage import find_odd, open_regular, read_regular
from train.errors import UserError
from train.run.folder import MAX_JSON_BYTES, parse_json, write_json

FORMAT = 1  # of files that hold digests


class Entry(NamedTuple):
    """What a file must be."""

    size: int | None
    """Its bytes; None of those that version 0.1.0 wrote, which did not say."""
    sha256: str


class Damage(Exception):
    """A file is not what was written; the message says which, and in what."""


def digest_of(path: Path, *, sync: bool = False) -> Entry:
    """A file's size and SHA-256; `sync` also flushes it to the disk. Raises OSError."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
        return Entry(os.fstat(file.fileno()).st_size, digest)


def file_digests(folder: Path, *, sync: bool = False) -> dict[str, Entry]:
    """{path within the folder of a step: its entry}, of every file of its items.

    `sync` also flushes each to the disk, metadata files included, which orbax leaves to the
    operating system.
    """
    return {name: digest_of(folder / name, sync=sync) for name in _names(folder)}


def write_digests(path: Path, entries: Mapping[str, Entry]) -> None:
    """Writes the digests of a step's files, with one of their own. Raises StorageError."""
    write_sealed(path, {"files": entries})


def find_damage(folder: Path, digest_path: Path) -> str | None:
    """What is wrong with the files of a step, by the digests that were written; None if nothing."""
    try:
        expected = _read_digests(digest_path)
        if (odd := find_odd(folder)) is not None:
            return f"{odd.relative_to(folder)} is not the file that was written"
        present = _names(folder)
        for name in sorted(expected.keys() | set(present)):
            if name not in present:
                return f"{name} is missing, which was written"
            if name not in expected:
                return f"{name} is not one of the files that were written"
            check_entry(folder / name, expected[name])
    except Damage as damage:
        return str(damage)
    except OSError as error:
        return f"a file cannot be read: {error.strerror}"
    return None


def check_entry(path: Path, entry: Entry) -> None:
    """Raises Damage unless a file is what was written; one of another size is not read."""
    with _as_damage(path):
        if entry.size not in (None, os.lstat(path).st_size):
            raise Damage(f"{path.name} is not the file that was written")
        if digest_of(path).sha256 != entry.sha256:
            raise Damage(f"{path.name} is not the file that was written")


def read_entry(path: Path, entry: Entry) -> bytes:
    """A file's bytes. Raises Damage unless they are those that were written."""
    with _as_damage(path):
        content = read_regular(path, entry.size or MAX_JSON_BYTES)
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise Damage(f"{path.name} is not the file that was written")
    return content


@contextlib.contextmanager
def _as_damage(path: Path) -> Iterator[None]:
    """Makes Damage of what the system says of a file."""
    try:
        yield
    except FileNotFoundError:
        raise Damage(f"{path.name} is missing, which was written") from None
    except OSError as error:
        raise Damage(f"{path.name} cannot be read: {error.strerror}") from None


def write_sealed(path: Path, content: Mapping[str, object]) -> None:
    """Writes JSON with the version of its format and a digest of itself. Raises StorageError."""
    sealed = {"format": FORMAT, **content}
    write_json(path, {**sealed, "sha256": _seal(sealed)})


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote. Raises Damage, and FileNotFoundError."""
    plain = _read_object(path)
    written = plain.pop("sha256", None)
    version = plain.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise Damage(f"{path.name} is of format {version}, which a newer version of denseq reads")
    if written != _seal(plain):
        raise Damage(f"{path.name} is not the file that was written")
    return plain


def read_entries(plain: object, name: str) -> dict[str, Entry]:
    """{path: entry} of a file of that name, which has them as lists. Raises Damage."""
    entries: dict[str, Entry] = {}
    for path, entry in plain.items() if isinstance(plain, dict) else ():
        match entry:
            case [int(size), str(digest)] if _is_digest(digest):
                entries[path] = Entry(size, digest)
            case str(digest) if _is_digest(digest):
                entries[path] = Entry(None, digest)
            case _:
                raise Damage(f"{name} is not whole: {str(path)[:80]!r} has no digest there")
    return entries


def _read_digests(path: Path) -> dict[str, Entry]:
    try:
        plain = _read_object(path)
        if "format" in plain:
            plain = read_sealed(path)["files"]
        entries = read_entries(plain, path.name)
    except (FileNotFoundError, KeyError):
        raise Damage(f"{path.name} is missing or not whole") from None
    items = {name.partition("/")[0] for name in entries}
    if not items >= {"state", "model"}:
        raise Damage(f"{path.name} is not whole: it names no files of a state and a model")
    return entries


def _read_object(path: Path) -> dict[str, Any]:
    try:
        plain = parse_json(read_regular(path, MAX_JSON_BYTES), path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except (UserError, OSError):
        raise Damage(f"{path.name} is missing or not whole") from None
    if not isinstance(plain, dict):
        raise Damage(f"{path.name} is missing or not whole")
    return plain


def _seal(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_digest(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _names(folder: Path) -> list[str]:
    """The files of a step's items; what stands beside these orbax changes later and never needs."""
    names = []
    for place, _, files in os.walk(folder):
        if Path(place) != folder:
            names += [(Path(place) / name).relative_to(folder).as_posix() for name in files]
    return sorted(names)

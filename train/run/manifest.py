"""manifest.json: the digests of a run's files, and the checkpoints that there must be.

It is written last. A file that is being rewritten is not in it meanwhile, so that a kill between
the two leaves no file that is called damaged. Folders of version 0.1.0 have none.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absl import logging

from train.data.files.storage import open_regular
from train.errors import StorageError, UserError
from train.run.digests import (
    Damage,
    Entry,
    digest_of,
    read_entries,
    read_entry,
    read_sealed,
    write_sealed,
)
from train.run.folder import parse_json, read_json

NAME = "manifest.json"
APPENDED = "metrics.jsonl"  # what is listed of it are its first bytes: lines follow


class Manifest(NamedTuple):
    """What a run's folder must hold; paths are those within it."""

    files: dict[str, Entry]
    steps: dict[str, list[int]]
    """The saved steps of each folder of checkpoints."""


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a run's folder; None where there is none. Raises UserError."""
    try:
        plain = read_sealed(folder / NAME)
        steps = plain.get("steps")
        if not isinstance(steps, dict) or not all(map(_are_steps, steps.values())):
            raise Damage(f"{NAME} is not whole: its steps are no lists of numbers")
        return Manifest(read_entries(plain.get("files"), NAME), steps)
    except FileNotFoundError:
        return None
    except Damage as damage:
        raise UserError(
            f"{folder}: {damage}; restore it, or delete it to have the other files taken "
            "as they are"
        ) from None


def say_if_absent(folder: Path) -> None:
    """Says where nothing tells whether the files of a folder are those that were written."""
    if not (folder / NAME).exists():
        logging.warning(
            "%s has no %s, as runs of before it have none: config.json and encoder.json are "
            "taken as they are",
            folder,
            NAME,
        )


def read_listed(folder: Path, name: str, what: str) -> Any:
    """The content of a JSON file of a run's folder, which without it is not `what`.

    Raises UserError where it is not the file that was written, or not there.
    """
    manifest = read_manifest(folder)
    entry = manifest.files.get(name) if manifest else None
    if entry is None:
        return read_json(folder / name, what)
    return parse_json(check_listed(folder, name, entry), folder / name)


def check_listed(folder: Path, name: str, entry: Entry) -> bytes:
    """The bytes of a file of a run's folder. Raises UserError unless they are those listed."""
    try:
        return read_entry(folder / name, entry)
    except Damage as damage:
        raise UserError(f"{folder}: {damage}; restore it, or name another folder") from None


def has_only_grown(folder: Path, name: str, entry: Entry) -> bool:
    """Whether a file still begins with the bytes that are listed."""
    try:
        with open_regular(folder / name) as file:
            content = file.read(entry.size or 0)
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == entry.sha256


def record_files(
    folder: Path, names: Iterable[str], steps: Mapping[str, Sequence[int]] = {}
) -> None:
    """Lists files, those that are there, and the saved steps of folders of checkpoints.

    Raises StorageError.
    """
    before = read_manifest(folder) or Manifest({}, {})
    files = dict(before.files)
    for name in names:
        files.pop(name, None)
        if not (folder / name).exists():
            continue
        try:
            files[name] = digest_of(folder / name)
        except OSError as error:
            raise StorageError(f"{folder / name} cannot be read back: {error.strerror}") from None
    _write(folder, Manifest(files, before.steps | {k: sorted(v) for k, v in steps.items()}))


@contextlib.contextmanager
def rewriting(folder: Path, *names: str) -> Iterator[None]:
    """Lists files that the block writes once it is over, and strikes them out before.

    A folder without a manifest is left without one until then. Raises StorageError.
    """
    before = read_manifest(folder)
    if before and before.files.keys() & set(names):
        files = {name: entry for name, entry in before.files.items() if name not in names}
        _write(folder, Manifest(files, before.steps))
    yield
    record_files(folder, names)


def _write(folder: Path, manifest: Manifest) -> None:
    files = dict(sorted(manifest.files.items()))
    write_sealed(folder / NAME, {"files": files, "steps": dict(sorted(manifest.steps.items()))})


def _are_steps(plain: object) -> bool:
    return isinstance(plain, list) and all(type(step) is int for step in plain)

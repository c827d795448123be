"""Whether every file and every checkpoint of a run's folder is still what the run wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from train.config.own import Trust
from train.errors import StorageError, UserError
from train.inference.load import load
from train.run.checkpoint import Checkpoints
from train.run.digests import Damage, check_entry, find_damage
from train.run.folder import OWN_FILES, refuse_odd
from train.run.manifest import APPENDED, NAME, Manifest, has_only_grown, read_manifest


class Finding(NamedTuple):
    """What was found of a file, a step of checkpoints, or the whole."""

    place: str
    words: str
    is_well: bool


def verify(folder: Path, trust: Trust = ()) -> Iterator[Finding]:
    """A finding for each file of a run's folder, each of its checkpoints, and the net that answers.

    Nothing is written. Raises UserError where it is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"--workdir: {folder} is no folder")
    refuse_odd(folder)
    try:
        manifest = read_manifest(folder)
    except UserError as error:
        yield Finding(NAME, str(error), False)
        return
    yield Finding(NAME, "whole" if manifest else "none, as in runs of before it", True)
    yield from _verify_files(folder, manifest or Manifest({}, {}))
    for place in _places(folder, manifest):
        yield from _verify_steps(folder, place, manifest)
    try:
        load(folder, trust)
    except (UserError, StorageError) as error:
        yield Finding("the net", f"does not load: {error}", False)
    else:
        yield Finding("the net", "loads", True)


def _verify_files(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    for name in sorted(manifest.files.keys() | {*OWN_FILES}):
        entry = manifest.files.get(name)
        if entry is None:
            if (folder / name).exists():
                yield Finding(name, "there, with no digest to tell whether it is whole", True)
            continue
        if Path(name).name == APPENDED and has_only_grown(folder, name, entry):
            yield Finding(name, "whole", True)
            continue
        try:
            check_entry(folder / name, entry)
            yield Finding(name, "whole", True)
        except Damage as damage:
            yield Finding(name, str(damage), False)


def _places(folder: Path, manifest: Manifest | None) -> list[str]:
    """The folders of checkpoints: those on the disk, and those that the manifest lists."""
    found = set(manifest.steps) if manifest else set()
    for path in folder.glob("**/checkpoints"):
        found.add(path.relative_to(folder).as_posix())
    return sorted(found)


def _verify_steps(folder: Path, place: str, manifest: Manifest | None) -> Iterator[Finding]:
    checkpoints = Checkpoints(folder, subfolder=str(Path(place).parent), read_only=True)
    saved = checkpoints.saved
    listed = manifest.steps.get(place, []) if manifest else []
    for step in sorted({*listed, *saved.numbers()}):
        name = f"{place}/{step}"
        damage = find_damage(folder / name, saved.digest_path(step))
        if step not in saved.numbers():
            damage = "its files are gone"
        if damage is None:
            try:
                checkpoints.restore_item(step, "state")
                checkpoints.restore_item(step, "model")
            except StorageError as error:
                damage = str(error)
        yield Finding(name, damage or "whole, and restores", damage is None)

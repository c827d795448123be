"""The steps on disk in a folder `checkpoints/`: which there are, which are whole, which may go.

Only steps that have a file of digests are deleted, once a newer step is whole and the manifest no
longer lists them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import logging

from train.data.files.storage import is_folder
from train.errors import UserError
from train.run.digests import find_damage
from train.run.folder import locked
from train.run.manifest import APPENDED, read_manifest, record_files

TRASH = "trash"
MAX_LOOKS = 5  # at a folder in which another run saves meanwhile


class SavedSteps:
    """The steps in `checkpoints/` of a subfolder of a run's folder, whose manifest lists them."""

    def __init__(self, run: Path, subfolder: str):
        self.run = run
        self.place = (Path(subfolder) / "checkpoints").as_posix()
        self.folder = run / self.place
        for inner in (self.folder, *self.folder.parents):
            if inner == run:
                break
            if inner.is_symlink():
                raise UserError(f"{inner} is a link, which is not followed; name another folder")
        self._log = (Path(subfolder) / APPENDED).as_posix()

    def keep_newest(self, n: int) -> None:
        """Lists the newest `n` steps, and the log as it is now, then deletes older ones.

        Nothing is deleted before the newest step has been read back and found whole.
        """
        own = sorted(self._own_steps(), reverse=True)
        kept = own[:n]
        if own != kept:
            damage = find_damage(self.folder / str(own[0]), self.digest_path(own[0]))
            if damage is not None:
                logging.error("checkpoint %s, just written, is damaged: %s", own[0], damage)
                kept = own
        record_files(self.run, [self._log], {self.place: kept})
        self._clear(lambda step: step < kept[-1])

    def make_room(self, step: int) -> bool:
        """Deletes our steps from this one on; returns whether any folder bore their numbers.

        What is not ours is left, and has its name changed if that is the one of `step`.
        """
        return self._clear(lambda found: found >= step, barred=step)

    def digest_path(self, step: int) -> Path:
        """The file of the digests of a step."""
        return self.folder / f"digest-{step}.json"

    def _own_steps(self) -> list[int]:
        """The steps that have a file of digests, which others' folders lack."""
        return [step for step in self.numbers() if self.digest_path(step).exists()]

    def numbers(self) -> list[int]:
        """The numbers that folders here bear, newest first."""
        found = []
        for path in self.folder.glob("[0-9]*"):
            if re.fullmatch("0|[1-9][0-9]{0,17}", path.name) and is_folder(path):
                found.append(int(path.name))
        return sorted(found, reverse=True)

    def _clear(self, is_unwanted: Callable[[int], bool], barred: int | None = None) -> bool:
        """Deletes our steps that are not wanted, and empty ones; returns whether there was any.

        A step is renamed before its files are deleted: a kill in between must not leave a half
        one. What is not ours is left, and has its name changed where it bars the step `barred`.
        """
        unwanted = [step for step in self.numbers() if is_unwanted(step)]
        own = [step for step in unwanted if step in self._own_steps()]
        listed = self._listed()
        left = [step for step in listed if step not in own]
        if left != listed:
            record_files(self.run, [], {self.place: left})
        for step in unwanted:
            folder = self.folder / str(step)
            if step in own:
                (self.folder / TRASH).mkdir(exist_ok=True)
                os.rename(folder, self.folder / TRASH / str(step))
                self.digest_path(step).unlink(missing_ok=True)
            elif not any(folder.iterdir()):
                folder.rmdir()
            elif step == barred:
                aside = _set_aside(folder)
                logging.warning("%s is no checkpoint of this run: it is %s now", folder, aside)
        for path in self.folder.glob("digest-*.json"):
            if not (self.folder / path.stem.removeprefix("digest-")).exists():
                path.unlink()
        shutil.rmtree(self.folder / TRASH, ignore_errors=True)
        return bool(unwanted)

    def _listed(self) -> list[int]:
        """The steps that there must be, by the manifest."""
        manifest = read_manifest(self.run)
        return manifest.steps.get(self.place, []) if manifest else []

    def steps(self) -> list[int]:
        """Finished steps that are whole, newest first; what is passed over is logged, and why.

        Raises UserError where all are damaged or gone.
        """
        found, reasons = self._look()
        for _ in range(MAX_LOOKS):
            before = self._listed()
            if not reasons:
                break
            found, reasons = self._look()
            if before == self._listed():
                break  # else another process went on meanwhile
        whole = [step for step in found if step not in reasons]
        for step in sorted(reasons, reverse=True):
            logging.error("checkpoint %s is passed over: %s", step, reasons[step])
        if reasons and not whole:
            what = "damaged" if found else "gone"
            raise UserError(
                f"every checkpoint in {self.folder} is {what}; "
                "restore the folder or name another one, or begin anew with --restart"
            )
        return whole

    def _look(self) -> tuple[list[int], dict[int, str]]:
        """The steps that are there, newest first, and what is wrong with which."""
        reasons = dict.fromkeys(self._listed(), "its files are gone")
        found = []
        for step in self.numbers():
            folder = self.folder / str(step)
            try:
                if not any(folder.iterdir()):
                    continue
                damage = find_damage(folder, self.digest_path(step))
            except OSError as error:
                damage = f"it cannot be read: {error.strerror}"
            found.append(step)
            reasons.pop(step, None)
            if damage is not None:
                reasons[step] = damage
        return found, reasons

    def set_aside(self) -> None:
        """Renames all steps where none is whole, so that a run may begin anew."""
        try:
            self.steps()
        except UserError:
            for step in self.numbers():
                aside = _set_aside(self.folder / str(step))
                logging.warning("checkpoint %s is %s from now on", step, aside.name)
            record_files(self.run, [], {self.place: []})


def _set_aside(folder: Path) -> Path:
    """The new path of a folder, whose name is no number any more."""
    aside = folder.with_name(f"aside-{folder.name}")
    for number in itertools.count(2):
        if not os.path.lexists(aside):
            break
        aside = folder.with_name(f"aside-{folder.name}-{number}")
    os.rename(folder, aside)
    return aside


@contextlib.contextmanager
def locked_run(run: Path, restart: bool) -> Iterator[None]:
    """Locks a run's folder while the block runs; `restart` sets steps aside where none is whole."""
    with locked(run):
        if restart:
            set_lost_aside(run)
        yield


def set_lost_aside(run: Path) -> None:
    """Gives the steps of a run's folder other names wherever none is whole any more."""
    manifest = read_manifest(run)
    places = set(manifest.steps if manifest else ())
    for folder in (run, *run.glob("groups/*"), *run.glob("**/parts/*"), *run.glob("refit/*")):
        places.add((folder.relative_to(run) / "checkpoints").as_posix())
    for place in sorted(places):
        SavedSteps(run, Path(place).parent.as_posix()).set_aside()

"""Checkpoints: everything orbax, and the proof that what comes back is what went in.

A step's folder holds two items: `state`, to resume from (the newest), and `model`, the best weights
with the statistics, to answer with. Orbax gives a file with a flipped bit back without a word, so
each step has a `digest-STEP.json` beside it with the SHA-256 of its files, checked before anything
is restored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from logging import LogRecord
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from absl import logging

from train.errors import StorageError, UserError
from train.run.folder import write_json

TRASH = "trash"
UNFINISHED = ".orbax-checkpoint-tmp"  # orbax's suffix of a step's folder until it is whole


class Checkpoints:
    """The folder `checkpoints/` of a run: saves in the background, keeps the newest `keep`
    steps.
    """

    def __init__(self, folder: Path, keep: int = 2, *, read_only: bool = False):
        self.folder = folder.absolute() / "checkpoints"
        self._saving: int | None = None
        self._failure: str | None = None
        self._manager = None
        logging.get_absl_logger().addFilter(_not_of_orbax)
        if read_only:
            return
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            # A step is renamed away before its files are deleted: a kill in between must not leave
            # a half step listed.
            todelete_subdir=TRASH,
            cleanup_tmp_directories=True,
            enable_async_checkpointing=True,
            # Runs once a step's files are written and before the step gets its name: none bears a
            # name and no digest.
            async_options=ocp.AsyncOptions(post_finalization_callback=self._write_digest),
            **_alone(),
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(
                self.folder, options=options, item_names=("state", "model")
            )
        except OSError as error:
            raise UserError(
                f"--workdir: cannot write in {self.folder}: {error}; name another folder"
            ) from None

    def save(self, step: int, state: Any, model: Any) -> None:
        """Starts saving; the arrays are copied before this returns. A failure keeps the older steps
        and is reported by `close`, unless a later save succeeds: a full disk should not end a run
        that may yet have room.
        """
        self._finish()
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state), model=ocp.args.StandardSave(model)
        )
        try:
            assert self._manager is not None
            # Steps from here on were passed over as damaged. Left alone, one would bar this step,
            # or outlive it.
            for stale in [found for found in self._manager.all_steps() if found >= step]:
                self._manager.delete(stale)
            self._saving = step
            self._manager.save(step, args=items, force=True)
        except Exception as error:
            self._fail(step, error)

    def close(self) -> None:
        """Waits for the last save. Raises StorageError if it failed."""
        self._finish()
        if self._manager is not None:
            self._manager.close()
        if self._failure:
            raise StorageError(self._failure)

    def _write_digest(self) -> None:
        assert self._saving is not None
        (folder,) = self.folder.glob(f"{self._saving}{UNFINISHED}*")
        write_json(self._digest_path(self._saving), _digests(folder, sync=True))

    def _finish(self) -> None:
        step = self._saving
        if self._manager is None or step is None:
            return
        try:
            self._manager.wait_until_finished()
            self._manager.check_for_errors()
            self._saving = None
            self._failure = None
        except Exception as error:
            self._fail(step, error)
        for path in self.folder.glob("digest-*.json"):
            if not (self.folder / path.stem.removeprefix("digest-")).exists():
                path.unlink()
        shutil.rmtree(self.folder / TRASH, ignore_errors=True)

    def _fail(self, step: int, error: Exception) -> None:
        self._saving = None
        self._failure = f"the checkpoint of step {step} could not be written: {_first_line(error)}"
        logging.error(self._failure)
        # On a full disk the older steps need the room.
        for folder in self.folder.glob(f"{step}{UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)
        if self._manager is not None:
            # It has struck the oldest step off its list, for one that never came.
            self._manager.reload()

    def steps(self) -> list[int]:
        """Finished steps that are whole, newest first; a damaged one is named in the log and passed
        over.
        """
        folders = [
            path
            for path in self.folder.glob("[0-9]*/")
            if path.name.isdigit() and any(path.iterdir())
        ]
        found = sorted((int(path.name) for path in folders), reverse=True)
        whole = []
        for step in found:
            problem = self._problem(step)
            if problem:
                logging.error("checkpoint %s is passed over: %s", step, problem)
            else:
                whole.append(step)
        if found and not whole:
            raise UserError(
                f"every checkpoint in {self.folder} is damaged; restore the folder or name another one"
            )
        return whole

    def _problem(self, step: int) -> str | None:
        try:
            expected = json.loads(self._digest_path(step).read_text())
        except (OSError, ValueError):
            return f"{self._digest_path(step).name} is missing or not whole"
        actual = _digests(self.folder / str(step))
        changed = sorted(name for name, digest in expected.items() if actual.get(name) != digest)
        return f"{changed[0]} is not the file that was written" if changed else None

    def restore_state(self, step: int, like: Any) -> Any:
        """The state saved at `step`, of the names, shapes and types of `like`. Raises UserError if
        they differ.
        """
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        if _signature(self._metadata(step, "state")) != _signature(_plain(abstract)):
            what = f"checkpoint {step} in {self.folder} is of another network or optimizer"
            raise UserError(f"{what}; name another --workdir")
        return self._restore(step, "state", abstract)

    def restore_model(self, step: int) -> Any:
        """The best weights and the statistics saved at `step`, as nested dicts of arrays on the
        first device.
        """
        device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        metadata = self._metadata(step, "model")
        abstract = jax.tree.map(
            lambda m: jax.ShapeDtypeStruct(m.shape, m.dtype, sharding=device), metadata
        )
        return self._restore(step, "model", abstract)

    def _metadata(self, step: int, item: str) -> Any:
        def tree(checkpointer: ocp.StandardCheckpointer, path: Path) -> Any:
            metadata = checkpointer.metadata(path).item_metadata
            if metadata is None:
                raise ValueError("orbax finds no arrays in it")
            return metadata.tree

        return self._read(step, item, tree)

    def _restore(self, step: int, item: str, abstract: Any) -> Any:
        return self._read(
            step, item, lambda checkpointer, path: checkpointer.restore(path, abstract)
        )

    def _read(
        self, step: int, item: str, read: Callable[[ocp.StandardCheckpointer, Path], Any]
    ) -> Any:
        options = _alone()
        options.pop("create", None)
        with ocp.StandardCheckpointer(**options) as checkpointer:
            try:
                return read(checkpointer, self.folder / str(step) / item)
            except Exception as error:
                what = f"checkpoint {step} in {self.folder} cannot be read"
                raise StorageError(f"{what}: {_first_line(error)}") from error

    def _digest_path(self, step: int) -> Path:
        return self.folder / f"digest-{step}.json"


def _alone() -> dict[str, Any]:
    """Options by which orbax leaves the other processes alone: it is used by the first one, which
    has all arrays.
    """
    if jax.process_count() == 1:
        return {}
    first = ocp.options.MultiprocessingOptions(
        primary_host=0, active_processes={0}, barrier_sync_key_prefix="first"
    )
    return {"multiprocessing_options": first, "create": False}


def _plain(tree: Any) -> Any:
    """The tree as orbax stores it: dataclasses and named tuples become dicts, which orders their
    leaves by name.
    """
    return ocp.tree.serialize_tree(tree, keep_empty_nodes=True)


def _signature(tree: Any) -> list[tuple[str, tuple[int, ...], Any]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path), leaf.shape, leaf.dtype) for path, leaf in leaves]


def _digests(folder: Path, *, sync: bool = False) -> dict[str, str]:
    """SHA-256 of every file of a step's items. `sync` also flushes each to the disk, metadata files
    included, which orbax leaves to the operating system. What stands beside the items, orbax
    changes later and never needs.
    """
    digests = {}
    for path in sorted(p for p in folder.glob("*/**/*") if p.is_file()):
        with open(path, "rb") as file:
            digests[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
            if sync:
                os.fsync(file.fileno())
    return digests


def _not_of_orbax(record: LogRecord) -> bool:
    """Its failures come back as exceptions, told here in a line; what it logs of them is pages of
    traceback.
    """
    return "orbax" not in record.pathname


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]

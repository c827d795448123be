"""Checkpoints: everything orbax, and the proof that what comes back is what went in.

A step's folder holds two items: `state`, to resume from (the newest), and `model`, the best weights
with the statistics, to answer with. Each step has a `digest-STEP.json` beside it with the SHA-256
of its files, checked before anything is restored; the run's manifest says which steps there must
be (`train.run.saved_steps`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import jax
from absl import logging

from nets.base import Tree, Variables
from train.data.files.memory import return_memory
from train.errors import StorageError, UserError
from train.run.digests import file_digests, write_digests
from train.run.disk_space import (
    MARGIN,
    UNFINISHED,
    refuse_without_room,
    remove_unfinished,
    silence_failures,
    size_of,
)
from train.run.lazy_module import Late
from train.run.saved_steps import SavedSteps
from train.run.signatures import n_bytes, on_first_device, without_new_fields

if TYPE_CHECKING:
    import orbax.checkpoint as ocp
else:
    ocp = Late("orbax.checkpoint")  # as long to load as a small round to train

T = TypeVar("T")
# Of a state that is written while training goes on; meanwhile it is in memory a second time.
MAX_HELD_BYTES = 1 << 28


class Checkpoints:
    """The folder `checkpoints/` of a run: saves in the background, keeps the newest `keep` steps.

    It stands in `subfolder` of the run's `folder`, whose manifest lists its steps. With `read_only`
    it only restores. Raises UserError where the folder cannot be made.
    """

    def __init__(
        self, folder: Path, keep: int = 2, *, subfolder: str = "", read_only: bool = False
    ):
        self.saved = SavedSteps(folder.absolute(), subfolder)
        self.folder = self.saved.folder
        self._keep = keep
        self._saving: int | None = None
        self._failure: str | None = None
        silence_failures()
        self._manager: ocp.CheckpointManager | None = None
        if not read_only:
            with self._refused():
                self.folder.mkdir(parents=True, exist_ok=True)
            remove_unfinished(self.folder)

    def get_ready(self) -> None:
        """Loads what saves, unless it is there; `save` does so itself. Raises UserError."""
        if self._manager is not None:
            return
        options = ocp.CheckpointManagerOptions(
            max_to_keep=None,  # orbax would delete whatever bears a number
            cleanup_tmp_directories=True,
            enable_async_checkpointing=True,
            # Runs once a step's files are written and before the step gets its name: none bears a
            # name and no digest.
            async_options=ocp.AsyncOptions(post_finalization_callback=self._write_digest),
            multiprocessing_options=_first_process_alone(),
            create=jax.process_count() == 1,
        )
        with self._refused():
            self._manager = ocp.CheckpointManager(
                self.folder, options=options, item_names=("state", "model")
            )

    @contextlib.contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"--workdir: cannot write in {self.folder}: {error}; name another folder"
            ) from None

    def save(self, step: int, state: Tree, model: Variables, failure: str | None = None) -> None:
        """Starts saving; the arrays are copied before this returns, and large ones are written.

        A failure keeps the older steps and is reported by `close`, unless a later save succeeds: a
        full disk should not end a run that may yet have room. A `failure` of the log is treated as
        one of the save.
        """
        self._finish()
        self.get_ready()
        remove_unfinished(self.folder)
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state), model=ocp.args.StandardSave(model)
        )
        try:
            assert self._manager is not None
            if failure is not None:
                raise OSError(failure)
            refuse_without_room(self.folder, self._size_of_next(state, model))
            # Steps from here on were passed over as damaged. Left alone, one would bar this step,
            # or outlive it.
            if self.saved.make_room(step):
                self._manager.reload()
            self._saving = step
            self._manager.save(step, args=items, force=True)
        except Exception as error:
            self._fail(step, error)
        if n_bytes((state, model)) > MAX_HELD_BYTES:
            self._finish()
            return_memory()  # what was written through: the next call needs it

    def _size_of_next(self, state: Tree, model: Variables) -> int:
        """The bytes that a step will take, by the last one; of the first its arrays."""
        for step in self.saved.numbers():
            return int(MARGIN * size_of(self.folder / str(step)))
        return n_bytes((state, model))

    def close(self) -> None:
        """Waits for the last save. Raises StorageError if it failed."""
        self._finish()
        if self._manager is not None:
            try:
                self._manager.close()
            except OSError as error:  # a save's, which fails a second time
                what = "the last checkpoint could not be written"
                self._failure = self._failure or f"{what}: {_first_line(error)}"
            remove_unfinished(self.folder)
        if self._failure:
            raise StorageError(self._failure)

    def _write_digest(self) -> None:
        assert self._saving is not None
        (folder,) = self.folder.glob(f"{self._saving}{UNFINISHED}*")
        write_digests(self.saved.digest_path(self._saving), file_digests(folder, sync=True))

    def _finish(self) -> None:
        step = self._saving
        if self._manager is None or step is None:
            return
        try:
            self._manager.wait_until_finished()
            self._manager.check_for_errors()
            self.saved.keep_newest(self._keep)
            self._saving = None
            self._failure = None
        except Exception as error:
            self._fail(step, error)

    def _fail(self, step: int, error: Exception) -> None:
        self._saving = None
        self._failure = f"the checkpoint of step {step} could not be written: {_first_line(error)}"
        logging.error(self._failure)
        remove_unfinished(self.folder)  # on a full disk the older steps need the room
        if self._manager is not None:
            # It has struck the oldest step off its list, for one that never came.
            self._manager.reload()

    def steps(self) -> list[int]:
        """Finished steps that are whole, newest first; see `SavedSteps.steps`."""
        return self.saved.steps()

    def restore_newest(self, restore: Callable[[int], T]) -> tuple[int, T] | None:
        """The newest step that `restore` can read, and what it gives; None where there is none.

        A step that cannot be read after all is logged and passed over. Raises what `restore`
        raises, StorageError of the newest one where none can be read.
        """
        first: StorageError | None = None
        for step in self.saved.steps():
            try:
                return step, restore(step)
            except StorageError as error:
                first = first or error
                logging.error("checkpoint %s is passed over: %s", step, error)
        if first is not None:
            raise first
        return None

    def restore_state(self, step: int, like: T) -> T:
        """The state saved at `step`, on the first device, of the names, shapes and types of `like`.

        Raises UserError if they differ. Whole numbers may have become others: what 0.1.0 counted
        by rows is counted by their weights. What it had no field for (NEW_FIELDS) is all zeros.
        """
        plain = _plain(on_first_device(like))
        wanted, new = without_new_fields(plain, self._metadata(step, "state"))
        if wanted is None:
            what = f"checkpoint {step} in {self.folder} is of another network or optimizer"
            earlier = 'or of what "auto" meant in an earlier version'
            raise UserError(f"{what}, {earlier}; name another --workdir")
        restored = self._restore(step, "state", wanted)
        return ocp.tree.deserialize_tree({**restored, **new}, like, keep_empty_nodes=True)

    def restore_model(self, step: int) -> Variables:
        """The best weights and the statistics saved at `step`, nested dicts on the first device."""
        return self.restore_item(step, "model")

    def restore_item(self, step: int, item: str) -> Tree:
        """All that was saved at `step` as "state" or "model", nested dicts on the first device."""
        return self._restore(step, item, on_first_device(self._metadata(step, item)))

    def _metadata(self, step: int, item: str) -> Tree:
        """Shapes and types of what was saved."""

        def read(checkpointer: ocp.StandardCheckpointer, path: Path) -> Tree:
            metadata = checkpointer.metadata(path).item_metadata
            if metadata is None:
                raise ValueError("orbax finds no arrays in it")
            return metadata.tree

        return self._read(step, item, read)

    def _restore(self, step: int, item: str, abstract: T) -> T:
        def read(checkpointer: ocp.StandardCheckpointer, path: Path) -> T:
            return checkpointer.restore(path, abstract)

        return self._read(step, item, read)

    def _read(self, step: int, item: str, read: Callable[[ocp.StandardCheckpointer, Path], T]) -> T:
        options = _first_process_alone()
        with ocp.StandardCheckpointer(multiprocessing_options=options) as checkpointer:
            try:
                return read(checkpointer, self.folder / str(step) / item)
            except Exception as error:
                what = f"checkpoint {step} in {self.folder} cannot be read"
                raise StorageError(f"{what}: {_first_line(error)}") from error


def _first_process_alone() -> ocp.options.MultiprocessingOptions:
    """What lets the first of several processes use orbax alone: it has all arrays."""
    if jax.process_count() == 1:
        return ocp.options.MultiprocessingOptions()
    return ocp.options.MultiprocessingOptions(
        primary_host=0, active_processes={0}, barrier_sync_key_prefix="first"
    )


def _plain(tree: Tree) -> Tree:
    """The tree as orbax stores it: dataclasses and named tuples are dicts, sorted by name."""
    return ocp.tree.serialize_tree(tree, keep_empty_nodes=True)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]

"""The library of compiled kernels, made on first use with the machine's own C++ compiler.

It is tried, kept and registered. Nothing here ever fails a program: whatever goes wrong is the
reason why the portable path is taken.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax

from nets.kernels import compiling
from nets.kernels.compiling import Unavailable
from nets.kernels.trusted import Untrusted, loadable, private_folder, read_whole, write_whole

FOLDER = Path(__file__).parent
READY = FOLDER / "ready"  # filled by nets.kernels.ready, for a wheel that carries them
TARGETS = (
    *(f"denseq_{name}_forward" for name in ("lstm", "dense", "bins", "waves")),
    *(f"denseq_{name}_backward" for name in ("lstm", "dense", "bins", "waves")),
    "denseq_sort",
    "denseq_take",
    "denseq_fold_in",
    "denseq_adam",
)
RETRY_SECONDS = 24 * 3600  # what failed is not tried again before: it may have been a full disk

log = logging.getLogger("denseq")


class TableFunction(NamedTuple):
    """`denseq_table` of tables.cc, and how many numbers a register of its machine has."""

    call: Callable[..., None]
    lanes: int


_lock = threading.Lock()
_found: tuple[bool, str] | None = None
_table: TableFunction | None = None
_is_portable: ContextVar[bool] = ContextVar("portable", default=False)


def is_native() -> bool:
    """Whether the program that is traced here may call the library; the first call makes it.

    It may for the process' default device, a CPU.
    """
    return jax.default_backend() == "cpu" and may_call() and _find()[0]


def is_at_hand() -> bool:
    """Whether it `is_native` and was made before: for what is not worth a compiler's work."""
    return may_call() and (_found is not None or _is_kept()) and is_native()


def may_call() -> bool:
    """Whether the program that is traced here may call a kernel of ours at all.

    Of several devices each must have arrays of its own, as in pmap and shard_map: rows that jit has
    spread over them would be gathered around the call, and all computed by all.
    """
    return not _is_portable.get() and (jax.device_count() == 1 or _is_on_one_device())


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Programs that are traced in the block call no library, so that they can be exported."""
    token = _is_portable.set(True)
    try:
        yield
    finally:
        _is_portable.reset(token)


def _is_on_one_device() -> bool:
    mesh = jax.sharding.get_abstract_mesh()
    return not mesh.empty and mesh.are_all_axes_manual


def core() -> str:
    """What computes LSTMs and trains dense layers: "native avx512", or "portable (reason)"."""
    if jax.default_backend() != "cpu":
        return f"portable (for {jax.default_backend()})"
    if jax.device_count() > 1 and _find()[0]:
        return f"{_find()[1]} in pmap and shard_map, else portable (several devices)"
    return _find()[1]


def _find() -> tuple[bool, str]:
    global _found
    with _lock:
        if _found is None:
            try:
                name = compiling.instruction_set()
                path, content = _library(name)
                try:
                    register(path, content)
                except Unavailable:
                    path.unlink(missing_ok=True)  # so that the next process makes it anew
                    raise
                _found = True, f"native {name}"
            except Exception as error:  # whatever it is, there is another way to compute
                kind = "" if isinstance(error, Unavailable) else f"{type(error).__name__}: "
                _found = False, f"portable ({kind}{error})"
                off = os.environ.get("DENSEQ_NATIVE") == "0"
                log.log(logging.INFO if off else logging.WARNING, "LSTM core: %s", _found[1])
    return _found


def register(path: Path, content: bytes) -> None:
    """Loads a library, the content of a file, and makes its functions known, most of them to jax.

    One made for another jaxlib takes the CPU backend down.
    """
    global _table
    try:
        with loadable(content) as name:
            loaded = ctypes.CDLL(name)
        for target in TARGETS:
            jax.ffi.register_ffi_target(
                target, jax.ffi.pycapsule(getattr(loaded, target)), platform="cpu"
            )
        call, lanes = loaded.denseq_table, loaded.denseq_lanes
    except (OSError, AttributeError) as error:
        raise Unavailable(f"{path} cannot be loaded: {error}") from None
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    call.argtypes, call.restype = (pointer, pointer, pointer, integer, pointer), None
    lanes.argtypes, lanes.restype = (), integer
    _table = TableFunction(call, lanes())


def table_function() -> TableFunction:
    """What answers to rows of a table; RuntimeError unless the library `is_native`."""
    if _table is None:
        raise RuntimeError("there is no library of kernels: ask is_native first")
    return _table


def _library(name: str) -> tuple[Path, bytes]:
    """The path and content of a tried library for an instruction set: ready-made, or made here."""
    ready = READY / f"lstm-{name}.so"
    if ready.exists():
        with contextlib.suppress(Unavailable):  # it may be for another jaxlib or C library
            copy = partial(shutil.copy, ready)
            return cached(name, [ready.read_bytes()], copy, _try_out)
    compiler = compiling.find_compiler()

    def make(made: Path) -> None:
        log.warning("compiling the kernels for %s with %s, once", name, compiler)
        compiling.build(compiler, name, made)

    return cached(name, _marks(compiler, name), make, _try_out)


def _marks(compiler: str, name: str) -> list[bytes]:
    """What a library is made of, and by what."""
    status = os.stat(compiler)
    sources = [*sorted(FOLDER.glob("*.h")), *compiling.SOURCES]
    flags = f"{compiling.FLAGS} {compiling.SETS[name]}"
    made_by = f"{compiler} {status.st_size} {status.st_mtime_ns} {flags}".encode()
    return [made_by, *(source.read_bytes() for source in sources)]


def _is_kept() -> bool:
    """Whether `_library` would find one that was tried before."""
    with contextlib.suppress(Unavailable, OSError):
        name = compiling.instruction_set()
        has_ready = (ready := READY / f"lstm-{name}.so").exists()
        marks = [ready.read_bytes()] if has_ready else _marks(compiling.find_compiler(), name)
        return os.path.lexists(_kept_path(name, marks))
    return False


def _try_out(library: Path) -> None:
    compiling.run([sys.executable, "-m", "nets.kernels.probe", str(library)], "trial")


def cached(
    name: str,
    marks: Sequence[bytes],
    make: Callable[[Path], object],
    try_out: Callable[[Path], None],
) -> tuple[Path, bytes]:
    """The library kept for these marks and this jaxlib; else what `make` makes, if it works.

    `try_out` raises Unavailable if it does not.
    """
    path = _kept_path(name, marks)
    folder = path.parent
    if os.path.lexists(path):
        try:
            return path, read_whole(path)
        except Untrusted as reason:
            log.warning("%s: the kernels are made anew", reason)
    _refuse_failed(path.with_suffix(".failed"))
    # In a folder of its own: processes that make it at once disturb each other not, and none sees
    # a part.
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="make-") as scratch:
            made = Path(scratch) / path.name
            try:
                make(made)
                try_out(made)
            except Unavailable as reason:
                mark = {"failed": str(reason), "at": time.time()}
                write_whole(path.with_suffix(".failed"), json.dumps(mark).encode())
                raise
            content = made.read_bytes()
        write_whole(path, content)
    except OSError as error:
        raise Unavailable(f"cannot write in {folder}: {error.strerror}") from None
    return path, content


def _kept_path(name: str, marks: Sequence[bytes]) -> Path:
    key = hashlib.sha256(importlib.metadata.version("jaxlib").encode())
    for mark in marks:
        key.update(hashlib.sha256(mark).digest())
    return cache_folder() / f"lstm-{name}-{key.hexdigest()[:16]}.so"


def _refuse_failed(mark: Path) -> None:
    """Raises Unavailable if it failed within a day; a mark of the future is of another clock.

    The time stands in the mark: that of a file is changed by whoever copies it.
    """
    with contextlib.suppress(Untrusted, ValueError, TypeError, KeyError):
        said = json.loads(read_whole(mark))
        if 0 <= time.time() - said["at"] < RETRY_SECONDS:
            raise Unavailable(f"{said['failed']}; delete {mark} to try again")


def cache_folder() -> Path:
    """Where libraries are kept. What is in it is executed: only its owner may write there."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denseq" / "kernels"
    try:
        return private_folder(folder)
    except Untrusted as reason:
        raise Unavailable(str(reason)) from None

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
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

import jax

from nets.kernels.trusted import Untrusted, loadable, private_folder, read_whole, write_whole

HERE = Path(__file__).parent
READY = HERE / "ready"  # filled by nets.kernels.ready, for a wheel that carries them
TARGETS = ("denseq_lstm_forward", "denseq_lstm_backward")
FLAGS = ("-std=c++17", "-O3", "-DNDEBUG", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread")
SETS = {
    "avx512": (
        "-mavx512f",
        "-mavx512dq",
        "-mavx512vl",
        "-mavx512bw",
        "-mfma",
        "-mprefer-vector-width=512",
    ),
    "avx2": ("-mavx2", "-mfma"),
    "neon": (),
}
LIMIT_SECONDS = 300  # for a compilation or a trial
RETRY_SECONDS = 24 * 3600  # what failed is not tried again before: it may have been a full disk

log = logging.getLogger("denseq")
_lock = threading.Lock()
_found: tuple[bool, str] | None = None
_is_portable: ContextVar[bool] = ContextVar("portable", default=False)


class Unavailable(Exception):
    """Why there is no library."""


def is_native() -> bool:
    """Whether the program that is traced here may call the library; the first call makes it.

    It may for the process' default device, a CPU. Of several devices each must have arrays of its
    own, as in pmap and shard_map: rows that jit has spread over them would be gathered around the
    call, and all computed by all.
    """
    if _is_portable.get() or jax.default_backend() != "cpu":
        return False
    if jax.device_count() > 1 and not _is_on_one_device():
        return False
    return _find()[0]


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
    """What computes LSTMs here: "native avx512", or "portable" and in brackets the reason."""
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
                name = instruction_set()
                path, content = _library(name)
                try:
                    register(path, content)
                except Unavailable:
                    path.unlink(missing_ok=True)  # so that the next process makes it anew
                    raise
                _found = True, f"native {name}"
            except Exception as error:  # whatever it is, there is another way to compute
                reason = (
                    str(error)
                    if isinstance(error, Unavailable)
                    else f"{type(error).__name__}: {error}"
                )
                _found = False, f"portable ({reason})"
                off = os.environ.get("DENSEQ_NATIVE") == "0"
                log.log(logging.INFO if off else logging.WARNING, "LSTM core: %s", _found[1])
    return _found


def instruction_set() -> str:
    """The best of SETS that this machine has. Raises Unavailable if none, or if DENSEQ_NATIVE=0."""
    if os.environ.get("DENSEQ_NATIVE", "1") == "0":
        raise Unavailable("DENSEQ_NATIVE=0")
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64") and os.name == "posix":
        return "neon"
    if machine in ("x86_64", "amd64"):
        with contextlib.suppress(OSError):
            flags = re.search(r"^flags\s*:(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
            has = set(flags[1].split() if flags else ())
            if {"avx512f", "avx512dq", "avx512vl", "avx512bw", "fma"} <= has:
                return "avx512"
            if {"avx2", "fma"} <= has:
                return "avx2"
    raise Unavailable(f"no kernel for {platform.system()} on {machine} without AVX2 or NEON")


def register(path: Path, content: bytes) -> None:
    """Loads a library, the content of a file, and makes its functions known to jax.

    One made for another jaxlib takes the CPU backend down.
    """
    try:
        with loadable(content) as name:
            loaded = ctypes.CDLL(name)
        for target in TARGETS:
            jax.ffi.register_ffi_target(
                target, jax.ffi.pycapsule(getattr(loaded, target)), platform="cpu"
            )
    except (OSError, AttributeError) as error:
        raise Unavailable(f"{path} cannot be loaded: {error}") from None


def _library(name: str) -> tuple[Path, bytes]:
    """The path and content of a tried library for an instruction set: ready-made, or made here."""
    ready = READY / f"lstm-{name}.so"
    if ready.exists():
        with contextlib.suppress(Unavailable):  # it may be for another jaxlib or C library
            return _tried(name, [ready.read_bytes()], lambda made: shutil.copy(ready, made))
    compiler = find_compiler()
    status = os.stat(compiler)
    sources = [*sorted(HERE.glob("*.h")), HERE / "lstm.cc"]
    marks = [f"{compiler} {status.st_size} {status.st_mtime_ns} {FLAGS} {SETS[name]}".encode()]

    def make(made: Path) -> None:
        log.warning("compiling the LSTM kernel for %s with %s, once", name, compiler)
        build(compiler, name, made)

    return _tried(name, [*marks, *(source.read_bytes() for source in sources)], make)


def build(compiler: str, name: str, path: Path) -> None:
    """Compiles the kernel for an instruction set. Raises Unavailable."""
    include = f"-I{jax.ffi.include_dir()}"
    _run(
        [compiler, *FLAGS, *SETS[name], include, str(HERE / "lstm.cc"), "-o", str(path)],
        "compilation",
    )


def _tried(name: str, marks: Sequence[bytes], make: Callable[[Path], object]) -> tuple[Path, bytes]:
    """The library kept for these marks and this jaxlib; else what `make` makes, if it works."""
    key = hashlib.sha256(importlib.metadata.version("jaxlib").encode())
    for mark in marks:
        key.update(hashlib.sha256(mark).digest())
    folder = _folder()
    path = folder / f"lstm-{name}-{key.hexdigest()[:16]}.so"
    if os.path.lexists(path):
        try:
            return path, read_whole(path)
        except Untrusted as reason:
            log.warning("%s: the LSTM kernel is made anew", reason)
    _refuse_failed(path.with_suffix(".failed"))
    # In a folder of its own: processes that make it at once disturb each other not, and none sees
    # a part.
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="make-") as scratch:
            made = Path(scratch) / path.name
            try:
                make(made)
                _run([sys.executable, "-m", "nets.kernels.probe", str(made)], "trial")
            except Unavailable as reason:
                mark = {"failed": str(reason), "at": time.time()}
                write_whole(path.with_suffix(".failed"), json.dumps(mark).encode())
                raise
            content = made.read_bytes()
        write_whole(path, content)
    except OSError as error:
        raise Unavailable(f"cannot write in {folder}: {error.strerror}") from None
    return path, content


def _refuse_failed(mark: Path) -> None:
    """Raises Unavailable if it failed within a day; a mark of the future is of another clock.

    The time stands in the mark: that of a file is changed by whoever copies it.
    """
    with contextlib.suppress(Untrusted, ValueError, TypeError, KeyError):
        said = json.loads(read_whole(mark))
        if 0 <= time.time() - said["at"] < RETRY_SECONDS:
            raise Unavailable(f"{said['failed']}; delete {mark} to try again")


def find_compiler() -> str:
    """The path of a C++ compiler."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        path = shutil.which(name) if name else None
        if path:
            return os.path.realpath(path)
    raise Unavailable("no C++ compiler: install g++ or clang++, or name one in CXX")


def _folder() -> Path:
    """Where libraries are kept. What is in it is executed: only its owner may write there."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denseq" / "kernels"
    try:
        return private_folder(folder)
    except Untrusted as reason:
        raise Unavailable(str(reason)) from None


def _run(command: Sequence[str], what: str) -> None:
    """Runs a program in silence. Raises Unavailable with its last line if it fails."""
    paths = [str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_SECONDS,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what} failed: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        lines = lines or [f"exit code {done.returncode}"]
        errors = [line for line in lines if "error" in line.lower()]
        raise Unavailable(f"{what} failed: {(errors or lines)[-1].strip()[:300]}")

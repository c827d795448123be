"""How kernels are compiled: the machine's instruction set, its compiler, what it is told."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax

FOLDER = Path(__file__).parent
SOURCES = tuple(
    FOLDER / name
    for name in (
        "lstm.cc",
        "dense.cc",
        "embeddings.cc",
        "sort.cc",
        "rows.cc",
        "tables.cc",
        "adam.cc",
    )
)
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


class Unavailable(Exception):
    """Why there is no library."""


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


def find_compiler() -> str:
    """The path of a C++ compiler."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        path = shutil.which(name) if name else None
        if path:
            return os.path.realpath(path)
    raise Unavailable("no C++ compiler: install g++ or clang++, or name one in CXX")


def build(compiler: str, name: str, path: Path) -> None:
    """Compiles the kernels for an instruction set. Raises Unavailable."""
    include = f"-I{jax.ffi.include_dir()}"
    run(
        [compiler, *FLAGS, *SETS[name], include, *map(str, SOURCES), "-o", str(path)],
        "compilation",
    )


def run(
    command: Sequence[str], what: str, settings: Mapping[str, str] = {"JAX_PLATFORMS": "cpu"}
) -> None:
    """Runs a program in silence, its environment that of this process but for `settings`.

    Raises Unavailable with its last line if it fails.
    """
    paths = [str(FOLDER.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(paths)}
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

"""What a command sets in its process before jax first computes: its devices and its caches.

A library must not: only the commands call this.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from train import errors
from train.config.members import is_population
from train.config.options import Config, Processes
from train.config.seeds import may_have_seeds
from train.parallel import hosts

# New objects that are left, after which circles of them are looked for. A small run's imports and
# programs leave 400,000, which live to its end.
GARBAGE_AFTER = 500_000
# Whether a session waits for `divide`.
_is_open = ContextVar("is_open", default=False)


@contextlib.contextmanager
def session(config: Config, processes: Processes | None) -> Iterator[None]:
    """The process as a run needs it: configured, and one of several for as long as it trains.

    If the run fails, the other processes are not waited for.
    """
    configure(cpu_devices=usable_cores() if _in_turns(config) and processes is None else 1)
    hosts.join(processes)
    is_open = may_have_seeds(config) and processes is None
    token = _is_open.set(is_open)
    try:
        yield
    finally:
        _is_open.reset(token)
    hosts.leave()


def divide(config: Config) -> None:
    """Divides the CPU as `session` does, where that waits for the rows to say how many nets train.

    Must come before jax computes anything. Without such a session nothing is done.
    """
    if not (_is_open.get() and _in_turns(config)):
        return
    import jax

    if not jax.distributed.is_initialized():  # as by Slurm
        _divide(usable_cores())


def _in_turns(config: Config) -> bool:
    """Whether members train in turns on a CPU, as those with LSTMs do.

    With a device for each core, as many train at once.
    """
    return is_population(config) and config.net.reads_steps


def _divide(cpu_devices: int) -> None:
    import jax

    if cpu_devices > 1 and "device_count" not in os.environ.get("XLA_FLAGS", ""):
        # Refused where this process has computed before: then its nets share the devices it has.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cpu_devices)


def configure(*, cpu_devices: int = 1) -> None:
    """Keeps compiled programs on disk between runs, in the user's own cache folder.

    Even a program that compiles in a tenth of a second is kept: a small run is made of those. Since
    what is in it is executed, a folder that others can write is not used, and that is said; it
    costs the saving, nothing else. `cpu_devices`: into how many the CPU is divided, unless
    XLA_FLAGS says so.
    """
    skip_gc_and_pandas()
    # Reading a kept program back, XLA reports at length that LLVM's tuning hints are no features of
    # this machine. ("1" is jax's own doing, and inherited by whatever a process with jax in it
    # starts.)
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import jax

    _divide(cpu_devices)
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or root / "denseq" / "compiled")
    from nets.kernels.trusted import Untrusted, private_folder

    try:
        folder = private_folder(folder)
    except Untrusted as reason:
        logging.getLogger("denseq").warning("compiled programs are not kept: %s", reason)
        jax.config.update("jax_compilation_cache_dir", None)
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def skip_gc_and_pandas() -> None:
    """Leaves out of a command's own process what takes time for nothing: garbage, and pandas.

    A process that goes on after a command's main is left as it is: without pandas pyarrow would
    refuse NaT and pd.NA, and take nan for a number, in every Series from then on.
    """
    if not errors.is_own_process:
        return
    # Imports and the tracing of programs make millions of objects, and hardly a circle of them: of
    # a small run Python's search for such took a tenth of the time, and as much again at its end,
    # when all memory is given back anyway.
    gc.set_threshold(GARBAGE_AFTER)
    atexit.register(gc.freeze)
    # pyarrow looks for pandas before it makes its first value, a fifth of a second where pandas is
    # installed. It looks again where it is to make, or read, a DataFrame; commands have none.
    finders: list[Any] = sys.meta_path
    import pyarrow

    finders.insert(0, _NoPandas)
    try:
        pyarrow.scalar("")
    finally:
        finders.remove(_NoPandas)


class _NoPandas:
    """A finder of modules that knows there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


def usable_cores() -> int:
    """How many cores of the machine this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

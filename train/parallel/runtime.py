"""What a program that owns its process sets before jax first computes. A library must not: only the
mains call this.
"""

from __future__ import annotations

import os
from pathlib import Path


def configure(*, cpu_devices: int = 1) -> None:
    """Keeps compiled programs on disk between runs, in the user's own cache folder.

    Even a program that compiles in a tenth of a second is kept: a small run is made of those. The
    folder is only for its owner, since what is in it is executed. An unwritable one costs the
    saving, nothing else.

    `cpu_devices`: into how many the CPU is divided, unless XLA_FLAGS says so.
    """
    # Reading a kept program back, XLA reports at length that LLVM's tuning hints are no features of
    # this machine. ("1" is jax's own doing, and inherited by whatever a process with jax in it
    # starts.)
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import jax

    if cpu_devices > 1 and "device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", cpu_devices)
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or root / "denseq" / "compiled")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def cores() -> int:
    """Of the machine, those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

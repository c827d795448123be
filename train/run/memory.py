"""How much memory is free: of the first device, of a CPU in the machine or container."""

from __future__ import annotations

from pathlib import Path

import jax

CGROUP = Path("/sys/fs/cgroup")  # of a container: version 2


def free_bytes() -> int | None:
    """The free bytes of the first device, of a CPU those of the machine; None where not known.

    It stands for all devices that members are spread over.
    """
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        if "bytes_limit" not in stats:
            return None
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    found = []
    try:
        found.append(1024 * _number("MemAvailable:", Path("/proc/meminfo")))
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
        # Files are kept in memory until they are in the way.
        found.append(limit - used + _number("inactive_file", CGROUP / "memory.stat"))
    # Not on Linux; in no container, or in one without a limit ("max").
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def _number(name: str, path: Path) -> int:
    """The number behind a name in one of the kernel's files; ValueError if it has none."""
    for line in path.read_text().splitlines():
        words = line.split()
        if words[0] == name:
            return int(words[1])
    raise ValueError(f"{path} does not name {name}")


def bytes_in_words(size: float) -> str:
    """A size as a message has it: "1.5 GB"."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"

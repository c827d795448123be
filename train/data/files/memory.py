"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def return_memory() -> None:
    """Gives back what Arrow, and on Linux the C library, keep of what they freed for later.

    A text file of very many columns leaves several times its size behind.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)

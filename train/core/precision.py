"""The one precision of all that jax computes here, whatever the program around it has set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def in_single_precision() -> Iterator[None]:
    """float32 and int32 in the block, or the function it decorates, under JAX_ENABLE_X64 too.

    So states have the same types, and answers the same bits, as without.
    """
    with jax.enable_x64(False):
        yield

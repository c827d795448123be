"""Which stacks of dense layers the compiled kernel trains, and which XLA: the faster one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import jax.numpy as jnp

from nets.kernels import library
from nets.kernels.dense import ACTIVATIONS
from nets.layers import DenseLayers, Form, widths_of

MAX_INPUTS = 512
MAX_UNITS = 256
# Weights between hidden layers from which on the kernel saves more than its compilation costs.
MIN_WEIGHTS = 128 * 128
MIN_ROWS = 16  # for which it pays to bring the weights into the kernel's order
# The same of nets side by side, whose products XLA has all at once: for 32 and 64 rows of 8 to 32
# nets of 128 units the kernel takes 1.05 to 1.15 times its processor time (bench/dense_members.py).
MIN_ROWS_SIDE_BY_SIDE = 128
# Of nets side by side whose layers are below MIN_WEIGHTS.
MIN_UNITS_OF_MEMBERS = 64
MIN_ROWS_OF_MEMBERS = 32
WIDE = 256  # units from which on it takes less than XLA there too
SLOW_IN_XLA = ("mish", "softplus")  # so slow that the kernel stays ahead
MAX_NUMBERS = 1 << 22  # of a layer's outputs, beyond which they are in no cache


_side_by_side: ContextVar[bool] = ContextVar("side_by_side", default=False)


@contextmanager
def nets_side_by_side() -> Iterator[None]:
    """Says, while a network is traced, that vmap makes several nets of it, which it cannot see."""
    token = _side_by_side.set(True)
    try:
        yield
    finally:
        _side_by_side.reset(token)


def are_side_by_side() -> bool:
    """Whether what is traced here is one of `nets_side_by_side`."""
    return _side_by_side.get()


def is_large(hidden: Sequence[int]) -> bool:
    """Whether hidden layers of these widths are worth the kernel, which is compiled once."""
    return sum(before * after for before, after in pairwise(hidden)) >= MIN_WEIGHTS


def suits(form: Form, given: DenseLayers) -> bool:
    """Whether the kernel has the activation, the type and the shapes of these layers.

    XLA computes wider ones as fast, for its own products take all cores then, and so few rows that
    the weights are most of the work.
    """
    x_bf = given.x_bf
    if form.activation not in ACTIVATIONS or x_bf.dtype != jnp.float32 or x_bf.ndim != 2:
        return False
    n_rows = x_bf.shape[0]
    n_inputs, *widths = widths_of(given)
    is_ahead = form.activation in SLOW_IN_XLA or min(widths, default=0) >= WIDE
    fewest = MIN_ROWS_SIDE_BY_SIDE if _side_by_side.get() and not is_ahead else MIN_ROWS
    if not widths or n_rows > MAX_NUMBERS // max(*widths, 1) or not min(widths):
        return False
    if not _suits_side_by_side(widths, n_rows) and (n_rows < fewest or not is_large(widths)):
        return False
    return 0 < n_inputs <= MAX_INPUTS and max(widths) <= MAX_UNITS


def _suits_side_by_side(widths: Sequence[int], n_rows: int) -> bool:
    """Whether layers that are not worth a compiler's work have the kernel that was made before.

    Side by side they take less processor time by it (bench/dense_members.py), and all cores.
    """
    if not _side_by_side.get() or is_large(widths) or not may_be_members(widths):
        return False
    return n_rows >= MIN_ROWS_OF_MEMBERS and library.is_at_hand()


def may_be_members(hidden: Sequence[int]) -> bool:
    """Whether the kernel trains nets of these hidden layers that stand side by side."""
    return len(hidden) > 1 and MIN_UNITS_OF_MEMBERS <= min(hidden) <= max(hidden) <= MAX_UNITS

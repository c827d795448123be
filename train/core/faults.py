"""Updates that are left out whole: those that are not finite, and spikes if the config says.

Weights, their average, running statistics and the optimizer then stay as they were; only the number
of updates goes on, so that the next one is of another batch. To look at every gradient would cost a
small net a sixth of its time, so a run looks at the end of a round, and does the round again with
care (`Program.careful`) where something is not finite (`train.core.rounds.run_rounds`).
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax

from nets.base import Array, Arrays, Tree

MAX_IN_ROW = 10  # updates left out one after the other that a net has diverged by
MAX_GRADIENT = 2.0**63  # of a gradient: the square of a larger one is beyond float32
SPIKE_WINDOW = 128  # updates that a spike is told by, half of which there must have been
SPIKE_SIGMAS = 6.0  # Levanter and OLMo take the same two
T = TypeVar("T")


class Faults(struct.PyTreeNode):
    """What was left out so far. Field names are the paths of arrays in checkpoints."""

    skipped: Array
    """Updates that were left out, of all."""
    spikes: Array
    """Those of them whose loss and gradient were finite."""
    in_row: Array
    """How many up to the last update were not finite; from MAX_IN_ROW on none is made."""
    first: Array
    """The update that those in a row began at: its number from 0 on."""
    recent: dict[str, Array]
    """"loss" and gradient "norm" of the last SPIKE_WINDOW updates, "count" of all; {} if off."""


def no_faults(*, spikes: bool) -> Faults:
    """The faults before the first update; with `spikes` there is room for what tells them."""
    skipped, of_spikes, in_row, first = (jnp.zeros((), jnp.int32) for _ in range(4))
    recent = {}
    if spikes:
        recent = {"loss": jnp.zeros(SPIKE_WINDOW), "norm": jnp.zeros(SPIKE_WINDOW)}
        recent["count"] = jnp.zeros((), jnp.int32)
    return Faults(skipped, of_spikes, in_row, first, recent)


class Candidate(NamedTuple):
    """An update that may be made, and what decides whether it is."""

    loss: Array
    """The mean loss of its batch, penalties included."""
    grads: Tree
    """Its gradient; () of a network that learns by a rule of its own."""
    after: Tree
    """The weights, and whatever else is kept, that it would lead to."""


def accept(faults: Faults, step: Array, candidate: Candidate, limit: int) -> tuple[Array, Faults]:
    """Whether an update is made, and the faults after it.

    `step` is the number of the update; after `limit` faulty ones in a row none is made any more.
    """
    is_finite = (
        jnp.isfinite(candidate.loss)
        & _are_below(MAX_GRADIENT, candidate.grads)
        & are_finite(candidate.after)
    )
    is_spike = jnp.zeros((), bool)
    recent = faults.recent
    if recent:
        now = {"loss": candidate.loss, "norm": _norm(candidate.grads)}
        is_spike = is_finite & _is_spike(recent, now)
        recent = select(is_finite, _record_recent(recent, now), recent)
    is_bad = ~is_finite | (faults.in_row >= limit)
    is_made = ~(is_bad | is_spike)
    return is_made, Faults(
        skipped=faults.skipped + ~is_made,
        spikes=faults.spikes + (is_spike & ~is_bad),
        in_row=jnp.where(is_bad, faults.in_row + 1, 0),
        first=jnp.where(is_bad & (faults.in_row == 0), step, faults.first),
        recent=recent,
    )


def select(is_made: Array, new: T, old: T) -> T:
    """The arrays of `new` where an update is made, of `old` where it is left out."""
    return jax.tree.map(lambda new, old: jnp.where(is_made, new, old), new, old)


def are_finite(tree: Tree) -> Array:
    """Whether all numbers of a tree are; whole ones always are."""
    return _are_below(math.inf, tree)


def _are_below(limit: float, tree: Tree) -> Array:
    """Whether the sizes of all floats of a tree are below a limit.

    The bits of a float without its sign are ordered as its size is, and what is no number comes
    behind infinity. A maximum of integers may be taken in any order, so it costs next to nothing.
    """
    largest = [jnp.zeros((), jnp.int32)]
    for leaf in jax.tree.leaves(tree):
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            bits = lax.bitcast_convert_type(leaf.astype(jnp.float32), jnp.int32)
            largest.append((bits & 0x7FFFFFFF).max(initial=0))
    return jnp.stack(largest).max() < lax.bitcast_convert_type(jnp.float32(limit), jnp.int32)


def _norm(grads: Tree) -> Array:
    return jnp.sqrt(jnp.stack([jnp.square(leaf).sum() for leaf in jax.tree.leaves(grads)]).sum())


def _is_spike(recent: Arrays, now: Arrays) -> Array:
    """Whether the loss or the norm is SPIKE_SIGMAS deviations above the mean of the recent ones."""
    count = jnp.asarray(recent["count"])
    n = jnp.minimum(count, SPIKE_WINDOW).astype(jnp.float32)
    known = jnp.arange(SPIKE_WINDOW) < count
    above = jnp.zeros((), bool)
    for name, value in now.items():
        values = jnp.asarray(recent[name])
        mean = jnp.where(known, values, 0).sum() / jnp.maximum(n, 1)
        variance = jnp.where(known, jnp.square(values - mean), 0).sum() / jnp.maximum(n - 1, 1)
        above |= value > mean + SPIKE_SIGMAS * jnp.sqrt(variance)
    return above & (count >= SPIKE_WINDOW // 2)


def _record_recent(recent: dict[str, Array], now: dict[str, Array]) -> dict[str, Array]:
    """The recent values with those of now in place of the oldest.

    Spikes are among them: what stays high is no spike after a while.
    """
    place = recent["count"] % SPIKE_WINDOW
    written = {name: recent[name].at[place].set(value) for name, value in now.items()}
    return {**written, "count": recent["count"] + 1}

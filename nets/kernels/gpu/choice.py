"""Which core computes an LSTM's recurrence on a GPU, and why.

Scans are the default: neither the kernel nor cuDNN's way to it has ever run on a card
(docs/accelerators.md).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import jax

from nets.kernels.compiling import Unavailable
from nets.kernels.gpu.plan import Asked, Card, Unfit, plan

SWITCH = "DENSEQ_GPU_LSTM"  # a Core
Core = Literal["kernel", "cudnn", "scans"]
CUDNN_DIRECTIONS = ((False,), (False, True))  # forwards, or both


@dataclass(frozen=True)
class Kind:
    """What a core may refuse of a layer."""

    hidden: int
    is_masked: bool = False
    """Whether it has recurrent dropout."""
    reverse: tuple[bool, ...] = (False,)


@dataclass(frozen=True)
class Choice:
    """A core, and in a few words why it is this one."""

    core: Core
    reason: str


def choose(asked: str, kind: Kind, found: Card | Unavailable) -> Choice:
    """The core for a kind of layer.

    `asked` is what the environment says of SWITCH, `found` the card, or why there is no kernel.
    """
    if asked == "cudnn":
        if kind.is_masked:
            return Choice("scans", "cuDNN knows no recurrent dropout")
        if kind.reverse not in CUDNN_DIRECTIONS:
            return Choice("scans", "cuDNN does not read backwards alone")
        return Choice("cudnn", f"{SWITCH}=cudnn")
    if asked != "kernel":
        known = asked in ("", "scans")
        reason = f"{SWITCH} asks for no other" if known else f"{SWITCH}={asked} is unknown"
        return Choice("scans", reason)
    if isinstance(found, Unavailable):
        return Choice("scans", str(found))
    for which in ("forward", "backward"):
        # Whether it fits is a matter of hidden units alone.
        if isinstance(launch := plan(which, Asked(1, 1, 1, kind.hidden), found), Unfit):
            return Choice("scans", launch.reason)
    return Choice("kernel", found.architecture)


def chosen(kind: Kind) -> Choice:
    """The core of this process for a kind of layer."""
    asked = os.environ.get(SWITCH, "")
    if asked != "kernel":
        return choose(asked, kind, Unavailable("not looked for"))
    from nets.kernels.gpu import library

    try:
        return choose(asked, kind, library.find().card)
    except Unavailable as reason:
        return choose(asked, kind, reason)


def core_of(kinds: Collection[Kind]) -> str:
    """What computes layers of these kinds, by their units: "kernel (sm_90) for 64 units".

    Of several devices only those that have arrays of their own call a core that is no scan
    (`nets.kernels.library.may_call`).
    """
    found: dict[Choice, dict[int, None]] = {}
    for kind in sorted(kinds, key=lambda kind: kind.hidden):
        found.setdefault(chosen(kind), {})[kind.hidden] = None
    told = "; ".join(
        f"{choice.core} ({choice.reason}) for {', '.join(map(str, units))} units"
        for choice, units in found.items()
    )
    if jax.device_count() > 1 and any(choice.core != "scans" for choice in found):
        return f"{told}, in pmap and shard_map, else scans (several devices)"
    return told

"""Which core computes an LSTM's recurrence on a GPU, and why.

Scans are the default: the kernel has never run on a card (docs/accelerators.md).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from nets.kernels.compiling import Unavailable
from nets.kernels.gpu.plan import Asked, Card, Unfit, plan

SWITCH = "DENSEQ_GPU_LSTM"  # "kernel" or "scans"


@dataclass(frozen=True)
class Choice:
    """A core, and in a few words why it is this one."""

    core: Literal["kernel", "scans"]
    reason: str


def choose(asked: str, hidden: int, found: Card | Unavailable) -> Choice:
    """The core for layers of so many hidden units.

    `asked` is what the environment says of SWITCH, `found` the card, or why there is no kernel.
    """
    if asked != "kernel":
        known = asked in ("", "scans")
        reason = f"{SWITCH}=kernel asks for the kernel" if known else f"{SWITCH}={asked} is unknown"
        return Choice("scans", reason)
    if isinstance(found, Unavailable):
        return Choice("scans", str(found))
    for which in ("forward", "backward"):
        # Whether it fits is a matter of hidden units alone.
        if isinstance(launch := plan(which, Asked(1, 1, 1, hidden), found), Unfit):
            return Choice("scans", launch.reason)
    return Choice("kernel", found.architecture)


def chosen(hidden: int) -> Choice:
    """The core of this process for layers of so many hidden units."""
    asked = os.environ.get(SWITCH, "")
    if asked != "kernel":
        return choose(asked, hidden, Unavailable("not looked for"))
    from nets.kernels.gpu import library

    try:
        return choose(asked, hidden, library.find().card)
    except Unavailable as reason:
        return choose(asked, hidden, reason)


def core_of(sizes: Collection[int]) -> str:
    """What computes LSTM layers of these numbers of hidden units: "kernel (sm_90) for 64 units"."""
    found: dict[Choice, list[str]] = {}
    for size in sorted(sizes):
        found.setdefault(chosen(size), []).append(str(size))
    return "; ".join(
        f"{choice.core} ({choice.reason}) for {', '.join(units)} units"
        for choice, units in found.items()
    )

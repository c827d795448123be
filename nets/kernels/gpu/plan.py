"""How the LSTM kernel is launched for a shape on a card: arithmetic, nothing is asked of a GPU.

A block of threads takes some rows of a batch, of one direction of one member, through all steps
(thread.h). Weights lie in registers and in shared memory for the whole sequence, so a shape fits a
card or does not; of the ways that fit, the one with the fewest predicted clocks a step is taken.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

Pass = Literal["forward", "backward"]

MAX_THREADS = 512  # of a block: more would leave each too few registers for its weights
MAX_SLICES = 8
ROWS = (1, 2, 4, 8)  # of a block; a thread's sums of more do not fit its registers
LANES = 128  # multiplications, and bytes of shared memory, that a multiprocessor does in a clock
STEP_CLOCKS = 700  # of a step beside its products: two barriers, five functions, memory. A guess


@dataclass(frozen=True)
class Card:
    """What a plan asks of a GPU, as the CUDA C++ Programming Guide has it.

    Its table of technical specifications is by compute capability.
    """

    architecture: str
    """As NVRTC names it: "sm_90"."""
    processors: int
    shared_bytes: int
    """Of shared memory a block may ask for, opted in."""
    registers: int
    """Of 32 bits, of a multiprocessor and of a block."""


@dataclass(frozen=True)
class Asked:
    """The shape of a layer; no size is 0."""

    members: int
    directions: int
    rows: int
    hidden: int


@dataclass(frozen=True)
class Plan:
    """A launch, and the constants that its kernel is compiled with."""

    hidden: int
    rows: int
    """Of the batch, a block's."""
    slices: int
    """Of the recurrent kernel's rows; a block has slices * hidden threads."""
    kept: int
    """Rows of its slice whose four weights a thread keeps in registers."""
    grid: tuple[int, int, int]
    """Blocks of rows, directions, members."""
    shared_bytes: int
    registers: int
    """Of a thread, estimated."""
    clocks: float
    """Of a step of the whole layer, predicted."""

    @property
    def threads(self) -> int:
        """Of a block."""
        return self.slices * self.hidden


@dataclass(frozen=True)
class Unfit:
    """Why no launch fits, in a line."""

    reason: str


def plan(which: Pass, asked: Asked, card: Card) -> Plan | Unfit:
    """The launch with the fewest predicted clocks a step, or why there is none."""
    if asked.hidden > MAX_THREADS:
        return Unfit(f"{asked.hidden} units are more than a block's {MAX_THREADS} threads")
    if max(asked.directions, asked.members) > 65535:
        return Unfit(f"{asked.members} members are more than a grid's 65535")
    least = sys.maxsize
    # Fewer threads have more registers for weights together, but less to do while others wait.
    for slices in range(max(1, min(MAX_SLICES, MAX_THREADS // asked.hidden, asked.hidden)), 0, -1):
        every = [_with(rows, slices, which, asked, card) for rows in ROWS]
        if fit := [found for found in every if found.shared_bytes <= card.shared_bytes]:
            return min(fit, key=lambda found: found.clocks)
        least = min(least, *(found.shared_bytes for found in every))
    return Unfit(
        f"{asked.hidden} units ask for {least} bytes of shared memory a block beside what "
        f"registers hold, {card.architecture} has {card.shared_bytes}"
    )


def _with(rows: int, slices: int, which: Pass, asked: Asked, card: Card) -> Plan:
    """The launch whose blocks take so many rows in so many slices, whether it fits or not."""
    hidden = asked.hidden
    depth = -(-hidden // slices)
    # A quarter of the registers is each fourth warp's; a thread has at most 255, by eights.
    warps = -(-slices * hidden // 128) * 4
    most = min(255, card.registers // (32 * warps) // 8 * 8)
    kept = max(0, min(depth, (most - _registers(which, rows, 0)) // 4))
    gates = 1 if which == "forward" else 4  # numbers of the state for a unit and row
    weights = slices * (depth - kept) * hidden * 4
    sums = slices * rows * hidden * (4 if which == "forward" else 1)
    shared_bytes = 4 * (weights + slices * depth * rows * gates + sums)
    registers = _registers(which, rows, kept)
    blocks = -(-asked.rows // rows)
    n_blocks = blocks * asked.directions * asked.members
    together = max(
        1,
        min(
            card.shared_bytes // shared_bytes,
            card.registers // (32 * warps * (-(-registers // 8) * 8)),
            2048 // (32 * warps),
            -(-n_blocks // card.processors),
        ),
    )
    products = rows * 4 * hidden * hidden / LANES
    # Weights come 16 bytes a thread; a read of the state, of 16 bytes where they stand together, is
    # the same for all threads of a warp.
    states = rows if which == "backward" or rows % 4 else rows // 4
    reads = 4 * weights / LANES + warps * depth * states + 2 * 4 * sums / LANES
    rounds = -(-n_blocks // (card.processors * together))
    clocks = rounds * (STEP_CLOCKS + together * max(products, reads))
    grid = (blocks, asked.directions, asked.members)
    return Plan(hidden, rows, slices, kept, grid, shared_bytes, registers, clocks)


def _registers(which: Pass, rows: int, kept: int) -> int:
    """Of a thread, about: what ptxas 13.0 needs for sm_90 without spilling into memory."""
    return 4 * kept + (24 + 9 * rows if which == "forward" else 40 + 8 * rows)

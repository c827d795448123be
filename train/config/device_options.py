"""Options of the devices, and processes, that a run is spread over. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.config.bounded import bounded


@dataclass
class Devices:
    """How a run is laid over devices: members of a population over some, the rows of each batch over the others.

    `count` devices are used (None: as many as are worth it, see `train.parallel.devices.lay_out`), `members` of them along the
    members (None: as many as divide both). `parallel` compiles the same step by jit on sharded arrays, or by pmap,
    which shares out batches only. With `exact=8` a batch is always added up from the same parts in one order, so that
    1, 2, 4 and 8 devices train the same bits. A run may go on with other devices than it began with.
    """

    parallel: Literal["jit", "pmap"] = "jit"
    count: int | None = bounded(None, 1)
    members: int | None = bounded(None, 1)
    exact: int | None = bounded(None, 2)


@dataclass(frozen=True)
class Processes:
    """Of several processes that train one run, this is number `process` of `count`, from 0. They meet at `coordinator`,
    "HOST:PORT" of number 0, where each waits `seconds` for the others."""

    coordinator: str
    count: int
    process: int
    seconds: int = 300

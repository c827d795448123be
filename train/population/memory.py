"""Whether the members of a group fit the device's memory together; if not, they train in parts, one
after another.

Shapes: k members.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from train.config.bounded import resolved
from train.core.forward import EVALUATION_ROWS
from train.core.program import Data
from train.errors import UserError
from train.parallel.hosts import agree, on_process_zero
from train.population.vmapped import init_members, member_logs, pick, side_by_side, train_members
from train.run.run import Run

# Of the free memory that a group may take: an estimate is one, and checkpoints are copied while
# saved.
SHARE = 0.7
# Of it below which a rough estimate, many times too high for most nets, is enough.
ROUGH_SHARE = 0.1
_CGROUP = Path("/sys/fs/cgroup")  # of a container: version 2


def in_parts(
    run: Run, echo: Callable[[str], None], free: Callable[[], int | None] | None = None
) -> list[Run]:
    """The group as it is, or cut into equal parts that fit, with a folder each. `echo` is told of
    it.

    A run that began goes on in the parts that it began with, whatever is free now: their folders'
    names say how many. `free` gives the bytes that are free; without it, or where it gives None,
    those that the device tells of. Raises UserError where members are to be compared in the middle,
    as `halving` does, and do not fit together.
    """
    n_parts = on_process_zero(lambda: _count_parts(run, echo, free or free_bytes))
    _, n_parts = agree(0, n_parts or 0)
    return _cut(run, n_parts) if n_parts else [run]


def _count_parts(run: Run, echo: Callable[[str], None], free: Callable[[], int | None]) -> int:
    """Into how many parts the group is cut; 0: it is not."""
    folder = run.folder / run.part
    k = len(run.members)
    begun = [
        match[1]
        for path in folder.glob("parts/*")
        if (match := re.fullmatch(r"\d+-of-(\d+)", path.name))
    ]
    if (folder / "checkpoints").exists():
        return 0
    if begun:
        return int(begun[0])
    room = free()
    if room is None or rough_bytes(run) < ROUGH_SHARE * room:
        return 0
    room = int(SHARE * room)
    alone, more = needed_bytes(run)
    if alone + more * (k - 1) <= room:
        return 0
    needs = f"{k} members need {_short(alone + more * (k - 1))} together, and {_short(room)} may be used"
    if run.config.population.halving is not None:
        raise UserError(
            f"config.population.halving: {needs}; to be compared they train together: ask for fewer, or none"
        )
    # A net that does not fit alone is tried alone: the estimate may be wrong, and there is nothing
    # smaller.
    n_parts = -(-k // max(1 + int((room - alone) // more), 1))
    echo(f"{needs}: they train in {n_parts} parts, one after another")
    return n_parts


def _cut(run: Run, n_parts: int) -> list[Run]:
    parts = []
    for i, rows in enumerate(np.array_split(np.arange(len(run.members)), n_parts)):
        part = str(Path(run.part) / "parts" / f"{i}-of-{n_parts}")
        on_process_zero(lambda: (run.folder / part).mkdir(parents=True, exist_ok=True))
        members = tuple(run.members[k] for k in rows)
        parts.append(replace(run, data=pick(run.data, {}, rows)[0], members=members, part=part))
    return parts


def needed_bytes(run: Run) -> tuple[int, int]:
    """What the program that trains a group takes on the device beside the data that is there: of
    its first member, and of each further one.

    By the compiled programs of few members: it grows linearly (32 nets of two layers of 64, by
    those of 2 and 4: .2 % too low). A program of one member is of another kind than one of many, so
    two are the fewest.
    """
    few = min(2, len(run.members) // 2)
    if few == 0:
        return _compiled_bytes(run, 1), 1
    low = _compiled_bytes(run, few)
    high = _compiled_bytes(run, 2 * few)
    more = max((high - low) // few, 1)
    return low - (few - 1) * more, more


def _compiled_bytes(run: Run, n_members: int) -> int:
    """Arguments, results and temporary arrays of the program of the first members; what is logged
    is left out, which is bounded (`loop.CALL_BYTES`).
    """
    few = replace(
        run, data=pick(run.data, {}, np.arange(n_members))[0], members=run.members[:n_members]
    )
    state = jax.eval_shape(lambda: init_members(few))
    shapes = member_logs(few, few.data, state)

    def call(data: Data, state: Any, n_rounds: Any, most_left: Any) -> Any:
        logs = jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape), leaf.dtype), shapes)
        return train_members(few, data, state, logs, n_rounds, most_left)

    one = jnp.int32(1)
    found: Any = (
        jax.jit(call, donate_argnums=1).lower(few.data, state, one, one).compile().memory_analysis()
    )
    used = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return used + found.temp_size_in_bytes - _bytes(few.data)


def rough_bytes(run: Run) -> int:
    """An upper guess without compiling: the states ten times over, and what the layers give for a
    batch and for the rows of an evaluation, at every step of an LSTM, of as many members as train
    at once.
    """
    state = jax.eval_shape(lambda: init_members(run))
    row = jax.eval_shape(
        lambda data: run.program.take(data.arrays, data.train[0, :1]).inputs, run.data
    )
    lengths = [leaf.shape[1] for leaf in jax.tree.leaves(row) if leaf.ndim > 1]
    steps = max(lengths) if run.config.net.reads_steps else 1
    widths = sum(leaf.shape[-1] for leaf in jax.tree.leaves(state.weights.params))
    numbers = steps * widths + sum(leaf.size for leaf in jax.tree.leaves(row))
    rows = 10 * resolved(run.config.train.batch_size) + 2 * min(
        run.data.valid.shape[1], EVALUATION_ROWS
    )
    at_once = len(run.members) if side_by_side(run) else 1
    return 10 * _bytes(state) + 4 * at_once * rows * numbers


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def free_bytes() -> int | None:
    """What is free on the first device, though others may share the members; of a CPU, in the
    machine, or in its container. None where nothing tells.
    """
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        return (
            stats["bytes_limit"] - stats.get("bytes_in_use", 0) if "bytes_limit" in stats else None
        )
    found = []
    try:
        found.append(1024 * _number("MemAvailable:", Path("/proc/meminfo")))
        limit, used = (
            int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current")
        )
        # Kept until it is in the way.
        found.append(limit - used + _number("inactive_file", _CGROUP / "memory.stat"))
    # Not on Linux; in no container, or in one without a limit ("max").
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def _number(name: str, path: Path) -> int:
    """That stands behind a name in one of the kernel's files."""
    return next(
        int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == name
    )


def _short(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"

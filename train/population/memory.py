"""Whether the members of a group fit the device's memory together; if not, they train in chunks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from nets.base import Array
from train.config.bounded import resolved
from train.core.forward import MAX_ROWS
from train.core.program import Data
from train.core.state import State
from train.parallel.hosts import broadcast, on_process_zero
from train.population.member_axis import select_data
from train.population.rounds import member_logs, side_by_side, train_members
from train.population.vmapped import init_members
from train.run.driver import Logs
from train.run.in_memory import empty_logs
from train.run.memory import bytes_in_words, free_bytes
from train.run.run import Run
from train.run.signatures import n_bytes

# Of the free memory, what a group may take: an estimate is one, and checkpoints are copied while
# saved.
USABLE_SHARE = 0.7
# Of it, up to where a rough estimate, many times too high for most nets, is enough.
ROUGH_SHARE = 0.1


def split_into_chunks(
    run: Run, echo: Callable[[str], object], free: Callable[[], int | None] | None = None
) -> list[Run]:
    """The group as it is, or cut into equal chunks that fit, with a folder each.

    `echo` is told of it. A run that began goes on in the chunks that it began with, whatever is
    free now: their folders' names say how many. `free` gives the bytes that are free; without it,
    or where it gives None, those that the device tells of.
    """
    n_chunks = on_process_zero(lambda: _count_chunks(run, echo, free or free_bytes))
    n_chunks = int(broadcast(np.int32(n_chunks or 0)))
    return _split(run, n_chunks) if n_chunks else [run]


def _count_chunks(run: Run, echo: Callable[[str], object], free: Callable[[], int | None]) -> int:
    """Into how many chunks the group is cut; 0: it is not."""
    folder = run.folder / run.subfolder
    if (folder / "checkpoints").exists():
        return 0
    for path in folder.glob("parts/*"):
        if match := re.fullmatch(r"\d+-of-(\d+)", path.name):
            return int(match[1])
    n_free = free()
    if n_free is None or rough_bytes(run) < ROUGH_SHARE * n_free:
        return 0
    n_allowed = int(USABLE_SHARE * n_free)
    n_members = len(run.members)
    first, more = needed_bytes(run)
    together = first + more * (n_members - 1)
    if together <= n_allowed:
        return 0
    needs = (
        f"{n_members} members need {bytes_in_words(together)} together, "
        f"and {bytes_in_words(n_allowed)} may be used"
    )
    # A net that does not fit alone is tried alone: the estimate may be wrong, and there is nothing
    # smaller.
    n_together = max(1 + int((n_allowed - first) // more), 1)
    n_chunks = -(-n_members // n_together)
    echo(f"{needs}: they train in {n_chunks} parts, one after another")
    return n_chunks


def _split(run: Run, n_chunks: int) -> list[Run]:
    """The group in so many chunks, whose folders are made."""
    chunks = []
    for i, places in enumerate(np.array_split(np.arange(len(run.members)), n_chunks)):
        subfolder = str(Path(run.subfolder) / "parts" / f"{i}-of-{n_chunks}")
        chunk = _run_of_members(run, places)
        chunks.append(replace(chunk, subfolder=subfolder))
    on_process_zero(lambda: _make_folders(chunks))
    return chunks


def _make_folders(chunks: list[Run]) -> None:
    for chunk in chunks:
        (chunk.folder / chunk.subfolder).mkdir(parents=True, exist_ok=True)


def _run_of_members(run: Run, places: np.ndarray) -> Run:
    """The run of some members."""
    members = tuple(run.members[place] for place in places)
    return replace(run, data=select_data(run.data, places), members=members)


def needed_bytes(run: Run) -> tuple[int, int]:
    """What a group's program takes beside the data: of its first member, and of each further one.

    By the compiled programs of few members, with whose number it grows linearly. A program of one
    member is of another kind than one of many, so two are the fewest.
    """
    few = min(2, len(run.members) // 2)
    if few == 0:
        return _compiled_bytes(run, 1), 1
    low = _compiled_bytes(run, few)
    high = _compiled_bytes(run, 2 * few)
    more = max((high - low) // few, 1)
    return low - (few - 1) * more, more


def _compiled_bytes(run: Run, n_members: int) -> int:
    """Arguments, results and temporary arrays of the program of the first members.

    What is logged is left out, which is bounded (`train.run.in_memory.CALL_BYTES`).
    """
    few = _run_of_members(run, np.arange(n_members))
    state = jax.eval_shape(lambda: init_members(few))
    shapes = member_logs(few, few.data, state)

    def call(
        data: Data, state: State, n_rounds: Array, most_left: Array
    ) -> tuple[State, Logs, Array]:
        return train_members(few, data, state, empty_logs(shapes, 1), n_rounds, most_left)

    one = np.int32(1)
    program = jax.jit(call, donate_argnums=1).lower(few.data, state, one, one).compile()
    found = program.memory_analysis()
    assert found is not None
    used = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return used + found.temp_size_in_bytes - n_bytes(few.data)


def rough_bytes(run: Run) -> int:
    """An upper guess of what a group needs, without compiling.

    The states ten times over, and what the layers give for a batch and for the rows of an
    evaluation, at every step of an LSTM, of as many members as train at once.
    """
    state = jax.eval_shape(lambda: init_members(run))
    row = jax.eval_shape(
        lambda data: run.program.batch(data, data.train[:1]).inputs, select_data(run.data, 0)
    )
    n_steps = 1
    if run.config.net.reads_steps:
        n_steps = max(leaf.shape[1] for leaf in jax.tree.leaves(row) if leaf.ndim > 1)
    widths = sum(leaf.shape[-1] for leaf in jax.tree.leaves(state.weights.params))
    numbers = n_steps * widths + sum(leaf.size for leaf in jax.tree.leaves(row))
    n_evaluated = min(run.data.valid.shape[1], MAX_ROWS)
    n_rows = 10 * resolved(run.config.train.batch_size) + 2 * n_evaluated
    n_at_once = len(run.members) if side_by_side(run) else 1
    return 10 * n_bytes(state) + 4 * n_at_once * n_rows * numbers

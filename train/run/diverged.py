"""How a run says that it diverged: at which update, and which rows of a file that was made of."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from train.core.batching import batch_rows, epoch_rows
from train.core.program import Data, Program
from train.core.state import State
from train.data.stream.chunks import Plan, row_numbers
from train.data.stream.rows import RowStream, stream_of
from train.errors import DivergedError
from train.parallel.devices import fetch
from train.run.run import Run
from train.run.streaming import plan_of

MAX_SHOWN = 40  # rows that a line names


def diverged(run: Run, state: State) -> DivergedError:
    """The error of a net whose updates are left out, one after the other, and of which rows."""
    first, in_row = fetch((state.faults.first, state.faults.in_row))
    n = min(int(in_row), run.program.max_in_row)
    return DivergedError.at(int(first) + 1, n, rows_in_words(run, int(first)))


def rows_in_words(run: Run, step: int) -> str:
    """The rows of the update of this number: "data.csv, rows 3, 17 (the first is 0)".

    "" where they are not known: of a stream that several processes read.
    """
    dataset = run.dataset
    if (stream := stream_of(dataset)) is not None:
        return _rows_of_stream(run, stream, step) if run.layout is None else ""
    n_steps = run.program.steps_per_epoch
    rows = _batch_rows(run.program, run.data, step // n_steps, step % n_steps)
    return _in_words(run.config.data.path, dataset.original_rows[rows])


def _rows_of_stream(run: Run, stream: RowStream, step: int) -> str:
    plan = plan_of(run, stream)
    epoch, done = divmod(step, plan.steps_per_epoch)
    chunk, place = divmod(done, plan.steps_per_chunk)
    first, n_rows = _chunk_rows(plan, chunk)
    program = replace(run.program, steps_per_epoch=plan.steps_per_chunk)
    size = plan.steps_per_chunk * plan.batch_size
    data = run.data.replace(arrays=(), train=jnp.arange(size), n_train=jnp.int32(n_rows))
    places = _batch_rows(program, data, epoch * plan.chunks_per_epoch + chunk, place)
    numbers = row_numbers(stream, run.config.seed, epoch, first, n_rows)[places]
    by_path: dict[str, list[int]] = {}
    for group in stream.files.groups:
        own = numbers[(numbers >= group.first) & (numbers < group.first + group.n_rows)]
        if len(own):
            by_path.setdefault(group.path, []).extend(own - group.first + group.in_file)
    return "; ".join(_in_words(path, np.array(rows)) for path, rows in by_path.items())


def _chunk_rows(plan: Plan, chunk: int) -> tuple[int, int]:
    """The first row of a chunk in its epoch, and how many it has."""
    size = plan.steps_per_chunk * plan.batch_size
    return chunk * size, min(size, plan.n_rows - chunk * size)


def _batch_rows(program: Program, data: Data, epoch: int, step: int) -> np.ndarray:
    batches = epoch_rows(program, data, jnp.int32(epoch))
    rows_b, mask_b = batch_rows(program, data, batches, jnp.int32(step))
    return np.asarray(rows_b)[np.asarray(mask_b) > 0]


def _in_words(path: str, rows: np.ndarray) -> str:
    named = np.unique(rows)
    shown = ", ".join(map(str, named[:MAX_SHOWN]))
    more = f" and {len(named) - MAX_SHOWN} more" if len(named) > MAX_SHOWN else ""
    return f"{path}, rows {shown}{more} (the first is 0)"

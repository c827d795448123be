"""Training rows that do not fit in memory, a chunk at a time, by seed, epoch and step.

r rows of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, TypeVar

import jax
import numpy as np

from train.data.counter_random import hashed
from train.data.dataset import Batch
from train.data.files.row_groups import Piece
from train.data.stream.rows import RowStream
from train.errors import UserError

ORDER = 2  # what random numbers of row groups are for
T = TypeVar("T")


class Chunk(NamedTuple):
    """Encoded rows [r], and the `n_steps` updates to make of them.

    The first `n_rows` are real and the others have weight 0. All chunks of a run have one shape;
    the last of an epoch may have fewer updates. Of p processes, each has its own chunks, and
    `rows_p` says how many rows are real in those of all that are trained on together.
    """

    batch: Batch[np.ndarray]
    n_rows: int
    n_steps: int
    rows_p: np.ndarray


@dataclass(frozen=True)
class Plan:
    """The chunks of an epoch: `steps_per_chunk` updates each, until `steps_per_epoch` are made."""

    n_rows: int
    batch_size: int
    steps_per_chunk: int

    @property
    def steps_per_epoch(self) -> int:
        """Updates of an epoch."""
        return -(-self.n_rows // self.batch_size)

    @property
    def chunks_per_epoch(self) -> int:
        """Chunks of an epoch, the last of which may be short."""
        return -(-self.steps_per_epoch // self.steps_per_chunk)


def plan_chunks(n_rows: int, batch_size: int, window: int) -> Plan:
    """Chunks of about `window` rows, one batch at the least and an epoch at most."""
    return Plan(n_rows, batch_size, int(np.clip(window // batch_size, 1, -(-n_rows // batch_size))))


def read_chunks(
    stream: RowStream,
    plan: Plan,
    seed: int,
    first_step: int,
    last_step: int,
    *,
    process: int = 0,
    n_processes: int = 1,
) -> Iterator[Chunk]:
    """The chunks from the one that begins at `first_step` on, until `last_step` updates are made.

    An epoch's row groups come in random order, and a chunk is what follows in it: its rows are to
    be shuffled by whom it is given to. Of several processes, each reads a stretch of its own of the
    epoch, and its batches are of batch_size / n_processes rows; their numbers of chunks and of
    updates are the same. Raises UserError.
    """
    assert plan.batch_size % n_processes == 0
    begin = plan.n_rows * process // n_processes
    batch_size = plan.batch_size // n_processes
    step = first_step
    while step < last_step:
        epoch, done = divmod(step, plan.steps_per_epoch)
        pieces = _pieces(stream, seed, epoch, begin + done * batch_size)
        rest = []
        while done < plan.steps_per_epoch:
            n_steps = min(plan.steps_per_chunk, plan.steps_per_epoch - done)
            left = np.diff(plan.n_rows * np.arange(n_processes + 1) // n_processes)
            left -= done * batch_size
            rows_p = np.clip(left, 0, n_steps * batch_size).astype(np.int32)
            n_rows = int(rows_p[process])
            batch = _fill(pieces, rest, n_rows, plan.steps_per_chunk * batch_size, stream.template)
            yield Chunk(batch, n_rows, n_steps, rows_p)
            done = done + n_steps
            step = step + n_steps


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, the next of which is made in another thread while one is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def group_order(counts: tuple[int, ...], seed: int, epoch: int) -> np.ndarray:
    """The order of the row groups in an epoch."""
    return np.argsort(hashed((seed, ORDER, epoch), np.arange(len(counts))), kind="stable")


def _pieces(stream: RowStream, seed: int, epoch: int, first: int) -> Iterator[Batch[np.ndarray]]:
    """The training rows of an epoch from its `first` on."""
    for piece, wanted in _wanted(stream, seed, epoch, first):
        yield from stream.batches(piece, wanted)


def row_numbers(stream: RowStream, seed: int, epoch: int, first: int, n_rows: int) -> np.ndarray:
    """The numbers, over all files, of `n_rows` training rows of an epoch from its `first` on."""
    found: list[int] = []
    for piece, wanted in _wanted(stream, seed, epoch, first):
        found += stream.numbers(piece, wanted).tolist()
        if len(found) >= n_rows:
            break
    return np.array(found[:n_rows])


def _wanted(
    stream: RowStream, seed: int, epoch: int, first: int
) -> Iterator[tuple[Piece, np.ndarray]]:
    """The pieces of an epoch from its `first` training row on, and which of their rows train."""
    order = group_order(stream.counts, seed, epoch)
    ends = np.cumsum(np.array(stream.counts)[order])
    at = int(np.searchsorted(ends, first, side="right"))
    skipped = first - int(ends[at - 1] if at else 0)
    for group in order[at:]:
        for piece in stream.pieces(stream.files.groups[group]):
            rows = stream.training_rows(piece)
            wanted = rows[skipped:]
            skipped = max(skipped - len(rows), 0)
            if len(wanted):
                yield piece, wanted


def _fill(
    pieces: Iterator[Batch[np.ndarray]],
    rest: list[Batch[np.ndarray]],
    n_rows: int,
    size: int,
    template: Batch[np.ndarray],
) -> Batch[np.ndarray]:
    """The next `n_rows` rows, filled up with rows of weight 0 to `size`.

    What is left of a piece is put into `rest`.
    """

    def empty(array: np.ndarray) -> np.ndarray:
        return np.zeros((size, *array.shape[1:]), array.dtype)

    whole: Batch[np.ndarray] = jax.tree.map(empty, template)
    done = 0
    while done < n_rows:
        piece = rest.pop() if rest else next(pieces, None)
        if piece is None:
            raise UserError("config.data.path: the files changed while they were read; begin again")
        taken = min(len(piece.weight), n_rows - done)
        for target, source in zip(jax.tree.leaves(whole), jax.tree.leaves(piece), strict=True):
            target[done : done + taken] = source[:taken]
        if taken < len(piece.weight):
            rest.append(jax.tree.map(itemgetter(slice(taken, None)), piece))
        done += taken
    return whole

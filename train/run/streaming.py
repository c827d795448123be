"""One net whose training rows do not fit in memory: a call trains on a chunk that the host reads.

Shapes: r rows of a chunk, s steps of a chunk, b batch rows, p processes. Each process reads chunks
of its own, of which every one of its devices is given a part; a program begins by telling all
devices all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from nets.base import Array, Tree
from train.config.bounded import resolved
from train.core.batch_parts import BATCH, all_gathered
from train.core.batching import batch_rows, epoch_rows
from train.core.faults import select
from train.core.program import Data, Program
from train.core.rounds import end_round, has_diverged
from train.core.state import State, no_sums
from train.core.step import update_on_rows
from train.data.dataset import Batch
from train.data.stream.chunks import Chunk, Plan, ahead, plan_chunks, read_chunks
from train.data.stream.rows import RowStream, stream_of
from train.errors import UserError
from train.parallel.devices import EVERYWHERE, Layout, compiled, place_rows
from train.run.careful import is_careful, with_care
from train.run.device_data import apply_statistics
from train.run.driver import Call, Logs
from train.run.in_memory import InMemory
from train.run.row_weights import row_weights_of
from train.run.run import Run

Compiled = Callable[..., tuple[State, Logs, Array]]


class Streaming(InMemory):
    """The driver of one net whose rows are read as it trains."""

    def init(self, run: Run) -> State:
        """Fresh weights, and sums: a round may be stopped within, so they are part of the state."""
        state = super().init(run)
        no_updates = {"updates": jnp.zeros((), jnp.int32)}
        return state.replace(sums=no_sums(run.program, state.weights) | no_updates)

    def compile(self, run: Run, state: State) -> Call:
        """A call trains on one chunk, while the next is read, and does at most one round.

        Most calls end within a round: they are 0 rounds long.
        """
        options = run.config.train
        plan = plan_of(run, _stream_of(run))
        _check_divides(plan, run.program)
        chunk_and_end = _StreamPrograms(run, state, plan)
        step = int(state.step)
        chunks = ahead(_device_chunks(run, plan, step))

        def call(data: Data, state: State, n_rounds: Array | np.int32) -> tuple[State, Logs, int]:
            nonlocal step
            del n_rounds
            chunk = next(chunks)
            state = chunk_and_end.train(data, state, chunk)
            step += chunk.n_steps
            epoch, within = divmod(step, plan.steps_per_epoch)
            if within or (epoch % options.eval_every and epoch < resolved(options.epochs)):
                return state, {}, 0
            state, log, _ = chunk_and_end.evaluate(data, state)
            return state, jax.tree.map(lambda leaf: leaf[None], log), 1

        return call


def is_stream(run: Run) -> bool:
    """Whether the training rows of a run are read as it trains."""
    return stream_of(run.dataset) is not None


def _stream_of(run: Run) -> RowStream:
    stream = stream_of(run.dataset)
    assert stream is not None
    return stream


def plan_of(run: Run, stream: RowStream) -> Plan:
    """The chunks of a run on a stream."""
    batch_size = resolved(run.config.train.batch_size)
    return plan_chunks(stream.n_rows, batch_size, stream.chunk_rows)


def train_chunk(
    program: Program,
    plan: Plan,
    data: Data,
    state: State,
    batch_r: Batch,
    rows_p: Array,
    n_steps: Array,
) -> State:
    """The state after the updates on a chunk of raw rows, shuffled by the number of the chunk.

    Of each process' share of the rows the first `rows_p` are real.
    """
    data = _chunk_data(program, data, all_gathered(program.parts, batch_r), rows_p)
    epoch, done = jnp.divmod(state.step, plan.steps_per_epoch)
    number = epoch * plan.chunks_per_epoch + done // plan.steps_per_chunk
    batches = epoch_rows(replace(program, steps_per_epoch=plan.steps_per_chunk), data, number)

    def body(i: Array, carry: tuple[State, Tree]) -> tuple[State, Tree]:
        state, before = carry
        state, sums = update_on_rows(program, data, state, *batch_rows(program, data, batches, i))
        return state, jax.tree.map(jnp.add, before, sums)

    # Summed up chunk by chunk: a sum over all steps of a long epoch would lose digits.
    state, sums = lax.fori_loop(0, n_steps, body, (state, no_sums(program, state.weights)))
    sums["updates"] = n_steps
    sums = jax.tree.map(jnp.add, state.sums, sums)
    return state.replace(sums=sums, diverged=has_diverged(program, state, sums))


def _chunk_data(program: Program, data: Data, batch_r: Batch, rows_p: Array) -> Data:
    """The data with the rows of a chunk, scaled, in place of those that it had."""
    inputs = apply_statistics(program, "preprocess", data.statistics, batch_r.inputs)
    target = apply_statistics(program, "preprocess_target", data.statistics, batch_r.target)
    size = len(batch_r.weight)
    unreal_r = (jnp.arange(size).reshape(len(rows_p), -1) >= rows_p[:, None]).reshape(size)
    return data.replace(
        arrays=batch_r._replace(inputs=inputs, target=target),
        train_weight=batch_r.weight,
        train=jnp.argsort(unreal_r, stable=True).astype(jnp.int32),
        n_train=rows_p.sum(),
    )


def end_stream_round(program: Program, data: Data, state: State) -> tuple[State, Logs]:
    """The evaluation after the last chunk of a round."""
    sums = state.sums
    state = state.replace(sums=jax.tree.map(jnp.zeros_like, sums))
    return end_round(program, data, state, sums, sums["updates"])


class _StreamPrograms:
    """The programs of a chunk's updates, and of the end of a round."""

    def __init__(self, run: Run, state: State, plan: Plan):
        self._run = run
        self._plan = plan
        self._programs: dict[bool, Compiled] = {}
        self._program(is_careful(run.program, state), run.data, state)

        def evaluate(data: Data, state: State) -> tuple[State, Logs, Array]:
            return *end_stream_round(run.program, data, state), jnp.int32(1)

        self.evaluate = compiled(run.layout, evaluate, (run.data, state))

    def train(self, data: Data, state: State, chunk: Chunk) -> State:
        """The state after the updates on a chunk: once more, if they come to no finite numbers."""
        rest = chunk.batch, chunk.rows_p, np.int32(chunk.n_steps)
        careful = is_careful(self._run.program, state)
        state, _, is_sound = self._program(careful, data, state)(data, state, *rest)
        if not int(is_sound):
            state, _, _ = self._program(True, data, state)(data, state, *rest)
        return state

    def _program(self, careful: bool, data: Data, state: State) -> Compiled:
        if careful not in self._programs:
            program = (with_care(self._run) if careful else self._run).program
            self._programs[careful] = _compile_chunk(self._run, program, data, state, self._plan)
        return self._programs[careful]


def _compile_chunk(run: Run, program: Program, data: Data, state: State, plan: Plan) -> Compiled:
    """The program of a chunk's updates, whose last answer is 0 where they are undone."""

    def train(data: Data, before: State, batch_r: Batch, *rest: Array) -> tuple[State, Logs, Array]:
        state = train_chunk(program, plan, data, before, batch_r, *rest)
        if program.careful:
            return state, {}, jnp.int32(1)
        return select(~state.diverged, state, before), {}, (~state.diverged).astype(jnp.int32)

    rest = _chunk_shapes(run, plan), np.zeros(jax.process_count(), np.int32), np.int32(0)
    more = _along_chunk(run.layout), EVERYWHERE, EVERYWHERE
    return compiled(run.layout, train, (data, state, *rest), more=more)


def _along_chunk(layout: Layout | None) -> PartitionSpec:
    """Where the rows of a chunk stand."""
    return PartitionSpec(BATCH) if layout else EVERYWHERE


def _chunk_shapes(run: Run, plan: Plan) -> Batch:
    """Shapes and types of a chunk that all devices share."""
    size = plan.steps_per_chunk * plan.batch_size
    sharding = run.layout and run.layout.sharding(_along_chunk(run.layout))

    def shape(array: np.ndarray) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((size, *array.shape[1:]), array.dtype, sharding=sharding)

    return jax.tree.map(shape, _stream_of(run).template)


def _device_chunks(run: Run, plan: Plan, first_step: int) -> Iterator[Chunk]:
    """The chunks from this step on, on the devices, rows weighted as in `Data.train_weight`."""
    weights = row_weights_of(run.config, run.dataset)
    chunks = read_chunks(
        _stream_of(run),
        plan,
        run.config.seed,
        first_step,
        run.program.total_steps,
        process=jax.process_index(),
        n_processes=jax.process_count(),
    )
    for chunk in chunks:
        weight_r = weights.of(chunk.batch.weight, chunk.batch)
        batch = chunk.batch._replace(weight=weight_r)
        yield chunk._replace(batch=place_rows(run.layout, batch, _along_chunk(run.layout)))


def _check_divides(plan: Plan, program: Program) -> None:
    n_devices = program.parts.devices
    if plan.batch_size % n_devices:
        what = f"{plan.batch_size} rows of a stream cannot be shared evenly by {n_devices} devices"
        raise UserError(
            f"config.train.batch_size: {what}; set it to a multiple, or config.devices.count"
        )

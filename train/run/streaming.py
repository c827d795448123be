"""Training on chunks of rows that do not fit in memory: the same updates and rounds, called by the
host.

Shapes: r rows of a chunk, s steps of a chunk, b batch rows, p processes. Each process reads chunks
of its own, of which every one of its devices is given a part; a program begins by telling all
devices all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from nets.base import Tree
from train.config.bounded import resolved
from train.config.data_options import Table
from train.config.options import Config
from train.core.batch_parts import BATCH, gathered
from train.core.batching import epoch_rows
from train.core.program import Data, Program
from train.core.rounds import RoundLog, end_round, no_sums
from train.core.state import State
from train.core.step import update
from train.data.dataset import Batch
from train.data.stream.chunks import Chunk, Plan, ahead, plan_chunks, read_chunks
from train.data.stream.dataset import StreamDataset
from train.errors import UserError
from train.parallel.devices import EVERYWHERE, compiled, place_rows
from train.run.device_data import class_factors
from train.run.run import Run

Array = jax.Array


def plan_of(config: Config, n_train: int) -> Plan:
    """The chunks of a resolved config's run."""
    assert isinstance(config.data, Table)
    return plan_chunks(n_train, resolved(config.train.batch_size), config.data.shuffle_window)


def is_stream(run: Run) -> bool:
    return isinstance(run.dataset, StreamDataset)


def start_stream(run: Run, state: State) -> State:
    """A fresh state of a stream: the sums of a round are part of it, for a round may be stopped
    anywhere within.
    """
    return state.replace(
        sums=no_sums(run.program, state.weights) | {"updates": jnp.zeros((), jnp.int32)}
    )


def train_chunk(
    program: Program,
    plan: Plan,
    data: Data,
    state: State,
    batch_r: Batch,
    rows_p: Array,
    n_steps: Array,
) -> State:
    """The updates on a chunk of raw rows, shuffled by the number of the chunk. Of each process'
    part the first `rows_p` are real.
    """
    batch_r = gathered(program.parts, batch_r)
    network = program.network
    variables = {"statistics": data.statistics}
    inputs: Tree = network.apply(variables, batch_r.inputs, method="preprocess")
    target: Tree = network.apply(variables, batch_r.target, method="preprocess_target")
    size = len(batch_r.weight)
    unreal_r = (jnp.arange(size).reshape(len(rows_p), -1) >= rows_p[:, None]).reshape(size)
    data = data.replace(
        arrays=batch_r._replace(inputs=inputs, target=target),
        train_weight=batch_r.weight,
        train=jnp.argsort(unreal_r, stable=True).astype(jnp.int32),
        n_train=rows_p.sum(),
    )
    epoch, done = jnp.divmod(state.step, plan.steps_per_epoch)
    number = epoch * plan.chunks_per_epoch + done // plan.steps_per_chunk
    rows_sb, mask_sb = epoch_rows(
        replace(program, steps_per_epoch=plan.steps_per_chunk), data, number
    )

    def body(i: Array, carry: tuple[State, Any]) -> tuple[State, Any]:
        batch = program.take(data.arrays, rows_sb[i])
        state, sums = update(
            program,
            data,
            carry[0],
            batch._replace(weight=data.train_weight[rows_sb[i]] * mask_sb[i]),
        )
        return state, jax.tree.map(jnp.add, carry[1], sums)

    # Summed up chunk by chunk: a sum over all steps of a long epoch would lose digits.
    state, sums = lax.fori_loop(0, n_steps, body, (state, no_sums(program, state.weights)))
    sums["updates"] = n_steps
    sums = jax.tree.map(jnp.add, state.sums, sums)
    return state.replace(sums=sums, diverged=~jnp.isfinite(sums["loss"]))


def end_stream_round(program: Program, data: Data, state: State) -> tuple[State, RoundLog]:
    """The evaluation after the last chunk of a round."""
    sums = state.sums
    state = state.replace(sums=jax.tree.map(jnp.zeros_like, sums))
    return end_round(program, data, state, sums, sums["updates"])


def compile_chunks(run: Run, state: State) -> Callable[..., tuple[State, Any, Any]]:
    """The training program for a stream: (data, state, n_rounds) -> (state, logs, rounds done).

    A call trains on one chunk, while the next is read, and does at most one round; most calls end
    within one.
    """
    program = run.program
    dataset = run.dataset
    assert isinstance(dataset, StreamDataset)
    options = run.config.train
    layout = run.layout
    plan = plan_of(run.config, dataset.n_train)
    first_step = int(state.step)
    size = plan.steps_per_chunk * plan.batch_size
    along_chunk = PartitionSpec(BATCH) if layout else EVERYWHERE
    _check_divides(plan, program)
    shapes = jax.tree.map(
        lambda array: jax.ShapeDtypeStruct(
            (size, *array.shape[1:]), array.dtype, sharding=layout and layout.sharding(along_chunk)
        ),
        dataset.take(dataset.arrays, np.zeros(0, np.int64)),
    )
    n_processes = jax.process_count()

    def train(data: Data, state: State, batch_r: Batch, *rest: Array) -> tuple[State, Any, Array]:
        return train_chunk(program, plan, data, state, batch_r, *rest), {}, jnp.int32(0)

    def judge(data: Data, state: State) -> tuple[State, Any, Array]:
        return *end_stream_round(program, data, state), jnp.int32(1)

    chunk_arguments = run.data, state, shapes, np.zeros(n_processes, np.int32), np.int32(0)
    train_compiled = compiled(
        layout, train, chunk_arguments, more=(along_chunk, EVERYWHERE, EVERYWHERE)
    )
    judge_compiled = compiled(layout, judge, (run.data, state))
    factors = _factors(run)

    def to_device(chunk: Chunk) -> Chunk:
        weight = chunk.batch.weight
        if factors is not None:
            name, factor_k = factors
            weight = weight * factor_k[chunk.batch.target[name]]
        batch = chunk.batch._replace(weight=weight)
        return chunk._replace(batch=place_rows(layout, batch, along_chunk))

    process = {"process": jax.process_index(), "n_processes": n_processes}
    read = read_chunks(dataset, plan, run.config.seed, first_step, program.total_steps, **process)
    chunks = ahead(map(to_device, read))
    step = first_step

    def call(data: Data, state: State, n_rounds: Any) -> tuple[State, Any, int]:
        nonlocal step
        chunk = next(chunks)
        state, _, _ = train_compiled(
            data, state, chunk.batch, chunk.rows_p, np.int32(chunk.n_steps)
        )
        step += chunk.n_steps
        epoch, within = divmod(step, plan.steps_per_epoch)
        if within or (epoch % options.eval_every and epoch < resolved(options.epochs)):
            return state, {}, 0
        state, log, _ = judge_compiled(data, state)
        return state, jax.tree.map(lambda leaf: leaf[None], log), 1

    return call


def _check_divides(plan: Plan, program: Program) -> None:
    n_devices = program.parts.devices
    if plan.batch_size % n_devices:
        what = f"{plan.batch_size} rows of a stream cannot be shared evenly by {n_devices} devices"
        raise UserError(
            f"config.train.batch_size: {what}; set it to a multiple, or config.devices.count"
        )


def _factors(run: Run) -> tuple[str, np.ndarray] | None:
    """The head that classes are weighted by, and what each counts for in the loss; None where all
    count alike.
    """
    if run.config.class_weight is None:
        return None
    dataset = run.dataset
    assert isinstance(dataset, StreamDataset)
    head, factor_k = class_factors(run.config, dataset.encoder, dataset.stream.class_counts)
    return head.name, factor_k

"""A forward pass over the rows of a split: predictions, and sums of loss and error. n rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array, Tree, Variables
from nets.dropout import is_off
from train.core.batch_parts import Parts, all_gathered, own_slice, padded_size
from train.core.program import Data, Program
from train.core.state import State
from train.core.tasks import known_rows, row_errors, row_losses
from train.core.weights import Weights

Predictions = dict[str, Array]

MAX_ROWS = 4096  # rows of an evaluation block at most
BLOCK_BYTES = 1 << 29  # of what all layers give for a block: heavier rows make smaller blocks
MIN_ROWS = 64  # of a block, since fewer leave a processor idle,
MAX_BYTES = 1 << 30  # unless MIN_ROWS rows take more than these bytes


class EvaluationSums(TypedDict):
    """Sums over the rows of a split; the losses and errors of rows are times their weights."""

    loss: Array
    error: Array
    weight: Array
    known_weight: Array
    """Of the rows that the loss is of: those of classes that a training row has."""


def mean_loss(sums: EvaluationSums) -> Array:
    """The mean loss of rows whose target is known; 0 where no row's is."""
    return sums["loss"] / jnp.maximum(sums["known_weight"], 1e-30)


def mean_error(sums: EvaluationSums) -> Array:
    """The mean error of rows."""
    return sums["error"] / sums["weight"]


def monitored(program: Program, sums: EvaluationSums) -> Array:
    """The value of the validation rows by which the best weights are chosen."""
    return mean_error(sums) if program.config.train.monitor == "error" else mean_loss(sums)


def evaluation_weights(program: Program, state: State) -> Weights:
    """The weights that are evaluated: the moving average where there is one."""
    if is_off(program.config.optim.ema):
        return state.weights
    return Weights(state.average, state.weights.batch_stats)


def evaluate_split(
    program: Program,
    data: Data,
    weights: Weights,
    rows_n: Array,
    n_real: Array | int | None = None,
) -> tuple[Predictions, EvaluationSums]:
    """Predictions for these rows, {head: [n, ...]}, and sums of their losses and errors.

    Rows have the weights that they have in training, class weights included, so that the monitored
    loss is the one that is trained on. With `n_real` the sums are over the first `n_real` rows
    only. The rows are taken in blocks, which are divided over the devices.
    """
    variables = weights.variables(data.statistics)
    parts = program.parts

    def evaluate_block(block: tuple[Array, Array]) -> tuple[Predictions, EvaluationSums]:
        rows_b, mask_b = block
        batch = program.batch(data, rows_b)
        of_members: Tree = program.network.apply(variables, batch.inputs, train=False)
        outputs: Tree = program.network.apply(variables, of_members, method="averaged")
        predictions: Tree = program.network.apply(variables, outputs, method="postprocess")
        losses_b = row_losses(program.tasks, outputs, batch.target)
        errors_b = row_errors(program.tasks, outputs, batch.target, predictions)
        weight_b = data.train_weight[rows_b] * mask_b
        known_weight_b = weight_b * known_rows(program.tasks, batch.target)
        sums = EvaluationSums(
            loss=(losses_b * known_weight_b).sum(),
            error=(errors_b * weight_b).sum(),
            weight=weight_b.sum(),
            known_weight=known_weight_b.sum(),
        )
        return predictions, sums

    def join_blocks(array: Array) -> Array:
        return array.reshape(-1, *array.shape[2:])[: len(rows_n)]

    n_rows = program.block_rows or block_rows(program, data, variables)
    rows, mask = _to_blocks(parts, rows_n, len(rows_n) if n_real is None else n_real, n_rows)
    own_blocks = (own_slice(parts, rows), own_slice(parts, mask))
    predictions, sums = all_gathered(parts, lax.map(evaluate_block, own_blocks))
    return jax.tree.map(join_blocks, predictions), jax.tree.map(jnp.sum, sums)


def with_block_rows(program: Program, data: Data, state: State) -> Program:
    """The program with `block_rows` set, which takes two abstract passes through the network."""
    if data.valid.shape[0] == 0:
        return program
    variables = evaluation_weights(program, state).variables(data.statistics)
    return replace(program, block_rows=block_rows(program, data, variables))


def block_rows(program: Program, data: Data, variables: Variables) -> int:
    """Rows of an evaluation block: MAX_ROWS, or a smaller power of two where rows are large.

    The size of a row is that of the outputs of all layers for it, known from their shapes. Nothing
    else counts: neither how many rows there are, nor the devices.
    """

    def output_bytes(n_rows: int) -> int:
        """Bytes of the outputs of all layers for so many rows; some layers return weights too."""

        def outputs_of_layers(variables: Variables, data: Data) -> list[Array]:
            inputs = program.batch(data, jnp.zeros(n_rows, jnp.int32)).inputs
            _, outputs = program.network.apply(
                variables, inputs, train=False, capture_intermediates=True, mutable="intermediates"
            )
            # A layer may return a function: cells that a scan steps do.
            return [leaf for leaf in jax.tree.leaves((inputs, outputs)) if hasattr(leaf, "dtype")]

        shapes = jax.eval_shape(outputs_of_layers, variables, data)
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))

    n_bytes = output_bytes(2) - output_bytes(1)
    n_rows = MAX_ROWS
    while n_rows > MIN_ROWS and n_rows * n_bytes > BLOCK_BYTES:
        n_rows //= 2
    while n_rows > 1 and n_rows * n_bytes > MAX_BYTES:
        n_rows //= 2
    return n_rows


def _to_blocks(parts: Parts, rows_n: Array, n_real: Array | int, most: int) -> tuple[Array, Array]:
    """Rows in blocks that devices divide, and a mask of 1 for the first `n_real`: both [blocks, b].

    A block has `most` rows at most. The last row fills the last blocks up.
    """
    n = len(rows_n)
    block_size = min(-(-n // parts.count), most)
    n_blocks = padded_size(parts, -(-n // block_size))
    n_padded = n_blocks * block_size
    rows = jnp.pad(rows_n, (0, n_padded - n), mode="edge")
    mask = (jnp.arange(n_padded) < n_real).astype(jnp.float32)
    return rows.reshape(n_blocks, block_size), mask.reshape(n_blocks, block_size)

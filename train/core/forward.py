"""A forward pass over the rows of a split: answers, and sums of loss and error. n rows."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from nets.dropout import is_off
from train.core.batch_parts import gathered, own_slice, padded_size
from train.core.program import Data, Program
from train.core.state import State
from train.core.tasks import row_errors, row_losses
from train.core.weights import Weights

Array = jax.Array

EVALUATION_ROWS = 4096  # rows of an evaluation block: bounds its memory, changes no answer


def evaluation_weights(program: Program, state: State) -> Weights:
    """The weights that are judged and kept: the moving average where there is one."""
    if is_off(program.config.optim.ema):
        return state.weights
    return Weights(state.average, state.weights.batch_stats)


def evaluate_split(
    program: Program, data: Data, weights: Weights, rows_n: Array, n_real: Any = None
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Answers of the network for these rows, {head: [n, ...]}, and weighted sums of loss and error
    over them, or over the first `n_real`.
    """
    n = rows_n.shape[0]
    variables = weights.variables(data.statistics)
    parts = program.parts
    block = min(-(-n // parts.count), EVALUATION_ROWS)
    n_blocks = padded_size(parts, -(-n // block))
    rows = jnp.pad(rows_n, (0, n_blocks * block - n), mode="edge").reshape(n_blocks, block)
    n_real = n if n_real is None else n_real
    real = (jnp.arange(n_blocks * block) < n_real).astype(jnp.float32).reshape(n_blocks, block)

    def judge(block: tuple[Array, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        batch = program.take(data.arrays, block[0])
        outputs = program.network.apply(variables, batch.inputs, train=False)
        weight_b = batch.weight * block[1]
        sums = {
            "loss": (row_losses(program.tasks, outputs, batch.target) * weight_b).sum(),
            "error": (row_errors(program.tasks, outputs, batch.target) * weight_b).sum(),
            "weight": weight_b.sum(),
        }
        return program.network.apply(variables, outputs, method="postprocess"), sums

    answers, sums = gathered(
        parts, lax.map(judge, (own_slice(parts, rows), own_slice(parts, real)))
    )
    flat = jax.tree.map(lambda a: a.reshape(n_blocks * block, *a.shape[2:])[:n], answers)
    return flat, jax.tree.map(jnp.sum, sums)

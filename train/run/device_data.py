"""The data of a run on the device: columns scaled once, and the weight of each row.

n rows, f numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import DataNetwork, Statistics, Tree
from nets.fixed import FixedFilters
from nets.forecast import Forecaster
from nets.inputs import BINNED
from train.config.net_options import LSTM, Dense
from train.config.options import Config
from train.core.augment import reads_spread
from train.core.program import Data, Program
from train.data.dataset import Arrays, Batch, Dataset, Head, HostArrays, Pool
from train.run.embedding_bins import distinct_edges, quantile_edges
from train.run.fixed import fit_fixed, with_fixed
from train.run.line import fit_line
from train.run.row_weights import mean_weight, row_weights_of
from train.run.shortcut import fit_shortcut

Fitted: TypeAlias = "dict[str, np.ndarray | HostArrays]"

MAX_START_ROWS = 20_000  # from which the units of a map or of clusters are drawn


def to_device(
    program: Program, dataset: Dataset, statistics: Statistics, *, are_complete: bool = False
) -> Data:
    """The data set on the device: columns and targets scaled once, by the compiled network.

    To the given statistics are added those that the config needs of scaled columns, unless they
    `are_complete`, as those of an earlier net that training goes on with are. Raises UserError, see
    `train.run.row_weights`.
    """
    arrays = _preprocess(program, dataset, statistics)
    if not are_complete:
        statistics = _with_scaled_statistics(program, dataset, arrays, statistics)
    elif reads_spread(program.config.augment) and "spread" not in statistics["inputs"]:
        # The earlier net was trained without augmentation.
        spread = _spread_of(arrays, dataset.splits["train"])
        statistics = {**statistics, "inputs": {**statistics["inputs"], **spread}}
    if isinstance(arrays, Batch):
        arrays = with_fixed(program, arrays, statistics["inputs"])
    return _data(program, dataset, statistics).replace(arrays=jax.device_put(arrays))


def without_rows(program: Program, dataset: Dataset, statistics: Statistics) -> Data:
    """The data of a fold without rows, since folds share the encoded ones."""
    if _fits_scaled_columns(program.config):
        arrays = _preprocess(program, dataset, statistics)
        statistics = _with_scaled_statistics(program, dataset, arrays, statistics)
    return _data(program, dataset, statistics)


def _with_scaled_statistics(
    program: Program, dataset: Dataset, arrays: Pool, statistics: Statistics
) -> Statistics:
    """The statistics, with those of scaled columns that the config reads."""
    fitted = _fit_scaled_columns(
        program.config, arrays, dataset.splits["train"], dataset.encoder.heads, program.network
    )
    if isinstance(program.network, Forecaster) and program.network.linear_fallback:
        fitted["line"] = fit_shortcut(program.network, dataset, arrays)
    if not fitted:
        return statistics
    return {**statistics, "inputs": {**statistics["inputs"], **fitted}}


def _data(program: Program, dataset: Dataset, statistics: Statistics) -> Data:
    config = program.config
    weights = row_weights_of(config, dataset)
    mean = mean_weight(dataset, weights)
    return Data(
        arrays=(),
        train_weight=jax.device_put(weights.of(dataset.weight, dataset.arrays)),
        train=jax.device_put(dataset.splits["train"]),
        valid=jax.device_put(dataset.splits["valid"]),
        statistics=jax.device_put(statistics),
        key=jax.random.key(config.seed),
        mean_weight=None if mean is None else jnp.float32(mean),
    )


def _preprocess(program: Program, dataset: Dataset, statistics: Statistics) -> Pool:
    """The arrays of the data set as the network's two methods of preprocessing give them."""

    def apply_by(method: str) -> Callable[[HostArrays], dict[str, jax.Array]]:
        compiled = jax.jit(partial(apply_statistics, program, method))
        return partial(compiled, statistics)

    return dataset.prepared(apply_by("preprocess"), apply_by("preprocess_target"))


def apply_statistics(
    program: Program, method: str, statistics: Statistics, arrays: Arrays
) -> dict[str, jax.Array]:
    """Raw columns or targets as this method of the network gives them, which reads no weights."""
    scaled: Tree = program.network.apply({"statistics": statistics}, arrays, method=method)
    return scaled


def _fits_scaled_columns(config: Config) -> bool:
    """Whether anything is fitted on scaled columns."""
    net = config.net
    if isinstance(net, LSTM) and (net.fixed_filters not in (0, "auto") or net.linear_fallback):
        return True
    if isinstance(net, Dense) and (net.embedding in BINNED or net.linear_start):
        return True
    return reads_spread(config.augment)


def _fit_scaled_columns(
    config: Config,
    arrays: Pool,
    train_rows: np.ndarray,
    heads: Sequence[Head],
    network: DataNetwork | None,
) -> Fitted:
    """What is fitted on the scaled columns of training rows, if the config reads it.

    "edges" [f, bins + 1] of the piecewise-linear embeddings, "line" (`nets/line.py`) of a linear
    start, "mean" and "spread" [f] of augmentation.
    """
    fitted: Fitted = {}
    net = config.net
    if isinstance(net, Dense) and net.linear_start and heads:
        by_logs = config.loss == "gamma"
        fitted["line"] = fit_line(arrays, train_rows, heads, by_logs=by_logs)
    if isinstance(net, Dense) and "numbers" in arrays.inputs:
        numbers_nf = np.asarray(arrays.inputs["numbers"])
        if net.embedding == "piecewise_linear":
            fitted["edges"] = quantile_edges(numbers_nf[train_rows], net.embedding_size)
        elif net.embedding == "piecewise_linear_b":
            fitted["edges"] = distinct_edges(numbers_nf[train_rows], net.embedding_bins)
    fixed = getattr(network, "fixed", None)
    if isinstance(fixed, FixedFilters) and "numbers" in arrays.inputs:
        fitted |= fit_fixed(fixed, arrays.inputs, train_rows)
    if reads_spread(config.augment):
        fitted |= _spread_of(arrays, train_rows)
    return fitted


def _spread_of(arrays: Pool, train_rows: np.ndarray) -> Fitted:
    """The "mean" and "spread" [f] of scaled numbers, where there are any."""
    if "numbers" not in arrays.inputs:
        return {}
    numbers_nf = np.asarray(arrays.inputs["numbers"])[train_rows].astype(np.float64)
    return {
        "mean": numbers_nf.mean(0).astype(np.float32),
        "spread": numbers_nf.std(0).astype(np.float32),
    }


def starting_rows(rows: np.ndarray, weight_n: np.ndarray, seed: int) -> np.ndarray:
    """Training rows of a weight above 0, at most MAX_START_ROWS in random order: initial units."""
    counted = rows[weight_n[rows] > 0]
    return np.random.default_rng(seed).permutation(counted)[:MAX_START_ROWS]

"""The data of a run on the device: columns scaled once, and what each row counts for.

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
from train.data.table.encoder import TableEncoder
from train.run.fixed import fit_fixed, with_fixed
from train.run.line import fit_line
from train.run.row_weights import mean_weight, row_weights_of
from train.run.run import Run
from train.run.shortcut import fit_shortcut

Fitted: TypeAlias = "dict[str, np.ndarray | HostArrays]"

MAX_START_ROWS = 20_000  # of which units are drawn at most
FLAT = 1e-6  # range of a scaled column below which it has no bins: beside it any value is far away
MAX_SHOWN = 5  # columns that a line names


def to_device(
    program: Program, dataset: Dataset, statistics: Statistics, *, are_complete: bool = False
) -> Data:
    """The data set on the device: columns and targets scaled once, by the compiled network.

    Beside the statistics that scale, the data have those that the config reads of scaled columns;
    where they `are_complete`, as those of a net that is trained on, these are among them.
    Raises UserError, see `train.run.row_weights`.
    """
    arrays = _preprocess(program, dataset, statistics)
    if not are_complete:
        statistics = _with_scaled_statistics(program, dataset, arrays, statistics)
    elif reads_spread(program.config.augment) and "spread" not in statistics["inputs"]:
        spread = _spread_of(arrays, dataset.splits["train"])  # no net before was varied by it
        statistics = {**statistics, "inputs": {**statistics["inputs"], **spread}}
    if isinstance(arrays, Batch):
        arrays = with_fixed(program, arrays, statistics["inputs"])
    return _data(program, dataset, statistics).replace(arrays=jax.device_put(arrays))


def without_rows(program: Program, dataset: Dataset, statistics: Statistics) -> Data:
    """The data of a fold without the rows: folds share the encoded ones."""
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
            fitted["edges"] = bin_edges(numbers_nf[train_rows], net.embedding_size)
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
    """The training rows that units begin among, at most MAX_START_ROWS, in random order."""
    counted = rows[weight_n[rows] > 0]
    return np.random.default_rng(seed).permutation(counted)[:MAX_START_ROWS]


def bin_edges(numbers_nf: np.ndarray, n_bins: int) -> np.ndarray:
    """Quantiles of scaled training columns [f, n_bins + 1], for the piecewise-linear embedding."""
    return np.quantile(numbers_nf, np.linspace(0, 1, n_bins + 1), axis=0).T.astype(np.float32)


def distinct_edges(numbers_nf: np.ndarray, n_bins: int) -> np.ndarray:
    """The distinct edges of each column [f, n_bins + 1], filled up with the last of them.

    A value of more rows than a bin's share is an edge of its own; the others' quantiles are the
    rest, so that a column of zeros and few other numbers has bins for these. Of a column whose
    range is below FLAT all are one point, and so it has no bin.
    """
    edges_fe = np.zeros((numbers_nf.shape[1], n_bins + 1), np.float32)
    for column, x_n in enumerate(numbers_nf.T):
        distinct = _edges_of_column(x_n, n_bins)
        if distinct[-1] - distinct[0] < FLAT:
            distinct = distinct[:1]
        edges_fe[column] = np.pad(distinct, (0, n_bins + 1 - len(distinct)), mode="edge")
    return edges_fe


def _edges_of_column(x_n: np.ndarray, n_bins: int) -> np.ndarray:
    """The distinct values of a column, if they are few; else at most n_bins + 1 of them."""
    values, counts = np.unique(x_n.astype(np.float32), return_counts=True)
    if len(values) <= n_bins + 1:
        return values
    frequent = counts * n_bins > counts.sum()
    n_left = n_bins + 1 - int(frequent.sum())
    places = np.linspace(0, 1, max(n_left, 2))
    others = np.quantile(
        np.repeat(values[~frequent], counts[~frequent]), places, method="inverted_cdf"
    )
    return np.union1d(values[frequent], others)


def flat_columns(run: Run) -> str | None:
    """A line on columns that an embedding by bins leaves out, of one net or of any member."""
    edges = run.data.statistics["inputs"].get("edges")
    encoder = run.dataset.encoder
    net = run.config.net
    if edges is None or not isinstance(net, Dense) or net.embedding != "piecewise_linear_b":
        return None
    assert isinstance(encoder, TableEncoder)
    reach_mf = np.asarray(edges[..., -1] - edges[..., 0]).reshape(-1, edges.shape[-2])
    flat = np.flatnonzero((reach_mf <= 0).any(0))
    if not len(flat):
        return None
    shown = ", ".join(repr(encoder.number_names[place]) for place in flat[:MAX_SHOWN])
    more = f" and {len(flat) - MAX_SHOWN} more" if len(flat) > MAX_SHOWN else ""
    return (
        f"left out of config.net.embedding, for once scaled the training rows spread less than "
        f"{FLAT:g}: {shown}{more}"
    )

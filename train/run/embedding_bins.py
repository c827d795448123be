"""Edges of the bins of piecewise-linear embeddings, fitted on scaled training rows.

n rows, f number columns, m members.
"""

from __future__ import annotations

import numpy as np

from train.config.net_options import Dense
from train.data.table.encoder import TableEncoder
from train.run.run import Run

MIN_RANGE = 1e-6  # of a scaled column: with less, the edges would be far from any other value
MAX_SHOWN = 5  # columns that a line names


def quantile_edges(numbers_nf: np.ndarray, n_bins: int) -> np.ndarray:
    """Quantiles of scaled training columns [f, n_bins + 1], for "piecewise_linear"."""
    return np.quantile(numbers_nf, np.linspace(0, 1, n_bins + 1), axis=0).T.astype(np.float32)


def distinct_edges(numbers_nf: np.ndarray, n_bins: int) -> np.ndarray:
    """The distinct edges of each column [f, n_bins + 1], padded with the last, for version B.

    A value that more rows have than an equal share of a bin is an edge of its own; the remaining
    edges are quantiles of the other values, so that a column of zeros and few other numbers has
    bins for these. A column whose range is below MIN_RANGE has a single edge, and so no bin.
    """
    edges_fe = np.zeros((numbers_nf.shape[1], n_bins + 1), np.float32)
    for column, x_n in enumerate(numbers_nf.T):
        distinct = _edges_of_column(x_n, n_bins)
        if distinct[-1] - distinct[0] < MIN_RANGE:
            distinct = distinct[:1]
        edges_fe[column] = np.pad(distinct, (0, n_bins + 1 - len(distinct)), mode="edge")
    return edges_fe


def _edges_of_column(x_n: np.ndarray, n_bins: int) -> np.ndarray:
    """The distinct values of a column if they are few, else at most n_bins + 1 of them."""
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


def columns_without_bins(run: Run) -> str | None:
    """A line on the columns that have no bins, of one net or of any member; None without any."""
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
        f"{MIN_RANGE:g}: {shown}{more}"
    )

"""Edges of bins of piecewise-linear embeddings, and which columns have none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from train.config import Config, Dense
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.run.embedding_bins import columns_without_bins, distinct_edges


def test_edges_of_version_b_are_distinct_and_a_column_of_no_range_has_none():
    """A value of many rows is one edge, others have the rest; a column that hardly varies none."""
    x_n = np.concatenate([np.zeros(60), np.arange(1.0, 41)])
    numbers_nf = np.stack([x_n, 1e-8 * x_n, -x_n, np.sign(x_n)], 1).astype(np.float32)
    edges_fe = distinct_edges(numbers_nf, 10)
    quantiles = np.quantile(np.arange(1.0, 41), np.linspace(0, 1, 10), method="inverted_cdf")
    np.testing.assert_allclose(edges_fe[0], [0, *quantiles])
    np.testing.assert_array_equal(edges_fe[1], np.full(11, edges_fe[1, 0]))
    np.testing.assert_array_equal(edges_fe[3], [0] + 10 * [1])
    columns = tuple(Column(name, "number") for name in ("a", "b", "c", "d"))
    encoder = TableEncoder(columns, (), ())
    run = SimpleNamespace(
        config=Config(net=Dense(embedding="piecewise_linear_b")),
        dataset=SimpleNamespace(encoder=encoder),
        data=SimpleNamespace(statistics={"inputs": {"edges": np.stack([edges_fe, edges_fe])}}),
    )
    line = columns_without_bins(run)
    assert line is not None and line.endswith("spread less than 1e-06: 'b'")
    run.config.net.embedding = "piecewise_linear"
    assert columns_without_bins(run) is None

"""What a row counts for, by its own weight and that of its class."""

from __future__ import annotations

import numpy as np

from train.data.dataset import Batch
from train.run.row_weights import RowWeights


def test_a_class_that_no_training_row_has_counts_once() -> None:
    weights = RowWeights("kind", np.array([1, 100], np.float32))
    own_n = np.array([1, 2, 3, 0.5], np.float32)
    pool = Batch({}, {"kind": np.array([0, 1, 2, 5], np.int32)}, own_n)
    counted_n = weights.of(own_n, pool)
    np.testing.assert_array_equal(counted_n, [1, 200, 3, 0.5])
    assert counted_n.dtype == np.float32

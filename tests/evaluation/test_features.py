"""The columns of a table as a linear model reads them."""

from __future__ import annotations

import numpy as np

from train.evaluation.baselines.features import LinearFeatures


def test_a_column_without_a_value_in_the_fitted_rows_leaves_the_others_finite() -> None:
    numbers_nf = np.array([[1.0, np.nan], [3.0, np.nan], [5.0, np.nan]], np.float32)
    judged_nf = np.array([[3.0, 7.0], [np.nan, np.nan]], np.float32)
    features = LinearFeatures({"numbers": numbers_nf}, ())
    train_nd = features.of({"numbers": numbers_nf})
    judged_nd = features.of({"numbers": judged_nf})
    deviation = np.sqrt(8 / 3)
    np.testing.assert_allclose(train_nd, [[-2 / deviation, 0, 1], [0, 0, 1], [2 / deviation, 0, 1]])
    np.testing.assert_allclose(judged_nd, [[0, 7, 0], [0, 0, 1]])

"""What a row counts for, by its own weight and that of its class."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from train.config import Config
from train.data.dataset import Batch, Head
from train.errors import UserError
from train.run import row_weights
from train.run.row_weights import RowWeights, class_factors

KIND = Head("kind", "multiclass", ("kind",), ("a", "b", "c"), 3)


def test_a_class_that_no_training_row_has_counts_once() -> None:
    weights = RowWeights("kind", np.array([1, 100], np.float32))
    own_n = np.array([1, 2, 3, 0.5], np.float32)
    pool = Batch({}, {"kind": np.array([0, 1, 2, 5], np.int32)}, own_n)
    counted_n = weights.of(own_n, pool)
    np.testing.assert_array_equal(counted_n, [1, 200, 3, 0.5])
    assert counted_n.dtype == np.float32


def test_balanced_classes_have_the_factors_of_scikit_learn() -> None:
    factor_k = class_factors(Config(class_weight="balanced"), KIND, np.array([1.0, 4.0, 0.0]))
    np.testing.assert_allclose(factor_k, [5 / 3, 5 / 12, 1])  # 1 of a class without weight
    given = Config(class_weight={"b": 3.0})
    np.testing.assert_array_equal(class_factors(given, KIND, np.ones(3)), [1, 3, 1])
    with pytest.raises(UserError, match="no class 'd' in kind; classes: "):
        class_factors(Config(class_weight={"d": 3.0}), KIND, np.ones(3))


def test_the_mean_weight_of_a_stream_is_over_all_of_its_rows() -> None:
    stream: Any = SimpleNamespace(
        n_rows=4, weight_sum=6.0, class_masses=lambda head: np.array([1.0, 2.0, 3.0])
    )
    encoder: Any = SimpleNamespace(heads=(KIND,))
    assert row_weights._stream_mean(stream, encoder, RowWeights()) == 6 / 4
    by_class = RowWeights("kind", np.array([2, 1, 10], np.float32))
    assert row_weights._stream_mean(stream, encoder, by_class) == (2 + 2 + 30) / 4


def test_weights_of_next_to_nothing_are_refused() -> None:
    def dataset(weight: list[float]) -> Any:
        splits = {name: np.arange(len(weight)) for name in ("train", "valid", "test")}
        weight_n = np.array(weight, np.float32)
        return SimpleNamespace(weight=weight_n, arrays=None, splits=splits, n_train=len(weight))

    mean = row_weights.mean_weight(dataset([1e-12, 3e-12]), RowWeights())
    assert mean == pytest.approx(2e-12)
    with pytest.raises(UserError, match="training rows weigh 2e-20 on average, too little"):
        row_weights.mean_weight(dataset([1e-20, 3e-20]), RowWeights())

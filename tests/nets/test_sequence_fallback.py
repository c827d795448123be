"""What a network for sequences answers where training finds no better weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from small_nets import drawn

from nets.heads import HeadShape
from nets.lstm import LSTM
from nets.sequence import SequenceNetwork

FITTED = {"center": 7.0, "scale": 3.0, "low": 1.0, "high": 9.0}
STATISTICS: dict[str, Any] = {
    "inputs": {"center": np.zeros(2, np.float32), "scale": np.ones(2, np.float32)},
    "targets": {"value": {name: np.array([value], np.float32) for name, value in FITTED.items()}},
}
NUMBER = HeadShape("value", "regression", 1)
INPUTS = {
    "length": np.array([3, 1, 4], np.int32),
    "numbers": np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32),
}


def test_of_numbers_it_is_the_mean() -> None:
    network = SequenceNetwork((NUMBER,), LSTM((4,)), readout="mean")
    variables = drawn(network, INPUTS, given={"statistics": STATISTICS}, train=False)
    params = network.fallback(variables["params"], STATISTICS)
    assert params is not None
    answer: Any = network.apply({**variables, "params": params}, INPUTS, method="predict")
    bias = float(variables["params"]["head_0_value"]["bias"][0])  # 0 in a net that is not trained
    np.testing.assert_allclose(answer["value"], np.full((3, 1), 7 + 3 * bias), rtol=1e-6)


def test_beside_classes_there_is_none() -> None:
    both = SequenceNetwork((NUMBER, HeadShape("y", "multiclass", 4)), LSTM((4,)))
    assert both.fallback({}, STATISTICS) is None


def test_of_counts_there_is_none() -> None:
    """Biases of 0 are counts of 1, whatever their mean."""
    counts = SequenceNetwork((NUMBER,), LSTM((4,)), log_link=True)
    assert counts.fallback({"head_0_value": {"kernel": np.ones((4, 1))}}, STATISTICS) is None

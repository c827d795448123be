"""Linear models of numbers and of classes, in float64: what ridge.py and logistic.py fit.

n rows, b rows of a block, f features, o outputs of a head, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import NDArray

from train.data.dataset import Head

Floats = NDArray[np.float64]

BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class Linear:
    """x_f -> x_f @ coefficients [f, o] + intercept [o]."""

    coefficients: NDArray[np.floating]
    intercept: NDArray[np.floating]


def predict_linear(linear: Linear, features: NDArray, head: Head) -> Floats:
    """Values [n, o], the probability of class 1 [n], or probabilities [n, k]."""
    scores = np.empty((len(features), len(linear.intercept)))
    for rows, x_bf in blocks_of(features):
        scores[rows] = x_bf @ linear.coefficients + linear.intercept
    if head.kind == "regression":
        return scores
    if head.kind == "binary":
        return scipy.special.expit(scores[:, 0])
    return scipy.special.softmax(scores, axis=1)


def blocks_of(features: NDArray) -> Iterator[tuple[slice, Floats]]:
    """Rows in float64, a block at a time: a million rows never stand in memory twice."""
    for start in range(0, len(features), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, features[rows].astype(np.float64)

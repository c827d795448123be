"""Linear models of numbers and of classes, in float64: what ridge.py and logistic.py fit.

n rows, b rows of a block, f features, o outputs of a head, k classes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

from train.data.dataset import Head

Floats: TypeAlias = NDArray[np.float64]
# [n, f]; or a scipy.sparse.csr_array, which has all that is asked of one here but a type.
Features: TypeAlias = NDArray

BLOCK_ROWS = 16_384
DENSE_FEATURES = 2_048  # of which there are products of all pairs; with more, steps are iterative
ITERATIONS = 500
TOLERANCE = 1e-8


class LeftOutError(Exception):
    """Why there is no linear model: it takes too long, or is too large."""


@dataclass(frozen=True)
class Deadline:
    """When a fit must be done, in seconds of time.monotonic()."""

    ends_at: float = math.inf
    seconds: float = math.inf
    option: str = "linear_seconds"

    @classmethod
    def after(cls, seconds: float, option: str = "linear_seconds") -> Deadline:
        """So many seconds from now, which this option of config.train sets."""
        return cls(time.monotonic() + seconds, seconds, option)

    def check(self, ahead: float = 0.0) -> None:
        """Raises LeftOutError when it is over, or will be in so many seconds."""
        if time.monotonic() + ahead > self.ends_at:
            longer = f"config.train.{self.option} gives it longer"
            raise LeftOutError(f"fitting takes longer than {self.seconds:.3g} s; {longer}")


NO_DEADLINE = Deadline()


class Fitting(NamedTuple):
    """How a linear model is fitted."""

    seed: int = 0
    """Draws the rows of logistic regression, and the folds that penalties are chosen by."""
    in_sample: bool = False
    """Whether the fit is judged on the very rows that it is fitted on."""
    deadline: Deadline = NO_DEADLINE
    """When it must be done."""


@dataclass(frozen=True)
class Linear:
    """x_f -> x_f @ coefficients [f, o] + intercept [o]; a `note` says what was not tried."""

    coefficients: NDArray[np.floating]
    intercept: NDArray[np.floating]
    note: str = ""


def predict_linear(linear: Linear, features: Features, head: Head) -> Floats:
    """Values [n, o], the probability of class 1 [n], or probabilities [n, k]."""
    scores = np.empty((features.shape[0], len(linear.intercept)))
    for rows, x_bf in blocks_of(features):
        scores[rows] = x_bf @ linear.coefficients + linear.intercept
    if head.kind == "regression":
        return scores
    if head.kind == "binary":
        return scipy.special.expit(scores[:, 0])
    return scipy.special.softmax(scores, axis=1)


def blocks_of(features: Features) -> Iterator[tuple[slice, Floats]]:
    """Rows in float64, a block at a time: a million rows never stand in memory twice."""
    for start in range(0, features.shape[0], BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, features[rows].astype(np.float64)


def column_sums(features: Features, weight_n: Floats) -> tuple[Floats, Floats]:
    """Weighted sums [f] over rows of features, and of their squares."""
    sum_f = np.zeros(features.shape[1])
    square_f = np.zeros(features.shape[1])
    for rows, x_bf in blocks_of(features):
        sum_f += weight_n[rows] @ x_bf
        square_f += weight_n[rows] @ (x_bf * x_bf)
    return sum_f, square_f


def solve_iteratively(
    product: Callable[[Floats], Floats],
    diagonal_f: Floats,
    right_f: Floats,
    deadline: Deadline,
    tolerance: float = TOLERANCE,
) -> Floats:
    """x [f] of A x = right, by conjugate gradients on A over its diagonal.

    `product` gives A x, of a positive A. At most `tolerance` of the length of `right` is left; of a
    badly conditioned A it is what ITERATIONS steps come to, each of which is nearer. Raises
    LeftOutError.
    """
    scale_f = 1 / np.where(diagonal_f > 0, diagonal_f, 1)
    found_f = np.zeros(len(right_f))
    rest_f = right_f.copy()
    scaled_f = scale_f * rest_f
    along_f = scaled_f
    size = rest_f @ scaled_f
    enough = tolerance * np.linalg.norm(right_f)
    for _ in range(ITERATIONS):
        deadline.check()
        if np.linalg.norm(rest_f) <= enough:
            break
        moved_f = product(along_f)
        length = size / (along_f @ moved_f)
        found_f += length * along_f
        rest_f -= length * moved_f
        scaled_f = scale_f * rest_f
        before = size
        size = rest_f @ scaled_f
        along_f = scaled_f + size / before * along_f
    return found_f

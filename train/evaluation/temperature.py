"""One number for each target by which a net's probabilities become as sure as it is right.

A temperature t takes probabilities p to p^(1/t), divided by their sum, which is what dividing the
logits by t gives (Guo et al. 2017). m nets, n rows, k classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from train.data.dataset import Head
from train.evaluation.metrics.supervised import binary_metrics, multiclass_metrics

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]

REACH = math.log(20)  # of the logarithm of a temperature, either way
CLASSES = ("binary", "multiclass")


def fit_temperatures(
    heads: Sequence[Head], answers: Arrays, targets: Arrays, weight_n: np.ndarray
) -> dict[str, float]:
    """{head of classes: its temperature}, 1 where none makes the log-loss of these rows lower.

    `answers` are probabilities of several nets, whose mean answers: [m, n] or [m, n, k].
    """
    return {
        head.name: _fit(head, answers[head.name], targets[head.name], weight_n)
        for head in heads
        if head.kind in CLASSES
    }


def scaled(head: Head, probability: np.ndarray, temperature: float) -> np.ndarray:
    """A head's probabilities, of the second of two classes [n] or [n, k], at a temperature."""
    if temperature == 1:
        return probability
    found = _of_classes(_by_class(head, probability), temperature)
    return (found[..., 1] if head.kind == "binary" else found).astype(probability.dtype)


def _by_class(head: Head, probability: np.ndarray) -> np.ndarray:
    """Probabilities [..., k] of all classes, of which a binary head gives that of the second."""
    if head.kind != "binary":
        return probability
    return np.stack([1 - probability.astype(np.float64), probability], axis=-1)


def _of_classes(probability: np.ndarray, temperature: float) -> Floats:
    tiny = np.finfo(np.float64).tiny
    log_p = np.log(np.maximum(probability.astype(np.float64), tiny)) / temperature
    return scipy.special.softmax(log_p, axis=-1)


def _fit(head: Head, answers: np.ndarray, target_n: np.ndarray, weight_n: np.ndarray) -> float:
    """The temperature of one head.

    Each row stands for a little of every other class too, as Platt (1999) has it: so a few rows
    that are all answered right do not make a net entirely sure.
    """
    answers = _by_class(head, answers)
    k = answers.shape[-1]
    counted_n = (weight_n > 0) & (target_n < k) & np.isfinite(answers).all((0, 2))
    weight_n = weight_n[counted_n].astype(np.float64)
    target_n = target_n[counted_n]
    answers = answers[:, counted_n]
    if not len(target_n):
        return 1.0
    wanted_nk = np.full((len(target_n), k), 1 / (len(target_n) + k))
    wanted_nk[np.arange(len(target_n)), target_n] = (len(target_n) + 1) / (len(target_n) + k)
    wanted_nk /= wanted_nk.sum(1, keepdims=True)

    def loss(log_temperature: float) -> float:
        mean_nk = _of_classes(answers, math.exp(log_temperature)).mean(0)
        log_nk = np.log(np.maximum(mean_nk, 1e-300))
        return -float(weight_n @ (wanted_nk * log_nk).sum(1))

    found = scipy.optimize.fminbound(loss, -REACH, REACH, xtol=1e-4)
    temperature = np.exp(np.asarray(found, np.float32)).item()
    before = _log_loss(answers.mean(0), target_n, weight_n)
    after = _log_loss(_of_classes(answers, temperature).mean(0), target_n, weight_n)
    return temperature if after < before else 1.0


def _log_loss(probability_nk: np.ndarray, target_n: np.ndarray, weight_n: Floats) -> float:
    if probability_nk.shape[1] == 2:
        return binary_metrics(probability_nk[:, 1], target_n, weight_n)["log_loss"]
    return multiclass_metrics(probability_nk, target_n, weight_n)["log_loss"]

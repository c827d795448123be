"""Permutation importance of raw columns: how much worse predictions become if one is shuffled.

Breiman, "Random Forests", Machine Learning 45, 2001, section 10; on held-out rows, as in
scikit-learn. A column whose information another column also carries can score near 0 although the
model uses it. n rows, o numeric targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.data.dataset import Head
from train.evaluation.score import score_heads

Arrays = Mapping[str, NDArray]
Error = Callable[[Mapping[str, ArrayLike], NDArray[np.intp]], float]


def permutation_importance(
    predict: Callable[[dict[str, NDArray]], Mapping[str, ArrayLike]],
    inputs: Arrays,
    columns: Mapping[str, tuple[str, Sequence[int]]],
    error: Error,
    seed: int,
    repeats: int = 3,
    max_rows: int = 2000,
) -> dict[str, dict[str, float]]:
    """{column: {"mean", "sd"}} of the rise in error over `repeats` shuffles, largest first.

    `inputs` are those of the network ({"numbers": [n, f], "codes": [n, c]}); at most `max_rows` of
    their rows are used, drawn by `seed`, and `predict` always sees the same number of them.
    `columns` maps a raw column to the input it stands in and the places there; all of them (the
    parts of a date) are shuffled together. `error(predictions, rows)` is the error of the
    predictions for the rows with these indices, lower is better: see `prediction_error`. sd divides
    by `repeats`. Which shuffles a column sees depends on `seed` alone, not on the other columns.
    """
    random = np.random.default_rng(seed)
    total = len(next(iter(inputs.values())))
    rows = np.sort(random.choice(total, min(total, max_rows), replace=False))
    permutations = [random.permutation(len(rows)) for _ in range(repeats)]
    intact = {key: np.asarray(array)[rows] for key, array in inputs.items()}
    reference = error(predict(dict(intact)), rows)
    importance = {}
    for name, (key, places) in columns.items():
        rises = []
        for permutation in permutations:
            shuffled = intact[key].copy()
            shuffled[:, places] = intact[key][permutation][:, places]
            rises.append(error(predict(intact | {key: shuffled}), rows) - reference)
        importance[name] = {"mean": float(np.mean(rises)), "sd": float(np.std(rises))}
    return dict(sorted(importance.items(), key=lambda item: -item[1]["mean"]))


def prediction_error(
    heads: Sequence[Head],
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None = None,
    units: Mapping[str, ArrayLike] | None = None,
) -> Error:
    """The `error` of `permutation_importance` for these targets, weights [n] and units.

    They are as in `score_heads`.

    One numeric target: rmse in its own unit. One class target: 1 - accuracy. Several: the mean over
    targets of 1 - accuracy and of rmse in units of the target's standard deviation, which is sqrt(1
    - r2).
    """

    def error(predictions: Mapping[str, ArrayLike], rows: NDArray[np.intp]) -> float:
        targets_rows = {name: np.asarray(target)[rows] for name, target in targets.items()}
        weight_rows = None if weight is None else np.asarray(weight)[rows]
        scores = score_heads(heads, predictions, targets_rows, weight_rows, units)
        if "rmse" in scores:
            return scores["rmse"]
        wrong = []
        deviations = []
        for name, value in scores.items():
            metric = name.rpartition(".")[2]
            if metric == "accuracy":
                wrong.append(1 - value)
            elif metric == "r2":
                deviations.append((1 - value) ** 0.5)
        return float(np.mean(wrong + deviations))

    return error

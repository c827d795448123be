"""Permutation importance of raw columns: how much worse predictions become if one is shuffled.

Breiman, "Random Forests", Machine Learning 45, 2001, section 10; on held-out rows, as in
scikit-learn. A column whose information another column also carries can score near 0 although the
model uses it. n rows, o numeric targets.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.data.dataset import Head
from train.evaluation.score import score_heads

Arrays: TypeAlias = Mapping[str, NDArray]
Error: TypeAlias = Callable[[Mapping[str, ArrayLike], NDArray[np.intp]], float]
Rises: TypeAlias = dict[str, dict[str, float]]

MAX_ANSWERS = 1 << 18  # rows that are predicted in one call


class Shuffled(Protocol):
    """Predictions for the same rows with one column shuffled, of several columns in turn."""

    def __call__(
        self, order_n: NDArray[np.intp], columns_k: NDArray[np.int32], count: int
    ) -> Arrays:
        """{head: predictions [count, n, ...]}: of the first `count` columns, in this order."""
        ...


# From inputs, and which column each place of an input belongs to, to what shuffles them.
Shuffler: TypeAlias = Callable[[Arrays, Arrays], Shuffled]


class ShuffleSeconds(NamedTuple):
    """How long all may take: as long as columns are yet to be shuffled once, and once they are."""

    once: float = math.inf
    repeats: float = math.inf


UNBOUNDED = ShuffleSeconds()


class Measured(NamedTuple):
    """{column: {"mean", "sd"}} of the rise in error, largest first, and lines on what is lacking.

    A column that was shuffled once has the sd 0.
    """

    rises: Rises
    notes: tuple[str, ...] = ()


def permutation_importance(
    shuffler: Shuffler,
    inputs: Arrays,
    columns: Mapping[str, tuple[str, Sequence[int]]],
    error: Error,
    seed: int,
    repeats: int = 3,
    max_rows: int = 2000,
    seconds: ShuffleSeconds = UNBOUNDED,
) -> Measured:
    """The rise in error over `repeats` shuffles of each column, as far as `seconds` suffice.

    `inputs` are those of the network ({"numbers": [n, f], "codes": [n, c]}); at most `max_rows` of
    their rows are used, drawn by `seed`. `columns` maps a raw column to the input it stands in and
    the places there; all of them (the parts of a date) are shuffled together. `error(predictions,
    rows)` is the error of the predictions for the rows with these indices, lower is better: see
    `prediction_error`. sd divides by the shuffles. Which shuffles a column sees depends on `seed`
    alone, not on the other columns: all are shuffled once, then all a second time.
    """
    began_at = time.monotonic()
    random = np.random.default_rng(seed)
    total = len(next(iter(inputs.values())))
    rows = np.sort(random.choice(total, min(total, max_rows), replace=False))
    permutations = [random.permutation(len(rows)) for _ in range(repeats)]
    intact = {key: np.asarray(array)[rows] for key, array in inputs.items()}
    shuffled = shuffler(intact, _owners(intact, columns))
    # A column that there is none of: nothing is shuffled.
    as_it_is = shuffled(permutations[0], np.full(_columns_per_call(columns, rows), -1, np.int32), 1)
    reference = error({name: array[0] for name, array in as_it_is.items()}, rows)
    errors: list[list[float]] = [[] for _ in columns]
    count = 1
    for repeat, order_n in enumerate(permutations):
        ends_at = began_at + (seconds.repeats if repeat else seconds.once)
        done = 0
        while done < len(columns) and (left := ends_at - time.monotonic()) > 0:
            began = time.monotonic()
            queue_k = np.full(_columns_per_call(columns, rows), -1, np.int32)
            count = min(count, len(columns) - done, len(queue_k))
            queue_k[:count] = np.arange(done, done + count)
            answers = shuffled(order_n, queue_k, count)
            for place in range(count):
                own = {name: array[place] for name, array in answers.items()}
                errors[done + place].append(error(own, rows))
            done += count
            # Twice as many as before, unless the time that is left is not enough for them.
            each = max(time.monotonic() - began, 1e-9) / count
            count = max(1, int(min(2 * count, (left - each * count) / each)))
    rises = {}
    for name, found in zip(columns, errors, strict=True):
        if found:
            above = np.array(found) - reference
            rises[name] = {"mean": float(above.mean()), "sd": float(above.std())}
    ranked = dict(sorted(rises.items(), key=lambda item: -item[1]["mean"]))
    return Measured(ranked, _unfinished_notes(errors, repeats, seconds))


def _columns_per_call(columns: Mapping[str, object], rows: NDArray[np.intp]) -> int:
    """How many columns one call shuffles at most."""
    return max(1, min(len(columns), MAX_ANSWERS // max(len(rows), 1)))


def _owners(intact: Arrays, columns: Mapping[str, tuple[str, Sequence[int]]]) -> Arrays:
    """The number of the column that each place of an input belongs to [f], -2 for none."""
    owners = {key: np.full(array.shape[1], -2, np.int32) for key, array in intact.items()}
    for number, (key, places) in enumerate(columns.values()):
        owners[key][list(places)] = number
    return owners


def _unfinished_notes(
    errors: Sequence[Sequence[float]], repeats: int, seconds: ShuffleSeconds
) -> tuple[str, ...]:
    """A line where columns were not shuffled, or less often than they should be."""
    counts = [len(found) for found in errors]
    unmeasured = counts.count(0)
    if min(counts, default=repeats) == repeats:
        return ()
    found = f"{len(counts) - unmeasured} of {len(counts)} columns were shuffled"
    given = seconds.once
    if not unmeasured:
        found = f"{sum(count < repeats for count in counts)} of {len(counts)} columns were "
        found += f"shuffled less than {repeats} times"
        given = seconds.repeats
    longer = "config.train.importance_seconds gives it longer"
    return (f"importance: {found} in the {given:.0f} s that it may take; {longer}",)


def prediction_error(
    heads: Sequence[Head],
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None = None,
    units: Mapping[str, ArrayLike] | None = None,
) -> Error:
    """The `error` of `permutation_importance` for these targets, weights [n] and units.

    The arguments are as in `score_heads`. One numeric target: rmse in its own unit. One class
    target: 1 - accuracy. Several: the mean over targets of 1 - accuracy and of rmse in units of the
    target's standard deviation, which is sqrt(1 - r2).
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

"""Gradient-boosted trees, which a net for tables must be worth more than: scikit-learn's.

A model of its defaults (100 trees, or so many for each class) for each target, on the columns as
they are encoded: missing numbers stay missing, categories are categories. n rows, c category
columns, k classes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
from threadpoolctl import threadpool_limits

from train.data.dataset import Batch, Head
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines.linear import Deadline, Floats, LeftOutError
from train.evaluation.score import score_heads

Arrays = Mapping[str, np.ndarray]
Rows = tuple[Floats, np.ndarray, np.ndarray | None]  # features, a target, weights

MAX_ROWS = 100_000  # of which trees are fitted without being asked for
TREES = 100
TIMED_TREES = 10  # trees after which the seconds for all of them are known
TIMED_COLUMNS = 64  # that tell how long a tree of all columns takes, where there are many more
SHARED_CELLS = 1 << 20  # numbers of all rows from which on threads share them
# Of one column and one thread, at the least: a third of what 420 rows of 1,000 columns took.
LEAF_SECONDS = 0.7e-6
BIN_SECONDS = 300e-6  # for a model, which bins its rows each time that it goes on
LEAVES = 31  # of a tree at the most, each of so many rows at the least
LEAF_ROWS = 20
MAX_CATEGORIES = 254  # of a column at the most; scikit-learn takes 255 codes


class Model(Protocol):
    """What is asked of scikit-learn's two models; one of numbers has no classes."""

    classes_: np.ndarray

    def set_params(self, *, max_iter: int) -> object: ...
    def fit(self, x: Floats, y: np.ndarray, sample_weight: np.ndarray | None) -> object: ...
    def predict(self, x: Floats) -> Floats: ...
    def predict_proba(self, x: Floats) -> Floats: ...


@dataclass(frozen=True)
class Trees:
    """Fitted trees, {head: a model for each of its columns}; where there are none a note says why.

    `frequent` are the codes of each category column that are told apart, in the order of their new
    ones; `n_rows` were fitted on.
    """

    encoder: TableEncoder
    models: Mapping[str, list[Model]] = field(default_factory=dict)
    frequent: tuple[np.ndarray, ...] = ()
    note: str = ""
    n_rows: int = 0

    def metrics(self, judged: Batch[np.ndarray]) -> dict[str, dict[str, float]]:
        """{"trees": metrics on the judged rows}; {} where there are none."""
        predictions = self.predictions(judged.inputs)
        if not predictions:
            return {}
        encoder = self.encoder
        scores = score_heads(
            encoder.heads, predictions, judged.target, judged.weight, encoder.units
        )
        return {"trees": scores}

    def predictions(self, inputs: Arrays) -> dict[str, Floats]:
        """{head: what the trees predict of encoded rows}; {} where there are none."""
        if not self.models:
            return {}
        features = _features(inputs, self.frequent)
        heads = self.encoder.heads
        return {head.name: _predict(self.models[head.name], features, head) for head in heads}


def fit_trees(encoder: TableEncoder, train: Batch[np.ndarray], seconds: float) -> Trees:
    """The trees of all heads, fitted on the training rows in so many seconds, or left out.

    0 seconds leave them out without a note.
    """
    if not seconds:
        return Trees(encoder)
    deadline = Deadline.after(seconds, "tree_seconds")
    frequent = _frequent(train.inputs, encoder.category_sizes)
    counted_n = train.weight > 0
    features = _features(train.inputs, frequent)[counted_n]
    weight_n = train.weight[counted_n]
    # With weights scikit-learn's bins are weighted percentiles, one by one: a minute for 1,000
    # columns.
    weight_of = None if (weight_n == weight_n[:1]).all() else weight_n
    categories = list(range(len(frequent)))
    models: dict[str, list[Model]] = {}
    n_left = sum(len(head.columns) for head in encoder.heads)
    try:
        deadline.check(_least_seconds(features, encoder.heads))
        for head in encoder.heads:
            models[head.name] = []
            target_no = np.asarray(train.target[head.name]).reshape(len(counted_n), -1)[counted_n]
            for target_n in target_no.T:
                model = _new_model(head, target_n, categories)
                if features.shape[1] > 2 * TIMED_COLUMNS:
                    few = _new_model(head, target_n, categories[:TIMED_COLUMNS])
                    own = (features[:, :TIMED_COLUMNS], target_n, weight_of)
                    with _threads(own[0]):
                        seconds = _fit(few, own, 1) * features.shape[1] / TIMED_COLUMNS
                    deadline.check(seconds * TIMED_TREES)
                _fit_in_time(model, (features, target_n, weight_of), deadline, n_left)
                models[head.name].append(model)
                n_left -= 1
    except LeftOutError as error:
        return Trees(encoder, note=f"gradient-boosted trees are left out: {error}")
    return Trees(encoder, models, frequent, n_rows=len(train.weight))


def _least_seconds(features: Floats, heads: Sequence[Head]) -> float:
    """Below what no fit of all heads stays, where one thread does it; 0 where threads share it.

    So nothing is imported for trees of a very wide table, which a short training does not wait for.
    """
    if features.size >= SHARED_CELLS:
        return 0.0
    n_rows, n_columns = features.shape
    n_leaves = TREES * min(LEAVES, n_rows // LEAF_ROWS)
    seconds = 0.0
    for head in heads:
        n_classes = head.size if head.kind == "multiclass" else 1
        seconds += len(head.columns) * (n_leaves * n_classes * LEAF_SECONDS + BIN_SECONDS)
    return seconds * n_columns


def _frequent(inputs: Arrays, sizes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """The most frequent codes of each category column, in increasing order."""
    found = []
    for column, size in enumerate(sizes):
        counts_k = np.bincount(inputs["codes"][:, column], minlength=size + 1)
        codes = np.argsort(-counts_k, kind="stable")[:MAX_CATEGORIES]
        found.append(np.sort(codes[counts_k[codes] > 0]))
    return tuple(found)


def _features(inputs: Arrays, frequent: tuple[np.ndarray, ...]) -> Floats:
    """Categories, by their place among the frequent ones or missing, and numbers [n, c + f]."""
    columns = []
    for column, codes in enumerate(frequent):
        code_n = inputs["codes"][:, column]
        place_n = np.minimum(np.searchsorted(codes, code_n), len(codes) - 1)
        columns.append(np.where(codes[place_n] == code_n, place_n, np.nan))
    n_rows = len(next(iter(inputs.values())))
    categories = np.stack(columns, 1) if columns else np.zeros((n_rows, 0))
    numbers = inputs.get("numbers", np.zeros((len(categories), 0)))
    return np.concatenate([categories, numbers], 1)


def _new_model(head: Head, target_n: np.ndarray, categories: list[int]) -> Model:
    """A model of one target, not yet fitted. Raises LeftOutError where there is nothing to tell."""
    # Late: it takes as long to import as a small net to train.
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if head.kind != "regression" and len(np.unique(target_n)) < 2:
        raise LeftOutError("all training rows that count are of one class")
    is_number = head.kind == "regression"
    model = HistGradientBoostingRegressor() if is_number else HistGradientBoostingClassifier()
    model.set_params(
        warm_start=True, early_stopping=False, categorical_features=categories, random_state=0
    )
    return cast(Model, model)


def _fit_in_time(
    model: Model,
    rows: Rows,
    deadline: Deadline,
    n_left: int,
) -> None:
    """Fits a model, the first of `n_left`. Raises LeftOutError once they are seen to take long."""
    with _threads(rows[0]):
        deadline.check(_fit(model, rows, 1) * TIMED_TREES)
        whole = _fit(model, rows, TIMED_TREES) * TREES / TIMED_TREES
        deadline.check(n_left * whole * (1 - TIMED_TREES / TREES))
        _fit(model, rows, TREES)


def _threads(features: Floats) -> threadpool_limits:
    """One thread for few cells: more would wait for each other longer than they save."""
    limit = 1 if features.size < SHARED_CELLS else None
    return threadpool_limits(limit, user_api="openmp")


def _fit(model: Model, rows: Rows, n_trees: int) -> float:
    """Goes on with a model until it has so many trees; the seconds that it took."""
    began = time.monotonic()
    model.set_params(max_iter=n_trees)
    model.fit(*rows)
    return time.monotonic() - began


def _predict(models: list[Model], features: Floats, head: Head) -> Floats:
    """Values [n, o], the probability of class 1 [n], or probabilities [n, k]."""
    if head.kind == "regression":
        return np.stack([model.predict(features) for model in models], 1)
    found = np.zeros((len(features), max(head.size, 2)))
    found[:, models[0].classes_.astype(int)] = models[0].predict_proba(features)
    return found[:, 1] if head.kind == "binary" else found

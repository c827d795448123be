"""Logistic and multinomial regression, which find a line that parts the classes where one does.

The penalty is scikit-learn's default, LogisticRegression(C=1). It may be too strong for the few
rows that a line parts, and then competes with the strongest one that parts them, by
cross-validation on the training rows. (As the penalty fades, the line becomes that of the largest
margin: Rosset, Zhu and Hastie 2004.) n rows, f features, k classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from train.data.dataset import Head
from train.evaluation.baselines.linear import (
    Deadline,
    Features,
    Fitting,
    Floats,
    LeftOutError,
    Linear,
    column_sums,
)
from train.evaluation.baselines.logistic_solvers import newton, newton_of_classes

# |coefficients|^2 / (2 INVERSE_STRENGTH) + sum of log losses: the C of scikit-learn.
INVERSE_STRENGTH = 1.0
WEAKER_PENALTIES = (1e2, 1e4, 1e6)  # tried in turn for a line that parts the classes
LOGISTIC_ROWS = 20_000
LOGISTIC_CELLS = 1 << 25  # of the rows that are drawn, which are fewer where rows are long
MAX_WEIGHTS = 1 << 22  # coefficients, of which a search keeps some twenty copies
FOLDS = 5
FOLD_ROWS = 1_000  # that folds are made of at most; if no line parts these, none parts all


@dataclass(frozen=True)
class Problem:
    """Rows to be fitted: features in units of each column's spread and a column of ones [n, f].

    In those units the rare categories of a one-hot block do not lag behind in the search.
    `square_f` are the units' squares, 0 for the ones: a penalty acts on coefficients of raw
    features.
    """

    x_nf: Features
    target_n: NDArray
    weight_n: Floats
    square_f: Floats
    kind: str
    size: int
    deadline: Deadline

    def take(self, rows: NDArray) -> Problem:
        """Some of the rows."""
        return replace(
            self, x_nf=self.x_nf[rows], target_n=self.target_n[rows], weight_n=self.weight_n[rows]
        )

    def fit(self, inverse_strength: float, start_fo: Floats | None = None) -> Floats:
        """Coefficients [f, 1 or k] under a penalty, searched for from `start_fo`."""
        if start_fo is None:
            start_fo = np.zeros((self.x_nf.shape[1], self.size))
        penalty_f = self.square_f / (inverse_strength * self.x_nf.shape[0])
        weight_n = self.weight_n / self.weight_n.sum()
        search = newton if self.kind == "binary" else newton_of_classes
        rows = self.x_nf, self.target_n, weight_n
        return search(*rows, penalty_f, start_fo, self.deadline)

    def is_separated_by(self, weights_fo: Floats) -> bool:
        """Whether these coefficients give every row its own class."""
        score_no = self.x_nf @ weights_fo
        chosen_n = score_no[:, 0] > 0 if self.kind == "binary" else score_no.argmax(1)
        return bool((chosen_n == self.target_n).all())

    def log_loss(self, weights_fo: Floats) -> float:
        """The weighted sum of the rows' log losses."""
        score_no = self.x_nf @ weights_fo
        if self.kind == "binary":
            score_no = np.column_stack([np.zeros(len(score_no)), score_no])
        log_nk = scipy.special.log_softmax(score_no, axis=1)
        return float(-self.weight_n @ log_nk[np.arange(len(log_nk)), self.target_n])


def fit_logistic(
    features: Features,
    target_n: NDArray,
    weight_n: Floats,
    head: Head,
    fitting: Fitting,
) -> Linear:
    """Logistic (one score) or multinomial (k scores) regression, fitted as scikit-learn's.

    Of more than LOGISTIC_ROWS rows as many are drawn. Of what is judged on the rows of the fit,
    a line that separates them is taken without a contest. Where the time is over before a weaker
    penalty is found, the first one stays, with a note. Raises LeftOutError where not even that is
    fitted, and at once where there are more than MAX_WEIGHTS coefficients.
    """
    n, n_features = features.shape
    if n_features * head.size > MAX_WEIGHTS:
        shown = f"{n_features:,} features x {head.size:,} classes"
        raise LeftOutError(f"{shown} of {head.name!r} are more than {MAX_WEIGHTS:,} coefficients")
    random = np.random.default_rng(fitting.seed)
    most = n_rows_fitted(features)
    if n > most:
        chosen = np.sort(random.choice(n, most, replace=False))
        features = features[chosen]
        target_n = target_n[chosen]
        weight_n = weight_n[chosen]
    x_nf, scale_f = _scaled_with_ones(features)
    square_f = np.append(np.square(scale_f), 0)
    problem = Problem(x_nf, target_n, weight_n, square_f, head.kind, head.size, fitting.deadline)
    weights_fo = problem.fit(INVERSE_STRENGTH)
    note = ""
    if not problem.is_separated_by(weights_fo):
        try:
            weights_fo = _separating(problem, weights_fo, random, in_sample=fitting.in_sample)
        except LeftOutError as error:
            note = f"no weaker penalty was sought for the linear model of {head.name!r}: {error}"
    return Linear(weights_fo[:-1] * scale_f[:, None], weights_fo[-1], note)


def _scaled_with_ones(features: Features) -> tuple[Features, Floats]:
    """Features times 1 / spread and a column of ones [n, f + 1], and what they were multiplied by.

    A column without spread is left as it is.
    """
    n = features.shape[0]
    ones_n1 = np.ones((n, 1))
    if not sparse.issparse(features):
        spread_f = features.std(axis=0, dtype=np.float64)
        scale_f = 1 / np.where(spread_f > 0, spread_f, 1)
        return np.column_stack([features * scale_f, ones_n1]), scale_f
    sum_f, square_f = column_sums(features, ones_n1[:, 0])
    mean_f = sum_f / n
    spread_f = np.sqrt(np.maximum(square_f / n - mean_f**2, 0))
    scale_f = 1 / np.where(spread_f > 0, spread_f, 1)
    scaled = features @ sparse.diags_array(scale_f)
    whole = sparse.hstack([scaled, sparse.csr_array(ones_n1)])
    return cast(Features, sparse.csr_array(whole)), scale_f


def n_rows_fitted(features: Features) -> int:
    """How many of these rows logistic regression is fitted on."""
    n = features.shape[0]
    n_cells = features.size  # of a sparse matrix those that are not 0
    return min(n, LOGISTIC_ROWS, max(1, LOGISTIC_CELLS * n // max(n_cells, 1)))


def _separating(
    problem: Problem, weights_fo: Floats, random: np.random.Generator, *, in_sample: bool
) -> Floats:
    """Coefficients that part the classes, if any do and held-out rows ask for them; or the old."""
    few = problem
    n = problem.x_nf.shape[0]
    if n > FOLD_ROWS:
        few = problem.take(random.choice(n, FOLD_ROWS, replace=False))
        if _strongest_separating(few, weights_fo) is None:
            return weights_fo
    found = _strongest_separating(problem, weights_fo)
    if found is None:
        return weights_fo
    inverse_strength, parting_fo = found
    if in_sample or _is_better_on_folds(few, inverse_strength, random):
        return parting_fo
    return weights_fo


def _strongest_separating(problem: Problem, start_fo: Floats) -> tuple[float, Floats] | None:
    """The first of the weaker penalties whose coefficients part the classes, and these."""
    for inverse_strength in WEAKER_PENALTIES:
        start_fo = problem.fit(inverse_strength, start_fo)
        if problem.is_separated_by(start_fo):
            return inverse_strength, start_fo
    return None


def _is_better_on_folds(
    problem: Problem, inverse_strength: float, random: np.random.Generator
) -> bool:
    """Whether held-out rows are likelier under the weaker penalty.

    A class with a single row cannot be held out; where all but one class are such, nothing speaks
    against the line.
    """
    count_k = np.bincount(problem.target_n)
    if (count_k > 1).sum() < 2:
        return True
    n = len(problem.target_n)
    order = np.lexsort((random.random(n), problem.target_n))
    fold_n = np.empty(n, int)
    fold_n[order] = np.arange(n) % FOLDS  # rows of one class lie in folds that follow each other
    fold_n[count_k[problem.target_n] == 1] = -1
    loss = 0.0
    weaker_loss = 0.0
    for fold in range(FOLDS):
        held = problem.take(np.flatnonzero(fold_n == fold))
        others = problem.take(np.flatnonzero(fold_n != fold))
        weights_fo = others.fit(INVERSE_STRENGTH)
        loss += held.log_loss(weights_fo)
        weaker_loss += held.log_loss(others.fit(inverse_strength, weights_fo))
    return weaker_loss < loss

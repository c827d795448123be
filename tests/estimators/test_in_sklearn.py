"""scikit-learn's own checks of estimators, and what a notebook does with them."""

from __future__ import annotations

from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from train import config as configs
from train.estimators import DenseClassifier, DenseRegressor

pytestmark = pytest.mark.slow

SMALL = configs.Config(
    net=configs.Dense(hidden=(32,)),
    optim=configs.Optim(name="adam", learning_rate=1e-2),
    train=configs.Train(epochs=60, batch_size=32, linear_seconds=0),
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "batches are drawn of rows: a row of weight 3 "
    "is one row of a batch, three rows are in several, and rows that validate are drawn of them"
}
# What is in the names of checks that are of targets, weights and answers.
OF_REGRESSORS = ("regressor", "_y", "sample_weight", "pickle", "idempotent", "subset_invariance")


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_checks_of_scikit_learn() -> None:
    results = check_estimator(
        DenseClassifier(SMALL), expected_failed_checks=EXPECTED, on_fail=None, on_skip=None
    )
    failed = {}
    for result in results:
        if result["status"] == "failed":
            failed[result["check_name"]] = repr(result["exception"])
    assert failed == {}
    expected = [result for result in results if result["status"] == "xfail"]
    assert len(results) > 40 and len(expected) <= 2


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_checks_of_regressors() -> None:
    """Parameters and rows are the classifier's, whose checks are all of scikit-learn's."""
    checked = []
    for model, check in estimator_checks_generator(DenseRegressor(SMALL)):
        name = check.func.__name__
        if name in EXPECTED or not any(word in name for word in OF_REGRESSORS):
            continue
        checked.append(name)
        try:
            check(model)
        except SkipTest:
            checked.pop()
    assert len(checked) >= 16 and "check_regressors_train" in checked


def mixed_frame() -> tuple[pd.DataFrame, pd.Series]:
    """The diabetes rows with a category and gaps among them."""
    whole = load_diabetes(as_frame=True, scaled=False)
    rows = whole.data
    rows["sex"] = rows["sex"].map({1.0: "one", 2.0: "two"})
    rows.loc[::11, "bmi"] = np.nan
    return rows, whole.target


def test_a_regressor_in_a_notebook():
    rows, target = mixed_frame()
    model = DenseRegressor(SMALL, train__patience=20)
    scores = cross_val_score(model, rows, target, cv=5)
    assert scores.mean() > 0.3  # a linear model has .48
    columns = ColumnTransformer(
        [("words", OneHotEncoder(), ["sex"]), ("numbers", StandardScaler(), ["bmi", "bp", "s5"])]
    )
    pipeline = make_pipeline(columns, model).fit(rows, target)
    assert pipeline.score(rows, target) > 0.3
    found = permutation_importance(model.fit(rows, target), rows, target, n_repeats=2)
    assert rows.columns[found.importances_mean.argmax()] in ("bmi", "s5")
    search = GridSearchCV(model, {"net__hidden": [(4,), (32,)]}, cv=2).fit(rows, target)
    assert search.best_params_["net__hidden"] in ((4,), (32,))
    assert search.best_estimator_.model_.config.net.hidden == search.best_params_["net__hidden"]
    named = pipeline.set_params(denseregressor__optim__learning_rate=0.5).get_params()
    assert named["denseregressor__optim__learning_rate"] == 0.5


def test_a_classifier_in_a_notebook():
    whole = load_wine(as_frame=True)
    kinds = pd.Series(whole.target_names)[whole.target].to_numpy()
    model = DenseClassifier(SMALL, data__split="stratified")
    assert cross_val_score(model, whole.data, kinds, cv=5).mean() > 0.9
    is_first = kinds == "class_0"
    model.fit(whole.data, is_first)
    display = CalibrationDisplay.from_estimator(model, whole.data, is_first, n_bins=3)
    assert display.prob_true[-1] > 0.9

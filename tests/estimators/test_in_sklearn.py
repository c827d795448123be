"""scikit-learn's own checks of estimators, and what a notebook does with them."""

from __future__ import annotations

from unittest import SkipTest

import pandas as pd
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from train import config as configs
from train.estimators import DenseClassifier, DenseRegressor

pytestmark = pytest.mark.slow

SMALL = configs.Config(
    net=configs.Dense(hidden=()),
    optim=configs.Optim(name="adam", learning_rate=1e-2),
    train=configs.Train(epochs=60, batch_size=32, linear_seconds=0),
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "batches are drawn of rows: a row of weight 3 "
    "is one row of a batch, three rows are in several, and rows that validate are drawn of them"
}
# What is in the names of checks of what a regressor does in lines of its own: targets, answers, and
# that weights reach the rows. How weights are read, pickling and the rest are the classifier's too.
OF_REGRESSORS = ("regressor", "_y", "sample_weights_shape")


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
    assert len(checked) >= 9 and "check_regressors_train" in checked


def test_a_classifier_in_a_notebook():
    whole = load_wine(as_frame=True)
    kinds = pd.Series(whole.target_names)[whole.target].to_numpy()
    model = DenseClassifier(SMALL, data__split="stratified")
    assert cross_val_score(model, whole.data, kinds, cv=2).mean() > 0.9
    is_first = kinds == "class_0"
    model.fit(whole.data, is_first)
    display = CalibrationDisplay.from_estimator(model, whole.data, is_first, n_bins=3)
    assert display.prob_true[-1] > 0.9

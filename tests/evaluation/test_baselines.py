"""Linear baselines of tables against scikit-learn's Ridge and LogisticRegression, and by hand."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from train.data.dataset import Head
from train.evaluation.baselines import linear, logistic
from train.evaluation.baselines import table as baselines
from train.evaluation.score import score_heads

VALUE = Head("value", "regression", ("low", "high"), (), 2)
SOLD = Head("sold", "binary", ("sold",), ("no", "yes"), 1)
KIND = Head("kind", "multiclass", ("kind",), ("a", "b", "c"), 3)
HEADS = (VALUE, SOLD, KIND)


def table(rows: int, seed: int = 0):
    """Features [n, 7], targets of three heads, and weights of the rows.

    Four numbers and a one-hot category, so the columns and the intercept are collinear.
    """
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 4))
    features = np.concatenate([numbers, np.eye(3)[random.integers(0, 3, rows)]], axis=1).astype(
        np.float32
    )
    slope = random.normal(size=(7, 6))
    signal = features @ slope + random.normal(size=(rows, 6))
    targets = {
        "value": signal[:, :2].astype(np.float32) + np.float32(5),
        "sold": (signal[:, 2] > 0.3).astype(np.int32),
        "kind": signal[:, 3:].argmax(1).astype(np.int32),
    }
    return features, targets, random.choice([0.5, 1.0, 4.0], rows)


def test_ridge_is_that_of_sklearn():
    features, targets, weight = table(300)
    found = baselines.fit_baselines(features, targets, weight, [VALUE]).linear["value"]
    expected = Ridge(alpha=1.0).fit(
        features.astype(float), targets["value"].astype(float), weight / weight.mean()
    )
    np.testing.assert_allclose(found.coefficients, expected.coef_.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.intercept, expected.intercept_, rtol=1e-8)


@pytest.mark.parametrize("head", [SOLD, KIND], ids=lambda head: head.kind)
def test_logistic_answers_as_sklearn(head):
    features, targets, weight = table(400)
    expected = LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000)
    expected.fit(features.astype(float), targets[head.name], weight / weight.mean())
    fitted = baselines.fit_baselines(features, targets, weight, [head])
    answer = linear.predict_linear(fitted.linear[head.name], features, head)
    probability = expected.predict_proba(features.astype(float))
    np.testing.assert_allclose(
        answer, probability[:, 1] if head is SOLD else probability, atol=1e-4
    )
    # Rows without weights give another fit, so the agreement above is that of the weighted one.
    plain = baselines.fit_baselines(features, targets, None, [head])
    assert abs(linear.predict_linear(plain.linear[head.name], features, head) - answer).max() > 1e-3


def test_only_the_ratios_of_weights_matter():
    features, targets, weight = table(200)
    one = baselines.fit_baselines(features, targets, weight, HEADS)
    other = baselines.fit_baselines(features, targets, weight * 1e-6, HEADS)
    for name in targets:
        np.testing.assert_allclose(
            one.linear[name].coefficients, other.linear[name].coefficients, atol=1e-5
        )


def test_constants_are_the_training_mean_and_the_training_frequencies():
    targets = {
        "value": np.array([[1.0, 10.0], [5.0, 30.0]]),
        "sold": np.array([0, 1]),
        "kind": np.array([0, 2]),
    }
    fitted = baselines.fit_baselines(np.zeros((2, 1), np.float32), targets, [3.0, 1.0], HEADS)
    assert fitted.constant["value"].tolist() == [2, 15]
    assert fitted.constant["sold"].tolist() == [0.75, 0.25]
    assert fitted.constant["kind"].tolist() == [0.75, 0, 0.25]


def test_metrics_of_the_constant_by_hand():
    train = {"value": np.array([[1.0, 0.0], [3.0, 0.0]]), "sold": np.array([0, 0, 0, 1])}
    head = Head("value", "regression", ("price",), (), 1)
    fitted = baselines.fit_baselines(
        np.zeros((2, 1), np.float32), {"value": train["value"][:, :1]}, None, [head]
    )
    test = {"value": np.array([[2.0], [4.0]])}
    found = baselines.baseline_metrics(
        fitted, np.zeros((2, 1)), test, None, [head], {"value": [10.0]}
    )
    assert found["mean"]["rmse"] == pytest.approx(200**0.5)
    assert found["mean"]["mae"] == pytest.approx(10)
    assert found["mean"]["r2"] == pytest.approx(-1)
    fitted = baselines.fit_baselines(np.zeros((4, 1), np.float32), train, None, [SOLD])
    found = baselines.baseline_metrics(
        fitted, np.zeros((2, 1)), {"sold": np.array([0, 1])}, None, [SOLD]
    )
    log_loss = -(math.log(0.75) + math.log(0.25)) / 2
    assert found["majority"]["accuracy"] == 0.5
    assert found["majority"]["auc"] == 0.5
    assert found["majority"]["log_loss"] == pytest.approx(log_loss)


def test_several_heads_are_named_by_column_and_linear_beats_the_constant():
    features, targets, weight = table(600)
    fitted = baselines.fit_baselines(
        features[:400], {k: v[:400] for k, v in targets.items()}, weight[:400], HEADS
    )
    held_out = {name: target[400:] for name, target in targets.items()}
    units = {"value": np.array([2.0, 3.0])}
    found = baselines.baseline_metrics(fitted, features[400:], held_out, weight[400:], HEADS, units)
    assert list(found) == ["mean", "majority", "linear"]
    assert {name.split(".")[0] for name in found["mean"]} == {"low", "high"}
    assert {name.split(".")[0] for name in found["majority"]} == {"sold", "kind"}
    assert set(found["linear"]) == {*found["mean"], *found["majority"]}
    for column in ("low", "high"):
        assert found["linear"][f"{column}.rmse"] < 0.8 * found["mean"][f"{column}.rmse"]
    for column in ("sold", "kind"):
        assert (
            found["linear"][f"{column}.accuracy"] > 0.05 + found["majority"][f"{column}.accuracy"]
        )
    answer = linear.predict_linear(fitted.linear["value"], features[400:], VALUE)
    residual = 3.0 * (answer[:, 1] - held_out["value"][:, 1])
    assert found["linear"]["high.mse"] == pytest.approx(
        np.average(residual**2, weights=weight[400:])
    )


def test_blocks_of_rows_change_nothing(monkeypatch):
    features, targets, weight = table(150)
    whole = baselines.fit_baselines(features, targets, weight, HEADS)
    whole_metrics = baselines.baseline_metrics(whole, features, targets, weight, HEADS)
    monkeypatch.setattr(linear, "BLOCK_ROWS", 40)
    pieces = baselines.fit_baselines(features, targets, weight, HEADS)
    for name in targets:
        np.testing.assert_allclose(
            pieces.linear[name].coefficients, whole.linear[name].coefficients, atol=1e-4
        )
    pieces_metrics = baselines.baseline_metrics(whole, features, targets, weight, HEADS)
    assert pieces_metrics["linear"] == pytest.approx(whole_metrics["linear"], rel=1e-12)


def test_rows_of_weight_0_are_not_fitted():
    features, targets, weight = table(150)
    expected = baselines.fit_baselines(
        features[:100], {k: v[:100] for k, v in targets.items()}, weight[:100], HEADS
    )
    weight[100:] = 0
    features[100:] = 1e3
    targets["value"][100:] = np.nan
    found = baselines.fit_baselines(features, targets, weight, HEADS)
    for name in targets:
        np.testing.assert_array_equal(
            found.linear[name].coefficients, expected.linear[name].coefficients
        )
        np.testing.assert_array_equal(found.constant[name], expected.constant[name])


@pytest.mark.slow
def test_logistic_regression_of_many_rows_is_fitted_on_a_seeded_draw(monkeypatch):
    features, targets, weight = table(500)
    monkeypatch.setattr(logistic, "LOGISTIC_ROWS", 60)

    def fit(seed):
        return baselines.fit_baselines(features, targets, weight, [KIND], seed).linear["kind"]

    np.testing.assert_array_equal(fit(3).coefficients, fit(3).coefficients)
    assert abs(fit(3).coefficients - fit(4).coefficients).max() > 1e-2
    rows = np.sort(np.random.default_rng(3).choice(500, 60, replace=False))
    drawn = baselines.fit_baselines(
        features[rows], {"kind": targets["kind"][rows]}, weight[rows], [KIND]
    )
    np.testing.assert_array_equal(fit(3).coefficients, drawn.linear["kind"].coefficients)


def test_a_class_without_training_rows_and_no_features_are_no_trouble():
    features, targets, _ = table(50)
    lacking = {"kind": np.minimum(targets["kind"], 1)}
    fitted = baselines.fit_baselines(features, lacking, None, [KIND])
    assert linear.predict_linear(fitted.linear["kind"], features, KIND)[:, 2].max() < 1e-2
    fitted = baselines.fit_baselines(features[:, :0], targets, None, HEADS)
    found = baselines.baseline_metrics(fitted, features[:, :0], targets, None, HEADS)
    assert found["linear"]["low.r2"] == pytest.approx(0, abs=1e-12)
    assert found["linear"]["kind.log_loss"] == pytest.approx(
        found["majority"]["kind.log_loss"], rel=1e-6
    )


def test_features_never_stand_in_memory_twice():
    features = np.ones((200_000, 20), np.float32)
    targets = {"value": np.zeros((200_000, 2), np.float32)}
    tracemalloc.start()
    fitted = baselines.fit_baselines(features, targets, None, [VALUE])
    answers = {"value": linear.predict_linear(fitted.linear["value"], features, VALUE)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes
    assert score_heads([VALUE], answers, targets)["low.mse"] == 0

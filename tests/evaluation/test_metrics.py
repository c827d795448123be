"""Metrics of supervised tables against scikit-learn in float64 and against hand arithmetic."""

from __future__ import annotations

import math
import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from train.data.dataset import Head
from train.evaluation.metrics import numbers
from train.evaluation.metrics import supervised as metrics
from train.evaluation.score import score_heads

WEIGHTS = st.sampled_from([0.25, 1.0, 1.0, 2.5, 7.0])
# Multiples of 1/16, so that ties, 0, 1 and exactly 1/2 are common.
PROBABILITIES = st.integers(0, 16).map(lambda sixteenths: sixteenths / 16)


def rows(
    *columns: st.SearchStrategy, min_size: int = 2
) -> st.SearchStrategy[tuple[np.ndarray, ...]]:
    table = st.lists(st.tuples(*columns), min_size=min_size, max_size=30)
    return table.map(lambda lines: tuple(np.array(column) for column in zip(*lines, strict=True)))


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def assert_holds(found, expected, **tolerance):
    """Each metric expected has its value; `found` may have more."""
    assert {name: found[name] for name in expected} == pytest.approx(expected, **tolerance)


def expected_regression(prediction, target, weight):
    return {
        "rmse": reference.root_mean_squared_error(target, prediction, sample_weight=weight),
        "mse": reference.mean_squared_error(target, prediction, sample_weight=weight),
        "mae": reference.mean_absolute_error(target, prediction, sample_weight=weight),
        "r2": reference.r2_score(target, prediction, sample_weight=weight),
    }


def expected_binary(probability, target, weight):
    answer = (probability > 0.5).astype(int)
    one_class = len(set(target)) == 1
    return {
        "accuracy": reference.accuracy_score(target, answer, sample_weight=weight),
        "auc": math.nan
        if one_class
        else reference.roc_auc_score(target, probability, sample_weight=weight),
        "f1": quietly(reference.f1_score, target, answer, sample_weight=weight),
        "log_loss": reference.log_loss(target, probability, sample_weight=weight, labels=[0, 1]),
    }


def expected_multiclass(probability, target, weight):
    answer = probability.argmax(1)
    return {
        "accuracy": reference.accuracy_score(target, answer, sample_weight=weight),
        "macro_f1": quietly(
            reference.f1_score, target, answer, sample_weight=weight, average="macro"
        ),
        "log_loss": quietly(
            reference.log_loss,
            target,
            probability,
            sample_weight=weight,
            labels=range(probability.shape[1]),
        ),
    }


@settings(max_examples=100, deadline=None)
@given(
    rows(st.integers(-64, 64), st.integers(-64, 64), WEIGHTS),
    st.sampled_from([0.0, 1e6, -1e6]),
    st.booleans(),
)
def test_regression_agrees_with_sklearn_on_raw_values(data, shift, weighted):
    steps_prediction, steps_target, weight = data
    assume(len(set(steps_target)) > 1)
    unit = 0.5
    raw_prediction = shift + steps_prediction / 64
    raw_target = shift + steps_target / 64
    weight = weight if weighted else None
    found = numbers.regression_metrics(
        (raw_prediction - shift) / unit, (raw_target - shift) / unit, weight, unit
    )
    expected = expected_regression(raw_prediction, raw_target, weight)
    assert_holds(found, expected, rel=1e-10, abs=1e-12)


def test_regression_by_hand():
    # Residuals 1, -1, 2 with weights 1, 1, 2: mse (1 + 1 + 8)/4; mean target 10/4, variance (2.25 +
    # .25 + 2)/4.
    found = numbers.regression_metrics([2.0, 1.0, 5.5], [1.0, 2.0, 3.5], [1.0, 1.0, 2.0], unit=10.0)
    assert_holds(found, {"mse": 250.0, "rmse": 250.0**0.5, "mae": 15.0, "r2": 1 - 2.5 / (4.5 / 4)})


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_over_blocks_are_those_of_all_rows(weighted, monkeypatch):
    random = np.random.default_rng(0)
    target, prediction, lower = random.normal(size=(3, 100))
    weight = random.uniform(0.1, 2, 100) if weighted else None
    whole = numbers.regression_metrics(prediction, target, weight)
    interval = numbers.interval_metrics(lower, lower + 1, target, weight)
    monkeypatch.setattr(numbers, "BLOCK", 7)
    found = numbers.regression_metrics(prediction, target, weight)
    assert_holds(found, expected_regression(prediction, target, weight), rel=1e-12)
    assert found == pytest.approx(whole, rel=1e-14)
    assert numbers.interval_metrics(lower, lower + 1, target, weight) == pytest.approx(interval)


def test_metrics_of_many_numbers_keep_few_bytes_of_each():
    n = 6 * numbers.BLOCK
    target, prediction = np.zeros((2, n), np.float32)
    weight = np.ones(n)
    tracemalloc.start()
    numbers.regression_metrics(prediction, target, weight)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * n


def test_float32_answers_about_a_target_at_a_million_lose_nothing():
    random = np.random.default_rng(0)
    raw = 1e6 + random.uniform(-1, 1, 2000)
    guess = raw + random.normal(0, 0.3, 2000)

    def encode(values):
        return ((values - 1e6) / 0.5).astype(np.float32)

    found = numbers.regression_metrics(encode(guess), encode(raw), None, 0.5)
    assert_holds(found, expected_regression(guess, raw, None), rel=1e-6)


def test_float32_answers_are_reckoned_with_in_float64():
    random = np.random.default_rng(0)
    answer, target = random.normal(size=(2, 500)).astype(np.float32)
    wide = numbers.regression_metrics(answer.astype(np.float64), target.astype(np.float64))
    assert numbers.regression_metrics(answer, target) == wide


@pytest.mark.parametrize("prediction", [[3.25, 3.25, 3.25], [3.25, 3.25, 4.0]])
def test_r2_of_a_constant_target_is_that_of_sklearn(prediction):
    target = [3.25] * 3
    found = numbers.regression_metrics(prediction, target)["r2"]
    assert found == reference.r2_score(target, prediction) == float(prediction == target)


def test_r2_of_a_constant_target_is_0_whatever_the_weights_round_to():
    found = numbers.regression_metrics([0.2] * 3, [0.1] * 3, [0.1, 0.2, 0.3])
    assert found["r2"] == 0


def test_r2_of_one_row_is_nan():
    found = numbers.regression_metrics([1.0], [3.0])
    assert found["mse"] == 4 and math.isnan(found["r2"])


@settings(max_examples=150, deadline=None)
@given(rows(PROBABILITIES, st.integers(0, 1), WEIGHTS), st.booleans())
def test_binary_agrees_with_sklearn(data, weighted):
    probability, target, weight = data
    weight = weight if weighted else None
    found = metrics.binary_metrics(probability, target, weight)
    expected = expected_binary(probability, target, weight)
    assert_holds(found, expected, rel=1e-10, abs=1e-12, nan_ok=True)


def test_binary_by_hand():
    # Pairs (positive, negative): .6 > .3, .6 = .6, .4 > .3, .4 < .6: (1 + 1/2 + 1 + 0)/4.
    found = metrics.binary_metrics(np.array([0.6, 0.4, 0.3, 0.6]), [1, 1, 0, 0])
    log_loss = -(math.log(0.6) + math.log(0.4) + math.log(0.7) + math.log(0.4)) / 4
    expected = {"accuracy": 0.5, "auc": 0.625, "f1": 2 * 1 / (2 + 2), "log_loss": log_loss}
    assert_holds(found, expected)


def test_a_probability_of_one_half_answers_class_0():
    assert metrics.binary_metrics(np.array([0.5, 0.5]), [0, 1])["accuracy"] == 0.5
    assert metrics.binary_metrics(np.array([0.5]), [0])["accuracy"] == 1


@pytest.mark.parametrize("only", [0, 1])
def test_auc_of_one_class_is_nan_and_f1_of_none_is_0(only):
    found = metrics.binary_metrics(np.array([0.1, 0.2]), [only, only])
    assert math.isnan(found["auc"]) and found["f1"] == 0 and found["accuracy"] == 1 - only


def test_auc_of_many_rows_agrees_with_sklearn():
    random = np.random.default_rng(1)
    target = random.integers(0, 2, 50_000)
    score = (random.normal(target, 2.0).astype(np.float32) / 20 + 0.5).clip(0, 1)
    weight = random.uniform(0.1, 3, len(target))
    found = metrics.binary_metrics(score, target, weight)
    assert found["auc"] == pytest.approx(
        reference.roc_auc_score(target, score, sample_weight=weight), rel=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_clips_at_the_epsilon_of_the_probabilities(dtype):
    probability = np.array([0.0, 1.0, 0.25], dtype)
    found = metrics.binary_metrics(probability, [1, 1, 0])["log_loss"]
    assert found == pytest.approx(reference.log_loss([1, 1, 0], probability), rel=1e-6)
    assert found == pytest.approx((-math.log(np.finfo(dtype).eps) - math.log(0.75)) / 3, rel=1e-6)


@settings(max_examples=150, deadline=None)
@given(
    rows(
        st.lists(st.integers(0, 4), min_size=4, max_size=4).filter(any),
        st.integers(0, 3),
        WEIGHTS,
        min_size=1,
    ),
    st.booleans(),
)
def test_multiclass_agrees_with_sklearn(data, weighted):
    counts, target, weight = data
    probability = counts / counts.sum(1, keepdims=True)
    weight = weight if weighted else None
    found = metrics.multiclass_metrics(probability, target, weight)
    expected = expected_multiclass(probability, target, weight)
    assert_holds(found, expected, rel=1e-10, abs=1e-12)


def test_macro_f1_leaves_out_classes_that_neither_occur_nor_are_answered():
    probability = np.eye(4)[[0, 0, 1]]
    # Class 0: 2*1/(2 + 1), class 1: 2*1/(1 + 2); classes 2 and 3 appear nowhere.
    assert metrics.multiclass_metrics(probability, [0, 1, 1])["macro_f1"] == pytest.approx(2 / 3)


CASES = {
    "regression": (
        numbers.regression_metrics,
        np.array([1.0, 2.5, 2.0, 4.0]),
        np.array([1.0, 2.0, 3.0, 5.0]),
    ),
    "binary": (metrics.binary_metrics, np.array([0.2, 0.7, 0.6, 0.9]), np.array([0, 1, 0, 1])),
    "multiclass": (
        metrics.multiclass_metrics,
        np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]]),
        np.array([0, 1, 2, 2]),
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_row_of_weight_two_is_the_row_twice(kind):
    function, answer, target = CASES[kind]
    times = np.array([1, 2, 1, 3])
    repeated = function(np.repeat(answer, times, axis=0), np.repeat(target, times))
    assert function(answer, target, times) == pytest.approx(repeated, rel=1e-12)
    assert function(answer, target) != pytest.approx(repeated, rel=1e-3)


@pytest.mark.parametrize("kind", CASES)
def test_padding_rows_change_nothing(kind):
    function, answer, target = CASES[kind]
    padding = np.full_like(answer[:2], np.nan)
    padded = function(
        np.concatenate([answer, padding]), np.concatenate([target, target[:2]]), [1, 1, 1, 1, 0, 0]
    )
    assert padded == function(answer, target)


@pytest.mark.parametrize("kind", CASES)
def test_no_rows_and_nan_answers_give_nan(kind):
    function, answer, target = CASES[kind]
    broken = answer.copy()
    broken[1] = np.nan
    whole = function(answer, target)
    for found in (
        function(answer[:0], target[:0]),
        function(answer, target, np.zeros(4)),
        function(broken, target),
    ):
        assert found.keys() == whole.keys() and all(math.isnan(value) for value in found.values())


def test_evaluate_names_one_column_plainly_and_several_by_column():
    value = Head("value", "regression", ("price",), (), 1)
    kind = Head("kind", "multiclass", ("kind",), ("a", "b", "c"), 3)
    _, probability, classes = CASES["multiclass"]
    answers = {"value": np.array([[1.0], [2.0], [2.0], [4.0]]), "kind": probability}
    targets = {"value": np.array([[1.0], [2.0], [3.0], [5.0]]), "kind": classes}
    units = {"value": np.array([10.0])}
    price = score_heads([value], answers, targets, None, units)
    assert_holds(price, {"rmse": 50**0.5, "mse": 50.0, "mae": 5.0, "r2": 1 - 0.5 / 2.1875})
    both = score_heads([value, kind], answers, targets, None, units)
    assert both["price.rmse"] == price["rmse"]
    alone = metrics.multiclass_metrics(probability, classes)
    assert both["kind.macro_f1"] == alone["macro_f1"]
    assert set(both) == {f"price.{name}" for name in price} | {f"kind.{name}" for name in alone}


def test_evaluate_gives_each_numeric_target_its_own_unit():
    head = Head("value", "regression", ("low", "high"), (), 2)
    target = np.array([[0.0, 0.0], [2.0, 2.0]])
    answers = {"value": target + np.array([1.0, 2.0])}
    found = score_heads([head], answers, {"value": target}, None, {"value": [3.0, 100.0]})
    assert found["low.mae"] == 3 and found["high.mae"] == 200
    assert found["low.r2"] == 0 and found["high.r2"] == -3


def test_evaluate_takes_a_binary_head_and_weights():
    head = Head("sold", "binary", ("sold",), ("no", "yes"), 1)
    _, probability, target = CASES["binary"]
    found = score_heads([head], {"sold": probability}, {"sold": target}, [1, 1, 2, 1])
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found == metrics.binary_metrics(probability, target, [1, 1, 2, 1])


def test_coverage_counts_both_ends_and_width_is_in_units():
    lower = [0.0, 1.0, 2.0, 5.0]
    upper = [1.0, 3.0, 2.0, 9.0]
    target = [0.0, 3.0, 2.5, 4.0]
    found = numbers.interval_metrics(lower, upper, target, unit=2.0)
    assert found["coverage"] == 0.5
    assert found["width"] == 2 * 7 / 4
    weighted = numbers.interval_metrics(lower, upper, target, [1.0, 1.0, 2.0, 0.0])
    assert weighted["coverage"] == 0.5
    assert weighted["width"] == (1 + 2 + 0) / 4
    assert np.isnan(list(numbers.interval_metrics([], [], []).values())).all()


def test_evaluate_judges_the_interval_that_a_net_gives_by_itself():
    head = Head("value", "regression", ("a", "b"), (), 2)
    random = np.random.default_rng(3)
    target, mean = random.normal(size=(2, 40, 2))
    deviation = random.uniform(0.1, 1, size=(40, 2))
    units = {"value": [10.0, 0.5]}
    plain = score_heads([head], {"value": mean}, {"value": target}, None, units)
    scores = score_heads(
        [head], {"value": mean, "value.deviation": deviation}, {"value": target}, None, units
    )
    assert {name: scores[name] for name in plain} == plain
    for i, name in enumerate("ab"):
        half = 1.6448536269514722 * deviation[:, i]
        assert scores[f"{name}.coverage"] == np.mean(np.abs(target - mean)[:, i] <= half)
        assert scores[f"{name}.width"] == pytest.approx(2 * half.mean() * units["value"][i])
    quantiles = np.sort(random.normal(size=(40, 2, 5)), axis=-1)
    scores = score_heads(
        [head], {"value": mean, "value.quantiles": quantiles}, {"value": target}, None, units
    )
    assert scores["b.width"] == pytest.approx(
        (quantiles[:, 1, 4] - quantiles[:, 1, 0]).mean() * 0.5
    )
    within = (quantiles[:, 0, 0] <= target[:, 0]) & (target[:, 0] <= quantiles[:, 0, 4])
    assert scores["a.coverage"] == within.mean()


def test_a_class_that_no_training_row_has_counts_as_wrong_where_answers_are_counted():
    """As scikit-learn has it; log loss and auc are those of the rows of known classes."""
    random = np.random.default_rng(4)
    target = random.integers(0, 5, 60)  # of which the net knows the first three
    probability = random.dirichlet(np.ones(3), 60)
    found = metrics.multiclass_metrics(probability, target)
    answer = probability.argmax(1)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(target, answer))
    macro_f1 = reference.f1_score(target, answer, average="macro")
    assert found["macro_f1"] == pytest.approx(macro_f1)
    known = target < 3
    log_loss = reference.log_loss(target[known], probability[known])
    assert found["log_loss"] == pytest.approx(log_loss)
    two = np.minimum(target, 2)
    score = probability[:, 1]
    found = metrics.binary_metrics(score, two)
    said = (score > 0.5).astype(int)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(two, said))
    assert found["f1"] == pytest.approx(reference.f1_score(two == 1, said))
    known = two < 2
    assert found["auc"] == pytest.approx(reference.roc_auc_score(two[known], score[known]))
    log_loss = reference.log_loss(two[known], score[known])
    assert found["log_loss"] == pytest.approx(log_loss)
    nobody = metrics.binary_metrics(score, np.full(60, 2))
    assert nobody["accuracy"] == 0 and np.isnan(nobody["log_loss"])
    nobody = metrics.multiclass_metrics(probability, np.full(60, 3))
    assert nobody["accuracy"] == 0 and np.isnan(nobody["log_loss"])

"""The curves that judge classes agree with scikit-learn, weights and ties included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as truth

from train.evaluation import curves


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_roc_is_that_of_scikit_learn_ties_included(rows):
    positive = np.array([p for p, _ in rows])
    score = np.array([s / 5 for _, s in rows])
    if positive.all() or not positive.any():
        return
    false_rate, true_rate, area = curves.roc_curve(positive, score)
    expected = truth.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose((false_rate, true_rate), expected[:2])
    assert area == pytest.approx(truth.roc_auc_score(positive, score))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_calibration_is_what_a_loop_over_the_bins_finds(rows):
    mean, share, count = curves.calibration(
        np.array([h for h, _ in rows]), np.array([p for _, p in rows])
    )
    bins = [[row for row in rows if min(int(row[1] * 10), 9) == i] for i in range(10)]
    bins = [b for b in bins if b]
    np.testing.assert_allclose(mean, [np.mean([p for _, p in b]) for b in bins], atol=1e-12)
    np.testing.assert_allclose(share, [np.mean([h for h, _ in b]) for b in bins], atol=1e-12)
    assert count.tolist() == [len(b) for b in bins]


def test_the_interval_of_a_share_is_wilsons():
    # Brown, Cai and DasGupta (2001): 0 of 10 is [0, 0.278]; Newcombe (1998): 81 of 263 is [0.2553,
    # 0.3662].
    low, high = curves.wilson_interval(np.array([0.0, 81 / 263]), np.array([10, 263]))
    np.testing.assert_allclose(low, [0, 0.2553], atol=1e-4)
    np.testing.assert_allclose(high, [0.2775, 0.3662], atol=1e-4)


def test_confusion_counts_true_by_predicted():
    target, answer = np.random.default_rng(0).integers(0, 4, (2, 200))
    np.testing.assert_array_equal(
        curves.confusion(target, answer, 4), truth.confusion_matrix(target, answer)
    )


def test_weights_count_rows_in_every_curve():
    random = np.random.default_rng(1)
    positive = random.random(200) < 0.4
    score = np.round(random.random(200), 2)
    weight = random.integers(0, 4, 200)
    repeated = np.repeat(np.arange(200), weight)
    plain = curves.roc_curve(positive[repeated], score[repeated])
    weighted = curves.roc_curve(positive, score, weight)
    assert weighted[2] == pytest.approx(plain[2])
    assert weighted[2] == pytest.approx(truth.roc_auc_score(positive, score, sample_weight=weight))
    plain = curves.calibration(positive[repeated], score[repeated])
    weighted = curves.calibration(positive, score, weight)
    np.testing.assert_allclose(weighted[:2], plain[:2], rtol=1e-12)
    assert (weighted[2] < plain[2]).all()  # three copies tell less than three rows
    target, answer = random.integers(0, 4, (2, 200))
    np.testing.assert_allclose(
        curves.confusion(target, answer, 4, weight),
        truth.confusion_matrix(target, answer, sample_weight=weight),
    )


def test_rare_classes_are_gathered_and_no_row_is_lost():
    counts = np.diag(np.arange(40)) + np.ones((40, 40), int)
    small, names = curves.gather_rare(counts, [f"c{i}" for i in range(40)])
    assert small.shape == (30, 30) and small.sum() == counts.sum()
    assert names[:2] == ["c11", "c12"] and names[-1] == "11 others"
    assert small[0, 0] == counts[11, 11] and small[29, 29] == counts[:11, :11].sum()
    assert small[0, 29] == counts[11, :11].sum() and small[29, 0] == counts[:11, 11].sum()


def test_thresholds_are_those_of_scikit_learn():
    random = np.random.default_rng(2)
    positive = random.random(300) < 0.3
    score = np.round(np.clip(0.3 * positive + 0.7 * random.random(300), 0, 1), 2)
    for weight in (None, random.integers(0, 4, 300).astype(float)):
        at = curves.thresholds(positive, score, weight)
        expected = truth.precision_recall_curve(positive, score, sample_weight=weight)
        precision, recall, threshold = (values[::-1] for values in expected)
        kept = np.isin(at.threshold, threshold)
        np.testing.assert_allclose(at.threshold[kept], threshold)
        np.testing.assert_allclose(at.precision[kept], precision[1:])
        np.testing.assert_allclose(at.recall[kept], recall[1:])
        area = truth.average_precision_score(positive, score, sample_weight=weight)
        assert curves.average_precision(at) == pytest.approx(area)
    best = truth.f1_score(positive, score >= at.threshold[40], sample_weight=weight)
    assert at.f1[40] == pytest.approx(best)

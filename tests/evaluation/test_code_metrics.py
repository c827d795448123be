"""Metrics and principal components of rows given back, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from train.evaluation.baselines.codes import component_predictions
from train.evaluation.metrics.codes import r2_by_column, reconstruction_metrics

NAME = "reconstruction"


def packed(seed: int = 0, n: int = 200):
    """Rows given back and rows that were there, and a target with gaps.

    A row is three numbers, then the places of two categories.
    """
    random = np.random.default_rng(seed)
    truth = np.column_stack(
        [random.normal(size=(n, 3)) * [1, 2, 3] + 5, random.integers(0, 3, (n, 2))]
    )
    said = truth + np.column_stack([random.normal(size=(n, 3)), random.integers(0, 2, (n, 2))])
    target = np.where(random.random(truth.shape) < 0.1, np.nan, truth)
    return {NAME: said, "row": truth}, target


def test_numbers_without_gaps_score_as_scikit_learn_has_it():
    answers, _ = packed()
    target = answers["row"]
    weight = np.random.default_rng(1).integers(0, 3, len(target)).astype(float)
    scores = reconstruction_metrics(answers, NAME, 3, target, weight)
    said = answers[NAME][:, :3]
    truth = target[:, :3]
    expected = r2_score(truth, said, sample_weight=weight, multioutput="variance_weighted")
    assert scores["r2"] == pytest.approx(expected, rel=1e-12)
    assert scores["rmse"] == pytest.approx(
        np.sqrt(np.average((said - truth) ** 2, axis=0, weights=weight).mean())
    )
    by_column = r2_score(truth, said, multioutput="raw_values")
    np.testing.assert_allclose(r2_by_column(answers, NAME, 3, target), by_column, rtol=1e-12)
    by_column = r2_score(truth, said, sample_weight=weight, multioutput="raw_values")
    ours = r2_by_column(answers, NAME, 3, target, weight)
    np.testing.assert_allclose(ours, by_column, rtol=1e-12)


def test_a_gap_counts_for_nothing_whatever_stands_there():
    answers, target = packed()
    scores = reconstruction_metrics(answers, NAME, 3, target)
    known = ~np.isnan(target)
    squares = [
        (answers[NAME] - answers["row"])[i, j] ** 2
        for i, j in zip(*np.nonzero(known), strict=True)
        if j < 3
    ]
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-12)
    right = [
        (answers[NAME] == answers["row"])[i, j]
        for i, j in zip(*np.nonzero(known), strict=True)
        if j >= 3
    ]
    assert scores["accuracy"] == pytest.approx(np.mean(right), rel=1e-12)
    spoiled = {
        NAME: np.where(known, answers[NAME], 1e6),
        "row": np.where(known, answers["row"], -7.0),
    }
    assert reconstruction_metrics(spoiled, NAME, 3, target) == scores
    np.testing.assert_array_equal(
        r2_by_column(spoiled, NAME, 3, target), r2_by_column(answers, NAME, 3, target)
    )


def test_scores_are_of_what_there_is():
    answers, target = packed()
    numbers = {name: array[:, :3] for name, array in answers.items()}
    assert "accuracy" not in reconstruction_metrics(numbers, NAME, 3, target[:, :3])
    categories = {name: array[:, 3:] for name, array in answers.items()}
    scores = reconstruction_metrics(categories, NAME, 0, target[:, 3:])
    assert "rmse" not in scores and "r2" not in scores


@pytest.mark.parametrize("k", [1, 2, 5])
def test_components_are_scikit_learns(k):
    random = np.random.default_rng(0)
    train, judged = (
        random.normal(size=(n, 2)) @ random.normal(size=(2, 5)) + random.normal(size=(n, 5))
        for n in (300, 40)
    )
    found = component_predictions(train, np.ones(300), judged, NAME, (), k)
    model = PCA(k).fit(train)
    expected = model.inverse_transform(model.transform(judged))
    np.testing.assert_allclose(found["pca"][NAME], expected, atol=1e-10)
    np.testing.assert_allclose(
        found["mean"][NAME], np.broadcast_to(train.mean(0), (40, 5)), atol=1e-12
    )


def test_components_of_weighted_rows_are_those_of_repeated_ones():
    random = np.random.default_rng(0)
    train = random.normal(size=(50, 4)) * [1, 2, 3, 4]
    judged = random.normal(size=(9, 4))
    weight = random.integers(0, 4, 50).astype(float)
    weighted = component_predictions(train, weight, judged, NAME, (), 2)["pca"][NAME]
    repeated = component_predictions(
        train.repeat(weight.astype(int), 0), np.ones(int(weight.sum())), judged, NAME, (), 2
    )
    np.testing.assert_allclose(weighted, repeated["pca"][NAME], atol=1e-10)


def test_categories_come_back_from_components_and_by_the_commonest():
    """One component knows two categories that go together.

    A third value, which training rows lack, is no feature.
    """
    place = np.array([0, 1, 2, 0, 0, 1])
    row = np.column_stack([place, place]).astype(float)
    found = component_predictions(
        row, np.ones(6), np.array([[2.0, 2.0], [1.0, 1.0], [-1.0, 0.0]]), NAME, (3, 3), 2
    )
    assert found["pca"][NAME][:2].tolist() == [[2, 2], [1, 1]]
    assert (found["mean"][NAME] == 0).all()

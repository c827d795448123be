"""Scores by class agree with scikit-learn, those of entities with conlleval's rules by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as truth

from train.data.dataset import Head
from train.evaluation.classes import entity_scores, score_classes

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 4])
def test_scores_by_class_are_those_of_scikit_learn(k, weighted):
    names = tuple("abcd"[:k])
    target = RANDOM.integers(0, k, 200)
    probability = RANDOM.dirichlet(np.ones(k), 200)
    weight = RANDOM.integers(1, 4, 200).astype(float) if weighted else np.ones(200)
    answer = probability.argmax(-1)
    head = Head("y", "multiclass", ("y",), names, k)
    given = probability
    if k == 2:
        head = Head("y", "binary", ("y",), names, 1)
        given = probability[:, 1]
    found = score_classes([head], {"y": target}, {"y": given}, weight)["y"]
    expected = truth.precision_recall_fscore_support(target, answer, sample_weight=weight)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(found[name], values, atol=1e-6)
    confusion = truth.confusion_matrix(target, answer, sample_weight=weight)
    assert found["confusion"] == confusion.tolist() and found["labels"] == list(names)
    assert sum(found["calibration"]["answers"]) > 0 and found["calibration"]["mean_gap"] > 0


def test_rows_of_an_unseen_class_are_counted_apart():
    head = Head("y", "binary", ("y",), ("no", "yes"), 1)
    target = np.array([0, 1, 2, 2])
    found = score_classes([head], {"y": target}, {"y": np.full(4, 0.9)}, np.ones(4))["y"]
    assert found["of_unseen_classes"] == 2 and found["confusion"] == [[0, 1], [0, 1]]
    assert found["support"] == [1, 1] and found["precision"] == [0, 0.5]


def test_an_entity_is_found_if_all_of_it_is():
    tags = ("B-city", "B-day", "I-city", "O")
    city, day, more, out = range(4)
    target = np.array([[city, more, out, day], [city, out, -1, -1]])
    answer = np.array([[city, out, out, day], [city, out, day, day]])
    scores = entity_scores(target, answer, tags)
    assert list(scores.names) == ["city", "day"]  # one of two cities is found whole
    assert scores.support.tolist() == [2, 1] and scores.found.tolist() == [2, 1]
    assert scores.precision.tolist() == [0.5, 1] and scores.f1.tolist() == [0.5, 1]
    head = Head("tags", "tags", ("tags",), tags, 4)
    record = score_classes([head], {"tags": target}, {"tags": answer}, np.ones(2))["tags"]
    assert record["entities"] == ["city", "day"] and record["recall"] == [0.5, 1]

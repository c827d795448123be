"""Metrics of clusters against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as truth

from train.evaluation.baselines.clusters import one_unit
from train.evaluation.metrics import clusters as cluster_metrics
from train.evaluation.metrics.clusters import adjusted_rand_index, contingency, silhouette

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(300, 3)) + np.repeat([[0, 0, 0], [3, 0, 0], [0, 4, 0]], 100, 0)
CLUSTER = np.where(RANDOM.random(300) < 0.2, RANDOM.integers(0, 4, 300), np.repeat([0, 1, 2], 100))
LABEL = np.repeat([2, 0, 1], 100)


def answers(**changes: np.ndarray) -> dict[str, np.ndarray]:
    distance = np.linspace(0, 2, 300)
    adjacent = (np.arange(300) % 4 > 0).astype(float)
    return {"cluster": CLUSTER, "distance": distance, "adjacent": adjacent, "row": ROWS} | changes


def test_scores_are_scikit_learns():
    scores = cluster_metrics.cluster_metrics(answers(), LABEL)
    assert scores["silhouette"] == pytest.approx(truth.silhouette_score(ROWS, CLUSTER), rel=1e-9)
    assert scores["adjusted_rand_index"] == pytest.approx(
        truth.adjusted_rand_score(LABEL, CLUSTER), rel=1e-9
    )
    table = truth.cluster.contingency_matrix(LABEL, CLUSTER)
    assert scores["purity"] == pytest.approx(table.max(0).sum() / 300)
    distance = np.linspace(0, 2, 300)
    assert scores["quantisation_error"] == pytest.approx(1) and scores["inertia"] == pytest.approx(
        (distance**2).sum()
    )
    assert scores["topographic_error"] == pytest.approx(0.25) and scores["clusters"] == 4


def test_rows_without_a_label_are_not_judged_by_it():
    some = np.where(np.arange(300) % 3 == 0, -1, LABEL)
    scores = cluster_metrics.cluster_metrics(answers(), some)
    known = some >= 0
    assert scores["adjusted_rand_index"] == pytest.approx(
        truth.adjusted_rand_score(LABEL[known], CLUSTER[known])
    )
    assert "purity" not in cluster_metrics.cluster_metrics(answers(), np.full(300, -1))


def test_weights_count_rows():
    weight = np.arange(300) % 3
    scores = cluster_metrics.cluster_metrics(answers(), LABEL, weight)
    twice = np.repeat(np.arange(300), weight)
    repeated = cluster_metrics.cluster_metrics(
        {n: a[twice] for n, a in answers().items()}, LABEL[twice]
    )
    for name in ("quantisation_error", "inertia", "topographic_error", "purity", "clusters"):
        assert scores[name] == pytest.approx(repeated[name])
    # Rows of weight 0 are as if they were not there; only ratios of weights matter.
    known = weight > 0
    without = cluster_metrics.cluster_metrics(
        {n: a[known] for n, a in answers().items()}, LABEL[known], 7.5 * weight[known]
    )
    for name in set(scores) - {"inertia"}:
        assert without[name] == pytest.approx(scores[name], rel=1e-9), name


def test_weighted_pairs_and_distances_are_those_of_plain_loops():
    weight = RANDOM.uniform(0.1, 3, 300)
    scores = cluster_metrics.cluster_metrics(answers(), LABEL, weight)
    pair = np.outer(weight, weight)[np.triu_indices(300, 1)]
    same_class, same_cluster = (
        np.equal.outer(of, of)[np.triu_indices(300, 1)] for of in (LABEL, CLUSTER)
    )
    both, one, other = (
        pair[s].sum() for s in (same_class & same_cluster, same_class, same_cluster)
    )
    chance = one * other / pair.sum()
    assert scores["adjusted_rand_index"] == pytest.approx(
        (both - chance) / ((one + other) / 2 - chance)
    )
    each = []
    for i in range(300):
        distance = np.linalg.norm(ROWS - ROWS[i], axis=1)
        means = []
        for cluster in np.unique(CLUSTER):
            others = (CLUSTER == cluster) & (np.arange(300) != i)
            means.append(np.average(distance[others], weights=weight[others]))
        within = means.pop(int(CLUSTER[i]))
        each.append((min(means) - within) / max(min(means), within))
    assert scores["silhouette"] == pytest.approx(np.average(each, weights=weight))


def test_the_edges_of_the_index():
    assert adjusted_rand_index(contingency(np.array([0, 0, 1]), np.array([5, 5, 2]))) == 1
    assert adjusted_rand_index(contingency(np.zeros(3, int), np.zeros(3, int))) == 1
    chance = [
        adjusted_rand_index(contingency(RANDOM.integers(0, 3, 500), RANDOM.integers(0, 4, 500)))
        for _ in range(50)
    ]
    assert abs(np.mean(chance)) < 0.003


def test_the_edges_of_the_silhouette(monkeypatch):
    assert np.isnan(silhouette(ROWS, np.zeros(300, int)))
    alone = np.where(np.arange(300) == 7, 9, CLUSTER)
    assert silhouette(ROWS, alone) == pytest.approx(truth.silhouette_score(ROWS, alone), rel=1e-9)
    monkeypatch.setattr(cluster_metrics, "SAMPLE", 200)
    sampled = silhouette(ROWS, CLUSTER)
    whole = truth.silhouette_score(ROWS, CLUSTER)
    assert sampled != whole and sampled == pytest.approx(whole, abs=0.05)


def test_a_single_unit_stands_at_the_mean_of_the_training_rows():
    weight = np.arange(300) % 3
    times = weight[100:]
    found = one_unit(ROWS[:100], weight[:100], ROWS[100:], times)
    repeated = one_unit(
        ROWS[:100].repeat(weight[:100], 0),
        np.ones(weight[:100].sum()),
        ROWS[100:].repeat(times, 0),
        np.ones(times.sum()),
    )
    assert found == pytest.approx(repeated)
    found = one_unit(ROWS[:100], np.ones(100), ROWS[100:], np.ones(200))
    distance = np.linalg.norm(ROWS[100:] - ROWS[:100].mean(0), axis=1)
    assert found == pytest.approx(
        {"quantisation_error": distance.mean(), "inertia": (distance**2).sum()}
    )

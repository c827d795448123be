"""Where a line parts the classes, or gives the numbers, the linear baseline is that line."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from train.data.dataset import Head
from train.evaluation.baselines import ridge
from train.evaluation.baselines.linear import Linear
from train.evaluation.baselines.table import baseline_metrics, fit_baselines

LOGIC = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
YES = Head("y", "binary", ("y",), ("no", "yes"), 1)
KIND = Head("y", "multiclass", ("y",), ("a", "b", "c"), 3)
NUMBER = Head("y", "regression", ("y",), (), 1)


def linear_scores(head, features, target, judged=None, *, in_sample=False):
    """The metrics of the linear baseline on the judged rows, or on those it is fitted on."""
    fitted = fit_baselines(features, {"y": target}, None, [head], in_sample=in_sample)
    rows, truth = (features, target) if judged is None else judged
    return baseline_metrics(fitted, rows, {"y": truth}, None, [head])["linear"]


def standardised(features):
    return StandardScaler().fit_transform(features).astype(np.float32)


@pytest.mark.parametrize("in_sample", [True, False])
@pytest.mark.parametrize(
    ("target", "accuracy"), [([0, 0, 0, 1], 1), ([0, 1, 1, 1], 1), ([0, 1, 1, 0], 0.75)]
)
def test_a_line_parts_and_and_or_but_not_xor(target, accuracy, in_sample):
    target = np.array(target)
    features = standardised(LOGIC)
    found = linear_scores(YES, features, target, in_sample=in_sample)["accuracy"]
    # What a line can do: sklearn's nearly without a penalty; XOR has .75 at the most.
    truth = LogisticRegression(C=1e8).fit(features, target).score(features, target)
    assert found == accuracy == truth if accuracy == 1 else max(found, truth) <= accuracy


@pytest.mark.slow
def test_classes_that_lines_part_are_parted():
    random = np.random.default_rng(0)
    features = random.normal(size=(1_200, 2)).astype(np.float32)
    two = (features @ [1.0, 2.0] > 0.3).astype(int)
    three = np.stack([features @ [3.0, 0.0], features @ [-1.0, 2.0], np.ones(1_200)], 1).argmax(1)
    for head, target in ((YES, two), (KIND, three)):
        strong = LogisticRegression().fit(features[:200], target[:200])
        weak = LogisticRegression(C=1e6, max_iter=10_000).fit(features[:200], target[:200])
        scores = linear_scores(head, features[:200], target[:200])
        assert strong.score(features[:200], target[:200]) < 1 == scores["accuracy"]
        held = features[200:], target[200:]
        scores = linear_scores(head, features[:200], target[:200], held)
        assert scores["accuracy"] > strong.score(*held)
        assert scores["accuracy"] == pytest.approx(weak.score(*held), abs=0.01)
    iris = sklearn.datasets.load_iris()
    setosa = linear_scores(YES, standardised(iris.data), (iris.target == 0).astype(int))
    assert setosa["accuracy"] == 1


def test_a_line_by_chance_is_not_taken():
    """In many columns a line parts noisy rows too, and answers others worse than a penalty does."""
    data = sklearn.datasets.load_breast_cancer()
    features = standardised(data.data)
    random = np.random.default_rng(0)
    noisy = random.normal(size=(60, 30)).astype(np.float32)
    flipped = (noisy[:, 0] + random.normal(size=60) > 0).astype(int)
    for x, y in ((features[::2], data.target[::2]), (noisy, flipped)):
        strong = LogisticRegression(tol=1e-9, max_iter=10_000).fit(x.astype(float), y)
        assert strong.score(x, y) < 1
        assert LogisticRegression(C=1e6, max_iter=10_000).fit(x, y).score(x, y) == 1
        found = fit_baselines(x, {"y": y}, None, [YES]).linear["y"]
        np.testing.assert_allclose(found.coefficients[:, 0], strong.coef_[0], atol=1e-5)
        # On the rows it is fitted on it is the line that counts.
        assert linear_scores(YES, x, y)["accuracy"] < 1
        assert linear_scores(YES, x, y, in_sample=True)["accuracy"] == 1


def test_a_class_of_one_row_is_never_held_out():
    """Nothing known of it could foretell that row, and the surer line would lose by it."""
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 2)).astype(np.float32)
    target = (features @ [1.0, 2.0] > 0.3).astype(int)
    scores = linear_scores(KIND, np.append(features, [[9, 9]], 0), np.append(target, 2))
    assert scores["accuracy"] == 1


def test_sums_of_a_fold_give_its_squared_residuals():
    random = np.random.default_rng(1)
    features = random.normal(size=(9, 3)) + 5
    target = random.normal(size=(9, 2)) - 7
    weight = random.uniform(0.5, 2, 9)
    sums = ridge._sums(features.copy(), target, weight, np.full(3, 4.0), np.full(2, -3.0))
    line = Linear(random.normal(size=(3, 2)), random.normal(size=2))
    left = (target + 3) - ((features - 4) @ line.coefficients + line.intercept)
    np.testing.assert_allclose(sums.error(line), weight @ np.square(left))


def test_an_exact_relation_of_numbers_is_found_and_noise_keeps_its_penalty():
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 3)).astype(np.float32)
    slope = np.array([[2.0, 1.0], [-1.0, 0.0], [0.5, 3.0]])
    exact = features.astype(np.float64) @ slope + 4
    head = Head("y", "regression", ("exact", "noisy"), (), 2)
    both = np.column_stack([exact[:, 0], exact[:, 1] + 4 * random.normal(size=300)])
    fitted = fit_baselines(features[:20], {"y": both[:20]}, None, [head]).linear["y"]
    np.testing.assert_allclose(fitted.coefficients[:, 0], slope[:, 0], atol=1e-6)
    strong = Ridge(alpha=1.0).fit(features[:20].astype(float), both[:20])
    np.testing.assert_allclose(fitted.coefficients[:, 1], strong.coef_[1], rtol=1e-8)
    held = linear_scores(NUMBER, features[:20], exact[:20, :1], (features[20:], exact[20:, :1]))
    assert 1 - held["r2"] < 1e-12
    # As many columns as rows: without a penalty other rows are answered at random.
    wide = random.normal(size=(40, 40)).astype(np.float32)
    noisy = wide[:, :1] + random.normal(size=(40, 1))
    fitted = fit_baselines(wide[:20], {"y": noisy[:20]}, None, [NUMBER]).linear["y"]
    strong = Ridge(alpha=1.0).fit(wide[:20].astype(float), noisy[:20])
    np.testing.assert_allclose(fitted.coefficients.T, np.atleast_2d(strong.coef_), rtol=1e-6)

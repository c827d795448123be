"""Gradient-boosted trees beside a net: scikit-learn's own answers, within their seconds."""

# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
# Of a schema a test needs a few properties, as attributes.

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, root_mean_squared_error

from train import loop
from train.config import Config, Dense, Optim, Table, Train
from train.data.dataset import Batch, Head
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines import trees
from train.results.baselines import baseline_seconds

PRICE = Head("value", "regression", ("price",), (), 1)
KIND = Head("kind", "multiclass", ("kind",), ("a", "b", "c"), 3)


class Encoded(TableEncoder):
    """A schema of which only heads and the sizes of categories are read."""

    category_sizes = (3,)
    units: ClassVar = {"value": np.array([10.0])}


def rows(n: int = 300) -> Batch[np.ndarray]:
    """One category column, two number columns with gaps, and both targets."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (n, 1)).astype(np.int32)
    numbers = random.normal(size=(n, 2)).astype(np.float32)
    value = (codes[:, 0] % 2 + numbers[:, 0] + 0.1 * random.normal(size=n)).astype(np.float32)
    numbers[::7, 1] = np.nan
    target = {"value": value[:, None], "kind": (codes[:, 0] % 3).astype(np.int32)}
    weight = random.choice([0.0, 1.0, 2.0], n).astype(np.float32)
    return Batch({"codes": codes, "numbers": numbers}, target, weight)


@pytest.mark.slow
def test_trees_are_those_of_scikit_learn_on_the_encoded_columns() -> None:
    train = rows()
    encoder = Encoded((), (), (PRICE, KIND))
    fitted = trees.fit_trees(encoder, train, 600)
    found = fitted.metrics(train)["trees"]
    x = np.concatenate([train.inputs["codes"], train.inputs["numbers"]], 1).astype(np.float64)
    counted = train.weight > 0
    options = {"early_stopping": False, "random_state": 0, "categorical_features": [0]}
    price = HistGradientBoostingRegressor(**options)
    price.fit(x[counted], train.target["value"][counted, 0], train.weight[counted])
    rmse = root_mean_squared_error(
        train.target["value"][:, 0], price.predict(x), sample_weight=train.weight
    )
    assert found["price.rmse"] == pytest.approx(10 * rmse, rel=1e-6)
    kind = HistGradientBoostingClassifier(**options)
    kind.fit(x[counted], train.target["kind"][counted], train.weight[counted])
    right = accuracy_score(train.target["kind"], kind.predict(x), sample_weight=train.weight)
    assert found["kind.accuracy"] == pytest.approx(right)


def test_of_very_many_categories_the_frequent_ones_are_told_apart() -> None:
    codes = np.arange(400, dtype=np.int32) % 300
    frequent = trees._frequent({"codes": codes[:, None]}, (300,))
    features = trees._features({"codes": codes[:, None]}, frequent)[:, 0]
    assert np.nanmax(features) == trees.MAX_CATEGORIES - 1
    # The first hundred occur twice.
    np.testing.assert_array_equal(features[:100], features[300:])
    assert len(np.unique(features[~np.isnan(features)])) == trees.MAX_CATEGORIES


def test_trees_that_would_take_too_long_are_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "TIMED_TREES", 1)
    encoder = Encoded((), (), (PRICE,))
    found = trees.fit_trees(encoder, rows(), 1e-3)
    assert found.note == (
        "gradient-boosted trees are left out: fitting takes longer than 0.001 s; "
        "config.train.tree_seconds gives it longer"
    )
    assert found.metrics(rows()) == {} and trees.fit_trees(encoder, rows(), 0).note == ""


def test_of_very_many_columns_a_few_tell_how_long_all_take(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def fit(model: object, rows: trees.Rows, n_trees: int) -> float:
        shapes.append((*rows[0].shape, n_trees))
        return 0.01 * rows[0].shape[1]

    monkeypatch.setattr(trees, "TIMED_COLUMNS", 4)
    monkeypatch.setattr(trees, "_fit", fit)
    train = rows()
    train.inputs["numbers"] = train.inputs["numbers"].repeat(6, axis=1)
    n = int((train.weight > 0).sum())
    encoder = Encoded((), (), (PRICE,))
    # 13 columns of .01 s each make 1.3 s for ten trees.
    assert trees.fit_trees(encoder, train, 1.2).note
    assert shapes == [(n, 4, 1)]
    assert not trees.fit_trees(encoder, train, 60).note
    assert shapes[1:] == [(n, 4, 1), (n, 13, 1), (n, 13, 10), (n, 13, 100)]


def test_who_asks_for_nothing_gets_trees_of_so_many_rows_for_as_long_as_the_training() -> None:
    assert baseline_seconds(Train(), 0.2, 100).trees == 1
    assert baseline_seconds(Train(), 5.0, 100).trees == 5
    assert baseline_seconds(Train(), 70.0, 100_000).trees == 70
    many = baseline_seconds(Train(), 70.0, 100_001)
    assert many.trees == 0 and "100,001 rows; --baselines=trees fits them" in many.left_out
    asked = baseline_seconds(Train(tree_seconds=5.0), 1.0, 10**6)
    assert asked.trees == 5 and not asked.left_out
    assert baseline_seconds(Train(tree_seconds=0.0), 70.0, 10**6).left_out == ""


def test_trees_of_a_wide_table_are_known_to_take_longer_before_any_is_grown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "_new_model", lambda *_: pytest.fail("a model was made"))
    train = rows()
    train.inputs["numbers"] = np.resize(train.inputs["numbers"], (len(train.weight), 1000))
    encoder = Encoded((), (), (PRICE,))
    assert "takes longer than 1 s" in trees.fit_trees(encoder, train, 1.0).note
    n = int((train.weight > 0).sum())
    # 100 trees of a leaf for 20 rows each, and 300 microseconds to bin, of each of the columns.
    leaves = 100 * min(31, n // 20)
    expected = 1000 * (leaves * 0.7e-6 + 300e-6)
    assert trees._least_seconds(np.zeros((n, 1000)), (PRICE,)) == pytest.approx(expected)
    assert trees._least_seconds(np.zeros((n, 1 << 20)), (PRICE,)) == 0


@pytest.mark.slow
def test_a_run_has_trees_beside_its_scores_and_says_where_they_are_better(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, size=(900, 3))
    y = np.sign(x[:, 0]) * np.sign(x[:, 1]) + 0.05 * random.normal(size=900)
    table = pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})
    pc.write_csv(table, tmp_path / "rows.csv")
    config = Config(
        data=Table(path=str(tmp_path / "rows.csv"), target="y"),
        net=Dense(hidden=()),
        optim=Optim(learning_rate=1e-2),
        train=Train(epochs=3),
    )
    result = loop.fit(config, tmp_path / "run")
    for split in ("valid", "test"):
        assert result["baselines"][split]["trees"]["rmse"] < 0.5
    assert any(
        line.startswith("gradient-boosted trees do better on the validation rows: rmse 0.")
        for line in result["warnings"]
    )
    report = (tmp_path / "run" / "report.html").read_text()
    assert "does not beat gradient-boosted trees" in report

"""Models beside nets of folds: each row is answered by one that did not see it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from train import loop
from train.config import Config, Dense, Population, Table, Train
from train.data.load import load_dataset
from train.evaluation.baselines.table import Seconds
from train.evaluation.kinds import kind_of
from train.results.baselines import baselines_on_folds


def table(n: int = 120) -> pa.Table:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 2))
    y = 3 * x[:, 0] - 2 * x[:, 1] + random.normal(size=n) * 0.1
    return pa.table({"a": x[:, 0], "b": x[:, 1], "y": y})


def test_each_fold_is_judged_by_models_of_the_others(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.csv")
    csv.write_csv(table(), path)
    data = Table(path=path, target="y", test=0.0, valid=0.0)
    dataset = load_dataset(Config(data=data, net=Dense()))
    folds = dataset.folds(4)
    answered = folds[:3]  # no net of the fourth fold answers
    rows = np.concatenate([splits["valid"] for splits in answered])

    found = baselines_on_folds(kind_of(dataset.encoder), dataset, 4, rows, Seconds(60.0, 60.0))

    x = np.stack([table()["a"], table()["b"]], 1)
    y = table()["y"].to_numpy()
    errors: dict[str, list[np.ndarray]] = {"linear": [], "trees": []}
    for splits in answered:
        train, valid = (dataset.original_rows[splits[name]] for name in ("train", "valid"))
        for name, model in (
            ("linear", LinearRegression()),
            ("trees", HistGradientBoostingRegressor(early_stopping=False, random_state=0)),
        ):
            errors[name].append(model.fit(x[train], y[train]).predict(x[valid]) - y[valid])
    for name, tolerance in (("linear", 0.01), ("trees", 0.1)):
        rmse = np.sqrt(np.square(np.concatenate(errors[name])).mean())
        assert found[name]["rmse"] == pytest.approx(rmse, rel=tolerance)

    kind = kind_of(dataset.encoder)
    assert baselines_on_folds(kind, dataset, 4, rows, Seconds(60.0)).keys() == {"linear"}


def test_a_line_that_does_better_than_nets_of_folds_is_named() -> None:
    config = Config(
        data=Table(target="y"),
        net=Dense(hidden=(8,)),
        train=Train(epochs=1, report=False),
        population=Population(folds=3),
    )
    result = loop.fit(config, data=table(), verbose=False)
    assert result["baselines"]["valid"]["linear"]["rmse"] < 0.12
    assert any(
        line.startswith("a linear model does better on the validation rows: rmse 0.1")
        for line in result["warnings"]
    )

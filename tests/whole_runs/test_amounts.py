"""Runs on amounts: loss=gamma, whose answers are means though a net learns their logarithms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exported import assert_same, load_script
from sklearn.linear_model import GammaRegressor, Ridge
from sklearn.preprocessing import StandardScaler

from train import evaluate, export, loop, predict
from train.config import Config, Dense, Optim, Population, Table, Train
from train.data.files.write import write_table

SIZE = 3e5  # of the amounts
ADAM = Optim(name="adam", learning_rate=0.05, schedule="cosine")


def amounts(n: int, seed: int) -> pa.Table:
    """Amounts of gamma densities whose means grow by powers of x and z."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    z = random.uniform(-1, 1, size=n)
    mean = SIZE * np.exp(0.8 * x - 0.5 * z)
    y = random.gamma(2, mean / 2)
    # Weights by which the mean amount is another.
    return pa.table({"x": x, "z": z, "y": y, "w": np.where(y > SIZE, 5.0, 0.5)})


def config_of(folder: Path, valid: float, **fields: Any) -> Config:
    for name, n, seed in (("train", 300, 0), ("test", 200, 1)):
        write_table(amounts(n, seed), folder / f"{name}.csv")
    path, test_path = str(folder / "train.csv"), str(folder / "test.csv")
    names = ("x", "z")
    data = Table(path=path, test_path=test_path, target="y", features=names, valid=valid)
    return Config(data=data, loss="gamma", optim=ADAM, **fields)


def test_without_hidden_layers_it_is_gamma_regression(tmp_path: Path) -> None:
    train = Train(epochs=300, batch_size=300, restore="last", report=False)
    config = config_of(tmp_path, 0.0, net=Dense(hidden=()), train=train)
    scores = loop.fit(config, tmp_path / "run", verbose=False)["metrics"]["test"]
    train_rows, test_rows = amounts(300, 0), amounts(200, 1)
    x, x_test = (np.stack([t["x"], t["z"]], 1) for t in (train_rows, test_rows))
    model = GammaRegressor(alpha=0, tol=1e-9).fit(x, train_rows["y"].to_numpy())
    wanted = model.predict(x_test)
    answers = pq.read_table(tmp_path / "run" / "predictions.parquet")["prediction"].to_numpy()
    np.testing.assert_allclose(answers, wanted, rtol=2e-3)
    error = wanted - test_rows["y"].to_numpy()
    np.testing.assert_allclose(scores["rmse"], np.sqrt(np.mean(error**2)), rtol=2e-3)


@pytest.mark.parametrize("weight", [None, "w"])
def test_a_net_of_amounts_starts_from_the_line_of_their_logarithms(
    weight: str | None, tmp_path: Path
) -> None:
    net = Dense(hidden=(4,), linear_start=True, output_init="zeros")
    train = Train(epochs=1, restore="last", report=False)
    config = config_of(tmp_path, 0.0, net=net, train=train)
    config.optim = Optim(name="sgd", learning_rate=1e-9)
    config.data.weight = weight
    loop.fit(config, tmp_path / "run", verbose=False)
    rows = amounts(300, 0)
    x, x_test = (np.stack([t["x"], t["z"]], 1) for t in (rows, amounts(200, 1)))
    scaler = StandardScaler().fit(x)
    weight_n = None if weight is None else rows["w"].to_numpy() / np.mean(rows["w"])
    ridge = Ridge().fit(scaler.transform(x), np.log(rows["y"].to_numpy()), weight_n)
    answers = pq.read_table(tmp_path / "run" / "predictions.parquet")["prediction"].to_numpy()
    np.testing.assert_allclose(answers, np.exp(ridge.predict(scaler.transform(x_test))), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 4])
def test_nets_of_amounts_are_saved_and_exported(members: int, tmp_path: Path) -> None:
    net = Dense(hidden=(16,), members=members, linear_start=True, clip_outputs=True)
    train = Train(epochs=40, restore="best")
    folds = Population(folds=2)
    config = config_of(tmp_path, 0.2, net=net, train=train, population=folds)
    scores = loop.fit(config, tmp_path / "run", verbose=False)["metrics"]["test"]
    model = predict.load(tmp_path / "run")
    fresh = amounts(200, 1)
    judged = evaluate.evaluate(model, fresh)
    np.testing.assert_allclose(judged["rmse"], scores["rmse"], rtol=1e-6)
    answers = model.columns(fresh.select(["x", "z"]))
    truth = SIZE * np.exp(0.8 * fresh["x"].to_numpy() - 0.5 * fresh["z"].to_numpy())
    # Means, not the medians of the amounts, which are .84 of these.
    assert 0.9 < np.mean(answers["prediction"] / truth) < 1.1
    export.export(tmp_path / "run", tmp_path / "net.onnx")
    exported = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    columns = {name: fresh[name].to_numpy() for name in ("x", "z")}
    assert_same(exported(columns), answers)

"""Sequences that count for more: what is learned and judged of them, in whole runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from train import loop, predict
from train.config import LSTM, Config, Optim, Population, Sequences, Train
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.estimators import SequenceClassifier
from train.evaluate import evaluate

RANDOM = np.random.default_rng(0)
N = 24
TIMES = np.array([1, 1, 3, 3])[np.arange(N) % 4]  # of both classes as many of each weight
X = [RANDOM.normal(size=(2 + i % 3, 1)).round(3).tolist() for i in range(N)]
Y = ["ab"[i % 2] for i in range(N)]


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def config(path: str, **data) -> Config:
    """One batch an epoch, so that an update is the weighted mean over all rows."""
    sequences = Sequences(path, inputs="x", target="y", scaling="none", **data)
    net = LSTM(hidden=(4,))
    optim = Optim(name="sgd", learning_rate=0.5)
    train = Train(epochs=5, batch_size=128, restore="last")
    return Config(data=sequences, net=net, optim=optim, train=train)


@pytest.mark.slow
def test_weights_train_as_repeated_sequences_do(tmp_path):
    rows = [{"x": x, "y": y, "w": float(w)} for x, y, w in zip(X, Y, TIMES, strict=True)]
    repeated = [rows[i] for i in np.repeat(np.arange(N), TIMES)]
    whole = {"valid": 0, "test": 0}
    weighted = config(write(tmp_path / "w.jsonl", rows), weight="w", **whole)
    said = loop.fit(weighted, tmp_path / "weighted")
    plain = config(write(tmp_path / "r.jsonl", repeated), **whole)
    wanted = loop.fit(plain, tmp_path / "repeated")
    share = predict.load(tmp_path / "weighted").columns(rows)["probability_a"]
    as_wanted = predict.load(tmp_path / "repeated").columns(rows)["probability_a"]
    np.testing.assert_allclose(share, as_wanted, atol=1e-5)
    assert said["metrics"]["train"] == pytest.approx(wanted["metrics"]["train"], rel=1e-4)
    unweighted = loop.fit(config(weighted.data.path, **whole), tmp_path / "unweighted")
    own = unweighted["metrics"]["train"]["log_loss"]
    assert own != pytest.approx(said["metrics"]["train"]["log_loss"], rel=1e-3)


@pytest.mark.slow
def test_a_population_and_evaluate_count_sequences_by_their_weight(tmp_path, capsys):
    rows = []
    for i in range(160):
        rows.append({"x": [[1.0], [2.0]], "y": "ab"[i % 2], "w": 9.0 if i % 2 else 1.0})
    path = write(tmp_path / "rows.jsonl", rows)
    chosen = config(path, weight="w", valid=0.2, test=0.2)
    chosen.population = Population(seeds=2)
    chosen.train.epochs = 60
    said = loop.fit(chosen, tmp_path / "run", echo=lambda line: None)
    model = predict.load(tmp_path / "run")
    share = model.columns({"x": [[[1.0], [2.0]]]})["probability_b"]
    # Nine tenths of the weight, where half of the rows would be half of it.
    assert share[0] == pytest.approx(0.9, abs=0.04)
    dataset = load_dataset(chosen)
    table = read_table(path).take(pa.array(dataset.original_rows[dataset.splits["test"]]))
    judged = evaluate(model, table)
    for name, value in said["metrics"]["test"].items():
        assert judged[name] == pytest.approx(value, rel=1e-6), name
    # The metric by hand: all answers are b.
    weight = table["w"].to_numpy()
    is_b = np.array(table["y"].to_pylist()) == "b"
    assert judged["accuracy"] == pytest.approx(weight[is_b].sum() / weight.sum())
    assert capsys.readouterr().err == ""
    evaluate(model, table.drop_columns(["w"]))
    assert "no column 'w', the run's config.data.weight; rows count once" in capsys.readouterr().err


@pytest.mark.slow
def test_an_estimator_takes_weights_of_sequences():
    sequences = [np.array([[1.0], [2.0]])] * 40
    y = np.array(["a", "b"] * 20)
    weight = np.where(y == "b", 9.0, 1.0)
    options = {"net__hidden": (4,), "train__epochs": 60, "data__valid": 0, "random_state": 0}
    options |= {"optim__learning_rate": 0.05, "train__batch_size": 64}
    heavy = SequenceClassifier(**options).fit(sequences, y, sample_weight=weight)
    np.testing.assert_allclose(heavy.predict_proba(sequences)[:, 1], 0.9, atol=0.05)
    light = SequenceClassifier(**options).fit(sequences, y)
    np.testing.assert_allclose(light.predict_proba(sequences)[:, 1], 0.5, atol=0.05)
    with pytest.raises(ValueError, match="sample_weight"):
        light.fit(sequences, y, sample_weight=weight[:3])

"""Rows and classes that count for more: what is learned, judged and said of them, in whole runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from sklearn.linear_model import LogisticRegression

from train import evaluate as command
from train import loop, predict
from train.config import Config, Dense, Optim, Population, Table, Train
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.errors import UserError
from train.evaluate import evaluate
from train.population.groups import prepare_population
from train.run.prepare import prepare

LINEAR = Config(
    data=Table(target="y", valid=0, test=0),
    net=Dense(hidden=()),
    optim=Optim(name="adam", learning_rate=3e-2, schedule="cosine"),
    train=Train(epochs=12, batch_size=32, restore="last"),
)


def write(path: Path, **columns: np.ndarray) -> str:
    csv.write_csv(pa.table(columns), path)
    return str(path)


def fresh(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def heavy_rows(n: int = 2000) -> dict[str, np.ndarray]:
    """A tenth of the rows weighs 49 and is about 5.5, with noise of its own; the others about 0."""
    random = np.random.default_rng(0)
    weight = np.where(random.random(n) < 0.1, 49.0, 1.0)
    y = np.where(weight > 1, 5.5 + 2 * random.normal(size=n), 0.3 * random.normal(size=n))
    return {"x": random.normal(size=n), "w": weight, "y": y}


@pytest.mark.slow
def test_weighted_rows_are_learned_and_judged_by_their_weight(tmp_path, capsys) -> None:
    rows = heavy_rows()
    path = write(tmp_path / "rows.csv", **rows)
    data = replace(LINEAR.data, path=path, weight="w", valid=0.3, test=0.3)
    said = loop.fit(replace(LINEAR, data=data), tmp_path / "run")
    model = predict.load(tmp_path / "run")
    dataset = load_dataset(Config(data=data))
    train = dataset.original_rows[dataset.splits["train"]]
    wanted = np.average(rows["y"][train], weights=rows["w"][train])
    assert np.asarray(model(rows)).mean() == pytest.approx(wanted, abs=0.15)
    # Nine tenths of the weight, where nine tenths of the rows would be half of it.
    assert said["interval"]["coverage"] == pytest.approx(0.9, abs=0.07)

    table = read_table(path).take(dataset.original_rows[dataset.splits["test"]])
    judged = evaluate(model, table, interval=0.9)
    for name, value in said["metrics"]["test"].items():
        assert judged[name] == pytest.approx(value, rel=1e-9), name
    assert judged["coverage"] == pytest.approx(said["interval"]["coverage"])
    assert capsys.readouterr().err == ""

    unweighted = write(tmp_path / "no weights.csv", x=rows["x"], y=rows["y"])
    arguments = [f"--workdir={tmp_path / 'run'}", f"--data={unweighted}"]
    assert command.main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err == (
        f"{unweighted}: no column 'w', the run's config.data.weight; rows count once\n"
    )
    residual = rows["y"] - np.asarray(model(rows))
    assert json.loads(printed.out)["rmse"] == pytest.approx(np.sqrt(np.mean(residual**2)))
    with pytest.raises(UserError, match="all 9 rows with a target have weight 0"):
        evaluate(model, pa.table({name: rows[name][:9] for name in "xy"} | {"w": np.zeros(9)}))


def test_balanced_classes_reach_scikit_learns_weighted_optimum(tmp_path) -> None:
    """.5 % of the rows are positive, so most batches have none; also where a loss chooses."""
    random = np.random.default_rng(0)
    yes_n = random.random(20_000) < 0.005
    x = random.normal(size=(len(yes_n), 2)) + 1.2 * yes_n[:, None]
    path = write(tmp_path / "r.csv", a=x[:, 0], b=x[:, 1], y=np.where(yes_n, "yes", "no"))
    truth = LogisticRegression(C=1e6, class_weight="balanced").fit(x, yes_n)
    recall = truth.predict(x)[yes_n].mean()
    data = replace(LINEAR.data, path=path, valid=0.2)
    train = replace(LINEAR.train, epochs=3, restore="best")
    loop.fit(replace(LINEAR, data=data, train=train, class_weight="balanced"), tmp_path / "run")
    answers = predict.load(tmp_path / "run")({"a": x[:, 0], "b": x[:, 1]})
    assert (np.asarray(answers) == "yes")[yes_n].mean() == pytest.approx(recall, abs=0.07)


def test_members_have_the_mean_weight_of_their_own_rows(tmp_path) -> None:
    path = write(tmp_path / "rows.csv", **heavy_rows(200))
    config = replace(LINEAR, data=replace(LINEAR.data, path=path, weight="w"))
    dataset = load_dataset(config)
    folds = replace(config, population=Population(folds=3))
    (run,) = prepare_population(folds, dataset, fresh(tmp_path, "folds"))
    assert run.data.mean_weight is not None
    weight_n = np.tile(dataset.weight, 3)
    n_train = run.data.n_train
    for k in range(3):
        own = np.asarray(run.data.train[k][: None if n_train is None else n_train[k]])
        np.testing.assert_allclose(run.data.mean_weight[k], weight_n[own].mean(), rtol=1e-6)
    assert len(set(np.asarray(run.data.mean_weight).tolist())) == 3
    for weight in (None, "w"):
        single = replace(config, data=replace(config.data, weight=weight))
        mean = prepare(single, load_dataset(single), fresh(tmp_path, f"{weight}")).data.mean_weight
        assert mean is None if weight is None else mean == pytest.approx(dataset.weight.mean())


def test_splits_without_weight_are_refused(tmp_path) -> None:
    rows = heavy_rows(40)
    path = write(tmp_path / "rows.csv", **rows)
    empty = write(tmp_path / "empty.csv", **{**rows, "w": np.zeros(40)})
    for split, data in (
        ("valid", replace(LINEAR.data, path=path, valid_path=empty)),
        ("train", replace(LINEAR.data, path=empty)),
    ):
        config = replace(LINEAR, data=replace(data, weight="w"))
        with pytest.raises(UserError, match=f"all 40 rows of the split {split} have weight 0"):
            prepare(config, load_dataset(config), fresh(tmp_path, split))

"""How many folds the rows of a table take, where nobody says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config as configs
from train import loop, predict
from train.config import Table
from train.config.recipe import FOLDED_ROWS, FOLDS
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.errors import UserError
from train.inference.load import read_start
from train.run import net_counts, start
from train.run.metadata import read_config
from train.run.prepare import prepare
from train.run.start import read_rows

SMALL = {
    "net.hidden": "(4,)",
    "train.epochs": "2",
    "train.report": "false",
    "train.importance_seconds": "0",
    "train.tree_seconds": "0",
}


def write_rows(path: Path, n: int, *, classes: int = 0) -> str:
    """Two numbers, groups of ten rows, and a target that they nearly tell, or its class."""
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 2))
    y = x @ [1.0, -2.0] + 0.3 * random.normal(size=n)
    columns: dict[str, object] = {"a": x[:, 0], "b": x[:, 1], "g": np.arange(n) // 10}
    columns["y"] = y
    if classes:
        places = np.argsort(np.argsort(y)) * classes // n
        columns["y"] = [f"class {place}" for place in places]
    pq.write_table(pa.table(columns), path)
    return str(path)


def asked(path: str, **more: str) -> configs.Config:
    """configs/table.py on a file, no rows of which test."""
    given = {"data.path": path, "data.target": "y", "data.test": "0"}
    return configs.load("table", given | SMALL | {k.replace("__", "."): v for k, v in more.items()})


def test_few_rows_of_numbers_are_cut_into_folds_and_it_is_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    config, dataset = read_rows(asked(path), None, None, None)
    assert config.population.folds == FOLDS == 5
    assert (len(dataset.splits["train"]), len(dataset.splits["valid"])) == (100, 0)
    assert [len(fold["valid"]) for fold in dataset.folds(5)] == [20] * 5
    said = [note for note in dataset.notes if "--config.population.folds=1" in note]
    assert len(said) == 1 and said[0].startswith("few rows (100 train or validate): 5 nets")


def test_as_many_rows_as_the_limit_train_one_net(tmp_path: Path) -> None:
    for n, folds in ((FOLDED_ROWS - 1, 5), (FOLDED_ROWS, 1), (50, 5), (49, 1)):
        path = write_rows(tmp_path / f"{n}.parquet", n)
        assert read_rows(asked(path), None, None, None)[0].population.folds == folds


@pytest.mark.parametrize(
    "more",
    [
        {"data__valid": "0.2"},
        {"data__valid": "0.15"},
        {"data__valid": "0"},
        {"data__split": "group", "data__group": "g"},
        {"data__split": "time", "data__time": "g"},
        {"population__seeds": "2"},
        {"population__grid": '{"optim.l2": (0.0, 0.1)}'},
        {"population__folds": "1"},
        {"data__stream": "true"},
    ],
    ids=lambda more: next(iter(more)) + "=" + next(iter(more.values())),
)
def test_whoever_says_what_validates_or_which_nets_there_are_gets_no_folds(
    tmp_path: Path, more: dict[str, str]
) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    config, dataset = read_rows(asked(path, **more), None, None, None)
    assert config.population.folds == 1
    assert not any("folds" in note for note in dataset.notes)


@pytest.mark.parametrize("classes", [2, 3])
def test_few_rows_of_classes_are_cut_into_folds(tmp_path: Path, classes: int) -> None:
    for n, folds in ((100, 5), (FOLDED_ROWS, 1), (49, 1)):
        path = write_rows(tmp_path / f"{n}_{classes}.parquet", n, classes=classes)
        config, dataset = read_rows(asked(path), None, None, None)
        assert config.population.folds == folds
        assert len(dataset.splits["train"]) == (n if folds == 5 else n - round(0.15 * n))
    few = str(tmp_path / f"100_{classes}.parquet")
    result = loop.fit(asked(few), tmp_path / "run", verbose=False)
    assert len(result["per_member"]) == 5
    assert result["rows"] == {"train": 100, "valid": 100}  # out of fold


def test_who_has_a_file_of_validation_rows_gets_no_folds(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    own = asked(path, data__valid_path=write_rows(tmp_path / "valid.parquet", 20))
    found, dataset = read_rows(own, None, None, None)
    assert found.population.folds == 1 and len(dataset.splits["valid"]) == 20


def test_a_run_goes_on_as_it_began(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    one = loop.fit(asked(path, population__folds="1"), tmp_path / "one", verbose=False)
    again = loop.fit(asked(path, train__epochs="3"), tmp_path / "one", verbose=False)
    assert (one["epochs"], again["epochs"]) == (2, 3)
    assert [len(result["per_member"]) for result in (one, again)] == [1, 1]
    assert read_config(tmp_path / "one").population.folds == 1
    begun = read_start(tmp_path / "one")
    later = loop.fit(asked(path), tmp_path / "later", start=begun, verbose=False)
    assert len(later["per_member"]) == 1


def test_folds_of_few_rows_are_resumed_and_answer_with_intervals(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    run = tmp_path / "run"
    trained = loop.fit(asked(path), run, verbose=False)
    assert len(trained["per_member"]) == 5
    assert read_config(run).population.folds == 5
    resumed = loop.fit(asked(path), run, verbose=False)
    assert resumed["metrics"] == trained["metrics"]
    rows = pq.read_table(path)
    model = predict.load(run)
    answers = model.columns(rows, interval=0.8)
    target = np.asarray(rows["y"])
    low, high = np.asarray(answers["lower"]), np.asarray(answers["upper"])
    assert np.mean((low <= target) & (target <= high)) == pytest.approx(0.8, abs=0.1)
    with pytest.raises(UserError, match=r"several nets .* --config\.population\.folds=1 "):
        read_start(run)


def test_one_net_is_judged_on_the_rows_that_a_user_asks_for(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    config, dataset = read_rows(asked(path, data__valid="0.15"), None, None, None)
    assert (len(dataset.splits["train"]), len(dataset.splits["valid"])) == (85, 15)
    unsaid, folded = read_rows(asked(path), None, None, None)
    assert isinstance(config.data, Table) and isinstance(unsaid.data, Table)
    assert config.data.valid == unsaid.data.valid == 0.15
    assert len(folded.splits["valid"]) == 0
    assert load_dataset(asked(path)).fingerprint == dataset.fingerprint  # as where nothing folds


@pytest.mark.parametrize("kept_rows", [100, 99])
def test_few_rows_are_read_once_however_often_they_are_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_rows: int
) -> None:
    path = write_rows(tmp_path / "rows.parquet", 100)
    paths = []

    def read(path: str, missing: tuple[str, ...], *, may_repeat: bool = False) -> pa.Table:
        paths.append(path)
        return read_table(path, missing, may_repeat=may_repeat)

    monkeypatch.setattr(start, "read_table", read)
    monkeypatch.setattr(net_counts, "KEPT_ROWS", kept_rows)
    _, dataset = read_rows(asked(path), None, None, None)
    assert paths == [path] * (1 if kept_rows == 100 else 2)
    folds = {"population__folds": "5"}
    assert dataset.fingerprint == read_rows(asked(path, **folds), None, None, None)[1].fingerprint


@pytest.mark.parametrize(("begun", "later"), [("5", "1"), ("1", "5")])
def test_a_begun_run_given_other_folds_is_told_of_folds_alone(
    tmp_path: Path, begun: str, later: str
) -> None:
    path = write_rows(tmp_path / "rows.parquet", 60)
    loop.fit(asked(path, population__folds=begun), tmp_path / "run", verbose=False)
    with pytest.raises(UserError) as raised:
        loop.fit(asked(path, population__folds=later), tmp_path / "run", verbose=False)
    said = f"of another config (config.population.folds: {begun} -> {later}); name another folder"
    assert said in str(raised.value)
    with pytest.raises(UserError) as raised:
        more = {"population__folds": later, "optim__beta1": "0.8"}
        loop.fit(asked(path, **more), tmp_path / "run", verbose=False)
    assert "(config.optim.beta1: 0.9 -> 0.8; config.population.folds: " in str(raised.value)


def test_a_net_goes_on_with_noise_that_it_was_not_trained_by(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 60)
    of_one = {"population__folds": "1", "data__scaling": "standard"}
    loop.fit(asked(path, **of_one), tmp_path / "before", verbose=False)
    start = read_start(tmp_path / "before")
    rows = pq.read_table(path).to_pydict()
    wider = {name: 2 * np.array(rows[name]) for name in ("a", "b", "g")}
    pq.write_table(pa.table({**wider, "y": rows["y"]}), path)
    config, dataset = read_rows(asked(path, **of_one, augment__noise="0.1"), None, None, start)
    run = prepare(config, dataset, tmp_path, start.variables)
    np.testing.assert_allclose(run.data.statistics["inputs"]["spread"], 2.0, rtol=1e-5)

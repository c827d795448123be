"""Training rows that are scored: all, and of very many a sample, which is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from train.config import Config, Table
from train.data.load import load_dataset
from train.inference.predictor import Predicted
from train.results import assessment, sample
from train.results.sample import rows_to_score, sample_in_words, scored_rows

CONFIG = Config(data=Table(path="builtin:diabetes", target="progression"))


def test_few_rows_are_scored_whole_and_many_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset(CONFIG)
    train = dataset.splits["train"]
    assert rows_to_score(dataset, seed=0) is train
    monkeypatch.setattr(sample, "SCORED_NUMBERS", 50)
    drawn = rows_to_score(dataset, seed=0)
    assert len(set(drawn.tolist())) == 50 and set(drawn) < set(train)
    places = np.flatnonzero(np.isin(train, drawn))
    assert (train[places] == drawn).all()  # in the order of the rows
    assert (rows_to_score(dataset, seed=0) == drawn).all()
    assert (rows_to_score(dataset, seed=1) != drawn).any()
    kinds = load_dataset(Config(data=Table(path="builtin:iris", target="species")))
    assert len(rows_to_score(kinds, seed=0)) == 50 // 3  # of three scores each


def test_a_run_scores_the_sample_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SCORED_NUMBERS", 50)
    dataset = load_dataset(CONFIG)
    train = dataset.splits["train"]
    n_rows = len(train)
    asked = {}

    def predict_rows(dataset: Any, rows: np.ndarray) -> Predicted:
        batch = dataset.take(dataset.arrays, rows)
        asked[len(rows)] = rows
        return Predicted(batch.target, batch.weight, batch.target)

    predictor = SimpleNamespace(predict_rows=predict_rows)
    run: Any = SimpleNamespace(dataset=dataset, config=CONFIG)
    outcome: Any = SimpleNamespace(predictor=predictor, out_of_fold=None)
    evaluated = assessment.score_splits(run, outcome)
    assert evaluated.sampled == {"train": 50} and evaluated.rows["train"] == n_rows
    assert list(asked) == [50, len(dataset.splits["valid"])]  # test rows are as many
    assert (asked[50] == rows_to_score(dataset, CONFIG.seed)).all()
    only_train = dataset.with_splits(
        {"train": np.arange(442, dtype=np.int32), "valid": train[:0], "test": train[:0]}
    )
    run = SimpleNamespace(dataset=only_train, config=CONFIG)
    evaluated = assessment.score_splits(run, outcome)
    assert evaluated.sampled == {"train": 50} and evaluated.rows == {"train": 442}
    assert (asked[50] == scored_rows(only_train, "train", CONFIG.seed)).all()
    assert len(evaluated.predictions["value"]) == 50  # what the report is of
    assert "those of 50 of them" in sample_in_words(50, 1234)
    assert sample_in_words(50, 1234).endswith("from 1,234")

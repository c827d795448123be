"""Baselines of sequences by counting, against hand counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from train.config.data_options import Sequences
from train.data.sequences.load import load_sequences
from train.evaluation.baselines.sequences import SequenceBaselines, tag_by_word


def test_a_word_gets_the_tag_it_has_most_often():
    train = {"tokens": np.array([[2, 3, 2], [2, 4, 0]])}
    tags = np.array([[0, 1, 1], [1, 2, -1]])
    judged = {"tokens": np.array([[2, 4, 1, 9]])}
    # New words: 1, which is most frequent.
    assert tag_by_word(train, tags, judged, 3, np.ones(len(tags))).tolist() == [[1, 2, 1, 1]]


def test_without_words_the_most_frequent_tag():
    train = {"numbers": np.zeros((2, 2, 1))}
    tags = np.array([[0, 2], [2, -1]])
    assert tag_by_word(
        train, tags, {"numbers": np.zeros((1, 3, 1))}, 3, np.ones(len(tags))
    ).tolist() == [[2, 2, 2]]


def load(path: Path, rows: list[dict], **fields):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_sequences(Sequences(path=str(path), valid=0, test=0, **fields), "auto")


def test_labels_and_tags_are_both_majority(tmp_path):
    rows = [{"w": ["a", "b"], "t": ["O", "B-x"], "y": "pqp"[i % 3]} for i in range(9)]
    dataset = load(tmp_path / "s.jsonl", rows, inputs="w", target=("t", "y"))
    baselines = SequenceBaselines(dataset.encoder).scores(dataset.arrays, dataset.arrays).metrics
    assert list(baselines) == ["majority"]
    assert baselines["majority"]["y.accuracy"] == pytest.approx(6 / 9)
    assert baselines["majority"]["t.f1"] == 1


def test_numbers_are_met_by_their_mean_and_by_the_last_value(tmp_path):
    rows = [{"x": [float(i), i + 1.0, i + 2.0]} for i in range(9)]
    dataset = load(tmp_path / "s.jsonl", rows, inputs="x", next_step=True)
    baselines = SequenceBaselines(dataset.encoder).scores(dataset.arrays, dataset.arrays).metrics
    assert baselines["last"]["rmse"] == pytest.approx(1, rel=1e-6)
    steps = np.array([[i + 1.0, i + 2.0] for i in range(9)])
    assert baselines["mean"]["rmse"] == pytest.approx(steps.std(), rel=1e-6)


def test_rates_of_zeros_and_ones(tmp_path):
    rows = [{"x": [[0, 1], [1, 0], [i % 2, 0]]} for i in range(10)]
    dataset = load(tmp_path / "s.jsonl", rows, inputs="x", next_step=True)
    baselines = SequenceBaselines(dataset.encoder).scores(dataset.arrays, dataset.arrays).metrics
    rate = 15 / 20
    expected = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    assert baselines["mean"]["nll"] == pytest.approx(expected, abs=1e-5)

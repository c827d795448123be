"""Linear models of sequences, against relations that are linear and summaries by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train.config.data_options import Sequences
from train.data.sequences.load import load_sequences
from train.evaluation.baselines import sequence_linear, sequences
from train.evaluation.baselines.ridge import fit_ridge
from train.evaluation.baselines.sequence_summary import SummaryFeatures, spread_steps
from train.evaluation.baselines.sequences import SequenceBaselines

SECONDS = 60.0


def judged(path: Path, rows: list[dict], **fields):
    """The baselines of the training rows, judged on these very rows as if held out."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = load_sequences(Sequences(path=str(path), valid=0, test=0, **fields), "auto")
    return SequenceBaselines(dataset.encoder).scores(dataset.arrays, dataset.arrays, SECONDS)


def walks(n: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=random.integers(3, 9)) for _ in range(n)]


def summary_of(x: np.ndarray) -> list[float]:
    return [len(x), x.mean(), x.std(), x.min(), x.max(), x[0], x[-1]]


def test_a_number_that_is_linear_in_the_summary(tmp_path):
    slopes = np.array([0.3, 2.0, -1.0, 0.5, 0.7, -2.0, 1.5])
    rows = [{"x": x.tolist(), "y": float(slopes @ summary_of(x) + 4)} for x in walks(80)]
    found = judged(tmp_path / "s.jsonl", rows, inputs="x", target="y").metrics
    target = np.array([row["y"] for row in rows])
    assert found["mean"]["rmse"] == pytest.approx(target.std(), rel=1e-6)
    assert found["linear"]["rmse"] < 1e-3
    assert list(found) == ["mean", "linear"]


def test_the_summary_is_of_known_steps_alone():
    nan = np.nan
    x_ntf = np.array([[[1.0], [nan], [3.0], [99.0]], [[nan], [5.0], [2.0], [6.0]]])
    train = {"numbers": x_ntf, "length": np.array([3, 4])}
    rows = [[3, 2.0, 1.0, 1, 3, 1, 3], [4, 13 / 3, np.std([5, 2, 6]), 2, 6, 5, 6]]
    raw = np.array(rows)
    wanted = (raw - raw.mean(0)) / raw.std(0)
    np.testing.assert_allclose(SummaryFeatures(train).of(train), wanted, rtol=1e-6)


def test_a_sequence_without_a_known_step_is_answered(tmp_path):
    rows = [{"x": [float(i), 1.0], "y": float(i)} for i in range(20)]
    rows[3]["x"] = []
    rows[4]["x"] = [None, None]
    found = judged(tmp_path / "s.jsonl", rows, inputs="x", target="y").metrics
    assert found["linear"]["rmse"] < found["mean"]["rmse"] / 10


def test_classes_that_a_summary_tells(tmp_path):
    rows = [{"x": x.tolist(), "y": "high" if x.max() > 1 else "low"} for x in walks(80)]
    found = judged(tmp_path / "s.jsonl", rows, inputs="x", target="y").metrics
    share = np.mean([row["y"] == "high" for row in rows])
    assert found["majority"]["accuracy"] == pytest.approx(max(share, 1 - share))
    assert found["linear"]["accuracy"] == 1


def test_classes_that_a_word_tells(tmp_path):
    words = ["a", "b", "c", "d"]
    rows = [{"w": [words[i % 4], "x", words[i % 3]], "y": "pq"[i % 4 == 0]} for i in range(36)]
    # "a" at the end tells nothing where it stands at the beginning too.
    for row in rows:
        row["y"] = "q" if "d" in row["w"] else "p"
    found = judged(tmp_path / "s.jsonl", rows, inputs="w", target="y").metrics
    assert found["linear"]["accuracy"] == 1
    assert found["majority"]["accuracy"] == pytest.approx(0.75)


def test_a_number_of_each_step(tmp_path):
    rows = [{"x": x.tolist(), "y": (3 * x + 1).tolist()} for x in walks(30)]
    found = judged(tmp_path / "s.jsonl", rows, inputs="x", target="y").metrics
    assert found["linear"]["rmse"] < 1e-3
    assert found["mean"]["rmse"] > 1


def test_a_tag_of_each_step_by_its_numbers_where_there_are_no_words(tmp_path):
    rows = []
    for x in walks(30):
        tags = ["UP" if value > 0.3 else "DOWN" for value in x]
        rows.append({"x": x.tolist(), "w": ["v"] * len(x), "y": tags})
    numbers = judged(tmp_path / "s.jsonl", rows, inputs="x", target="y").metrics
    assert numbers["linear"]["token_accuracy"] == 1
    words = judged(tmp_path / "w.jsonl", rows, inputs=("x", "w"), target="y").metrics
    assert list(words) == ["majority"]


def test_the_next_step_by_the_numbers_of_this_one(tmp_path):
    rows = [{"x": (10 * 0.5 ** np.arange(6) + i).tolist()} for i in range(12)]
    for i, row in enumerate(rows):
        # x[t + 1] = x[t] / 2 + 1
        row["x"] = (2 + (i + 1) * 0.5 ** np.arange(6)).tolist()
    found = judged(tmp_path / "s.jsonl", rows, inputs="x", next_step=True).metrics
    assert found["linear"]["rmse"] < 1e-3
    assert found["last"]["rmse"] > 0.1
    assert list(found) == ["mean", "last", "linear"]


def test_a_target_of_rows_beside_tags_of_words(tmp_path):
    rows = [
        {"w": ["a", "b"][: i % 2 + 1], "t": ["O", "B-x"][: i % 2 + 1], "y": i % 2}
        for i in range(20)
    ]
    found = judged(tmp_path / "s.jsonl", rows, inputs="w", target=("t", "y")).metrics
    assert {name.split(".")[0] for name in found["linear"]} == {"y"}
    assert found["linear"]["y.accuracy"] == 1


def test_zero_seconds_fit_none_and_too_few_say_so(tmp_path):
    rows = [{"x": x.tolist(), "y": float(x.sum())} for x in walks(30)]
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = Sequences(path=str(path), valid=0, test=0, inputs="x", target="y")
    dataset = load_sequences(options, "auto")
    none = SequenceBaselines(dataset.encoder).scores(dataset.arrays, dataset.arrays)
    assert list(none.metrics) == ["mean"]
    assert none.note == ""
    short = SequenceBaselines(dataset.encoder).scores(dataset.arrays, dataset.arrays, 1e-9)
    assert list(short.metrics) == ["mean"]
    assert short.note.startswith("the linear model is left out: fitting takes longer than 1e-09 s")


def test_one_model_is_judged_on_all_splits(tmp_path, monkeypatch):
    """Training rows that are judged have a model of their own."""
    rows = [{"x": x.tolist(), "y": float(x.sum())} for x in walks(30)]
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = Sequences(path=str(path), valid=0, test=0, inputs="x", target="y")
    dataset = load_sequences(options, "auto")
    asked = []
    fit = sequences.fit_linear

    def counted(*given, in_sample):
        asked.append(in_sample)
        return fit(*given, in_sample=in_sample)

    monkeypatch.setattr(sequences, "fit_linear", counted)
    baselines = SequenceBaselines(dataset.encoder)
    train = dataset.take(dataset.arrays, np.arange(20))
    found = {}
    for name, judged in (("test", np.arange(20, 25)), ("valid", np.arange(25, 30))):
        batch = dataset.take(dataset.arrays, judged)
        found[name] = baselines.scores(train, batch, SECONDS).metrics["linear"]
        fresh = SequenceBaselines(dataset.encoder).scores(train, batch, SECONDS)
        assert found[name] == fresh.metrics["linear"]
    assert found["test"] != found["valid"]
    baselines.scores(train, train, SECONDS, in_sample=True)
    assert asked == [False, False, False, True]


def test_what_was_not_tried_of_a_head_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sequence_linear, "fit_ridge", lambda *given: replace(fit_ridge(*given), note="not tried")
    )
    rows = [{"x": x.tolist(), "y": float(x.sum())} for x in walks(30)]
    found = judged(tmp_path / "s.jsonl", rows, inputs="x", target="y")
    assert found.note == "not tried" and "linear" in found.metrics


def test_steps_stand_where_they_were():
    rows = {"numbers": np.zeros((2, 3, 1)), "length": np.array([1, 3])}
    spread = spread_steps(np.array([7, 8, 9, 10]), rows, -1)
    assert spread.tolist() == [[7, -1, -1], [8, 9, 10]]

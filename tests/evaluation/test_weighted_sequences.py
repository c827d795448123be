"""A sequence of weight 3 counts as three of weight 1 do: in metrics, by class, in baselines."""

from __future__ import annotations

import json

import numpy as np
import pytest

from train.config import Sequences
from train.data.dataset import Head
from train.data.sequences.load import load_sequences
from train.evaluation.baselines.sequences import SequenceBaselines
from train.evaluation.classes import score_classes
from train.evaluation.metrics.sequences import (
    next_binary_metrics,
    next_number_metrics,
    tag_metrics,
)

WEIGHT = np.array([3.0, 0.0, 1.0, 2.0])
TIMES = WEIGHT.astype(int)
ENTITIES = ("O", "B-a", "I-a", "B-b", "I-b", "E-a", "S-b")


def tagged(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers and targets of four rows, of which two are shorter."""
    random = np.random.default_rng(0)
    target = random.integers(0, k, (4, 9))
    target[1::2, 6:] = -1
    return np.where(random.random((4, 9)) < 0.6, target, random.integers(0, k, (4, 9))), target


def test_entities_and_steps():
    answer, target = tagged(len(ENTITIES))
    found = tag_metrics(answer, target, ENTITIES, WEIGHT)
    wanted = tag_metrics(answer.repeat(TIMES, 0), target.repeat(TIMES, 0), ENTITIES)
    assert found == pytest.approx(wanted, abs=1e-12)
    assert found != pytest.approx(tag_metrics(answer, target, ENTITIES), abs=1e-3)
    assert 0 < found["f1"] < 1
    # By hand: 2 steps of the first row, of weight 3, are right, 1 of the last row's 2, of weight 1.
    hits = tag_metrics([[0, 0, 0], [0, 0, 0]], [[0, 0, 1], [2, 0, -1]], "abc", [3, 1])
    assert hits == {"token_accuracy": pytest.approx((2 * 3 + 1) / (3 * 3 + 2))}


@pytest.mark.parametrize("tags", [ENTITIES, tuple("pqrstuv")])
def test_scores_by_class(tags):
    answer, target = tagged(len(tags))
    head = Head("t", "tags", ("t",), tags, len(tags))
    found = score_classes([head], {"t": target}, {"t": answer}, WEIGHT)
    repeated = {"t": target.repeat(TIMES, 0)}, {"t": answer.repeat(TIMES, 0)}
    assert found == score_classes([head], *repeated, np.ones(6))
    assert found != score_classes([head], {"t": target}, {"t": answer}, np.ones(4))


def test_next_steps():
    random = np.random.default_rng(0)
    numbers = random.normal(size=(4, 5, 2)) * [1.0, 7.0]
    numbers[:, 3:] = np.nan
    numbers[2, 1] = np.nan
    others = numbers + random.normal(size=numbers.shape)
    units = np.array([1.0, 3.0])
    wanted = next_number_metrics(others.repeat(TIMES, 0), numbers.repeat(TIMES, 0), units)
    found = next_number_metrics(others, numbers, units, WEIGHT)
    assert found == pytest.approx(wanted, rel=1e-12)
    zeros = np.where(np.isnan(numbers), np.nan, numbers > 0)
    share = random.random(numbers.shape)
    wanted = next_binary_metrics(share.repeat(TIMES, 0), zeros.repeat(TIMES, 0))
    assert next_binary_metrics(share, zeros, WEIGHT) == pytest.approx(wanted, rel=1e-12)


def test_baselines(tmp_path):
    rows = []
    for i in range(30):
        steps = list(range(1 + i % 3))
        tags = [["a", "b"][(i + t) % 3 // 2] for t in steps]
        rows.append({"x": [[float(t + i), i % 2] for t in steps], "kind": "pqr"[i * i % 3]})
        rows[-1] |= {"number": float(i), "tags": tags, "yes": "no" if i % 4 else "yes"}
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = Sequences(str(path), inputs="x", valid=0, test=0)
    for target in (("kind", "number", "tags", "yes"), ()):
        options.target = target
        options.next_step = not target
        dataset = load_sequences(options, "auto")
        times = np.arange(30) % 4
        pool = dataset.arrays
        train = pool._replace(weight=times.astype(np.float32))
        repeated = dataset.take(pool, np.repeat(np.arange(30), times))
        found = SequenceBaselines(dataset.encoder).scores(train, pool).metrics
        wanted = SequenceBaselines(dataset.encoder).scores(repeated, pool).metrics
        plain = SequenceBaselines(dataset.encoder).scores(pool, pool).metrics
        for name, scores in wanted.items():
            assert found[name] == pytest.approx(scores, rel=1e-9), name
        first = "majority" if target else "mean"
        assert found[first] != pytest.approx(plain[first], rel=1e-6)

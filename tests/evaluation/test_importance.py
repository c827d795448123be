"""train.evaluation.importance against known linear functions and an independent loop."""

from __future__ import annotations

import numpy as np
import pytest

from train.config import Train
from train.data.dataset import Head
from train.evaluation.importance import (
    ShuffleSeconds,
    permutation_importance,
    prediction_error,
)
from train.results.baselines import known_seconds, shuffle_seconds

COLUMNS = {
    "strong": ("numbers", [0]),
    "unused": ("numbers", [1]),
    "weak": ("numbers", [2]),
    "code": ("codes", [0]),
}
SLOPE = np.array([3.0, 0.0, 1.0])
HEAD = Head("value", "regression", ("price",), (), 1)


def predict(inputs):
    return {"value": (inputs["numbers"] @ SLOPE + 2.0 * inputs["codes"][:, 0])[:, None]}


def by_turns(predict):
    """The columns shuffled one after the other, as `train.inference.shuffles` does at once."""

    def shuffler(intact, owners):
        def shuffled(order, columns, count):
            answers = []
            for column in columns[:count]:
                cells = {}
                for key, array in intact.items():
                    cells[key] = np.where(owners[key] == column, array[order], array)
                answers.append(predict(cells))
            return {name: np.stack([each[name] for each in answers]) for name in answers[0]}

        return shuffled

    return shuffler


@pytest.fixture
def inputs():
    random = np.random.default_rng(0)
    return {
        "numbers": random.normal(size=(4000, 3)).astype(np.float32),
        "codes": random.integers(0, 2, (4000, 1)).astype(np.int32),
    }


def test_a_linear_function_has_the_importance_that_theory_gives(inputs):
    error = prediction_error([HEAD], predict(inputs), units={"value": [10.0]})
    found = permutation_importance(
        by_turns(predict), inputs, COLUMNS, error, seed=0, repeats=5, max_rows=4000
    ).rises
    # Shuffling x moves a*x by a*(x' - x), whose variance is 2 a^2 var(x); the answers were exact
    # before.
    assert found["strong"]["mean"] == pytest.approx(10 * (2 * 9) ** 0.5, rel=0.05)
    assert found["weak"]["mean"] == pytest.approx(10 * 2**0.5, rel=0.05)
    assert found["code"]["mean"] == pytest.approx(10 * (2 * 4 * 0.25) ** 0.5, rel=0.05)
    assert found["unused"] == {"mean": 0.0, "sd": 0.0}
    assert next(iter(found)) == "strong" and list(found)[-1] == "unused"
    assert 0 < found["strong"]["sd"] < 1


def test_mean_and_sd_are_those_of_a_plain_loop(inputs):
    numbers = inputs["numbers"][:50, :2]
    target = numbers.sum(1) + np.linspace(0, 1, 50)

    def answers(arrays):
        return {"value": arrays["numbers"].sum(1)}

    def error(found, rows):
        return float(np.abs(found["value"] - target[rows]).mean())

    found = permutation_importance(
        by_turns(answers), {"numbers": numbers}, {"a": ("numbers", [0])}, error, 7, repeats=4
    ).rises
    random = np.random.default_rng(7)
    random.choice(50, 50, replace=False)
    rises = []
    for _ in range(4):
        order = random.permutation(50)
        shuffled = [numbers[order[row], 0] + numbers[row, 1] for row in range(50)]
        rises.append(np.abs(shuffled - target).mean() - np.abs(numbers.sum(1) - target).mean())
    assert found["a"] == pytest.approx({"mean": np.mean(rises), "sd": np.std(rises)}, rel=1e-5)


def test_the_parts_of_one_raw_column_are_shuffled_together():
    part = np.random.default_rng(1).normal(size=(500, 1))
    # Their sum is 0 for as long as they stay together.
    numbers = np.concatenate([part, -part], axis=1)

    def answers(arrays):
        return {"value": arrays["numbers"].sum(1, keepdims=True)}

    def error(found, rows):
        return float(np.abs(found["value"]).mean())

    def measure(places):
        columns = {"column": ("numbers", places)}
        found = permutation_importance(
            by_turns(answers), {"numbers": numbers}, columns, error, seed=0
        )
        return found.rises["column"]["mean"]

    assert measure([0, 1]) == 0 and measure([0]) > 0.5


def test_accuracy_down_is_importance_up():
    random = np.random.default_rng(2)
    codes = random.integers(0, 2, (1000, 2))
    head = Head("sold", "binary", ("sold",), ("no", "yes"), 1)

    def answers(arrays):
        return {"sold": 0.1 + 0.8 * arrays["codes"][:, 0]}

    error = prediction_error([head], {"sold": codes[:, 0]})
    places = {"noise": ("codes", [1]), "cause": ("codes", [0])}
    found = permutation_importance(by_turns(answers), {"codes": codes}, places, error, seed=0).rises
    assert found["cause"]["mean"] == pytest.approx(0.5, abs=0.05) and found["noise"]["mean"] == 0


def test_at_most_max_rows_are_predicted_and_targets_follow_them(inputs):
    sizes = set()
    seen = []

    def counted(arrays):
        sizes.add(len(arrays["numbers"]))
        return predict(arrays)

    exact = prediction_error([HEAD], predict(inputs))

    def error(answers, rows):
        seen.append(exact(answers, rows))
        return seen[-1]

    permutation_importance(by_turns(counted), inputs, COLUMNS, error, seed=0, max_rows=300)
    assert sizes == {300}
    assert seen[0] == 0  # the intact rows meet their own targets


def test_the_seed_decides_and_other_columns_do_not(inputs):
    error = prediction_error([HEAD], predict(inputs))

    def measure(columns=COLUMNS, seed=0):
        return permutation_importance(by_turns(predict), inputs, columns, error, seed=seed).rises

    before = {key: array.copy() for key, array in inputs.items()}
    first = measure(seed=0)
    assert first == measure(seed=0)
    alone = measure({"weak": COLUMNS["weak"]})
    assert alone["weak"] == first["weak"]
    assert first["weak"] != measure(seed=1)["weak"]
    for key, array in inputs.items():
        np.testing.assert_array_equal(array, before[key])


def test_error_of_several_targets_is_the_mean_of_unit_free_errors():
    heads = [
        Head("value", "regression", ("low", "high"), (), 2),
        Head("kind", "multiclass", ("kind",), ("a", "b", "c"), 3),
    ]
    targets = {"value": np.array([[0.0, 0.0], [2.0, 4.0], [9.0, 9.0]]), "kind": np.array([0, 2, 1])}
    error = prediction_error(
        heads, targets, weight=np.array([3.0, 1.0, 5.0]), units={"value": [1.0, 1e6]}
    )
    rows = np.array([0, 1])
    answers = {"value": np.array([[1.0, 0.0], [3.0, 4.0]]), "kind": np.eye(3)[[0, 0]]}
    # low: residual 1 over sd (2 * sqrt(3)/4); high: 0; kind: weights 3 right, 1 wrong.
    assert error(answers, rows) == pytest.approx((1 / (2 * 3**0.5 / 4) + 0 + 0.25) / 3)
    assert prediction_error(heads[1:], targets)({"kind": np.eye(3)[[0, 0]]}, rows) == 0.5


def test_without_time_the_columns_that_are_left_are_said(inputs, monkeypatch):
    clock = iter(np.arange(0, 1000, 0.5))
    monkeypatch.setattr("train.evaluation.importance.time.monotonic", lambda: next(clock))
    error = prediction_error([HEAD], predict(inputs))
    found = permutation_importance(by_turns(predict), inputs, COLUMNS, error, 0, seconds=within(2))
    assert 0 < len(found.rises) < len(COLUMNS)
    assert f"{len(found.rises)} of 4 columns were shuffled in the 2 s" in found.notes[0]
    assert "config.train.importance_seconds" in found.notes[0]
    whole = permutation_importance(by_turns(predict), inputs, COLUMNS, error, 0, repeats=1)
    assert whole.notes == () and found.rises.items() <= whole.rises.items()
    fewer = permutation_importance(by_turns(predict), inputs, COLUMNS, error, 0, seconds=within(8))
    assert "of 4 columns were shuffled less than 3 times in the 8 s" in fewer.notes[0]


def within(seconds: float) -> ShuffleSeconds:
    return ShuffleSeconds(seconds, seconds)


def test_all_columns_are_shuffled_once_where_a_short_training_bounds_the_repeats(
    inputs, monkeypatch
):
    clock = iter(np.arange(0, 1000, 0.5))
    monkeypatch.setattr("train.evaluation.importance.time.monotonic", lambda: next(clock))
    error = prediction_error([HEAD], predict(inputs))
    limits = ShuffleSeconds(once=100, repeats=1)
    found = permutation_importance(by_turns(predict), inputs, COLUMNS, error, 0, seconds=limits)
    once = permutation_importance(by_turns(predict), inputs, COLUMNS, error, 0, repeats=1)
    assert found.rises == once.rises
    assert "4 of 4 columns were shuffled less than 3 times in the 1 s" in found.notes[0]


def test_importance_may_take_what_is_asked_or_as_long_as_the_training():
    assert shuffle_seconds(Train(importance_seconds=3.0), 60.0) == (3, 3)
    assert shuffle_seconds(Train(), 0.2) == (10, 0.25)
    assert shuffle_seconds(Train(), 5.0) == (10, 5)
    assert shuffle_seconds(Train(), 60.0) == (60, 60)
    assert known_seconds(0.2, is_whole=True) == 0.2
    assert known_seconds(0.2, is_whole=False) == 10
    assert known_seconds(60.0, is_whole=False) == 60

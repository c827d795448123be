"""Temperatures of probabilities, against logits that are divided, and calibration errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest
import scipy.special

from train import loop
from train.config import Config, Dense, Optim, Population, Table, Train
from train.data.dataset import Head
from train.errors import UserError
from train.evaluation.metrics.supervised import binary_metrics, multiclass_metrics
from train.evaluation.temperature import fit_temperatures, scaled
from train.inference.load import load
from train.run.manifest import record_files
from train.run.temperature import NAME, read_temperatures, write_temperatures

TWO = Head("y", "binary", ("y",), ("no", "yes"), 1)
THREE = Head("y", "multiclass", ("y",), ("a", "b", "c"), 3)


def too_sure(n: int, k: int, factor: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits [n, k] `factor` times those that the classes [n] were drawn by."""
    random = np.random.default_rng(seed)
    logits = 1.5 * random.normal(size=(n, k))
    chances = scipy.special.softmax(logits, 1).cumsum(1)
    return factor * logits, (random.random((n, 1)) > chances).sum(1).clip(max=k - 1)


def log_loss(probability: np.ndarray, target: np.ndarray) -> float:
    return float(-np.log(probability[np.arange(len(target)), target]).mean())


@pytest.mark.parametrize(("factor", "k"), [(3.0, 3), (0.4, 3), (2.0, 2)])
def test_the_temperature_is_found_that_logits_were_multiplied_by(factor: float, k: int) -> None:
    logits, target = too_sure(20_000, k, factor)
    head = THREE if k == 3 else TWO
    probability = scipy.special.softmax(logits, 1)
    answers = probability if k == 3 else probability[:, 1]
    found = fit_temperatures([head], {"y": answers[None]}, {"y": target}, np.ones(len(target)))
    assert found["y"] == pytest.approx(factor, rel=0.05)
    at = scaled(head, answers, found["y"])
    divided = scipy.special.softmax(logits / found["y"], 1)
    np.testing.assert_allclose(at, divided if k == 3 else divided[:, 1], rtol=1e-9)
    assert log_loss(divided, target) < log_loss(probability, target)


def test_rows_that_count_for_nothing_and_classes_unseen_decide_nothing() -> None:
    logits, target = too_sure(2000, 3, 2.0)
    answers = scipy.special.softmax(logits, 1)[None]
    weight = np.ones(2000)
    weight[1000:] = 0
    half = fit_temperatures([THREE], {"y": answers[:, :1000]}, {"y": target[:1000]}, np.ones(1000))
    spoilt = target.copy()
    spoilt[1000:] = 3
    assert fit_temperatures([THREE], {"y": answers}, {"y": spoilt}, weight) == half
    unseen = fit_temperatures([THREE], {"y": answers}, {"y": spoilt}, np.ones(2000))
    assert unseen == pytest.approx(half, rel=1e-3)


def test_a_few_rows_that_are_all_right_make_no_net_entirely_sure() -> None:
    answers = np.full((1, 6), 0.8)
    found = fit_temperatures([TWO], {"y": answers}, {"y": np.ones(6, int)}, np.ones(6))
    assert 0.5 < scaled(TWO, answers[0], found["y"])[0] < 7.5 / 8
    # What is surer than so few rows allow stays: to take it back would make their log-loss higher.
    sure = np.full((1, 6), 0.99)
    assert fit_temperatures([TWO], {"y": sure}, {"y": np.ones(6, int)}, np.ones(6)) == {"y": 1.0}
    none = fit_temperatures([TWO], {"y": answers[:, :0]}, {"y": np.ones(0, int)}, np.ones(0))
    assert none == {"y": 1.0}


def test_of_several_nets_the_mean_of_the_scaled_answers_is_judged() -> None:
    logits, target = too_sure(4000, 3, 2.0)
    other, _ = too_sure(4000, 3, 2.0, seed=1)
    each = scipy.special.softmax(np.stack([logits, logits + 0.5 * other]), -1)
    found = fit_temperatures([THREE], {"y": each}, {"y": target}, np.ones(4000))["y"]
    around = [log_loss(scaled(THREE, each, found * by).mean(0), target) for by in (0.97, 1, 1.03)]
    assert around[1] == min(around)


def test_the_calibration_error_is_the_distance_of_shares_from_what_happened() -> None:
    probability = np.array([0.05, 0.05, 0.05, 0.05, 0.9, 0.9])
    target = np.array([0, 0, 0, 1, 1, 1])
    weight = np.array([1.0, 1, 1, 1, 2, 0])
    expected = (4 * abs(0.05 - 0.25) + 2 * abs(0.9 - 1)) / 6
    found = binary_metrics(probability, target, weight)["calibration_error"]
    assert found == pytest.approx(expected)
    sure = np.stack([1 - probability, probability], 1)
    of_answers = (4 * abs(0.95 - 0.75) + 2 * abs(0.9 - 1)) / 6
    assert multiclass_metrics(sure, target, weight)["calibration_error"] == pytest.approx(
        of_answers
    )


def test_a_saved_temperature_is_of_the_step_that_it_was_fitted_at(tmp_path: Path) -> None:
    write_temperatures(tmp_path, {"y": 1.5}, 7)
    # Nothing lists it: the run has not finished.
    assert read_temperatures(tmp_path, 7) == {}
    record_files(tmp_path, [NAME])
    assert read_temperatures(tmp_path, 7) == {"y": 1.5}
    assert read_temperatures(tmp_path, 8) == {}
    write_temperatures(tmp_path, {"y": -1.0}, 7)
    record_files(tmp_path, [NAME])
    with pytest.raises(UserError, match="y: expected a number above 0"):
        read_temperatures(tmp_path, 7)


@pytest.mark.slow
@pytest.mark.parametrize(
    "population",
    [Population(), Population(seeds=2), Population(folds=2), Population(folds=2, keep="refit")],
)
def test_a_loaded_net_answers_at_the_temperature_that_its_run_was_scored_at(
    tmp_path: Path, population: Population
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 4))
    y = np.where(x[:, 0] + 2 * random.normal(size=400) > 0, "yes", "no")
    table = pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "d": x[:, 3], "y": y})
    pc.write_csv(table, tmp_path / "rows.csv")
    config = Config(
        data=Table(path=str(tmp_path / "rows.csv"), target="y"),
        net=Dense(hidden=(64,)),
        optim=Optim(name="adam", learning_rate=1e-2),
        train=Train(epochs=40, temperature=True, restore="last"),
        population=population,
    )
    result = loop.fit(config, tmp_path / "run")
    temperature = result["task"]["y"]["temperature"]
    assert temperature > 1.5
    assert any("logits divided by" in line for line in result["notes"])
    model = load(tmp_path / "run")
    inputs = model.encoder.read(table, "data").inputs
    answers = model.answers(inputs)["y"]
    model.scale({})
    before = model.answers(inputs)["y"]
    if not model.ensemble.has_members:
        np.testing.assert_allclose(scaled(TWO, before, temperature), answers, atol=1e-5)
    assert np.abs(answers - 0.5).mean() < np.abs(before - 0.5).mean()

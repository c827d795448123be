"""Features of fixed filters are computed once, of rows that training leaves as they are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from nets.fixed import FixedFilters
from train.config import LSTM, Augment, Config, Sequences, Train
from train.data.load import load_dataset
from train.population.groups import prepare_population
from train.run import fixed as fixed_fit
from train.run.prepare import prepare
from train.run.run import Run

NET = LSTM(hidden=(4,), fixed_filters=168, noise=0.0, offset=0.0, crop=1.0)


def write_walks(path: Path, seed: int = 0, n: int = 70) -> str:
    """Walks of two classes, more than a block of them, of 20 to 40 steps."""
    random = np.random.default_rng(seed)
    lines = []
    for row in range(n):
        x_t = np.cumsum(random.standard_normal(int(random.integers(20, 41))) + row % 2)
        lines.append(json.dumps({"x": x_t.tolist(), "label": "ab"[row % 2]}))
    path.write_text("\n".join(lines))
    return str(path)


def make_config(path: str, net: LSTM = NET, **fields: Any) -> Config:
    data = Sequences(path=path, inputs="x", target="label", valid=0.0, test=0.2)
    return Config(data=data, net=net, train=Train(epochs=1, batch_size=16), **fields)


def prepared(folder: Path, net: LSTM = NET, **fields: Any) -> Run:
    config = make_config(write_walks(folder / "s.jsonl"), net, **fields)
    (folder / "run").mkdir()
    return prepare(config, load_dataset(config), folder / "run")


def network_of(run: Run) -> Any:
    network: Any = run.program.network
    assert isinstance(network.fixed, FixedFilters)
    return network


def test_features_stand_beside_every_row_and_are_those_of_the_row_alone(tmp_path: Path) -> None:
    run = prepared(tmp_path)
    inputs = run.data.arrays.inputs
    network = network_of(run)
    assert inputs["fixed"].shape == (70, network.fixed.size)
    fitted = run.data.statistics["inputs"]
    for row in range(0, 70, 9):
        alone = (inputs[name][row : row + 1] for name in ("numbers", "length"))
        wanted = network.fixed.features(*alone, fitted)
        np.testing.assert_allclose(inputs["fixed"][row], wanted[0], atol=1e-5)


def test_a_net_answers_by_the_features_that_are_given(tmp_path: Path) -> None:
    run = prepared(tmp_path)
    network = network_of(run)
    batch = run.program.batch(run.data, run.data.train[:6])
    key = jax.random.key(0)
    statistics = {"statistics": run.data.statistics}
    _, variables = network.apply(
        statistics, batch.inputs, train=False, rngs={"params": key}, mutable=["params"]
    )
    variables = {**variables, **statistics}
    bare = {name: array for name, array in batch.inputs.items() if name != "fixed"}
    given = network.apply(variables, batch.inputs, train=False)["label"]
    computed = network.apply(variables, bare, train=False)["label"]
    np.testing.assert_allclose(given, computed, atol=1e-5)
    other = {**batch.inputs, "fixed": batch.inputs["fixed"] + 1}
    moved = network.apply(variables, other, train=False)["label"]
    assert np.abs(np.asarray(moved - given)).max() > 0.01


@pytest.mark.parametrize(
    ("net", "augment"),
    [
        (dataclasses.replace(NET, noise=0.1), Augment()),
        (dataclasses.replace(NET, crop=0.8), Augment()),
        (NET, Augment(mixup=0.2)),
        (NET, Augment(reverse=0.5)),
        (dataclasses.replace(NET, fixed_filters=0), Augment()),
    ],
)
def test_rows_that_training_varies_have_features_of_each_update(
    tmp_path: Path, net: LSTM, augment: Augment
) -> None:
    run = prepared(tmp_path, net, augment=augment)
    assert "fixed" not in run.data.arrays.inputs


def test_features_of_more_rows_than_memory_is_meant_for_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixed_fit, "KEPT_BYTES", 70 * 168 * 4 - 1)
    assert "fixed" not in prepared(tmp_path).data.arrays.inputs


def test_a_net_that_is_trained_on_keeps_its_thresholds(tmp_path: Path) -> None:
    first = prepared(tmp_path)
    config = make_config(write_walks(tmp_path / "later.jsonl", seed=1))
    (tmp_path / "later").mkdir()
    initial_variables = {"params": {}, "statistics": first.data.statistics}
    later = prepare(config, load_dataset(config), tmp_path / "later", initial_variables)
    fitted = first.data.statistics["inputs"]
    np.testing.assert_array_equal(later.data.statistics["inputs"]["threshold"], fitted["threshold"])
    inputs = later.data.arrays.inputs
    wanted = network_of(later).fixed.features(inputs["numbers"], inputs["length"], fitted)
    np.testing.assert_allclose(inputs["fixed"], wanted, atol=1e-5)


@pytest.mark.parametrize("crops", [(1.0, 0.8), (0.8, 1.0)])
def test_no_member_has_features_of_whole_rows_where_one_is_cropped(
    tmp_path: Path, crops: tuple[float, float]
) -> None:
    config = make_config(write_walks(tmp_path / "s.jsonl"))
    (tmp_path / "run").mkdir()
    config.population.grid = {"net.crop": crops}
    (run,) = prepare_population(config, load_dataset(config), tmp_path / "run")
    assert "fixed" not in run.data.arrays.inputs

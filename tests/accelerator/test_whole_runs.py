"""Whole runs on the first device, against the CPU's: trained, kept, moved, asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from accelerator_sides import cpu
from golden_runs import ROOT, TWO_EPOCHS, make_inputs
from golden_runs import runs as golden_runs
from marks import slow
from resumption import digest

from train import config as configs
from train import loop, predict
from train.config import Config, Dense, Table, Train
from train.data.files.read import read_table

pytestmark = pytest.mark.accelerator

RUNS = ("diabetes", "table", "population", "series", "tags", "clusters", "autoencoder", "stream")
# What is tried where the CPU is the first device: there the two sides are one.
ON_A_CPU = "diabetes"
# Two epochs of small steps part from rounding alone.
TOLERANCE = 2e-3


@contextlib.contextmanager
def on_the_cpu() -> Iterator[None]:
    """Runs started within train and answer on this process' CPU."""
    with jax.default_device(cpu()):
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


def numbers_of(folder: Path) -> dict[str, np.ndarray]:
    """The numeric columns of a run's predictions."""
    table = pq.read_table(folder / "predictions.parquet")
    columns = {name: table[name].to_numpy() for name in table.column_names}
    return {name: c for name, c in columns.items() if c.dtype.kind == "f"}


@pytest.mark.parametrize("name", slow(*RUNS))
def test_a_run_scores_as_on_the_cpu(name, inputs, tmp_path):
    if jax.default_backend() == "cpu" and name != ON_A_CPU:
        pytest.skip("the first device is the CPU")
    config_name, overrides = golden_runs(inputs)[name]
    config = configs.load(ROOT / "configs" / f"{config_name}.py", overrides | TWO_EPOCHS)
    with jax.default_matmul_precision("highest"):
        found = loop.fit(config, tmp_path / "found")
        with on_the_cpu():
            wanted = loop.fit(config, tmp_path / "wanted")
    for split, scores in wanted["metrics"].items():
        for score, value in scores.items():
            if isinstance(value, float):
                assert found["metrics"][split][score] == pytest.approx(value, rel=0.02, abs=0.01)
    if (tmp_path / "wanted" / "predictions.parquet").exists():
        ours = numbers_of(tmp_path / "found")
        for column, theirs in numbers_of(tmp_path / "wanted").items():
            scale = np.nanstd(theirs) + 1e-6
            np.testing.assert_allclose(ours[column] / scale, theirs / scale, atol=20 * TOLERANCE)


def small(epochs: int) -> Config:
    return Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=Dense(hidden=(8,), dropout=0.2, norm="batch"),
        train=Train(epochs=epochs, batch_size=64, importance_seconds=0, report=False),
    )


def answers_of(folder: Path, rows: pa.Table) -> np.ndarray:
    """What a run's net, loaded anew, answers."""
    answers = predict.load(folder)(rows)
    assert isinstance(answers, np.ndarray)
    return answers


@pytest.mark.slow
def test_a_checkpoint_moves_to_the_device_and_back(tmp_path):
    with jax.default_matmul_precision("highest"):
        with on_the_cpu():
            loop.fit(small(2), tmp_path / "moved")
        loop.fit(small(4), tmp_path / "moved")
        rows = read_table("builtin:diabetes")
        there = answers_of(tmp_path / "moved", rows)
        with on_the_cpu():
            back = answers_of(tmp_path / "moved", rows)
            loop.fit(small(4), tmp_path / "stayed")
            stayed = answers_of(tmp_path / "stayed", rows)
    assert np.abs(there - back).max() <= 1e-5 * np.abs(back).max()
    assert np.abs(stayed - back).max() <= TOLERANCE * np.abs(back).max()


@pytest.mark.slow
def test_a_resumed_run_ends_in_the_bits_of_the_straight_one(tmp_path):
    if jax.default_backend() == "cpu":
        pytest.skip("the first device is the CPU, whose bits test_loop.py holds")
    loop.fit(small(2), tmp_path / "resumed")
    loop.fit(small(4), tmp_path / "resumed")
    loop.fit(small(4), tmp_path / "straight")
    assert digest(tmp_path / "resumed") == digest(tmp_path / "straight")

"""Folders of runs that an earlier release made: they load, answer as recorded, and train on.

`old_runs/` holds what version 0.1.0 wrote (without report.html and tensorboard/), the files that
it was trained on, and its answers to their first rows.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from train import config as configs
from train import loop, predict
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.run.metadata import as_begun

OLD = Path(__file__).parent / "old_runs"
FILES = {"homes": "homes.csv", "sentences": "sentences.jsonl"}
OPTIONS = {"homes": {"interval": 0.8}, "sentences": {}}


def unpack(name: str, folder: Path) -> Path:
    """A copy of an old run's folder, beside the file that it was trained on."""
    with tarfile.open(OLD / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    shutil.copy(OLD / FILES[name], folder)
    return folder / name


def lines(path: Path) -> list[dict]:
    """The lines of a JSON lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def answers(name: str, run: Path) -> list[dict]:
    """What a run's net answers to the rows that answers are recorded of."""
    model = predict.load(run)
    table: pa.Table = read_table(str(OLD / FILES[name]), model.config.data.missing)
    return model.table(table, "data", **OPTIONS[name]).to_pylist()


@pytest.mark.smoke
@pytest.mark.parametrize("name", FILES)
def test_an_old_run_answers_as_recorded(name, tmp_path):
    found = answers(name, unpack(name, tmp_path))
    recorded = lines(OLD / f"{name}.answers.jsonl")
    assert len(recorded) == 40
    for now, before in zip(found, recorded, strict=False):
        assert now.keys() == before.keys()
        # A deviation is a small difference of large numbers: float32 rounds by those.
        largest = max(abs(value) for value in before.values() if isinstance(value, float))
        for column, value in before.items():
            if isinstance(value, float):
                np.testing.assert_allclose(now[column], value, rtol=1e-6, atol=1e-6 * largest)
            else:
                assert now[column] == value


@pytest.mark.parametrize("name", FILES)
def test_its_file_is_known_again(name, tmp_path, monkeypatch):
    """By a digest of the schema too: what a later version adds to that must not change it."""
    run = unpack(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    config = configs.from_json(json.loads((run / "config.json").read_text())["config"])
    encoder = json.loads((run / "encoder.json").read_text())
    assert load_dataset(as_begun(config, run)).fingerprint == encoder["fingerprint"]


@pytest.mark.slow
def test_an_old_run_trains_on(tmp_path, monkeypatch):
    run = unpack("sentences", tmp_path)
    monkeypatch.chdir(tmp_path)
    config = configs.from_json(json.loads((run / "config.json").read_text())["config"])
    config.train.epochs += 1
    result = loop.fit(config, run)
    assert (result["epochs"], result["steps"]) == (31, 186)
    assert lines(run / "metrics.jsonl")[-1]["epoch"] == 31

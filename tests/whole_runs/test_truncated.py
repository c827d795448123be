"""Whole runs on windows of long sequences: learned, stopped and resumed, in populations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resumption import stopped_after

from train import loop, predict
from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.config.options import Config, Optim, Train
from train.errors import StoppedError

pytestmark = pytest.mark.slow
PERIOD = 12  # more steps than a window has


def config_of(folder: Path, epochs: int) -> Config:
    """Pulses every twelve steps: the next one is told by a step in an earlier window."""
    random = np.random.default_rng(0)
    path = folder / "pulses.jsonl"
    if not path.exists():
        rows = []
        for _ in range(60):
            steps = np.arange(random.integers(20, 60)) + random.integers(PERIOD)
            rows.append(json.dumps({"x": (steps % PERIOD == 0).astype(int)[:, None].tolist()}))
        path.write_text("\n".join(rows) + "\n")
    return Config(
        data=Sequences(path=str(path), inputs="x", next_step=True),
        net=LSTM(hidden=(16,)),
        optim=Optim(name="adam", learning_rate=2e-2),
        train=Train(epochs=epochs, batch_size=8, truncate=8, importance_seconds=0, report=False),
    )


def test_what_a_window_tells_the_next_is_learned(tmp_path):
    result: Any = loop.fit(config_of(tmp_path, 40), tmp_path / "run")
    assert result["metrics"]["test"]["nll"] < 0.5 * result["baselines"]["test"]["mean"]["nll"]
    assert result["steps"] == 40 * 6
    model = predict.load(tmp_path / "run")
    x = (np.arange(40) % PERIOD == 0).astype(int)[:, None].tolist()
    answers = model({"x": [x]})
    assert isinstance(answers, np.ndarray)
    whole = np.array(answers[0])
    carry = None
    pieces = []
    for first in range(0, 40, 8):
        answer, carry = model.step({"x": [x[first : first + 8]]}, carry)
        pieces.append(np.array(answer["prediction"][0]))
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_populations_dropout_and_resumption_compose_with_windows(tmp_path):
    config = config_of(tmp_path, 4)
    config.net = LSTM(hidden=(6, 6), cell="gru", dropout=0.2, recurrent_dropout=0.2)
    config.optim.ema = 0.5
    config.train.skip_spikes = True
    config.train.gradient_norms = True
    config.population.folds = 2
    whole: Any = loop.fit(config, tmp_path / "whole")
    with stopped_after(2), pytest.raises(StoppedError):
        loop.fit(config, tmp_path / "parts")
    assert loop.fit(config, tmp_path / "parts")["metrics"] == whole["metrics"]
    config.population.member = 1
    alone = loop.fit(config, tmp_path / "alone")
    assert alone["best_step"] == whole["per_member"][1]["best_step"]

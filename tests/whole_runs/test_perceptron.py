"""Perceptrons in whole runs: where they end, what they reach, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from marks import slow
from resumption import stopped_after

from train import config as configs
from train import loop, predict
from train.config import Augment, Config, Optim, Perceptron, Sequences, Table, Train
from train.errors import StoppedError, UserError
from train.run.checkpoint import Checkpoints


def make_config(rule: Any = "rosenblatt", epochs: int = 40, **data: Any) -> Config:
    table = {
        "path": "builtin:breast_cancer",
        "target": "diagnosis",
        "split": "stratified",
        "test": 0.3,
    }
    optim = (
        Optim(name="adam", learning_rate=1e-2)
        if rule in ("straight_through", "surrogate")
        else Optim()
    )
    return Config(
        data=Table(**table | data),
        net=Perceptron(rule),
        optim=optim,
        train=Train(epochs=epochs, importance_seconds=0, linear_seconds=0, report=False),
    )


def separable(path: Path) -> str:
    random = np.random.default_rng(0)
    points = random.normal(size=(200, 2))
    side = points @ [2, -1] + 0.5
    kept = np.abs(side) > 0.2
    lines = [
        f"{x:.6f},{y:.6f},{'yes' if s > 0 else 'no'}"
        for (x, y), s in zip(points[kept], side[kept], strict=True)
    ]
    path.write_text("\n".join(["x,y,above", *lines]) + "\n")
    return str(path)


def test_a_run_ends_once_it_makes_no_mistake(tmp_path):
    path = separable(tmp_path / "rows.csv")
    config = make_config(epochs=1000, path=path, target="above", valid=0)
    result = loop.fit(config, tmp_path / "run")
    assert result["metrics"]["train"]["accuracy"] == 1 and result["epochs"] < 200
    # The last epoch changed nothing: one more, from a fresh start, ends in the same weights.
    answers = predict.load(tmp_path / "run").table(_features(path))
    assert set(answers["probability_yes"].to_pylist()) == {0.0, 1.0}
    config.train.epochs = 2000
    again = loop.fit(config, tmp_path / "run")
    assert again["epochs"] == result["epochs"] and again["metrics"] == result["metrics"]


def _features(path: str) -> Any:
    from train.data.files.read import read_table

    return read_table(path, ())


@pytest.mark.parametrize(
    ("rule", "least"),
    [
        *slow(
            ("rosenblatt", 0.92),
            ("pocket", 0.95),
            ("averaged", 0.92),
            ("straight_through", 0.95),
            ("surrogate", 0.95),
        ),
    ],
)
def test_what_no_plane_parts_is_told_well_all_the_same(rule, least, tmp_path):
    scores = []
    for seed in range(2):
        config = make_config(rule, split_seed=seed, test=0.4)
        result: Any = loop.fit(config, tmp_path / str(seed))
        scores.append(result["metrics"]["test"]["accuracy"])
        assert result["task"]["diagnosis"]["loss"] == rule
    assert np.mean(scores) >= least
    rows = pq.read_table(tmp_path / "0" / "predictions.parquet")
    assert np.mean(np.array(rows["prediction"]) == np.array(rows["target"])) == pytest.approx(
        scores[0]
    )


@pytest.mark.parametrize("rule", slow("pocket", "averaged"))
def test_a_run_resumed_ends_in_the_same_bits(rule, tmp_path):
    config = make_config(rule, epochs=6, path="builtin:iris", target="species")
    config.train.checkpoint_every = 1
    whole = loop.fit(config, tmp_path / "whole")
    with stopped_after(3), pytest.raises(StoppedError):
        loop.fit(config, tmp_path / "parts")
    assert Checkpoints(tmp_path / "parts", read_only=True).steps()[0] == whole["steps"] // 2
    assert loop.fit(config, tmp_path / "parts")["metrics"] == whole["metrics"]
    history = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("whole", "parts")]
    assert history[0] == history[1]


def test_the_loss_counts_mistakes(tmp_path):
    result: Any = loop.fit(
        make_config(path="builtin:iris", target="species", valid=0.3), tmp_path / "run"
    )
    assert result["task"]["species"]["kind"] == "multiclass" and result["n_parameters"] == 3 * (
        4 + 1
    )
    from train.run.log import read_history

    losses = [line["loss"] for line in read_history(tmp_path / "run") if line["split"] == "valid"]
    # Each of three neurons is right or wrong about each of 45 rows.
    np.testing.assert_allclose(np.array(losses) * 45, np.round(np.array(losses) * 45), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"optim": Optim(ema=0.1)},
            r"config.optim.ema: config.net.rule=rosenblatt takes no gradient; leave it at 0.0",
        ),
        (
            {"augment": Augment(mixup=0.1)},
            r"config.augment.mixup: config.net.rule=rosenblatt learns from whole rows",
        ),
        ({"loss": "mse"}, r"config.loss: mse is not for a Perceptron, which tells classes"),
        ({"label_smoothing": 0.1}, r"config.label_smoothing: a threshold answers yes or no"),
        (
            {"data": Sequences(path="s", inputs="x", target="y")},
            r"config.net: Perceptron reads config.data=Table",
        ),
    ],
)
def test_what_a_perceptron_does_not_read_is_refused(change, message):
    config = make_config()
    for name, value in change.items():
        setattr(config, name, value)
    with pytest.raises(UserError, match=message) as refused:
        configs.validate(config)
    assert "\n" not in str(refused.value) and refused.value.exit_code == 2


def test_a_number_is_no_class(tmp_path):
    config = make_config(path="builtin:diabetes", target="progression", split="random")
    with pytest.raises(
        UserError, match="a Perceptron tells classes, but 'progression' is a number; use Dense"
    ):
        loop.fit(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()

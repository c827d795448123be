"""Few sequences that a number is asked of: nets of folds, which are no worse than the mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train import config as configs
from train import loop, predict
from train.evaluation.baselines.linear import Fitting
from train.evaluation.baselines.ridge import fit_ridge
from train.evaluation.baselines.sequence_summary import SummaryFeatures
from train.evaluation.baselines.table import Seconds
from train.evaluation.kinds import kind_of
from train.results.baselines import baselines_on_folds
from train.run.metadata import read_config
from train.run.start import read_rows


def write_rows(path: Path, n: int, *, told: float) -> str:
    """Sequences of up to nine steps; a share of their target's variance is told by their mean."""
    random = np.random.default_rng(0)
    lines = []
    for _ in range(n):
        x = random.normal(size=random.integers(3, 10)) + random.normal()
        y = np.sqrt(told) * x.mean() + np.sqrt(1 - told) * random.normal()
        lines.append(json.dumps({"x": x.tolist(), "y": 100 + 5 * y, "many": (2 * x).tolist()}))
    path.write_text("\n".join(lines))
    return str(path)


def asked(path: str, **more: str) -> configs.Config:
    options = {"data.path": path, "data.inputs": "x", "data.target": "y", "data.test": "0"}
    small = {"net.hidden": "(4,)", "train.report": "false"}
    own = {name.replace("__", "."): value for name, value in more.items()}
    return configs.load("sequences", options | small | own)


def test_few_numbers_take_four_folds_and_it_is_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60, told=0.5)
    config, dataset = read_rows(asked(path), None, None, None)
    assert (config.population.folds, config.population.seeds) == (4, 1)
    said = [note for note in dataset.notes if "--config.population.seeds=1 trains one" in note]
    assert said == [
        "few rows (60 train or validate): 4 nets, each validated on a part of them, answer by "
        "their mean; --config.population.seeds=1 trains one"
    ]
    assert not any("none validate" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("n", "more", "folds"),
    [
        (16, {}, 4),
        (15, {}, 1),
        (499, {}, 4),
        (500, {}, 1),
        (60, {"data__valid": "0.2"}, 1),
        (60, {"data__valid_path": "VALID"}, 1),
        (60, {"population__seeds": "1"}, 1),
        (60, {"data__target": "many"}, 1),
    ],
)
def test_who_has_folds(n: int, more: dict[str, str], folds: int, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", n, told=0.5)
    more = {name: path if value == "VALID" else value for name, value in more.items()}
    config, _ = read_rows(asked(path, **more), None, None, None)
    assert config.population.n_folds == folds


def test_of_noise_the_nets_answer_about_the_mean_and_it_is_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 48, told=0.0)
    test = write_rows(tmp_path / "test.jsonl", 48, told=0.0)
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    y = np.array([row["y"] for row in rows])
    config = asked(path, data__test_path=test)
    result: Any = loop.fit(config, tmp_path / "run", verbose=False)
    assert read_config(tmp_path / "run").population.folds == 4
    assert result["monitor"]["restore"] == "best"
    # Of rows that it never saw each net answers the mean, or what did better on others' rows.
    assert (
        result["metrics"]["valid"]["rmse"] <= result["baselines"]["valid"]["mean"]["rmse"] * 1.001
    )
    answers = np.asarray(predict.load(tmp_path / "run").columns(rows)["prediction"])
    assert np.std(answers) < 0.5 * y.std()
    resumed = loop.fit(config, tmp_path / "run", verbose=False)
    assert resumed["metrics"] == result["metrics"]


@pytest.mark.parametrize("validated", [{}, {"data__valid": "0.25"}])
def test_a_net_that_loses_to_the_mean_on_test_rows_says_so(
    validated: dict[str, str], tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 40, told=1.0)
    test = tmp_path / "test.jsonl"
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    for row in rows:
        row["y"] = 200 - row["y"]  # what was learned of them is wrong
    test.write_text("\n".join(json.dumps(row) for row in rows))
    config = asked(path, data__test_path=str(test), population__seeds="1", **validated)
    lines = loop.fit(config, verbose=False).get("warnings", ())
    assert any(line.startswith("the mean does better on the test rows: rmse ") for line in lines)


def test_folds_are_judged_by_the_mean_and_the_line_of_their_others(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60, told=0.7)
    _, dataset = read_rows(asked(path), None, None, None)
    kind = kind_of(dataset.encoder)
    rows = np.arange(60)
    found = baselines_on_folds(kind, dataset, 4, rows, Seconds(60.0))
    raw = [json.loads(line) for line in Path(path).read_text().splitlines()]
    y = np.array([row["y"] for row in raw])
    of_mean = []
    of_line = []
    for splits in dataset.folds(4):
        train, valid = (dataset.original_rows[splits[name]] for name in ("train", "valid"))
        of_mean.append(y[train].mean() - y[valid])
        inputs = dataset.take(dataset.arrays, splits["train"]).inputs
        judged = dataset.take(dataset.arrays, splits["valid"]).inputs
        summary = SummaryFeatures(inputs)
        line = fit_ridge(summary.of(inputs), y[train][:, None], np.ones(len(train)), Fitting())
        answer = summary.of(judged) @ line.coefficients[:, 0] + line.intercept[0]
        of_line.append(answer - y[valid])
    for name, errors in (("mean", of_mean), ("linear", of_line)):
        rmse = np.sqrt(np.square(np.concatenate(errors)).mean())
        assert found[name]["rmse"] == pytest.approx(rmse, rel=1e-3)

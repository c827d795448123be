"""A search: what its trials are, that it resumes, and which net it ends with."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resumption import stop_after

from train import config as configs
from train import predict, search
from train.config import Config, Dense, Population, Table, Train
from train.errors import DivergedError, StoppedError, StorageError, UserError
from train.population import study
from train.run.log import read_history

pytest.importorskip("optuna")

CONFIG = Config(
    name="searched",
    seed=2,
    data=Table(path="builtin:diabetes", target="progression"),
    net=Dense(hidden=(4,)),
    train=Train(epochs=3, batch_size=64, checkpoint_every=1),
    population=Population(
        samples=3, grid={"optim.learning_rate": (1e-3, 1e-1), "net.hidden": ((4,), ())}
    ),
)
SAMPLES = {"samples": 4, "grid": {"optim.learning_rate": (1e-3, 1e-1)}}


def changed(**population: Any) -> Config:
    return dataclasses.replace(
        CONFIG, population=dataclasses.replace(CONFIG.population, **population)
    )


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> tuple[Path, dict[str, Any], list[str]]:
    folder = tmp_path_factory.mktemp("straight") / "run"
    said = []
    return folder, search.search(CONFIG, folder, echo=said.append), said


@pytest.mark.slow
def test_trials_are_runs_judged_on_validation_rows(straight):
    folder, result, said = straight
    assert sorted(trial["trial"] for trial in result["trials"]) == [0, 1, 2]
    assert result == json.loads((folder / "search.json").read_text(), object_hook=_tuples)
    values = [trial["value"] for trial in result["trials"]]
    assert values == sorted(values) and len(set(values)) == 3
    for trial in result["trials"]:
        own = folder / "trials" / str(trial["trial"])
        told = [line["loss"] for line in read_history(own) if line["split"] == "valid"]
        assert trial["value"] == pytest.approx(min(told), rel=1e-6)
        config = json.loads((own / "config.json").read_text())["config"]
        assert tuple(config["net"]["hidden"]) == trial["values"]["net.hidden"]
        assert config["optim"]["learning_rate"] == trial["values"]["optim.learning_rate"]
        assert 1e-3 <= trial["values"]["optim.learning_rate"] <= 1e-1
    assert said[-1] == f"best: {folder / 'trials' / str(result['best'])}"


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if key == "net.hidden" else value for key, value in plain.items()}


@pytest.mark.slow
def test_the_best_trial_answers(straight):
    folder, result, _ = straight
    model = predict.load(folder / "trials" / str(result["best"]))
    assert tuple(model.config.net.hidden) == result["trials"][0]["values"]["net.hidden"]  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 5])
def test_a_search_that_was_stopped_ends_as_the_straight_one(calls, straight, tmp_path, monkeypatch):
    with (
        monkeypatch.context() as patch,
        pytest.raises(StoppedError, match=rf"--workdir={tmp_path / 'run'} resumes it"),
    ):
        stop_after(calls, patch)
        search.search(CONFIG, tmp_path / "run", echo=lambda _: None)
    resumed = search.search(CONFIG, tmp_path / "run", echo=lambda _: None)
    assert resumed == straight[1]


@pytest.mark.slow
def test_more_samples_go_on(tmp_path):
    first = search.search(
        changed(**SAMPLES | {"samples": 1}), tmp_path / "run", echo=lambda _: None
    )
    more = search.search(changed(**SAMPLES | {"samples": 3}), tmp_path / "run", echo=lambda _: None)
    assert len(more["trials"]) == 3
    assert first["trials"][0] in more["trials"]
    with pytest.raises(UserError, match=r"another config \(config.population.seeds: 1 -> 2\)"):
        search.search(
            changed(**SAMPLES | {"samples": 3, "seeds": 2}), tmp_path / "run", echo=lambda _: None
        )


@pytest.mark.slow
def test_a_trial_with_folds_has_the_mean_of_its_nets(tmp_path):
    config = changed(samples=1, folds=2, grid={"optim.learning_rate": (0.01,)})
    result = search.search(config, tmp_path / "run", echo=lambda _: None)
    own = json.loads((tmp_path / "run" / "trials" / "0" / "result.json").read_text())
    assert own["members"] == 2
    assert result["trials"][0]["value"] == pytest.approx(
        np.mean([member["value"] for member in own["per_member"]])
    )


@pytest.mark.slow
def test_trials_with_folds_by_the_rows_are_single_nets(tmp_path):
    config = changed(samples=1, folds="auto", grid={"optim.learning_rate": (0.01,)})
    search.search(config, tmp_path / "run", echo=lambda _: None)
    own = json.loads((tmp_path / "run" / "trials" / "0" / "result.json").read_text())
    assert len(own["per_member"]) == 1


@pytest.mark.slow
def test_trials_of_sequences_are_single_nets(tmp_path, monkeypatch):
    """With a value in place of training: how many nets a trial's config asks for."""
    asked: list[Population] = []

    def fit(config: Config, folder: Path, **_: object) -> dict[str, Any]:
        asked.append(config.population)
        return {"per_member": [{"value": 0.1}]}

    monkeypatch.setattr("train.loop.fit", fit)
    monkeypatch.setattr("train.results.trials.tell_trials", lambda *_: None)
    given = {"data.path": "builtin:digits_rows", "data.inputs": "x", "data.target": "digit"}
    given |= {"population.samples": "1", "population.grid": '{"optim.l2": (0.0,)}'}
    search.search(configs.load("sequences", given), tmp_path / "run", echo=lambda _: None)
    assert asked == [Population()]


@pytest.mark.parametrize("name", ["table", "sequences"])
def test_a_search_goes_on_whose_config_said_what_auto_is_in_trials(name, tmp_path):
    given = {"data.path": "x.csv", "data.target": "y", "population.samples": "2"}
    given |= {"population.grid": '{"optim.l2": (0.0, 0.1)}'}
    given |= {"data.inputs": "x"} if name == "sequences" else {}
    config = configs.load(name, given)
    before = configs.load(name, given | {"population.seeds": "1", "population.folds": "1"})
    if isinstance(before.data, Table):
        assert config.data.valid == "auto"
        before.data.valid = 0.15
    for i, (first, second) in enumerate(itertools.permutations((before, config))):
        folder = tmp_path / str(i)
        folder.mkdir()
        study.open_study(folder, first)
        study.open_study(folder, second)
        other = dataclasses.replace(second, data=dataclasses.replace(second.data, valid=0.2))
        with pytest.raises(UserError, match=r"another config \(config.data.valid: .* -> 0.2\)"):
            study.open_study(folder, other)


@pytest.mark.slow
def test_later_trials_follow_the_better_ones(tmp_path, monkeypatch):
    """With a value in place of training: the lower the rate, the better."""
    monkeypatch.setattr(
        "train.loop.fit",
        lambda config, folder, **_: {"per_member": [{"value": config.optim.learning_rate}]},
    )
    monkeypatch.setattr("train.results.trials.tell_trials", lambda *_: None)
    config = changed(samples=40, grid={"optim.learning_rate": (1e-6, 1.0)})
    trials = search.search(config, tmp_path / "run", echo=lambda _: None)["trials"]
    rates = [
        trial["values"]["optim.learning_rate"]
        for trial in sorted(trials, key=lambda trial: trial["trial"])
    ]
    assert np.median(np.log(rates[20:])) < np.median(np.log(rates[:10])) - 1


@pytest.mark.slow
def test_what_diverges_or_does_not_go_together_is_passed_over(tmp_path):
    said: list[str] = []
    grid = {"optim.learning_rate": (0.01, 0.02, 1e30)}
    result = search.search(changed(samples=4, grid=grid), tmp_path / "run", echo=said.append)
    assert result["trials"][0]["value"] is not None
    assert any(line.endswith("1e+30: diverged") for line in said)
    with pytest.raises(DivergedError, match="no trial has a finite loss"):
        grid = {"optim.learning_rate": (1e30,)}
        search.search(changed(samples=1, grid=grid), tmp_path / "none", echo=lambda _: None)
    said.clear()
    grid = {"optim.momentum": (0.9,), "optim.name": ("adam", "sgd")}
    search.search(changed(samples=4, grid=grid), tmp_path / "together", echo=said.append)
    assert any(
        "passed over, config.optim.momentum: sgd and rmsprop have it" in line for line in said
    )


@pytest.mark.parametrize(
    ("population", "message"),
    [
        ({"grid": {}}, "config.population.grid: nothing to search"),
        ({"samples": None}, "config.population.samples: not given"),
        ({"halving": 3}, "config.population.halving: is for train.main"),
        ({"member": 1}, "config.population.member: is for train.main"),
    ],
)
def test_what_cannot_be_searched_is_refused(population, message):
    with pytest.raises(UserError, match=message):
        search.check_search(changed(**population))


def test_a_search_needs_validation_rows_and_optuna(monkeypatch):
    config = dataclasses.replace(CONFIG, data=dataclasses.replace(CONFIG.data, valid=0))
    with pytest.raises(UserError, match=r"config.data.valid: .* set it above 0"):
        search.check_search(config)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r'pip install "denseq\[search\]"'):
        search.check_search(CONFIG)


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run, not a search"):
        search.search(CONFIG, tmp_path, echo=lambda _: None)
    (tmp_path / "config.json").unlink()
    (tmp_path / "study.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match=r"study\.db cannot be used"):
        search.search(CONFIG, tmp_path, echo=lambda _: None)

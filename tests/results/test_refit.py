"""The winner trained again on all rows but the test rows: how long, on what, and who answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from finished_runs import undeclared
from marks import slow
from resumption import stop_after

from train import config as configs
from train import loop, predict
from train.config import LSTM, Config, Dense, Optim, Population, Series, Table, Train
from train.config.members import Member, pooled
from train.data.dataset import Head
from train.data.load import load_dataset
from train.errors import StoppedError, UserError
from train.population.groups import prepare_population
from train.results.outcome import Outcome
from train.results.ranking import answering_members, rank_settings
from train.results.records import Facts, MemberResult
from train.results.refit import refit_run
from train.run.calibration import read_scores

CONFIG = Config(
    name="again",
    data=Table(path="builtin:diabetes", target="progression"),
    net=Dense(hidden=(8,), dropout=0.2),
    optim=Optim(learning_rate=1e-3),
    train=Train(epochs=12, batch_size=64, patience=3, checkpoint_every=1),
    population=Population(
        folds=3, seeds=2, grid={"optim.learning_rate": (1e-6, 3e-2)}, keep="refit"
    ),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, loop.fit(CONFIG, folder)


@pytest.mark.slow
def test_the_type_of_a_result_declares_what_is_in_that_of_a_population(finished):
    assert undeclared(finished[1]) == set()


@pytest.mark.slow
def test_the_net_is_the_one_trained_on_all_rows_for_the_mean_of_the_best_epochs(finished, tmp_path):
    folder, result = finished
    # 442 rows, of which 15 % test: 376 train or validate; folds train on two thirds of them, 250 or
    # 251 rows.
    assert result["rows"]["train"] == 376 and result["refit"]["rows"] == 376
    assert result["refit"]["setting"] == 1
    best = [member["best_step"] / 4 for member in result["per_member"] if member["setting"] == 1]
    epochs = int(np.floor(np.mean(best) + 0.5))
    assert 1 < epochs < 12
    assert result["refit"]["epochs"] == result["epochs"] == epochs
    assert result["refit"]["steps"] == result["steps"] == result["best_step"] == 6 * epochs
    alone = dataclasses.replace(
        CONFIG,
        data=dataclasses.replace(CONFIG.data, valid=0),
        optim=dataclasses.replace(CONFIG.optim, learning_rate=3e-2),
        train=Train(epochs=epochs, batch_size=64, restore="last"),
        population=Population(),
    )
    own = loop.fit(alone, tmp_path / "alone")
    models = [predict.load(path).variables for path in (folder, tmp_path / "alone")]
    assert jax.tree.structure(models[0]) == jax.tree.structure(models[1])
    for one, other in zip(*map(jax.tree.leaves, models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert result["metrics"]["test"] == own["metrics"]["test"]
    assert result["metrics"]["train"] == own["metrics"]["train"]


@pytest.mark.slow
def test_validation_rows_are_judged_by_the_folds(finished, tmp_path):
    folder, result = finished
    together = dataclasses.replace(
        CONFIG, population=dataclasses.replace(CONFIG.population, keep="ensemble")
    )
    other = loop.fit(together, tmp_path / "ensemble")
    assert result["metrics"]["valid"] == other["metrics"]["valid"]
    assert result["rows"]["valid"] == 376
    assert result["metrics"]["test"] != other["metrics"]["test"]
    # Intervals are made of the errors of the folds, and belong to the net that answers.
    assert len(read_scores(folder, CONFIG, result["steps"]).score) == 376
    model = predict.load(folder)
    dataset = load_dataset(pooled(CONFIG))
    inputs = dataset.take(dataset.arrays, dataset.splits["test"]).inputs
    assert model.ensemble.sampled(inputs, 3, 0)


@pytest.mark.slow
def test_report_and_summary_say_who_answers(finished):
    folder, result = finished
    said = f"trained again on 376 rows for {result['refit']['epochs']} epochs"
    assert said in (folder / "report.html").read_text()
    assert json.loads((folder / "result.json").read_text())["kept"] == []


@pytest.mark.slow
@pytest.mark.parametrize("calls", slow(3, 14))
def test_it_resumes_in_the_bits_of_the_straight_run(calls, finished, tmp_path, monkeypatch):
    folder, result = finished
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        stop_after(calls, patch)
        loop.fit(CONFIG, tmp_path / "run")
    assert (tmp_path / "run" / "refit").exists() == (calls == 14)
    with pytest.raises(UserError, match="not finished"):
        predict.load(tmp_path / "run")
    resumed = loop.fit(CONFIG, tmp_path / "run")
    assert resumed["metrics"] == result["metrics"]
    for one, other in zip(
        *(jax.tree.leaves(predict.load(f).variables) for f in (folder, tmp_path / "run")),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_series_is_trained_again_on_all_its_windows(tmp_path):
    data = Series(path="builtin:mackey_glass", target="x", lookback=16, horizon=4, rows=300)
    population = Population(folds=2, keep="refit")
    config = Config(data=data, net=LSTM(hidden=(6,)), train=Train(epochs=3), population=population)
    result = loop.fit(config, tmp_path / "run")
    # 300 rows, 15 % of which are test rows: 255 rows have 255 - 19 windows; the two folds validate
    # on some of them.
    assert result["refit"]["rows"] == 236
    assert result["refit"]["steps"] == result["refit"]["epochs"] * 8
    assert 0 < result["rows"]["valid"] < 236
    assert predict.load(tmp_path / "run").config.net.hidden == (6,)  # type: ignore[union-attr]


@pytest.mark.slow
def test_schedules_go_on_as_in_the_folds_and_means_round_half_up(tmp_path):
    train = dataclasses.replace(CONFIG.train, eval_every=2)
    population = Population(folds=3, keep="refit")
    config = dataclasses.replace(
        CONFIG, optim=Optim(schedule="cosine"), train=train, population=population
    )
    (tmp_path / "run").mkdir()
    dataset = load_dataset(pooled(config))
    runs = prepare_population(config, dataset, tmp_path / "run")
    results = [
        MemberResult(Member(k, 0, k, 0, {}), value, 4 * epochs, epochs, False, 250, {})
        for k, (epochs, value) in enumerate(((2, 1.0), (3, 1.0), (9, np.inf)))
    ]
    settings = tuple(rank_settings(results))
    facts = Facts(1, 0, 0, 0, 0, tuple(results), {}, settings=settings)
    again, setting = refit_run(config, dataset, runs, Outcome(None, facts))  # type: ignore[arg-type]
    assert setting == 0
    assert again.program.steps_per_epoch == 6
    assert again.program.total_steps == 12 * 6
    assert again.program.last_step == 3 * 6
    state = loop.train(again).state
    assert int(state.step) == 3 * 6 and int(state.best.step) == 3 * 6


def test_of_answers_without_a_mean_one_net_judges_each_fold():
    heads = (Head("codes", "reconstruction", ("a", "b"), (), 2),)
    values = {0: (0, 0, 2.0), 1: (0, 0, 1.0), 2: (0, 1, 3.0), 3: (0, 1, 4.0), 4: (1, 0, 0.5)}
    results = [
        MemberResult(Member(k, setting, fold, 0, {}), value, 1, 1, False, 10, {})
        for k, (setting, fold, value) in values.items()
    ]
    assert answering_members(CONFIG.population, heads, results, best_setting=0) == {1, 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"population": Population(seeds=2, keep="refit")},
            "config.population.keep: refit .* config.population.folds",
        ),
        (
            {"optim": Optim(schedule="plateau")},
            "config.population.keep: refit .* config.optim.schedule=plateau",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        configs.validate(dataclasses.replace(CONFIG, **changes))

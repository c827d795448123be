"""Members of a population: each as the same net alone, resumed in their bits, and their mean."""

from __future__ import annotations

import dataclasses
import json
import operator as op
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from resumption import digest, stop_after

from train import loop, predict
from train.config import LSTM, Config, Dense, Optim, Population, Sequences, Series, Table, Train
from train.config.members import members_of, pooled
from train.core.batching import epoch_rows
from train.data.load import load_dataset
from train.errors import DivergedError, StoppedError, UserError
from train.population.groups import prepare_population
from train.population.member_axis import select_both
from train.population.vmapped import init_members, program_size
from train.results.ranking import spread
from train.run.checkpoint import Checkpoints
from train.run.log import read_history
from train.run.prepare import prepare

DIABETES = Table(path="builtin:diabetes", target="progression")
WINE = Table(path="builtin:wine", target="cultivar", split="stratified")


def table_config(**population) -> Config:
    """What a member can differ by, and all that a state can hold."""
    return Config(
        name="many",
        data=DIABETES,
        net=Dense(hidden=(8,), dropout=0.2),
        optim=Optim(ema=0.9, schedule="plateau", plateau_patience=1, momentum=0.5, l2=1e-3),
        train=Train(epochs=6, batch_size=64, patience=3, checkpoint_every=1),
        population=Population(**population),
    )


def alone(config: Config, member: int, folder: Path) -> dict[str, Any]:
    """The result of one member's own run."""
    population = dataclasses.replace(config.population, member=member)
    return loop.fit(dataclasses.replace(config, population=population), folder)


GRID = {
    "optim.learning_rate": (1e-3, 1e-2),
    "net.dropout": (0.0, 0.4),
    "net.hidden": ((8,), (6, 4)),
}
WINES = Config(
    data=WINE, net=Dense(hidden=(5,)), train=Train(epochs=4), population=Population(folds=4)
)
SERIES = Config(
    data=Series(path="builtin:mackey_glass", target="x", lookback=16, horizon=4, rows=300),
    net=LSTM(hidden=(6,), dropout=0.2, bidirectional=True, readout="mean"),
    optim=Optim(name="adam", learning_rate=1e-2),
    train=Train(epochs=3),
    population=Population(folds=2, seeds=2),
)
SEQUENCES = Config(
    data=Sequences(path="builtin:digits_rows", inputs="x", target="digit"),
    net=LSTM(hidden=(6,), dropout=0.2, recurrent_dropout=0.2),
    optim=Optim(name="adam", learning_rate=1e-2),
    train=Train(epochs=2, batch_size=64),
    population=Population(folds=3, grid={"net.recurrent_dropout": (0.0, 0.3)}),
)


@pytest.mark.parametrize(
    ("config", "numbers"),
    [
        pytest.param(
            table_config(seeds=2, folds=3, grid=GRID),
            (17, 47),
            marks=pytest.mark.slow,
            id="table",
        ),
        pytest.param(WINES, (3,), marks=pytest.mark.slow, id="classes"),
        pytest.param(SERIES, (2,), marks=pytest.mark.slow, id="series"),
        pytest.param(SEQUENCES, (5,), marks=pytest.mark.slow, id="sequences"),
    ],
)
def test_a_member_has_the_scores_of_its_own_run(config, numbers, tmp_path):
    whole = loop.fit(config, tmp_path / "whole")
    assert whole["members"] == len(members_of(config)) == len(whole["per_member"])
    for number in numbers:
        own = alone(config, number, tmp_path / str(number))
        told = whole["per_member"][number]
        assert told["member"] == number
        assert told["best_step"] == own["best_step"]
        for name, value in own["metrics"]["test"].items():
            assert told["metrics"][name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


@pytest.mark.slow
def test_members_may_differ_in_how_rows_are_varied(tmp_path):
    config = dataclasses.replace(WINES, population=Population(grid={"augment.noise": (0.0, 0.5)}))
    whole = loop.fit(config, tmp_path / "whole")
    losses = [member["metrics"]["log_loss"] for member in whole["per_member"]]
    assert losses[0] != losses[1]
    own = alone(config, 1, tmp_path / "noisy")
    assert losses[1] == pytest.approx(own["metrics"]["test"]["log_loss"], rel=1e-3)


def test_each_fold_is_scaled_by_its_own_training_rows(tmp_path):
    config = table_config(folds=3)
    dataset = load_dataset(pooled(config))
    (run,) = prepare_population(config, dataset, _made(tmp_path / "run"))
    for k, splits in enumerate(dataset.folds(3)):
        expected = dataset.inputs["numbers"][splits["train"]].astype(np.float64).mean(0)
        np.testing.assert_allclose(
            run.data.statistics["inputs"]["center"][k], expected, rtol=1e-5, atol=1e-6
        )
        rows = np.asarray(run.data.train[k])[: len(splits["train"])] % len(dataset.weight)
        assert rows.tolist() == splits["train"].tolist()
    centers = np.asarray(run.data.statistics["inputs"]["center"])
    assert not np.allclose(centers[0], centers[1])


@pytest.mark.slow
def test_a_member_with_fewer_rows_has_its_own_order_and_the_batches_of_its_own_run(tmp_path):
    config = dataclasses.replace(WINES, class_weight="balanced")  # which folds balance differently
    whole = load_dataset(pooled(config))
    (run,) = prepare_population(config, whole, _made(tmp_path / "run"))
    assert len(set(np.asarray(run.data.n_train).tolist())) == 2
    for number in range(4):
        member = dataclasses.replace(
            config, population=dataclasses.replace(WINES.population, member=number)
        )
        own = prepare(member, whole, _made(tmp_path / str(number)))
        data, _ = select_both(run.data, run.data.key, number)  # type: ignore[arg-type]
        rows_sb, mask_sb = (
            np.asarray(part) for part in epoch_rows(run.program, data, jnp.int32(1))
        )
        wanted_sb, wanted_real_sb = epoch_rows(own.program, own.data, jnp.int32(1))
        assert (rows_sb % len(whole.weight)).tolist() == wanted_sb.tolist()
        assert mask_sb.tolist() == wanted_real_sb.tolist()
        ours = run.program.batch(data, jnp.asarray(rows_sb[0]))
        wanted = own.program.batch(own.data, wanted_sb[0])
        jax.tree.map(np.testing.assert_array_equal, ours, wanted)
        weights = data.train_weight[rows_sb], own.data.train_weight[wanted_sb]
        np.testing.assert_array_equal(*weights)


def test_groups_share_the_rows_that_are_the_same(tmp_path):
    grid = {"net.hidden": ((8,), (6, 4)), "optim.l2": (0.0, 0.1)}
    config = table_config(folds=3, grid=grid)
    runs = prepare_population(config, load_dataset(pooled(config)), _made(tmp_path / "run"))
    assert len(runs) == 2
    assert all(map(op.is_, *(jax.tree.leaves(run.data.arrays) for run in runs)))
    # However many folds there are, encoded rows are there once: each net scales what it takes.
    assert len(runs[0].data.arrays.weight) == len(runs[0].dataset.weight)
    assert len(runs[0].data.train_weight) == len(runs[0].dataset.weight)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("straight") / "run"
    loop.fit(table_config(seeds=2, folds=3), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 3])
def test_a_population_resumes_in_the_bits_of_the_straight_one(
    calls, straight, tmp_path, monkeypatch
):
    config = table_config(seeds=2, folds=3)
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        stop_after(calls, patch)
        loop.fit(config, tmp_path / "run")
    with pytest.raises(UserError, match="not finished"):
        predict.load(tmp_path / "run")
    loop.fit(config, tmp_path / "run")
    resumed = digest(tmp_path / "run")
    once = digest(straight)
    assert resumed.pop("predictions").equals(once.pop("predictions"))
    assert resumed == once


@pytest.mark.slow
def test_the_program_shrinks_to_those_that_still_train(tmp_path, monkeypatch):
    config = table_config(seeds=8)
    config.train.patience = 1
    config.train.epochs = 40
    whole = loop.fit(config, tmp_path / "whole")
    monkeypatch.setattr("train.population.vmapped.MIN_FLOPS", 0)
    few = loop.fit(config, tmp_path / "few")
    assert len({member["epochs"] for member in whole["per_member"]}) > 1
    assert [m["best_step"] for m in few["per_member"]] == [
        m["best_step"] for m in whole["per_member"]
    ]
    for one, other in zip(few["per_member"], whole["per_member"], strict=True):
        assert one["metrics"]["rmse"] == pytest.approx(other["metrics"]["rmse"], rel=1e-4)


def test_slots_are_fourths(tmp_path, monkeypatch):
    monkeypatch.setattr("train.population.vmapped.MIN_FLOPS", 0)
    config = table_config(seeds=40)
    (run,) = prepare_population(config, load_dataset(config), _made(tmp_path / "run"))
    state = init_members(run)
    assert [program_size(run, state, n) for n in (40, 11, 10, 4, 3, 1)] == [40, 40, 10, 10, 3, 1]


def test_a_line_is_logged_for_every_member_and_evaluation(straight):
    result = json.loads((straight / "result.json").read_text())
    for member in result["per_member"]:
        lines = [line for line in read_history(straight) if line["member"] == member["member"]]
        assert [line["epoch"] for line in lines if line["split"] == "valid"] == list(
            range(1, member["epochs"] + 1)
        )


def test_the_ensemble_answers_with_the_mean_of_its_members(straight):
    model = predict.load(straight)
    dataset = load_dataset(pooled(table_config(seeds=2, folds=3)))
    inputs = dataset.take(dataset.arrays, dataset.splits["test"]).inputs
    each = model.each(inputs)[
        "numbers" if "numbers" in model.each(inputs) else next(iter(model.each(inputs)))
    ]
    assert each.shape[0] == 6
    together = next(iter(model.answers(inputs).values()))
    np.testing.assert_allclose(together, each.astype(np.float64).mean(0), rtol=1e-5, atol=1e-6)
    assert np.ptp(each, axis=0).max() > 1e-3


def test_validation_scores_over_folds_are_those_of_nets_that_did_not_see_the_row(straight):
    result = json.loads((straight / "result.json").read_text())
    model = predict.load(straight)
    config = table_config(seeds=2, folds=3)
    dataset = load_dataset(pooled(config))
    error = 0.0
    n = 0
    unit = float(dataset.encoder.units[dataset.heads[0].name][0])
    for fold, splits in enumerate(dataset.folds(3)):
        batch = dataset.take(dataset.arrays, splits["valid"])
        each = model.each(batch.inputs)[dataset.heads[0].name]
        own = [k for k, member in enumerate(members_of(config)) if member.fold == fold]
        error += np.square(
            (each[own].astype(np.float64).mean(0) - batch.target[dataset.heads[0].name]) * unit
        ).sum()
        n += len(batch.weight)
    assert result["rows"]["valid"] == n
    assert result["metrics"]["valid"]["mse"] == pytest.approx(error / n, rel=1e-5)


def test_spread_is_that_of_the_textbook():
    # scipy.stats.t.ppf(.975, 3) = 3.182446
    found = spread([{"rmse": value} for value in (1.0, 2.0, 3.0, 6.0)])["rmse"]
    assert found["mean"] == 3
    assert found["deviation"] == pytest.approx(np.sqrt(14 / 3))
    assert found["standard_error"] == pytest.approx(np.sqrt(14 / 3) / 2)
    assert found["high"] - 3 == pytest.approx(3.182446 * np.sqrt(14 / 3) / 2)
    assert spread([{"rmse": 1.0}]) == {}


def test_a_spread_ends_where_its_metric_does():
    few = [{"y.accuracy": 1.0, "r2": 1.0, "rmse": 0.0}, {"y.accuracy": 0.9, "r2": 0.9, "rmse": 2.0}]
    reach = 12.706205 * 0.05  # Student's t for one degree of freedom
    found = spread(few)
    ends = {name: (values["low"], values["high"]) for name, values in found.items()}
    assert ends["r2"] == (pytest.approx(0.95 - reach), 1)
    assert ends["y.accuracy"] == (pytest.approx(0.95 - reach), 1)
    assert ends["rmse"] == (0, pytest.approx(1 + 20 * reach))


@pytest.mark.slow
def test_settings_are_ranked_and_the_best_answers(tmp_path):
    config = table_config(seeds=2, grid={"optim.learning_rate": (1e-6, 1e-2)}, keep="best")
    result = loop.fit(config, tmp_path / "run")
    assert [setting["values"]["optim.learning_rate"] for setting in result["settings"]] == [
        1e-2,
        1e-6,
    ]
    means = [
        np.mean([m["value"] for m in result["per_member"] if m["setting"] == s]) for s in (1, 0)
    ]
    assert [setting["value"] for setting in result["settings"]] == pytest.approx(means)
    (kept,) = result["kept"]
    assert result["per_member"][kept]["value"] == min(
        member["value"] for member in result["per_member"]
    )
    assert result["metrics"]["test"]["rmse"] == pytest.approx(
        result["per_member"][kept]["metrics"]["rmse"], rel=1e-5
    )
    report = (tmp_path / "run" / "report.html").read_text()
    assert "optim.learning_rate" in report and "standard error" in report


@pytest.mark.slow
def test_a_member_that_diverges_is_left_out_and_all_are_an_error(tmp_path):
    """Whatever is saved of it is finite, and the others train as they would without it."""
    config = table_config(seeds=2, grid={"optim.learning_rate": (1e-2, 1e30)})
    config.optim.name = "sgd"
    result = loop.fit(config, tmp_path / "run")
    assert [member["diverged"] for member in result["per_member"]] == [False, False, True, True]
    assert ["skipped" in member for member in result["per_member"]] == [False, False, True, True]
    checkpoints = Checkpoints(tmp_path / "run", read_only=True)
    for step in checkpoints.steps():
        saved = checkpoints.restore_item(step, "state")
        for name in ("weights", "opt_state"):
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(saved[name]))
    config.population.grid = {"optim.learning_rate": (1e-2, 1e-3)}
    tame = loop.fit(config, tmp_path / "tame")
    for own, other in zip(result["per_member"][:2], tame["per_member"][:2], strict=True):
        assert own["value"] == pytest.approx(other["value"], rel=1e-5)
    assert result["kept"] == [0, 1]
    assert np.isfinite(result["metrics"]["test"]["rmse"])
    with pytest.raises(DivergedError):
        loop.fit(table_config(seeds=2, grid={"optim.learning_rate": (1e30,)}), tmp_path / "all")


@pytest.mark.slow
def test_groups_of_other_shapes_are_saved_apart_and_told_together(tmp_path):
    config = table_config(
        seeds=2, grid={"net.hidden": ((8,), (6, 4)), "train.batch_size": (32, 64)}
    )
    result = loop.fit(config, tmp_path / "run")
    assert len(list((tmp_path / "run" / "groups").iterdir())) == 4
    assert {line["member"] for line in read_history(tmp_path / "run")} == set(range(8))
    best = result["settings"][0]["values"]
    kept = json.loads((tmp_path / "run" / "kept.json").read_text())
    assert kept["config"]["net"]["hidden"] == list(best["net.hidden"])
    model = predict.load(tmp_path / "run")
    params = jax.tree.leaves(model.ensemble.variables[0]["params"])
    assert {leaf.shape[0] for leaf in params} == {2}


def test_rates_of_an_embedding_are_not_said_where_a_table_has_no_numbers(tmp_path: Path):
    data = tmp_path / "flags.csv"
    data.write_text("a,b,y\n" + "x,q,u\ny,q,v\nx,r,u\ny,r,u\n" * 10)
    lines: list[str] = []
    config = table_config()
    config.data = Table(path=str(data), target="y")
    config.optim.rates = {"frequency": 0.1, "phase": 0.1, "adapter": 0.1}
    config.net = Dense(hidden=(8,), embedding="periodic")
    loop.fit(config, tmp_path / "run", echo=lines.append)
    [line] = [line for line in lines if "move nothing" in line]
    assert line == "config.optim.rates: this net has no adapter; these rates move nothing"


@pytest.mark.parametrize("embedding", ["none", "periodic"])
def test_a_rate_that_moves_nothing_is_said_unless_other_settings_have_it(
    embedding: str, tmp_path: Path
):
    lines: list[str] = []
    config = table_config()
    config.optim.rates = {"frequency": 0.1}
    config.net = Dense(hidden=(8,), embedding=embedding)
    loop.fit(config, tmp_path / "one", echo=lines.append)
    said = "config.optim.rates: this net has no frequency; these rates move nothing" in lines
    assert said == (embedding == "none")
    lines.clear()
    config.population.grid = {"net.embedding": ("none", "periodic")}
    loop.fit(config, tmp_path / "both", echo=lines.append)
    assert [line for line in lines if "move nothing" in line] == []

"""`fit` as a whole: exact resumption, refusals, what the folder holds."""

import csv
import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from marks import slow
from resumption import digest, stop_after, stopped_after

from train import config as configs
from train import loop
from train.config import Config, Dense, Optim, Table, Train
from train.core import program
from train.errors import DivergedError, StoppedError, UserError
from train.run.checkpoint import Checkpoints
from train.run.in_memory import InMemory
from train.run.log import read_history


def small_config(**train) -> Config:
    """A config whose state holds all that one can hold.

    Dropout, running averages, a moving average, a plateau, patience.
    """
    options = {"epochs": 6, "batch_size": 64, "patience": 50, "checkpoint_every": 1} | train
    return Config(
        name="small",
        data=Table(path="builtin:diabetes", target="progression"),
        net=Dense(hidden=(8,), dropout=0.2, norm="batch"),
        optim=Optim(ema=0.9, schedule="plateau", plateau_patience=1, momentum=0.5, l2=1e-3),
        train=Train(**options),
    )


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("straight") / "run"
    loop.fit(small_config(), folder)
    return folder


@pytest.mark.parametrize("calls", [2, *slow(1, 5)])
def test_a_run_stopped_after_any_epoch_and_resumed_has_the_bits_of_the_straight_one(
    calls, straight, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch, pytest.raises(StoppedError) as stopped:
        stop_after(calls, patch)
        loop.fit(small_config(), tmp_path / "run")
    assert stopped.value.exit_code == 143
    steps = Checkpoints(tmp_path / "run", read_only=True).steps()
    assert steps[0] == calls * 5
    loop.fit(small_config(), tmp_path / "run")
    assert digest(tmp_path / "run") == digest(straight)


def test_grouping_rounds_into_calls_changes_nothing(straight, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "rounds_wanted", lambda *_: 64)
    loop.fit(small_config(checkpoint_every=None), tmp_path / "run")
    assert digest(tmp_path / "run") == digest(straight)


def test_a_finished_run_is_not_trained_again(straight, monkeypatch):
    before = digest(straight)
    monkeypatch.setattr(InMemory, "compile", lambda *_: pytest.fail("compiled to train again"))
    loop.fit(small_config(), straight)
    assert digest(straight) == before


@pytest.mark.slow
def test_a_longer_run_goes_on_from_the_end(tmp_path):
    loop.fit(small_config(epochs=2), tmp_path / "run")
    result = loop.fit(small_config(), tmp_path / "run")
    assert result["steps"] == 30
    examples = result["examples_per_second"] * result["seconds"]["train"]
    assert examples == pytest.approx(6 * result["rows"]["train"])
    assert [
        line["epoch"] for line in read_history(tmp_path / "run") if line["split"] == "valid"
    ] == [1, 2, 3, 4, 5, 6]


def test_another_config_in_the_same_folder_is_refused_with_the_fields_that_differ(straight):
    other = dataclasses.replace(
        small_config(), optim=dataclasses.replace(small_config().optim, l2=0.5)
    )
    with pytest.raises(UserError, match=r"config\.optim\.l2: 0\.001 -> 0\.5"):
        loop.fit(other, straight)
    with pytest.raises(UserError, match=r"config\.train\.epochs: 6 -> 3"):
        loop.fit(small_config(epochs=3), straight)


def test_changed_data_under_the_same_name_is_refused(tmp_path):
    rows = "\n".join(f"{i},{(i * 7) % 11 + i / 10}" for i in range(60))
    file = tmp_path / "data.csv"
    file.write_text("a,b\n" + rows)
    data = Table(path=str(file), target="b", numeric=("a",))
    config = Config(name="x", data=data, net=Dense(hidden=()), train=Train(epochs=1))
    loop.fit(config, tmp_path / "run")
    file.write_text("a,b\n" + rows.replace("\n5,", "\n55,"))
    with pytest.raises(UserError, match=r"data changed since .* began, or a later version"):
        loop.fit(config, tmp_path / "run")


def test_patience_stops_and_the_best_weights_are_those_kept(tmp_path):
    config = small_config(epochs=400, patience=3)
    config.optim = Optim(name="adam", learning_rate=0.05)
    result = loop.fit(config, tmp_path / "run")
    values = {x["step"]: x["loss"] for x in read_history(tmp_path / "run") if x["split"] == "valid"}
    assert result["epochs"] < 400
    assert result["best_step"] == min(values, key=lambda step: (values[step], step))
    assert result["weights_step"] == result["best_step"]
    assert result["monitor"] == {"measure": "loss", "split": "valid", "restore": "best"}
    assert result["steps"] == result["best_step"] + 3 * 5
    best = next(
        x
        for x in read_history(tmp_path / "run")
        if x["split"] == "valid" and x["step"] == result["best_step"]
    )
    assert result["metrics"]["valid"]["rmse"] == pytest.approx(best["rmse"], rel=1e-5)


def test_a_loss_that_is_not_finite_ends_the_run_and_what_is_saved_is_finite(tmp_path, caplog):
    """The first update throws the weights so far that no other is finite: an epoch of them ends it.

    Rows of the batch are named as an epoch's order has them.
    """
    config = small_config()
    config.optim = Optim(name="sgd", learning_rate=1e30)
    config.net = Dense(hidden=(8,))
    with pytest.raises(DivergedError) as caught:
        loop.fit(config, tmp_path / "run")
    line = str(caught.value)
    assert line.startswith(
        "the loss or its gradient is not finite at step 2, nor in 4 updates after it; "
        "lower config.optim.learning_rate, or look at the rows of that update: builtin:diabetes, "
    )
    assert len(line.split("rows ")[-1].split(" and ")[0].split(", ")) == 40
    assert " and 24 more (the first is 0)" in line
    assert "left out by step 5: 4 updates" in caplog.text
    checkpoints = Checkpoints(tmp_path / "run", read_only=True)
    assert checkpoints.steps() == [5]
    state = checkpoints.restore_item(5, "state")
    for name in ("weights", "opt_state"):
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state[name]))
    trained = [x for x in read_history(tmp_path / "run") if x["split"] == "train"]
    assert [x["skipped"] for x in trained] == [4, 9]


def poisoned(tmp_path: Path, rows: list[int], n: int = 80) -> Config:
    """A table of which these rows are so far off that a square of them is no float."""
    random = np.random.default_rng(0)
    x = random.normal(size=n)
    y = x + 0.1 * random.normal(size=n)
    y[rows] = 3e37
    for part, k in (("train", n), ("valid", 20)):
        lines = [f"{a},{b}" for a, b in zip(x[:k], y[:k], strict=True)]
        (tmp_path / f"{part}.csv").write_text("x,y\n" + "\n".join(lines))
    data = Table(
        path=str(tmp_path / "train.csv"),
        target="y",
        valid_path=str(tmp_path / "valid.csv"),
        test=0,
        target_scaling="none",
    )
    train = Train(epochs=3, batch_size=8, restore="last", checkpoint_every=1)
    return Config(name="x", data=data, net=Dense(hidden=(4,)), train=train)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
def test_a_spoilt_row_costs_its_batches_and_is_named_where_it_ends_a_run(
    stream, tmp_path, monkeypatch
):
    """Of a run that is stopped in between too; where one fault is too many, its rows are told."""
    config = poisoned(tmp_path, [37])
    if stream:
        for part in ("train", "valid"):
            table = pa.csv.read_csv(tmp_path / f"{part}.csv")
            pq.write_table(table, tmp_path / f"{part}.parquet", row_group_size=30)
        config.data.path = str(tmp_path / "train.parquet")
        config.data.valid_path = str(tmp_path / "valid.parquet")
        config.data.stream = True
        config.data.shuffle_window = 40
    result = loop.fit(config, tmp_path / "run")
    assert result["per_member"][0]["skipped"] == 3
    assert result["metrics"]["valid"]["rmse"] < 2
    trained = [x for x in read_history(tmp_path / "run") if x["split"] == "train"]
    assert [x["skipped"] for x in trained] == [1, 2, 3]
    assert all(np.isfinite(x["loss"]) for x in trained)
    with stopped_after(3), pytest.raises(StoppedError):
        loop.fit(config, tmp_path / "stopped")
    loop.fit(config, tmp_path / "stopped")
    assert read_history(tmp_path / "stopped") == read_history(tmp_path / "run")
    models = []
    for name in ("run", "stopped"):
        checkpoints = Checkpoints(tmp_path / name, read_only=True)
        models.append(jax.tree.leaves(checkpoints.restore_model(checkpoints.steps()[0])))
    assert all(np.array_equal(a, b) for a, b in zip(*models, strict=True))

    monkeypatch.setattr(program, "MAX_IN_ROW", 1)
    with pytest.raises(DivergedError) as caught:
        loop.fit(config, tmp_path / "ended")
    named = (
        str(caught.value).split(f"{config.data.path}, rows ")[-1].removesuffix(" (the first is 0)")
    )
    rows = [int(row) for row in named.split(", ")]
    assert 37 in rows and len(rows) <= 8 and max(rows) < 80


def test_metrics_are_those_of_the_plain_formula_on_the_written_predictions(straight):
    table = pq.read_table(straight / "predictions.parquet")
    target, prediction = (
        table[name].to_numpy().astype(np.float64) for name in ("target", "prediction")
    )
    stated = json.loads((straight / "result.json").read_text())["metrics"]["test"]
    assert stated["rmse"] == pytest.approx(np.sqrt(np.mean((target - prediction) ** 2)), rel=1e-9)
    assert stated["mae"] == pytest.approx(np.mean(np.abs(target - prediction)), rel=1e-9)
    assert stated["r2"] == pytest.approx(
        1 - np.sum((target - prediction) ** 2) / np.sum((target - target.mean()) ** 2)
    )


def test_the_folder_holds_what_the_contract_names(straight):
    names = {path.name for path in straight.iterdir()} - {".lock"}
    expected = {"config.json", "encoder.json", "checkpoints", "metrics.jsonl", "result.json"}
    assert names == expected | {
        "predictions.parquet",
        "calibration.parquet",
        "errors.parquet",
        "importance.csv",
        "report.html",
        "tensorboard",
        "manifest.json",
    }
    stored = json.loads((straight / "config.json").read_text())
    resolved = small_config()
    resolved.optim.beta2 = 0.999
    assert configs.from_json(stored["config"]) == resolved
    assert stored["versions"]["jax"] == jax.__version__
    result = json.loads((straight / "result.json").read_text())
    named = {
        "task",
        "n_parameters",
        "members",
        "metrics",
        "baselines",
        "steps",
        "epochs",
        "best_step",
        "seconds",
    }
    assert named | {"examples_per_second", "per_member", "spread", "versions"} <= set(result)
    assert result["n_parameters"] == 10 * 8 + 8 + 16 + 8 + 1
    assert set(result["baselines"]["test"]) == {"mean", "linear"}
    with open(straight / "importance.csv") as file:
        importance = list(csv.DictReader(file))
    assert {row["column"] for row in importance} == {
        "age",
        "sex",
        "bmi",
        "bp",
        "s1",
        "s2",
        "s3",
        "s4",
        "s5",
        "s6",
    }
    rises = [float(row["mean"]) for row in importance]
    assert rises == sorted(rises, reverse=True) and rises[0] > 0
    assert result["config_sha256"] == configs.digest(resolved)


def test_the_penalty_is_logged_apart_from_the_loss(straight):
    train = [line for line in read_history(straight) if line["split"] == "train"]
    assert all(0 < line["penalty"] < 0.1 for line in train)
    assert all(line["loss"] > 0.2 for line in train)


def test_spoiling_valid_and_test_rows_changes_nothing_learned(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 2))
    y = random.normal(size=120)

    def write(name: str, spoiled: bool) -> Config:
        paths = {}
        for part, rows in (
            ("train", slice(0, 80)),
            ("valid", slice(80, 100)),
            ("test", slice(100, 120)),
        ):
            factor = 1000.0 if spoiled and part != "train" else 1.0
            lines = [
                f"{a * factor},{b * factor},{t}"
                for (a, b), t in zip(x[rows], y[rows] * factor, strict=True)
            ]
            paths[part] = tmp_path / f"{name}-{part}.csv"
            paths[part].write_text("a,b,y\n" + "\n".join(lines))
        parts = {f"{part}_path": str(paths[part]) for part in ("valid", "test")}
        data = Table(path=str(paths["train"]), target="y", **parts)
        return Config(
            name="x",
            data=data,
            net=Dense(hidden=(4,), dropout=0.1),
            train=Train(epochs=3, restore="last"),
        )

    models = []
    for name, spoiled in (("clean", False), ("spoiled", True)):
        loop.fit(write(name, spoiled), tmp_path / name)
        checkpoints = Checkpoints(tmp_path / name, read_only=True)
        models.append(checkpoints.restore_model(checkpoints.steps()[0]))
    assert jax.tree.all(
        jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), *models)
    )

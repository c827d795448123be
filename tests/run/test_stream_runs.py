"""Runs on tables larger than memory: what they learn, how much they hold, that they resume."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import peaks
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import resumption
from reading import as_kinds

from train import config, loop, predict
from train.config import Config, Dense, Optim, Table, Train
from train.core.batching import epoch_rows
from train.core.penalties import kernel_weights
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.data.stream.chunks import plan_chunks, read_chunks
from train.data.stream.rows import stream_of
from train.errors import UserError
from train.run import streaming
from train.run.log import read_history
from train.run.prepare import prepare
from train.run.row_weights import mean_weight, row_weights_of

ROOT = Path(__file__).parents[2]
COLUMNS = 8
NOISE = 0.5
WEIGHTS = np.arange(1, COLUMNS + 1) / COLUMNS
MEASURED = """
import json, sys
from train import config, loop
cfg = config.load("configs/table.py", json.loads(sys.argv[1]))
told = {"r2": loop.fit(cfg, sys.argv[2], verbose=False)["metrics"]["test"]["r2"]}
"""


def write_rows(folder: Path, n: int, piece: int = 100_000, group: int = 20_000) -> str:
    """A folder of Parquet files of n rows: y is a weighted sum of x, with noise."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i, start in enumerate(range(0, n, piece)):
        size = min(piece, n - start)
        x_nf = rng.normal(size=(size, COLUMNS)).astype(np.float32)
        columns = {f"x{j}": x_nf[:, j] for j in range(COLUMNS)}
        y_n = (x_nf @ WEIGHTS + NOISE * rng.normal(size=size)).astype(np.float32)
        pq.write_table(
            pa.table({**columns, "y": y_n}), folder / f"{i}.parquet", row_group_size=group
        )
    return str(folder)


def overrides(path: str, **more: str) -> dict[str, str]:
    given = {
        "data.path": path,
        "data.target": "y",
        "data.stream": "true",
        "data.valid": "1000",
        "data.test": "1000",
        "train.epochs": "1",
        "net.hidden": "(16,)",
        "net.dropout": "0",
        "net.embedding": "none",
    }
    return given | {name.replace("__", "."): value for name, value in more.items()}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Four times the cap, as float32 in memory, is learned under the cap.

    The few rows are read six times, for the first chunks of a run widen what malloc keeps of freed
    arrays, whatever the table.
    """
    cap = 20 << 20
    n_rows = 2_500_000
    assert 4 * n_rows * (COLUMNS + 1) > 4 * cap
    paths = {
        "few": write_rows(tmp_path / "few", 200_000),
        "many": write_rows(tmp_path / "many", n_rows),
    }
    r2 = 1 - NOISE**2 / (NOISE**2 + (WEIGHTS**2).sum())

    def measure(name: str, number: int) -> dict[str, Any]:
        more = {
            "data__shuffle_window": "32768",
            "train__batch_size": "1024",
            "train__epochs": "6" if name == "few" else "1",
        }
        given = json.dumps(overrides(paths[name], **more))
        told = peaks.run_measured(MEASURED, given, tmp_path / f"{name}-{number}")
        assert told["r2"] == pytest.approx(r2, abs=0.01)
        return told

    assert peaks.growth(measure, cap) < cap


@pytest.mark.slow
def test_a_stream_stopped_within_an_epoch_goes_on_in_the_same_bits(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows", 6000, 2000, 500)
    more = {
        "data__shuffle_window": "1024",
        "train__batch_size": "128",
        "train__epochs": "3",
        "optim__ema": "0.9",
    }
    cfg = config.load("configs/table.py", overrides(path, **more))
    resumption.check_within_an_epoch(cfg, tmp_path, calls=7)


@pytest.mark.slow
def test_a_stream_scores_as_the_same_rows_in_memory(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows", 8000, 3000, 500)
    more = {
        "train__epochs": "12",
        "train__batch_size": "64",
        "optim__learning_rate": "0.003",
        "net__hidden": "()",
    }
    streamed = loop.fit(
        config.load("configs/table.py", overrides(path, **more)), tmp_path / "streamed"
    )
    table = pa.concat_tables([pq.read_table(file) for file in sorted(Path(path).glob("*.parquet"))])
    pq.write_table(table, tmp_path / "all.parquet")
    more["data__stream"] = "false"
    given = overrides(str(tmp_path / "all.parquet"), **more)
    whole = loop.fit(config.load("configs/table.py", given), tmp_path / "whole")
    scores = [result["metrics"]["test"]["rmse"] for result in (streamed, whole)]
    assert scores == pytest.approx([NOISE, NOISE], rel=0.1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"data.path": "rows.csv"},
            "config.data.stream: reads Parquet, but config.data.path is rows.csv",
        ),
        ({"data.split": "stratified"}, "config.data.split: stratified needs all rows in memory"),
        ({"population.seeds": "2"}, "config.population: trains on rows in memory"),
        ({"devices.parallel": "pmap"}, "config.devices.parallel: a stream is compiled by jit"),
        (
            {"data.stream": "false", "data.shuffle_window": "9"},
            "config.data.shuffle_window: is for config.data.stream",
        ),
    ],
)
def test_what_a_stream_cannot_do_is_said(changed: dict[str, str], words: str) -> None:
    with pytest.raises(UserError) as error:
        config.load("configs/table.py", overrides("rows") | changed)
    assert str(error.value).startswith(words) and "\n" not in str(error.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run on a stream, in ROOT/run; its rows in ROOT/rows."""
    root = tmp_path_factory.mktemp("trained")
    more = {"train__batch_size": "256", "net__hidden": "()", "data__shuffle_window": "1024"}
    loop.fit(
        config.load(
            "configs/table.py", overrides(write_rows(root / "rows", 5000, 2000, 500), **more)
        ),
        root / "run",
    )
    return root


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_folder_is_answered_in_pieces_as_one_table(
    trained: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"answers.{ending}"
    assert (
        predict.main([f"--workdir={trained / 'run'}", f"--data={trained / 'rows'}", f"--out={out}"])
        == 0
    )
    answers = as_kinds(read_table(out))
    whole = pa.concat_tables(
        [pq.read_table(file) for file in sorted((trained / "rows").glob("*.parquet"))]
    )
    assert answers["row"].to_pylist() == list(range(5000))
    np.testing.assert_array_equal(
        answers["prediction"].to_numpy(), predict.load(trained / "run")(whole)
    )


def test_answers_that_fail_leave_no_file(trained: Path, tmp_path: Path) -> None:
    table = pq.read_table(trained / "rows" / "0.parquet")
    (tmp_path / "rows").mkdir()
    pq.write_table(table, tmp_path / "rows" / "0.parquet")
    far = table.set_column(0, "x0", pa.array(np.full(len(table), np.inf, np.float32)))
    pq.write_table(far, tmp_path / "rows" / "1.parquet")
    with pytest.raises(UserError, match=r"1.parquet: column 'x0': row 1 is infinite"):
        predict.main(
            [
                f"--workdir={trained / 'run'}",
                f"--data={tmp_path / 'rows'}",
                f"--out={tmp_path / 'out.csv'}",
            ]
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows"]


def test_updates_are_those_of_a_loop_over_the_chunks(tmp_path: Path) -> None:
    """Descent in float64 by numpy: an update a chunk, so that the order within one is free."""
    path = write_rows(tmp_path / "rows", 3000, 1000, 250)
    cfg = Config(
        name="plain",
        data=Table(path=path, target="y", stream=True, shuffle_window=512, valid=200, test=200),
        net=Dense(hidden=(), output_init="zeros"),
        optim=Optim(name="sgd", learning_rate=0.05),
        train=Train(epochs=2, batch_size=512, restore="last"),
    )
    dataset = load_dataset(cfg)
    loop.fit(cfg, tmp_path / "run")
    fitted = dataset.statistics(dataset.splits["train"])
    plan = plan_chunks(dataset.n_train, 512, 512)
    w_f = np.zeros(COLUMNS)
    bias = 0.0
    losses = []
    stream = stream_of(dataset)
    assert stream is not None
    for chunk in read_chunks(stream, plan, cfg.seed, 0, 2 * plan.steps_per_epoch):
        x_nf = chunk.batch.inputs["numbers"][: chunk.n_rows]
        y_n = chunk.batch.target["value"][: chunk.n_rows, 0]
        x_nf = (x_nf.astype(np.float64) - fitted["inputs"]["center"]) / fitted["inputs"]["scale"]
        y_n = (y_n - fitted["targets"]["value"]["center"]) / fitted["targets"]["value"]["scale"]
        error_n = x_nf @ w_f + bias - y_n
        losses.append((chunk.n_rows, (error_n**2).sum()))
        w_f = w_f - 0.05 * 2 * error_n @ x_nf / len(error_n)
        bias = bias - 0.05 * 2 * error_n.mean()
    variables = predict.load(tmp_path / "run").variables
    (kernel,) = [leaf for leaf in jax.tree.leaves(variables["params"]) if leaf.ndim == 2]
    np.testing.assert_allclose(kernel[:, 0], w_f, rtol=1e-4, atol=1e-5)
    logged = [line["loss"] for line in read_history(tmp_path / "run") if line["split"] == "train"]
    half = len(losses) // 2
    for part, loss in zip((losses[:half], losses[half:]), logged, strict=True):
        assert loss == pytest.approx(sum(s for _, s in part) / sum(n for n, _ in part), rel=1e-5)


def test_every_chunk_of_a_run_is_shuffled_by_a_number_of_its_own(
    tmp_path: Path, monkeypatch
) -> None:
    path = write_rows(tmp_path / "rows", 1000, 1000, 250)
    data = Table(path=path, target="y", stream=True, shuffle_window=256, valid=100, test=0)
    cfg = Config(
        name="plain", data=data, net=Dense(hidden=()), train=Train(epochs=2, batch_size=128)
    )
    plan = plan_chunks(load_dataset(cfg).n_train, 128, 256)
    numbers: list[int] = []

    def spied(program, data, number):
        jax.debug.callback(lambda number: numbers.append(int(number)), number)
        return epoch_rows(program, data, number)

    monkeypatch.setattr(streaming, "epoch_rows", spied)
    loop.fit(cfg, tmp_path / "run")
    jax.effects_barrier()
    assert plan.chunks_per_epoch > 1
    assert sorted(numbers) == list(range(2 * plan.chunks_per_epoch))


def test_the_penalty_that_is_logged_is_a_mean_over_updates(tmp_path: Path) -> None:
    """Several updates a chunk, at a rate at which no weight moves."""
    cfg = Config(
        name="plain",
        data=Table(
            path=write_rows(tmp_path / "rows", 1000, 1000, 250),
            target="y",
            stream=True,
            shuffle_window=256,
            valid=100,
            test=100,
        ),
        net=Dense(hidden=()),
        optim=Optim(name="sgd", learning_rate=1e-30, l2=0.5),
        train=Train(epochs=1, batch_size=64, restore="last"),
    )
    loop.fit(cfg, tmp_path / "run")
    weights_w = kernel_weights(predict.load(tmp_path / "run").variables["params"])
    (line,) = [line for line in read_history(tmp_path / "run") if line["split"] == "train"]
    assert line["penalty"] == pytest.approx(0.5 * (weights_w**2).sum(), rel=1e-5)


def test_balanced_classes_are_weighed_by_all_rows(tmp_path: Path, monkeypatch) -> None:
    """All weight / (classes x weight of the class), as in scikit-learn, of all that is on disk."""
    monkeypatch.setattr("train.data.stream.online_statistics.SAMPLE_ROWS", 100)
    random = np.random.default_rng(0)
    x_n = random.normal(size=4000)
    labels = np.where(x_n > 1, "high", "low")
    weight_n = random.integers(0, 4, 4000)
    (tmp_path / "rows").mkdir()
    pq.write_table(
        pa.table({"x": x_n, "label": labels, "w": weight_n}),
        tmp_path / "rows" / "0.parquet",
        row_group_size=500,
    )
    data = Table(
        path=str(tmp_path / "rows"), target="label", stream=True, weight="w", valid=0, test=0
    )
    run = prepare(
        Config(data=data, net=Dense(hidden=()), class_weight="balanced"),
        load_dataset(Config(data=data)),
        tmp_path,
    )
    weights = row_weights_of(run.config, run.dataset)
    mass_k = np.array([weight_n[labels == name].sum() for name in ("high", "low")])
    np.testing.assert_allclose(weights.factor_k, weight_n.sum() / (2 * mass_k), rtol=1e-6)
    assert weights.head == "label"
    # Both classes weigh half of all; rows of weight 0 are none that train.
    n_rows = (weight_n > 0).sum()
    assert run.data.mean_weight is not None
    assert float(run.data.mean_weight) == pytest.approx(weight_n.sum() / n_rows, rel=1e-6)
    twice = replace(run.config, class_weight={"high": 2.0})
    wanted = (weight_n.sum() + mass_k[0]) / n_rows
    assert mean_weight(run.dataset, row_weights_of(twice, run.dataset)) == pytest.approx(wanted)


def test_files_that_vanish_end_the_run_in_one_line(tmp_path: Path, monkeypatch) -> None:
    path = write_rows(tmp_path / "rows", 4000, 2000, 500)
    cfg = config.load(
        "configs/table.py", overrides(path, data__shuffle_window="512", train__batch_size="256")
    )
    compile_chunks = streaming.Streaming.compile

    def compile_and_lose(*arguments):
        (tmp_path / "rows" / "1.parquet").unlink()
        return compile_chunks(*arguments)

    monkeypatch.setattr(streaming.Streaming, "compile", compile_and_lose)
    with pytest.raises(
        UserError, match=r"1.parquet: not a readable Parquet file: .*No such file"
    ) as error:
        loop.fit(cfg, tmp_path / "run")
    assert "\n" not in str(error.value)

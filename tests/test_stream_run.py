"""Runs on tables larger than memory: what they learn, what memory they take, and that they go on where they stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import resumption

from train import config, loop
from train.errors import StoppedError, UserError

ROOT = Path(__file__).parents[1]
COLUMNS, NOISE = 20, 0.5
WEIGHTS = np.arange(1, COLUMNS + 1) / COLUMNS
MEASURED = """
import json, resource, sys
from train import config, loop
result = loop.fit(config.load("configs/table.py", json.loads(sys.argv[1])), sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": peak * 1024, "metrics": result["metrics"], "epochs": result["epochs"]}))
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
        pq.write_table(pa.table({**columns, "y": y_n}), folder / f"{i}.parquet", row_group_size=group)
    return str(folder)


def overrides(path: str, **more: str) -> dict[str, str]:
    given = {
        "data.path": path, "data.target": "y", "data.stream": "true", "data.valid": "1000", "data.test": "1000",
        "train.epochs": "1", "net.hidden": "(16,)", "net.dropout": "0", "net.embedding": "none",
    }  # fmt: skip
    return given | {name.replace("__", "."): value for name, value in more.items()}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Ten times the cap, as float32 in memory, is learned under the cap."""
    cap, n_rows = 40 << 20, 5_000_000
    assert 4 * n_rows * (COLUMNS + 1) > 10 * cap
    peaks = {}
    for name, n in (("few", 200_000), ("many", n_rows)):
        given = overrides(write_rows(tmp_path / name, n), data__shuffle_window="32768", train__batch_size="1024")
        command = [sys.executable, "-c", MEASURED, json.dumps(given), str(tmp_path / f"{name}-run")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        found = json.loads(done.stdout)
        peaks[name] = found["peak"]
    r2 = 1 - NOISE**2 / (NOISE**2 + (WEIGHTS**2).sum())
    assert found["metrics"]["test"]["r2"] == pytest.approx(r2, abs=0.01)
    assert peaks["many"] - peaks["few"] < cap


def test_a_stream_stopped_within_an_epoch_goes_on_in_the_same_bits(tmp_path: Path, monkeypatch) -> None:
    path = write_rows(tmp_path / "rows", 6000, 2000, 500)
    more = {"data__shuffle_window": "1024", "train__batch_size": "128", "train__epochs": "3", "optim__ema": "0.9"}
    cfg = config.load("configs/table.py", overrides(path, **more))
    loop.fit(cfg, tmp_path / "straight")
    with monkeypatch.context() as patch, pytest.raises(StoppedError, match="stopped at step") as stopped:
        resumption.stop_after(7, patch)
        loop.fit(cfg, tmp_path / "stopped")
    step, per_epoch = int(str(stopped.value).split("step ")[1].split(",")[0]), -(-4000 // 128)
    assert step % per_epoch, "stopped between epochs: within one is harder"
    loop.fit(cfg, tmp_path / "stopped")
    assert resumption.digest(tmp_path / "stopped") == resumption.digest(tmp_path / "straight")


def test_a_stream_scores_as_the_same_rows_in_memory(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows", 8000, 3000, 500)
    more = {"train__epochs": "12", "train__batch_size": "64", "optim__learning_rate": "0.003", "net__hidden": "()"}
    streamed = loop.fit(config.load("configs/table.py", overrides(path, **more)), tmp_path / "streamed")
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
        ({"data.path": "rows.csv"}, "config.data.stream: reads Parquet, but config.data.path is rows.csv"),
        ({"data.split": "stratified"}, "config.data.split: stratified needs all rows in memory"),
        ({"population.seeds": "2"}, "config.population: trains on rows in memory"),
        ({"devices.parallel": "pmap"}, "config.devices.parallel: a stream is compiled by jit"),
        ({"data.stream": "false", "data.shuffle_window": "9"}, "config.data.shuffle_window: is for config.data.stream"),
    ],
)
def test_what_a_stream_cannot_do_is_said(changed: dict[str, str], words: str) -> None:
    with pytest.raises(UserError) as error:
        config.load("configs/table.py", overrides("rows") | changed)
    assert str(error.value).startswith(words) and "\n" not in str(error.value)

"""Several processes that train one run, on this machine.

Each has one device, and all are killed after a time limit.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jax.experimental import multihost_utils

from train.config.options import Processes
from train.errors import UserError
from train.parallel import hosts

ROOT = Path(__file__).parents[2]
SMALL = ("--config.train.epochs=4", "--config.net.hidden=(16,)", "--config.net.dropout=0.2")
LIMIT = 120
COMMAND = [sys.executable, "-m", "train.main", "--config=configs/diabetes.py"]
GRID = "--config.population.grid={'optim.l2': (0, 1)}"


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def surroundings() -> dict[str, str]:
    """What the processes of a test find in their environment, how to compile among it."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def start(
    arguments: list[str],
    n_processes: int,
    folder: Path,
    numbers: list[int] | None = None,
    wait: int = 60,
):
    """The processes that train together, those of `numbers` where not all are to come."""
    port = free_port()
    processes = []
    for number in range(n_processes) if numbers is None else numbers:
        meeting = [
            f"--coordinator=127.0.0.1:{port}",
            f"--processes={n_processes}",
            f"--process={number}",
        ]
        command = [*COMMAND, f"--workdir={folder}", *arguments, *meeting, f"--join_seconds={wait}"]
        environment = surroundings() | {"JAX_COMPILATION_CACHE_DIR": f"{folder}-cache"}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, **pipes))
    return processes


def ends(processes: list[subprocess.Popen]) -> list[tuple[int, str, str]]:
    """(exit code, stdout, stderr) of each."""
    found = []
    deadline = time.monotonic() + LIMIT
    try:
        for process in processes:
            out, error = process.communicate(timeout=max(deadline - time.monotonic(), 1))
            found.append((process.returncode, out, error))
    finally:
        for process in processes:
            process.kill()  # a process that waits for another does not hear SIGTERM
    return found


def alone(arguments: list[str], folder: Path) -> dict:
    command = [*COMMAND, f"--workdir={folder}", *arguments]
    subprocess.run(
        command, cwd=ROOT, env=surroundings(), check=True, capture_output=True, timeout=LIMIT
    )
    return json.loads((folder / "result.json").read_text())


def test_all_hear_the_highest_signal_and_what_process_0_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = np.array([[0, 7, 3], [signal.SIGTERM, 9, 4], [signal.SIGINT, 8, 5]])
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    monkeypatch.setattr(multihost_utils, "process_allgather", lambda own: said)
    agreed = hosts.agree(highest=0, of_process_zero=(7, 3))
    assert agreed == (signal.SIGTERM, 7, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--config.devices.exact=2"],
        [
            "--config.population.seeds=2",
            "--config.population.grid={'optim.l2': (0, 1)}",
            "--config.population.halving=2",
        ],
    ],
    ids=["a batch", "members"],
)
def test_two_processes_score_as_one(arguments: list[str], tmp_path: Path) -> None:
    arguments = [*SMALL, *arguments]
    (code, said, error), (other_code, other_said, _) = ends(start(arguments, 2, tmp_path / "two"))
    assert (code, other_code) == (0, 0), error
    assert "devices: 2 of 2 in 2 processes" in said
    assert "rmse" in said and "rmse" not in other_said
    together = json.loads((tmp_path / "two" / "result.json").read_text())
    single = alone(arguments, tmp_path / "one")
    for split, scores in single["metrics"].items():
        assert together["metrics"][split] == pytest.approx(scores, rel=1e-4), split
    if "exact" in arguments[-1]:
        names = ("metrics.jsonl", "predictions.parquet")
        assert all(
            (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
            for name in names
        )


@pytest.mark.slow
def test_two_processes_share_a_stream(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 3000
    x_nf = rng.normal(size=(n, 3))
    columns = {
        "a": x_nf[:, 0],
        "b": x_nf[:, 1],
        "c": x_nf[:, 2],
        "y": x_nf @ [1, 2, 3] + rng.normal(size=n) / 2,
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=200)
    arguments = [
        f"--config.data.path={tmp_path / 'rows.parquet'}",
        "--config.data.target=y",
        "--config.data.categorical=none",
        "--config.data.stream=true",
        "--config.data.shuffle_window=512",
        "--config.train.epochs=12",
        "--config.net.hidden=()",
        "--config.net.dropout=0",
        "--config.optim.learning_rate=0.01",
    ]
    found = ends(start(arguments, 2, tmp_path / "two"))
    assert [code for code, _, _ in found] == [0, 0], found[0][2]
    result = json.loads((tmp_path / "two" / "result.json").read_text())
    assert result["metrics"]["test"]["rmse"] == pytest.approx(0.5, rel=0.15)  # that of the noise
    assert result["examples_per_second"] > 0 and result["rows"]["train"] > 1900


@pytest.mark.slow
def test_a_signal_to_one_stops_and_saves_all_and_the_run_goes_on(tmp_path: Path) -> None:
    arguments = [
        "--config.train.epochs=1000",
        *SMALL[1:],
        "--config.train.patience=none",
        "--config.devices.exact=2",
    ]
    processes = start(arguments, 2, tmp_path / "two")
    deadline = time.monotonic() + LIMIT
    while (
        not (tmp_path / "two" / "metrics.jsonl").exists()
        or not (tmp_path / "two" / "metrics.jsonl").stat().st_size
    ):
        assert time.monotonic() < deadline and processes[1].poll() is None
        time.sleep(0.1)
    processes[1].send_signal(signal.SIGTERM)
    (code, _, error), (other_code, _, _) = ends(processes)
    assert (code, other_code) == (143, 143)
    assert "stopped at step" in error
    with_more = ["--config.train.epochs=1001", *arguments[1:]]
    went_on = alone(with_more, tmp_path / "two")
    assert went_on["epochs"] == 1001


@pytest.mark.slow
def test_what_process_0_refuses_ends_all(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.write_text("a file")
    (code, _, error), (other_code, _, other_error) = ends(start(list(SMALL), 2, folder))
    assert (code, other_code) == (2, 2)
    assert "cannot write in" in error and "process 0 could not go on" in other_error


@pytest.mark.slow
def test_a_process_that_does_not_come_is_named(tmp_path: Path) -> None:
    (code, _, error), (other_code, _, other_error) = ends(
        start([], 4, tmp_path / "run", [0, 2], wait=3)
    )
    assert (code, other_code) == (2, 2)
    for text in (error, other_error):
        assert text.startswith(
            "denseq: error: --processes: process 1, 3 did not join within 3 s"
        ), text
        assert text.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_process_0_that_does_not_come_is_named(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(
        UserError, match=rf"process 0 did not answer at 127.0.0.1:{port} within 1 s"
    ):
        hosts.join(Processes(f"127.0.0.1:{port}", 2, 1, 1))


@pytest.mark.slow
def test_two_of_one_number_are_refused(tmp_path: Path) -> None:
    found = ends(start([], 3, tmp_path / "run", [0, 1, 1], wait=20))
    assert [code for code, _, _ in found] == [2, 2, 2]
    for _, _, error in found:
        assert "two processes were started with --process=1" in error


def test_no_cluster_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "TPU_WORKER_HOSTNAMES"):
        monkeypatch.delenv(name, raising=False)
    assert not hosts._is_in_cluster()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert not hosts._is_in_cluster()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert hosts._is_in_cluster()

"""One run on one device and on several, by jit and by pmap: scores, bits, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = os.environ.get("XLA_FLAGS", "")
# Runs each of the given sets of overrides in a folder of its own and prints what came of it.
RUNS = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
import resumption
from train import config, loop, predict
from train.errors import StoppedError, UserError

found = {}
for name, (base, overrides, stop) in json.loads(sys.argv[2]).items():
    folder, said = Path(sys.argv[1]) / name.partition(" then ")[0], []
    with resumption.stopped_after(stop):
        try:
            result = loop.fit(config.load(base, overrides), folder, echo=said.append)
        except (UserError, StoppedError) as error:
            found[name] = {"error": str(error)}
            continue
    digest = resumption.digest(folder)
    bits = hashlib.sha256(digest["history"] + digest["model"].encode()).hexdigest()
    members = [member["metrics"] for member in result["per_member"]]
    devices = next((line for line in said if line.startswith("devices")), "")
    found[name] = {"metrics": result["metrics"], "members": members}
    found[name] |= {"bits": bits, "devices": devices}
print(json.dumps(found))
"""
# What stands beside scores, and takes as long as to train.
BESIDE = {
    "train.linear_seconds": "0",
    "train.tree_seconds": "0",
    "train.importance_seconds": "0",
    "train.report": "false",
}
DENSE = BESIDE | {
    "data.path": "builtin:diabetes",
    "train.epochs": "6",
    "train.batch_size": "30",
    "net.hidden": "(16,8)",
    "net.dropout": "0.2",
    "augment.mixup": "0.2",
    "optim.l2": "1e-3",
}
LSTM = BESIDE | {
    "net.hidden": "(12,)",
    "net.dropout": "0.2",
    "net.recurrent_dropout": "0.2",
    "train.epochs": "2",
    "data.valid": "100",
    "data.test": "100",
}


def dense(stop: int = 0, **more: object) -> tuple[str, dict[str, str], int]:
    return (
        "configs/diabetes.py",
        DENSE | {name.replace("__", "."): str(value) for name, value in more.items()},
        stop,
    )


def lstm(**more: object) -> tuple[str, dict[str, str], int]:
    return (
        "configs/digits_rows.py",
        LSTM | {name.replace("__", "."): str(value) for name, value in more.items()},
        0,
    )


SETS = {
    "one": dense(devices__count=1),
    "two": dense(devices__count=2),
    "eight": dense(devices__count=8),
    "four by pmap": dense(devices__count=4, devices__parallel="pmap"),
    "batch norm on one": dense(devices__count=1, net__norm="batch"),
    "batch norm on four": dense(devices__count=4, net__norm="batch"),
    **{f"exact on {n}": dense(devices__count=n, devices__exact=8) for n in (1, 2, 4, 8)},
    "exact by pmap": dense(devices__count=4, devices__exact=8, devices__parallel="pmap"),
    "moved": dense(3, devices__count=4, devices__exact=8),
    "moved then": dense(devices__count=2, devices__exact=8),
    "members on one": dense(devices__count=1, population__seeds=6),
    "members on two": dense(devices__count=2, population__seeds=6),
    "members on two by two": dense(devices__count=4, population__seeds=6),
    "members by pmap": dense(devices__count=2, population__seeds=6, devices__parallel="pmap"),
    "LSTM on one": lstm(devices__count=1),
    "LSTM on four": lstm(devices__count=4),
    "LSTM exact on one": lstm(devices__count=1, devices__exact=4),
    "LSTM exact on four": lstm(devices__count=4, devices__exact=4),
    "too many": dense(devices__count=9),
    "three of eight": dense(devices__count=3, devices__exact=8),
    "members that do not divide": dense(devices__count=4, devices__members=4, population__seeds=6),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    environment = os.environ | {
        "XLA_FLAGS": f"{FLAGS} --xla_force_host_platform_device_count=8".strip(),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    }
    command = [sys.executable, "-c", RUNS, str(tmp_path_factory.mktemp("runs")), json.dumps(SETS)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def assert_near(found: dict, expected: dict) -> None:
    for split, scores in expected["metrics"].items():
        assert found["metrics"][split] == pytest.approx(scores, rel=1e-4, abs=1e-5), split


@pytest.mark.slow
@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("two", "one"),
        ("eight", "one"),
        ("four by pmap", "one"),
        ("exact on 4", "one"),
        ("batch norm on four", "batch norm on one"),
        ("members on two", "members on one"),
        ("members on two by two", "members on one"),
        ("members by pmap", "members on one"),
        ("LSTM on four", "LSTM on one"),
        ("LSTM exact on four", "LSTM on one"),
    ],
)
def test_scores_are_those_of_one_device(several: str, one: str, runs: dict[str, dict]) -> None:
    assert_near(runs[several], runs[one])
    for found, expected in zip(runs[several]["members"], runs[one]["members"], strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "several", ["exact on 2", "exact on 4", "exact on 8", "exact by pmap", "moved then"]
)
def test_exact_bits_do_not_depend_on_devices(several: str, runs: dict[str, dict]) -> None:
    assert runs[several]["bits"] == runs["exact on 1"]["bits"]
    assert runs["two"]["bits"] != runs["one"]["bits"], (
        "without it bits agree anyway: the test could not fail"
    )


@pytest.mark.slow
def test_exact_bits_of_an_lstm(runs: dict[str, dict]) -> None:
    assert runs["LSTM exact on four"]["bits"] == runs["LSTM exact on one"]["bits"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("one", "devices: 1 of 8; config.devices.count takes more"),
        ("eight", "devices: 8 of 8: members over 1, batches over 8, by jit"),
        ("members on two by two", "devices: 4 of 8: members over 2, batches over 2, by jit"),
        ("four by pmap", "devices: 4 of 8: members over 1, batches over 4, by pmap"),
    ],
)
def test_a_line_says_where_a_run_trains(name: str, line: str, runs: dict[str, dict]) -> None:
    assert runs[name]["devices"] == line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("too many", "config.devices.count: 9 asked for, but 8 present (cpu)"),
        ("three of eight", "config.devices.exact: 8 parts cannot be shared evenly by 3 devices"),
        ("members that do not divide", "config.devices.members: 4 does not divide the 6 members"),
        ("moved", "stopped at step"),
    ],
)
def test_what_cannot_be_laid_out_is_said(name: str, words: str, runs: dict[str, dict]) -> None:
    assert words in runs[name]["error"]

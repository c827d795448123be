"""Runs in a process that sees eight devices, and what came of each: for the tests of devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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


def run_all(sets: dict[str, tuple[str, dict[str, str], int]], folder: Path) -> dict[str, dict]:
    """What came of each run, by its name."""
    environment = os.environ | {
        "XLA_FLAGS": f"{FLAGS} --xla_force_host_platform_device_count=8".strip(),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    }
    command = [sys.executable, "-c", RUNS, str(folder), json.dumps(sets)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def assert_near(found: dict, expected: dict) -> None:
    """Scores of each part of the rows, and of each member, are equal but for rounding."""
    for split, scores in expected["metrics"].items():
        assert found["metrics"][split] == pytest.approx(scores, rel=1e-4, abs=1e-5), split
    for mine, other in zip(found["members"], expected["members"], strict=True):
        assert mine == pytest.approx(other, rel=1e-4, abs=1e-5)
